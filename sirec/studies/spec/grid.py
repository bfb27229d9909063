"""The same search for every row of an experiment: so many settings each, and validation decides.

A trial is a run of the first seed with one combination of the searched values. A row's runs are
those of its best trial; other seeds are trained with its setting alone. Ties go to the combination
that is named first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from sirec.evaluation.metrics import parse_metric, summarise
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.run.config import RunConfig
from sirec.run.store import RunFolder

SearchSpace = Mapping[str, Sequence[Any]]  # a key of the configuration -> what to try
TrialSetting = Mapping[str, Any]
TAKEN = "‡"


@dataclass(frozen=True)
class Trial:
    """One setting of a row, the run that tried it, and what that came to on validation."""

    label: str
    setting: TrialSetting
    run: str
    metric: str
    value: float
    is_chosen: bool

    @property
    def dataset(self) -> str:
        """The data set that it is a run on."""
        return Path(self.run).parts[-3]


def combinations(values: SearchSpace) -> Iterator[dict[str, Any]]:
    """Every combination of the values, the last key's changing first; one, of nothing, where
    nothing is searched.

    >>> list(combinations({"a": [1, 2], "b": [3]})), list(combinations({}))
    ([{'a': 1, 'b': 3}, {'a': 2, 'b': 3}], [{}])
    """
    for chosen in product(*values.values()):
        yield dict(zip(values, chosen, strict=True))


def metric_of(config: RunConfig) -> str:
    """What a run's last stage is stopped by, which its trials are chosen by."""
    return config.stages[-1].metric


def on_validation(folder: RunFolder, metric: str) -> float:
    """A finished run's value of a metric on validation, history kept."""
    [value] = summarise(folder.ranks().ranks["valid"]["keep"], [parse_metric(metric)]).values()
    return value


def best(values: Sequence[float]) -> int:
    """Which is highest; of equal ones the first."""
    return max(range(len(values)), key=lambda index: values[index])


def note(trials: Sequence[Trial], alone: Sequence[str] = ()) -> str:
    """How many each row had, of what, and what decided; `alone` are trained rows that had but one
    run.
    """
    keys = dict.fromkeys(key for trial in trials for key in trial.setting)
    tried = [
        f"{key} {' or '.join(dict.fromkeys(str(t.setting[key]) for t in trials if key in t.setting))}"
        for key in keys
    ]
    counts: dict[tuple[str, str], int] = {}
    for trial in trials:
        counts[trial.dataset, trial.label] = counts.get((trial.dataset, trial.label), 0) + 1
    each = " or ".join(map(str, sorted(set(counts.values()))))
    others = f"; one of {', '.join(alone)}, which set what is searched" if alone else ""
    return f"Trials of each row: {each} ({', '.join(tried)}), first seed; validation {_metrics(trials)} decided{others}."


def table(trials: Sequence[Trial], title: str, alone: Sequence[str] = ()) -> ResultTable:
    """Every row's trials on validation, a column a setting; what was taken is marked."""
    settings = list(dict.fromkeys(_text(trial.setting) for trial in trials))
    grouped: dict[tuple[str, str], dict[str, Trial]] = {}
    for trial in trials:
        grouped.setdefault((trial.dataset, trial.label), {})[_text(trial.setting)] = trial
    rows = [
        TableRow(
            label,
            tuple(_cell(mine.get(each)) for each in settings),
            dataset,
            runs={each: mine[each].run for each in mine},
        )
        for (dataset, label), mine in grouped.items()
    ]
    columns = tuple(TableColumn(each) for each in settings)
    return ResultTable(
        f"{title}: trials, validation {_metrics(trials)}",
        columns,
        tuple(rows),
        (note(trials, alone), f"{TAKEN}: taken."),
    )


def _metrics(trials: Sequence[Trial]) -> str:
    return " or ".join(dict.fromkeys(trial.metric for trial in trials))


def _cell(trial: Trial | None) -> Cell:
    return Cell() if trial is None else Cell(trial.value, mark=TAKEN if trial.is_chosen else "")


def _text(setting: TrialSetting) -> str:
    return ", ".join(f"{key} {value}" for key, value in setting.items()) or "as declared"
