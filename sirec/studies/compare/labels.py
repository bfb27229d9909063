"""Labels of runs: the titles of their models, and the settings in which runs of a model differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sirec.config import dump, leaves
from sirec.models import model_class
from sirec.run.config import RunConfig

Settings = Mapping[
    str, str | None
]  # dotted path -> value, None for a part with settings of its own


def distinct_labels(configs: Sequence[RunConfig]) -> list[str]:
    """A label for each configuration. Configurations that differ only in their seed share one."""
    settings = [_settings(config) for config in configs]
    labels: list[str] = []
    for config, mine in zip(configs, settings, strict=True):
        same_model: list[Settings] = []
        for other, theirs in zip(configs, settings, strict=True):
            if other.model.name == config.model.name and other.data.name == config.data.name:
                same_model.append(theirs)
        title = model_class(config.model.name).title
        differences = _differences(mine, same_model)
        labels.append(f"{title} ({', '.join(differences)})" if differences else title)
    return labels


def _differences(mine: Settings, others: Sequence[Settings]) -> list[str]:
    """`heads=4` for each setting that another run has otherwise, `no upa` for parts it lacks."""
    unlike: list[str] = []
    for path, value in mine.items():
        if any(other.get(path) != value for other in others):
            unlike.append(path)
    lacking: list[str] = []
    for other in others:
        lacking += [path for path in other if path not in mine]
    said = [f"{_short(path, mine)}={mine[path]}" for path in _without_parents(unlike)]
    return said + [f"no {name}" for name in _names_of_parents(lacking)]


def _settings(config: RunConfig) -> Settings:
    """The settings of a configuration, without the seed and without lists of parts."""
    settings: dict[str, str | None] = {}
    for path, value in leaves(dump(config)):
        is_list_of_parts = isinstance(value, list) and any(isinstance(x, Mapping) for x in value)
        if path != ("seed",) and not is_list_of_parts:
            text = None if isinstance(value, Mapping) else str(value)
            settings[".".join(path)] = text
    return settings


def _short(path: str, paths: Iterable[str]) -> str:
    """The shortest end of a path that no other path has."""
    steps = path.split(".")
    others = [f".{other}" for other in paths if other != path]
    for count in range(1, len(steps)):
        end = ".".join(steps[-count:])
        if not any(other.endswith(f".{end}") for other in others):
            return end
    return path


def _without_parents(paths: Sequence[str]) -> list[str]:
    """The paths without those that lead to another one."""
    found: list[str] = []
    for path in paths:
        if not any(other.startswith(f"{path}.") for other in paths):
            found.append(path)
    return found


def _names_of_parents(paths: Sequence[str]) -> list[str]:
    """The last steps of the paths that lie below no other one."""
    names: dict[str, str] = {}
    for path in paths:
        if not any(path.startswith(f"{other}.") for other in paths):
            names[path] = path.rpartition(".")[2]
    return list(names.values())
