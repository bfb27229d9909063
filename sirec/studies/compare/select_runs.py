"""Finding finished runs: named one by one, of a recorded study, or of models on a data set; and the
rows that make them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from sirec.config import dump
from sirec.errors import SirecError, unknown
from sirec.models import model_class
from sirec.run.files import read_json
from sirec.run.store import RecordedRun, RunFolder, Store
from sirec.studies.compare.results import entries
from sirec.studies.spec.experiment import Experiment

EVERY_MODEL = "overall"  # the experiment that trains each model once


@dataclass(frozen=True)
class _StudyRow:
    """A run that a study's record lists.

    Attributes:
        run: the run, under the label of its row.
        is_plain: whether its row names the model and changes nothing of it.
    """

    run: RunFolder
    is_plain: bool

    @property
    def model(self) -> str:
        """Name of the run's model."""
        return self.run.model


@dataclass(frozen=True)
class RunChoice:
    """Which finished runs a person asks for, in one of three ways.

    Attributes:
        references: run folders, or the first digits of ids; they leave nothing else to choose.
        study: the name of a recorded study, whose rows are chosen under their labels.
        models: of a study only these models; without a study the runs of these models.
        data: name of the data set; None where the references or the study say it.
    """

    references: tuple[str, ...] = ()
    study: str | None = None
    models: tuple[str, ...] = ()
    data: str | None = None

    def __post_init__(self) -> None:
        """Refuse references together with anything else to choose by."""
        if self.references and (self.data or self.models or self.study):
            raise SirecError(
                "run folders leave nothing for --data, --models or --study to choose",
                "give one or the other",
            )

    def find(
        self, results: Path, usual_models: Sequence[str], default_data: Callable[[], str]
    ) -> list[RunFolder]:
        """The chosen runs, each under the label of its row.

        Args:
            results: the results folder.
            usual_models: the models where none is named.
            default_data: called for the name of the data set where it is needed and not given.

        Raises:
            SirecError: if a run, study or model is unknown, or has not finished.
        """
        if self.references:
            return select_by_id(self.references, results)
        if self.study:
            return select_by_study(self.study, results, data=self.data, models=self.models)
        data = self.data or default_data()
        return select_by_model(self.models or usual_models, data, results)


def rows_of(experiment: Experiment, models: Sequence[str] = ()) -> list[str]:
    """The rows that `select_by_study` chooses of a study, by name, whether they have been trained or not.

    Raises `SirecError` for a model that is none, or that no row has.
    """
    _check_named(
        models,
        [row.model for row in experiment.rows.values()],
        lambda model: f"{experiment.title}: no row of {model}",
    )
    rows = list(experiment.rows.values())
    return [
        name for name, row in experiment.rows.items() if not models or _is_wanted(row, models, rows)
    ]


def select_by_id(references: Sequence[str], out: Path) -> list[RunFolder]:
    """Finished runs by folder or by the first digits of their ids, labelled so that they are told
    apart.

    Raises `SirecError` for an unknown run, or one that has not finished.
    """
    store = Store(out)
    runs = list(dict.fromkeys(store.find(reference) for reference in references))
    for run in runs:
        run.check_finished()
    return _labelled(runs)


def select_by_study(
    name: str, out: Path, *, data: str | None = None, models: Sequence[str] = ()
) -> list[RunFolder]:
    """The finished runs of a recorded study, of one data set and of some models where they are
    named.

    Of a named model the rows that change nothing of it are taken, others only where there is none.
    Raises `SirecError` for an unknown study, if it has no run that is asked for, or if one of them
    is no longer finished.
    """
    path = out / "studies" / f"{name}.json"
    if not path.exists():
        raise unknown("study", name, [found.stem for found in _records(out)])
    lines = _lines(path, data)
    where = f" on {data}" if data else ""
    if not lines:
        raise SirecError(
            f"{path}: no finished run{where}",
            f"run it first: sirec study {name}{f' --data {data}' if data else ''}",
        )
    _check_named(
        models,
        [line.model for line in lines],
        lambda model: f"{path}: no finished run of {model}{where}",
    )
    wanted = [line.run for line in lines if not models or _is_wanted(line, models, lines)]
    for run in wanted:
        run.check_finished()
    return wanted


def select_by_model(models: Sequence[str], data: str, out: Path) -> list[RunFolder]:
    """The finished runs of models on a data set: those of the study that has them all as they are,
    else the only one of each.

    Of several such studies with different runs, the one of every model (`overall`) decides. Runs
    that differ in their seeds alone are one. Raises `SirecError` saying which command trains a
    missing one, or what to choose from where several settings have been trained.
    """
    for model in models:
        model_class(model)
    plain = {
        path.stem: {line.model for line in _lines(path, data) if line.is_plain}
        for path in _records(out)
    }
    having = [name for name, trained in plain.items() if set(models) <= trained]
    preferred = [name for name in (EVERY_MODEL, f"{EVERY_MODEL}_on_{data}") if name in having][:1]
    by_study: dict[str, list[RunFolder]] = {}
    for name in preferred or having:
        by_study[name] = select_by_study(name, out, data=data, models=models)
    if len({frozenset(runs) for runs in by_study.values()}) > 1:
        names = ", ".join(by_study)
        raise SirecError(
            f"several studies have {', '.join(models)} on {data}", f"name one with --study: {names}"
        )
    runs = next(iter(by_study.values()), [])
    if not runs:
        for model in models:
            runs += _only_setting(model, data, out)
    # A row's name says what it is in its study: what is found by model goes by that.
    return _labelled(list(dict.fromkeys(runs)))


def _only_setting(model: str, data: str, out: Path) -> list[RunFolder]:
    runs = [RunFolder(done.parent) for done in sorted((out / "runs" / data / model).glob("*/DONE"))]
    if not runs:
        one, all_of_them = (
            f"sirec train {model} --data {data}",
            f"sirec study {EVERY_MODEL} --data {data}",
        )
        raise SirecError(
            f"no finished run of {model} on {data}",
            f"train it: {one}, or every model: {all_of_them}",
        )
    settings = [dump(replace(run.config(), seed=0)) for run in runs]
    if any(other != settings[0] for other in settings):
        names = ", ".join(f"{model}/{run.path.name}" for run in runs)
        message = f"{len(runs)} finished runs of {model} on {data} have different settings"
        raise SirecError(message, f"name a study with --study, or each run by itself: {names}")
    return runs


class _Row(Protocol):
    """Of a plan or of a record: which model, and whether it is that model as it is."""

    @property
    def model(self) -> str: ...

    @property
    def is_plain(self) -> bool: ...


def _check_named(models: Sequence[str], have: Sequence[str], message: Callable[[str], str]) -> None:
    for model in models:
        model_class(model)
        if model not in have:
            raise SirecError(message(model), f"models with one: {', '.join(dict.fromkeys(have))}")


def _is_wanted(line: _Row, models: Sequence[str], lines: Sequence[_Row]) -> bool:
    has_plain_row = any(other.model == line.model and other.is_plain for other in lines)
    return line.model in models and (line.is_plain or not has_plain_row)


def _labelled(runs: Sequence[RunFolder]) -> list[RunFolder]:
    """The runs under labels that tell them apart."""
    return [run.labelled(made.label) for run, made in zip(runs, entries(runs), strict=True)]


def _records(out: Path) -> list[Path]:
    return sorted((out / "studies").glob("*.json"))


def _lines(path: Path, data: str | None) -> list[_StudyRow]:
    """The runs of a study's record, which were finished when it was written, of one data set if it
    is named.
    """
    hint = f"make it anew: sirec study {path.stem}, or delete it"
    try:
        stored: Mapping[str, Any] = read_json(path)
        results = path.parents[1]
        lines = [_line(entry, stored["plan"]["rows"], results) for entry in stored["runs"]]
    except SirecError as error:
        raise SirecError(error.message, hint) from None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise SirecError(f"{path}: not the record of a study", hint) from None
    return [line for line in lines if data in (None, line.run.dataset)]


def _line(
    entry: Mapping[str, str], rows: Mapping[str, Mapping[str, Any]], results: Path
) -> _StudyRow:
    run = RecordedRun(entry["label"], entry["run"]).open(results)
    return _StudyRow(run, is_plain=rows[entry["row"]].keys() == {"model"})
