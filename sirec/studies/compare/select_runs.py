"""Select finished runs: by id, by a recorded study, or by models on a data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from sirec.config import dump
from sirec.errors import SirecError, unknown
from sirec.models import model_class
from sirec.run.measuring_runs import without_measuring
from sirec.run.store import RunFolder, Store
from sirec.shell import command
from sirec.studies.compare.labels import distinct_labels
from sirec.studies.compare.recorded_rows import recorded_rows, study_records
from sirec.studies.spec.experiment import Experiment

EVERY_MODEL = "overall"  # the experiment that trains each model once


class _Row(Protocol):
    """A row of a plan or of a record."""

    @property
    def model(self) -> str:
        """Name of the row's model."""

    @property
    def is_plain(self) -> bool:
        """Whether the row changes nothing of its model."""


SomeRow = TypeVar("SomeRow", bound=_Row)


@dataclass(frozen=True)
class RunChoice:
    """Which finished runs a person asks for, in one of three ways.

    Attributes:
        references: run folders, first digits of ids, or models, which mean their newest run; they
            leave nothing else to choose.
        study: the name of a recorded study, whose rows are chosen under their labels.
        models: of a study only these models; without a study the runs of these models.
        data: name of the data set; None where the references or the study say it.
        told: called with which run it is, where a reference is a model.
    """

    references: tuple[str, ...] = ()
    study: str | None = None
    models: tuple[str, ...] = ()
    data: str | None = None
    told: Callable[[str], None] = lambda remark: None

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
            return select_by_id(self.references, results, self.told)
        if self.study:
            return select_by_study(self.study, results, data=self.data, models=self.models)
        data = self.data or default_data()
        return select_by_model(self.models or usual_models, data, results)


def rows_of(experiment: Experiment, models: Sequence[str] = ()) -> list[str]:
    """Names of the rows that `select_by_study` selects, whether they have been trained or not.

    Args:
        experiment: the experiment.
        models: names of models; all rows if there are none.

    Raises:
        SirecError: if a model is unknown, or no row has it.
    """
    rows = list(experiment.rows.values())
    _check_models(models, rows, experiment.title, "row")
    chosen = _rows_of_models(rows, models)
    names: list[str] = []
    for name, row in experiment.rows.items():
        if row in chosen:
            names.append(name)
    return names


def select_by_id(
    references: Sequence[str], out: Path, told: Callable[[str], None] = lambda remark: None
) -> list[RunFolder]:
    """Finished runs by folder, by the first digits of their ids, or by model.

    Args:
        references: folders, beginnings of ids, or models. A run that is named twice is selected
            once.
        out: the results folder.
        told: called with which run it is, where a reference is a model.

    Returns:
        The runs, under labels that tell their settings apart.

    Raises:
        SirecError: if a run is unknown, or has not finished.
    """
    store = Store(out)
    runs = list(dict.fromkeys(store.find(reference, told) for reference in references))
    for run in runs:
        run.check_finished()
        run.check_evaluated()
    return _labelled(runs)


def select_by_study(
    name: str, out: Path, *, data: str | None = None, models: Sequence[str] = ()
) -> list[RunFolder]:
    """The finished runs of a recorded study.

    Of a named model the rows that change nothing of it are selected; only where there are none,
    its other rows.

    Args:
        name: name of the study.
        out: the results folder.
        data: name of the only data set to select runs of.
        models: names of the only models to select runs of.

    Returns:
        The runs, under the labels of their rows.

    Raises:
        SirecError: if the study is unknown, if it has no such run, or if one of the runs is no
            longer finished.
    """
    records = study_records(out)
    if name not in records:
        raise unknown("study", name, records)
    path = records[name]
    rows = recorded_rows(path, data)
    where = f" on {data}" if data else ""
    if not rows:
        option = ["--data", data] if data else []
        raise SirecError(
            f"{path}: no finished run{where}",
            f"run it first: {command('study', name, *option)}",
        )
    _check_models(models, rows, str(path), "finished run", where)
    runs: list[RunFolder] = []
    for row in _rows_of_models(rows, models):
        row.run.check_finished()
        runs.append(row.run)
    return runs


def select_by_model(models: Sequence[str], data: str, out: Path) -> list[RunFolder]:
    """The finished runs of models on a data set.

    They are those of the recorded study that has all the models as they are. If several studies
    have them with different runs, the study of every model (`overall`) decides. If no study has
    them, they are the only setting of each model that has been trained; runs that differ only in
    their seed have the same setting.

    Args:
        models: names of the models.
        data: name of the data set.
        out: the results folder.

    Returns:
        The runs, under labels that tell their settings apart. A row's label in its study is not
        used, because it says what the row is among that study's rows.

    Raises:
        SirecError: if a model is unknown or has no finished run, with the command that trains it;
            or if there are several settings to choose from.
    """
    for model in models:
        model_class(model)
    by_study: dict[str, list[RunFolder]] = {}
    for name in _studies_with(models, data, out):
        by_study[name] = select_by_study(name, out, data=data, models=models)
    if len(set(map(frozenset, by_study.values()))) > 1:
        names = ", ".join(by_study)
        raise SirecError(
            f"several studies have {', '.join(models)} on {data}", f"name one with --study: {names}"
        )
    runs: list[RunFolder] = []
    if by_study:
        runs = next(iter(by_study.values()))
    else:
        for model in models:
            runs += _only_setting(model, data, out)
    return _labelled(list(dict.fromkeys(runs)))


def _studies_with(models: Sequence[str], data: str, out: Path) -> list[str]:
    """Names of the recorded studies that have all models as they are, on a data set.

    If the study of every model is among them, it is the only one.
    """
    names: list[str] = []
    for name, path in study_records(out).items():
        missing = set(models)
        for row in recorded_rows(path, data):
            if row.is_plain:
                missing.discard(row.model)
        if not missing:
            names.append(name)
    for name in (EVERY_MODEL, f"{EVERY_MODEL}_on_{data}"):
        if name in names:
            return [name]
    return names


def _only_setting(model: str, data: str, out: Path) -> list[RunFolder]:
    """The finished runs of a model on a data set, which differ in their seed alone."""
    runs: list[RunFolder] = []
    paths = [finished.parent for finished in sorted((out / "runs" / data / model).glob("*/DONE"))]
    for path in without_measuring(paths, out) or paths:
        run = RunFolder(path)
        if run.repeated is None:
            runs.append(run)
    if not runs:
        raise SirecError(
            f"no finished run of {model} on {data}",
            f"train it: {command('train', model, '--data', data)}, "
            f"or every model: {command('study', EVERY_MODEL, '--data', data)}",
        )
    settings = [dump(replace(run.config(), seed=0)) for run in runs]
    if settings.count(settings[0]) < len(runs):
        names = ", ".join(f"{model}/{run.id}" for run in runs)
        raise SirecError(
            f"{len(runs)} finished runs of {model} on {data} have different settings",
            f"name a study with --study, or each run by itself: {names}",
        )
    return runs


def _check_models(
    models: Sequence[str], rows: Sequence[_Row], where: str, kind: str, on_data: str = ""
) -> None:
    """Raise `SirecError` for a model that is unknown, or that no row has."""
    known = dict.fromkeys(row.model for row in rows)
    for model in models:
        model_class(model)
        if model not in known:
            raise SirecError(
                f"{where}: no {kind} of {model}{on_data}",
                f"models with one: {', '.join(known)}",
            )


def _rows_of_models(rows: Sequence[SomeRow], models: Sequence[str]) -> list[SomeRow]:
    """The plain rows of each model, or its other rows if it has no plain one; all for no models."""
    if not models:
        return list(rows)
    with_plain_row: set[str] = set()
    for row in rows:
        if row.is_plain:
            with_plain_row.add(row.model)
    chosen: list[SomeRow] = []
    for row in rows:
        if row.model in models and (row.is_plain or row.model not in with_plain_row):
            chosen.append(row)
    return chosen


def _labelled(runs: Sequence[RunFolder]) -> list[RunFolder]:
    """The runs under labels that tell them apart."""
    labels = distinct_labels([run.config() for run in runs])
    return [run.labelled(label) for run, label in zip(runs, labels, strict=True)]
