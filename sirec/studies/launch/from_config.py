"""Train again from a configuration file: config.yaml of a run, or a file that a person wrote.

The file of a run holds everything, and is taken as it is. A person's file has the same keys and may
leave most of them out: what it says is laid over the configuration that the model would have on the
data under the file's protocol and profile. Options override what the file says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sirec.config import Tree, assign, brief, check_keys, dump, leaves, load, read_yaml
from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.models import model_class
from sirec.run.config import RunConfig, refuse_decided, resolve
from sirec.run.stored_config import FINGERPRINT, REVISIONS, SPLIT
from sirec.shell import arguments
from sirec.studies.launch.watcher import StudyWatcher
from sirec.studies.spec.fields import field_settings
from sirec.studies.spec.plan import PlannedRun

STORED_ONLY = {FINGERPRINT: str, REVISIONS: tuple[str, ...], SPLIT: Any}
MOST_SHOWN = 8  # overridden settings that a remark names


@dataclass(frozen=True)
class ConfigFile:
    """A configuration file.

    Attributes:
        path: the file.
        tree: its keys and values, without those that only a run stores.
        fingerprint: fingerprint of the data that the run was made on; None in a person's file.
    """

    path: Path
    tree: Tree
    fingerprint: str | None

    @classmethod
    def read(cls, path: Path) -> ConfigFile:
        """Read a file, or the config.yaml of a run folder.

        Raises:
            SirecError: if it cannot be read, names no model, or is that of a refit.
        """
        file = path / "config.yaml" if path.is_dir() else path
        tree = read_yaml(file)
        check_keys(STORED_ONLY, tree, str(file))
        fingerprint = tree.pop(FINGERPRINT, None)
        for key in (REVISIONS, SPLIT):
            tree.pop(key, None)
        if tree.get("refit") is not None:
            repeat = arguments("--refit", brief(_of(tree)))
            raise SirecError(
                f"{file}: this is a refit, which repeats another run on all interactions",
                f"say {repeat}, or give the configuration of that run",
            )
        if "model" not in tree:
            raise SirecError(f"{file}: the key 'model' is missing", "for example: model: comif")
        return cls(file, tree, fingerprint)

    @property
    def model(self) -> str:
        """Name of the model."""
        return _name(self.tree["model"], f"{self.path}: model")

    @property
    def data(self) -> str | None:
        """Name of the data set, if the file has one."""
        data = self.tree.get("data")
        is_unnamed = data is None or (isinstance(data, Mapping) and "name" not in data)
        return None if is_unnamed else _name(data, f"{self.path}: data")

    def config(self, data: Dataset) -> RunConfig:
        """The configuration on a data set.

        Args:
            data: the data set, whatever the file calls its own.

        Raises:
            SirecError: for unknown keys and values that do not fit.
        """
        where = str(self.path)
        tree = self.tree
        if self.fingerprint is None:
            tree = self._laid_over_defaults(data)
        config: RunConfig = load(RunConfig, tree, where)
        if config.data.name == data.name:
            return config
        renamed = dump(config)
        renamed["data"]["name"] = data.name
        return load(RunConfig, renamed, where)

    def _laid_over_defaults(self, data: Dataset) -> Tree:
        usual: dict[str, Any] = {"where": str(self.path)}
        for key in ("protocol", "profile"):
            if key in self.tree:
                usual[key] = _name(self.tree[key], f"{self.path}: {key}")
        defaults = resolve(self.model, data, **usual)
        mine = dict(self.tree)
        for key in ("model", "data"):
            if isinstance(mine.get(key), str):
                mine[key] = {"name": mine[key]}
        return _merged(dump(defaults), mine)


@dataclass(frozen=True)
class ConfigTraining:
    """Runs of a configuration file.

    Attributes:
        file: the file.
        device: where to train.
        again: whether to train runs that have finished, too.
        seeds: one run is trained for each; None for the file's own seed.
        fields: attributes and behaviours that the model reads besides the position; None for those
            of the file.
        assignments: settings over the file's, by dotted path.
    """

    file: ConfigFile
    device: str
    again: bool
    seeds: tuple[int, ...] | None = None
    fields: tuple[str, ...] | None = None
    assignments: Mapping[str, object] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.file.model

    def told_runs(self, data: Dataset, watcher: StudyWatcher) -> list[PlannedRun]:
        """The runs on a data set, after telling what overrides the file.

        Args:
            data: the prepared data set.
            watcher: who is told.

        Raises:
            SirecError: for unknown keys and values that do not fit, and for seeds given twice.
        """
        said = self.file.config(data)
        configs: list[RunConfig] = []
        for seed in self._seeds(said):
            configs.append(self._overridden(said, data, seed))
        for remark in (self._other_data(data), self._overrides(said, configs, data)):
            if remark:
                watcher.remark(remark)
        title = model_class(said.model.name).title
        return list(map(partial(PlannedRun, title), configs))

    def _seeds(self, said: RunConfig) -> tuple[int, ...]:
        if self.seeds is None:
            return (said.seed,)
        if "seed" in self.assignments:
            raise SirecError("seed is set, and seeds are given", "leave one of them out")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise SirecError(f"seeds {list(self.seeds)}: expected different ones, at least one")
        return self.seeds

    def _overridden(self, said: RunConfig, data: Dataset, seed: int) -> RunConfig:
        settings: dict[str, object] = {"seed": seed, **self.assignments}
        if self.fields is not None:
            settings |= field_settings(data, self.fields, self.assignments)
        refuse_decided(settings, "--set")
        tree = dump(said)
        for path, value in settings.items():
            assign(tree, path, value, "--set")
        return load(RunConfig, tree, str(self.file.path))

    def _other_data(self, data: Dataset) -> str:
        found = data.fingerprint()
        if self.file.fingerprint in (None, found):
            return ""
        return (
            f"{self.file.path} is of a run on data {self.file.fingerprint}, and {data.name} is "
            f"{found}: this is another run"
        )

    def _overrides(self, said: RunConfig, configs: list[RunConfig], data: Dataset) -> str:
        """What differs from the file, in words; empty where nothing does."""
        changes: list[str] = []
        if self.file.data not in (None, data.name):
            changes.append(f"data.name {data.name} (not {self.file.data})")
        before = _values(said)
        seeds = [config.seed for config in configs]
        for path, value in _values(configs[0]).items():
            shown = value if path != "seed" else ", ".join(map(str, seeds))
            was = _plain(before.get(path))
            if _plain(shown) != was:
                changes.append(f"{path} {_plain(shown)} (not {was})")
        if not changes:
            return ""
        more = f" and {len(changes) - MOST_SHOWN} more" if len(changes) > MOST_SHOWN else ""
        return f"as {self.file.path} says, but {', '.join(changes[:MOST_SHOWN])}{more}"


def _merged(defaults: Tree, tree: Mapping[str, Any]) -> Tree:
    """Defaults with what a file says over them; a list, or another component, is taken whole."""
    merged = dict(defaults)
    for key, value in tree.items():
        below = merged.get(key)
        merged[key] = value
        if isinstance(below, dict) and isinstance(value, Mapping):
            is_same = value.get("name", below.get("name")) == below.get("name")
            if is_same or key == "data":
                merged[key] = _merged(below, value)
    return merged


def _values(config: RunConfig) -> dict[str, object]:
    """The values of a configuration by dotted path; a list of plain values is one of them."""
    found: dict[str, object] = {}
    for steps, value in leaves(dump(config)):
        is_element = ".".join(steps[:-1]) in found
        is_plain_list = isinstance(value, list) and not any(isinstance(v, dict) for v in value)
        if not is_element and (is_plain_list or not isinstance(value, dict | list)):
            found[".".join(steps)] = value
    return found


def _plain(value: object) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)


def _name(value: object, where: str) -> str:
    """The name of a component, which stands alone or in a mapping."""
    name = value.get("name") if isinstance(value, Mapping) else value
    if not isinstance(name, str):
        raise SirecError(
            f"{where}: expected a name, got {brief(name)}", "for example: model: comif"
        )
    return name


def _of(tree: Tree) -> object:
    refit = tree["refit"]
    return refit.get("of") if isinstance(refit, Mapping) else refit
