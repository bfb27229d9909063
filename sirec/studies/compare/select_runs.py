"""Finding finished runs: named one by one, of a recorded study, or of models on a data set; and the
rows that make them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from sirec.config import dump
from sirec.errors import SirecError, unknown
from sirec.models import model_class
from sirec.run.files import read_json
from sirec.run.store import RunFolder, Store
from sirec.studies.compare.results import entries
from sirec.studies.spec.experiment import Experiment

EVERY_MODEL = "overall"  # the experiment that trains each model once


@dataclass(frozen=True)
class ListedRun:
    """A run by its row's label and its folder, relative to the results folder."""

    label: str
    run: str


@dataclass(frozen=True)
class _Line:
    """A run that a study's record lists; `is_plain`: its row names the model and changes nothing of
    it.
    """

    listed: ListedRun
    data: str
    model: str
    is_plain: bool


def rows_of(experiment: Experiment, models: Sequence[str] = ()) -> list[str]:
    """The rows that `of_study` chooses of a study, by name, whether they have been trained or not.

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


def of_runs(references: Sequence[str], out: Path) -> list[ListedRun]:
    """Finished runs by folder or by the first digits of their ids, labelled so that they are told
    apart.

    Raises `SirecError` for an unknown run, or one that has not finished.
    """
    store = Store(out)
    runs = list(dict.fromkeys(store.find(reference) for reference in references))
    for run in runs:
        run.check_finished()
    return _listed(runs, out)


def of_study(
    name: str, out: Path, *, data: str | None = None, models: Sequence[str] = ()
) -> list[ListedRun]:
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
    wanted = [line.listed for line in lines if not models or _is_wanted(line, models, lines)]
    for listed in wanted:
        RunFolder(out / listed.run).check_finished()
    return wanted


def of_models(models: Sequence[str], data: str, out: Path) -> list[ListedRun]:
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
    by_study = {name: of_study(name, out, data=data, models=models) for name in preferred or having}
    if len({frozenset(listed.run for listed in lines) for lines in by_study.values()}) > 1:
        names = ", ".join(by_study)
        raise SirecError(
            f"several studies have {', '.join(models)} on {data}", f"name one with --study: {names}"
        )
    lines = next(iter(by_study.values()), [])
    runs = [RunFolder(out / line.run) for line in lines] or [
        run for model in models for run in _only_setting(model, data, out)
    ]
    # A row's name says what it is in its study: what is found by model goes by that.
    return _listed(list(dict.fromkeys(runs)), out)


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


def _listed(runs: Sequence[RunFolder], out: Path) -> list[ListedRun]:
    labels = [made.label for made in entries(runs)]
    return [
        ListedRun(label, Path(os.path.relpath(run.path, out)).as_posix())
        for label, run in zip(labels, runs, strict=True)
    ]


def _records(out: Path) -> list[Path]:
    return sorted((out / "studies").glob("*.json"))


def _lines(path: Path, data: str | None) -> list[_Line]:
    """The runs of a study's record, which were finished when it was written, of one data set if it
    is named.
    """
    hint = f"make it anew: sirec study {path.stem}, or delete it"
    try:
        stored: Mapping[str, Any] = read_json(path)
        lines = [_line(entry, stored["plan"]["rows"]) for entry in stored["runs"]]
    except SirecError as error:
        raise SirecError(error.message, hint) from None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise SirecError(f"{path}: not the record of a study", hint) from None
    return [line for line in lines if data in (None, line.data)]


def _line(entry: Mapping[str, str], rows: Mapping[str, Mapping[str, Any]]) -> _Line:
    dataset, model, _ = Path(entry["run"]).parts[-3:]
    return _Line(
        ListedRun(entry["label"], entry["run"]),
        dataset,
        model,
        rows[entry["row"]].keys() == {"model"},
    )
