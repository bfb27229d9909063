"""Grid search of an experiment's rows: each tries the same settings, and validation decides.

A trial is a run of the first seed with one combination of the searched values. The runs of a row
are those of its best trial; the other seeds are trained with that setting alone. Of equally good
combinations the first is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from sirec.evaluation.metrics import parse_metric, summarise
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.run.config import RunConfig
from sirec.run.store import RunFolder

SearchSpace = Mapping[str, Sequence[Any]]  # a key of the configuration -> values to try
TrialSetting = Mapping[str, Any]  # a key of the configuration -> the value that is tried
TAKEN = "‡"


@dataclass(frozen=True)
class Trial:
    """One setting of a row with its value on validation, as a study's record stores it.

    Attributes:
        label: label of the row.
        setting: the setting that was tried.
        run: folder of the run, relative to the folder of results.
        metric: the metric that decides.
        value: its value on validation.
        is_chosen: whether the row's runs have this setting.
    """

    label: str
    setting: TrialSetting
    run: str
    metric: str
    value: float
    is_chosen: bool

    @property
    def dataset(self) -> str:
        """Name of the data set of the run."""
        return RunFolder(Path(self.run)).dataset


def combinations(space: SearchSpace) -> Iterator[dict[str, Any]]:
    """Every combination of the values, where the last key changes first.

    Without any key there is one combination, which is empty.

    >>> list(combinations({"a": [1, 2], "b": [3]})), list(combinations({}))
    ([{'a': 1, 'b': 3}, {'a': 2, 'b': 3}], [{}])
    """
    for values in product(*space.values()):
        yield dict(zip(space, values, strict=True))


def metric_of(config: RunConfig) -> str:
    """The metric that a run's trials are chosen by: the one that stops its last stage."""
    return config.stages[-1].metric


def on_validation(folder: RunFolder, metric: str) -> float:
    """A finished run's value of a metric on validation, with the history kept in the ranking.

    Args:
        folder: the run's folder.
        metric: name of the metric.
    """
    [value] = summarise(folder.ranks().ranks["valid"]["keep"], [parse_metric(metric)]).values()
    return value


def best(values: Sequence[float]) -> int:
    """Index of the highest value; of equal ones the first."""
    return values.index(max(values))


def note(trials: Sequence[Trial], alone: Sequence[str] = ()) -> str:
    """The note below a table that says how its rows were searched.

    Args:
        trials: all trials of the study.
        alone: labels of trained rows that had one run only.
    """
    tried: list[str] = []
    for key, values in _tried_values(trials).items():
        tried.append(f"{key} {' or '.join(values)}")
    counts = set(map(len, _by_row(trials).values()))
    each = " or ".join(map(str, sorted(counts)))
    text = (
        f"Trials of each row: {each} ({', '.join(tried)}), first seed; "
        f"validation {_metrics(trials)} decided"
    )
    if alone:
        text += f"; one of {', '.join(alone)}, which set what is searched"
    return f"{text}."


def table(trials: Sequence[Trial], title: str, alone: Sequence[str] = ()) -> ResultTable:
    """The trials of every row on validation, a column a setting; the chosen ones are marked.

    Args:
        trials: all trials of the study.
        title: title of the study.
        alone: labels of trained rows that had one run only.
    """
    settings = _distinct([_text(trial.setting) for trial in trials])
    rows: list[TableRow] = []
    for (dataset, label), by_setting in _by_row(trials).items():
        trials_in_order = map(by_setting.get, settings)
        runs = {setting: trial.run for setting, trial in by_setting.items()}
        rows.append(TableRow(label, tuple(map(_cell, trials_in_order)), dataset, runs=runs))
    return ResultTable(
        f"{title}: trials, validation {_metrics(trials)}",
        tuple(map(TableColumn, settings)),
        tuple(rows),
        (note(trials, alone), f"{TAKEN}: taken."),
    )


def summary(
    trials: Sequence[Trial], title: str, how: str, alone: Sequence[str] = ()
) -> ResultTable:
    """The search of every row on validation: number of trials, best, median, as declared, chosen.

    Args:
        trials: all trials of the study; the first one of a row is the row as it is declared.
        title: title of the study.
        how: how settings were proposed, as a sentence.
        alone: labels of trained rows that had one run only.
    """
    metric = _metrics(trials)
    rows: list[TableRow] = []
    for (dataset, label), of_row in trials_by_row(trials).items():
        values = [trial.value for trial in of_row]
        [chosen] = [trial for trial in of_row if trial.is_chosen]
        numbers = (max(values), median(values), values[0])
        cells = (Cell(len(values)), *map(Cell, numbers), Cell(_text(chosen.setting)))
        rows.append(TableRow(label, cells, dataset, runs={"chosen": chosen.run}))
    columns = ("trials", "best", "median", "first", "chosen")
    notes = [how, "first: the row as it is declared, or the first combination of a grid."]
    if alone:
        notes.append(f"Not searched: {', '.join(alone)}.")
    return ResultTable(
        f"{title}: search, validation {metric}",
        tuple(map(TableColumn, columns)),
        tuple(rows),
        tuple(notes),
    )


def trials_by_row(trials: Sequence[Trial]) -> dict[tuple[str, str], list[Trial]]:
    """(data set, label) -> the trials of the row, in their order."""
    rows: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        rows.setdefault((trial.dataset, trial.label), []).append(trial)
    return rows


def _tried_values(trials: Sequence[Trial]) -> dict[str, list[str]]:
    """Key -> the values that were tried, each once, in the order of the trials."""
    found: dict[str, list[str]] = {}
    for trial in trials:
        for key, value in trial.setting.items():
            values = found.setdefault(key, [])
            if str(value) not in values:
                values.append(str(value))
    return found


def _by_row(trials: Sequence[Trial]) -> dict[tuple[str, str], dict[str, Trial]]:
    """(data set, label) -> text of a setting -> its trial."""
    rows: dict[tuple[str, str], dict[str, Trial]] = {}
    for trial in trials:
        rows.setdefault((trial.dataset, trial.label), {})[_text(trial.setting)] = trial
    return rows


def _metrics(trials: Sequence[Trial]) -> str:
    return " or ".join(_distinct([trial.metric for trial in trials]))


def _distinct(texts: Sequence[str]) -> list[str]:
    """Each text once, in the order of first appearance."""
    return list(dict.fromkeys(texts))


def _cell(trial: Trial | None) -> Cell:
    if trial is None:
        return Cell()
    return Cell(trial.value, mark=TAKEN if trial.is_chosen else "")


def _text(setting: TrialSetting) -> str:
    return ", ".join(f"{key} {value}" for key, value in setting.items()) or "as declared"
