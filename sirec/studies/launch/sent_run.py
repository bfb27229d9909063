"""A run and what is told of it, as plain values that any worker process can read.

A configuration may hold components of a plugin, whose classes a worker does not know before it has
loaded that plugin. So no object of a configuration travels: the worker gets the plugin files and
the plain values, loads the plugins, and builds the configuration itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sirec.config import dump, load
from sirec.objectives.stage import Stage
from sirec.registry import load_plugin_file, loaded_plugin_files
from sirec.run.config import RunConfig
from sirec.run.watcher import Watcher

WHERE = "a run that was sent to a worker"


@dataclass(frozen=True)
class SentRun:
    """A run's configuration as plain values, and the plugin files that a worker loads first."""

    tree: Mapping[str, Any]
    plugins: tuple[Path, ...] = ()

    @classmethod
    def of(cls, config: RunConfig) -> SentRun:
        """The run of this configuration, with every plugin file that this process has loaded."""
        return cls(dump(config), loaded_plugin_files())

    def config(self) -> RunConfig:
        """The configuration, built in this process after its plugins have been loaded.

        Raises:
            SirecError: if a plugin file is missing here, or does not have what it had there.
        """
        for plugin in self.plugins:
            load_plugin_file(plugin)
        return load(RunConfig, self.tree, WHERE)


def plain_stage(stage: Stage) -> Mapping[str, Any]:
    """A stage as plain values, to tell another process of."""
    tree: Mapping[str, Any] = dump(stage)
    return tree


def tell(watcher: Watcher, method: str, arguments: tuple[Any, ...]) -> None:
    """Call a watcher with what another process told.

    Args:
        watcher: whom to tell.
        method: the name of the watcher's method.
        arguments: its arguments, a stage among them as plain values (see `plain_stage`).
    """
    if method == "stage":
        stage, *others = arguments
        arguments = (load(Stage, stage, WHERE), *others)
    getattr(watcher, method)(*arguments)
