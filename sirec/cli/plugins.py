"""`--plugin FILE.py`, which every command takes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from sirec.cli.places import register, remember
from sirec.registry import load_plugin_file, load_plugins_of_environment

PluginFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin",
        metavar="FILE",
        help="Python file whose models, objectives, sources, … are added; repeatable.",
        show_default=False,
    ),
]


def with_plugins(command: Callable[..., None]) -> Callable[..., None]:
    """The command with one more option, `--plugin`; it loads the named files first."""
    register(command)

    @functools.wraps(command)
    def wrapped(*, plugin_files: list[Path] | None = None, **options: Any) -> None:
        load_plugins_of_environment()
        for file in plugin_files or ():
            load_plugin_file(file)
        remember(options, plugin_files or ())
        command(**options)

    signature = inspect.signature(command, eval_str=True)
    option = inspect.Parameter(
        "plugin_files", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=PluginFiles
    )
    extended = [*signature.parameters.values(), option]
    wrapped.__signature__ = signature.replace(parameters=extended)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {each.name: each.annotation for each in extended}
    return wrapped
