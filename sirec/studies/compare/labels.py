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
    settings = list(map(_settings, configs))
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
    lacking: dict[str, None] = {}
    for other in others:
        lacking |= dict.fromkeys(other)
    for path in mine:
        lacking.pop(path, None)
    said: list[str] = []
    for path in unlike:
        if not _is_above_any(path, unlike):
            said.append(f"{_short(path, mine)}={mine[path]}")
    for path in lacking:
        if not _is_below_any(path, lacking):
            said.append(f"no {path.rpartition('.')[2]}")
    return said


def _settings(config: RunConfig) -> Settings:
    """The settings of a configuration, without the seed and without lists of parts."""
    settings: dict[str, str | None] = {}
    for path, value in leaves(dump(config)):
        if path != ("seed",) and not _is_list_of_parts(value):
            text = None if isinstance(value, Mapping) else str(value)
            settings[".".join(path)] = text
    return settings


def _is_list_of_parts(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(element, Mapping) for element in value)


def _short(path: str, paths: Iterable[str]) -> str:
    """The shortest end of a path that no other path has."""
    steps = path.split(".")
    for count in range(1, len(steps)):
        end = ".".join(steps[-count:])
        having = sum(f".{other}".endswith(f".{end}") for other in paths)
        if having == 1:  # the path itself
            return end
    return path


def _is_above_any(path: str, others: Iterable[str]) -> bool:
    """Whether a path leads to one of the others."""
    return any(other.startswith(f"{path}.") for other in others)


def _is_below_any(path: str, others: Iterable[str]) -> bool:
    """Whether one of the others leads to a path."""
    return any(path.startswith(f"{other}.") for other in others)
