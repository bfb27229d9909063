"""Runs as entries of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sirec.config import dump, leaves
from sirec.data.split import LeaveOneOut
from sirec.models import model_class
from sirec.objectives.stage import Stage
from sirec.report.published import PrintedRow
from sirec.report.results import RunResult
from sirec.run.config import RunConfig
from sirec.run.store import RunFolder
from sirec.studies.compare.fairness import facts


def entry(
    folder: RunFolder,
    label: str | None = None,
    *,
    is_variant: bool = False,
    printed: PrintedRow | None = None,
    against: str | None = None,
) -> RunResult:
    """A finished run, under its model's title or another label (see `RunResult` for the rest)."""
    config = folder.config()
    declaration = model_class(config.model.name)
    split = folder.split()
    unlike_papers = (
        _objectives(config.stages) != _objectives(declaration.stages) or split != LeaveOneOut()
    )
    return RunResult(
        label=label or declaration.title,
        model=config.model.name,
        seed=config.seed,
        protocol=facts(folder),
        details=facts(folder, details=True),
        ranks=folder.ranks(),
        dataset=config.data.name,
        link=folder.link,
        is_training_free=declaration.is_training_free,
        is_variant=is_variant or unlike_papers,
        printed=printed,
        fingerprint=folder.fingerprint(),
        split=split,
        against=against,
    )


def entries(folders: Sequence[RunFolder]) -> list[RunResult]:
    """Finished runs, labelled so that two settings of one model are told apart by what differs
    between them.
    """
    configs = [folder.config() for folder in folders]
    return [
        entry(folder, _label(config, configs))
        for folder, config in zip(folders, configs, strict=True)
    ]


def _objectives(stages: Sequence[Stage]) -> list[list[str]]:
    return [[part.name for part in stage.objectives] for stage in stages]


def _label(config: RunConfig, configs: Sequence[RunConfig]) -> str:
    title = model_class(config.model.name).title
    alike = [
        _settings(other)
        for other in configs
        if other.model.name == config.model.name and other.data.name == config.data.name
    ]
    mine = _settings(config)
    unlike = [key for key in mine if any(other.get(key) != mine[key] for other in alike)]
    missing = [key for other in alike for key in other if key not in mine]
    said = [f"{_short(key, mine)}={mine[key]}" for key in _deepest(unlike)] + [
        f"no {key}" for key in _highest(missing)
    ]
    return f"{title} ({', '.join(said)})" if said else title


def _settings(config: RunConfig) -> Mapping[str, object]:
    """Dotted path -> value of everything but the seed; a part that has parts of its own is there
    without a value.
    """
    return {
        ".".join(path): None if isinstance(value, Mapping) else str(value)
        for path, value in leaves(dump(config))
        if path != ("seed",)
        and not (isinstance(value, list) and any(isinstance(element, Mapping) for element in value))
    }


def _short(path: str, paths: Iterable[str]) -> str:
    """The end of a path that no other path shares."""
    steps = path.split(".")
    ends = (".".join(steps[-count:]) for count in range(1, len(steps)))
    others = [other for other in paths if other != path]
    return next(
        (end for end in ends if not any(f".{other}".endswith(f".{end}") for other in others)), path
    )


def _deepest(paths: Sequence[str]) -> list[str]:
    return [path for path in paths if not any(other.startswith(f"{path}.") for other in paths)]


def _highest(paths: Sequence[str]) -> list[str]:
    names = dict.fromkeys(
        path for path in paths if not any(path.startswith(f"{other}.") for other in paths)
    )
    return [name.rpartition(".")[2] for name in names]
