"""What a report shows of a comparison: one table, what it means, its verdicts and its notes.

`tables/<name>.json` holds it, so that a report needs neither ranks nor tests: those are computed
once, when the tables are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sirec.config import dump, load, read_json
from sirec.errors import SirecError
from sirec.report.differences import PairedTest, Verdict, verdict
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow


@dataclass(frozen=True)
class RowVerdict:
    """What a paired test says of a row.

    Attributes:
        dataset: name of the data set.
        label: label of the row.
        baseline: label of the row that it is compared with.
        metric: name of the metric.
        verdict: what may be said.
        difference: the row's mean minus the baseline's.
        low: lower end of the interval of the difference.
        high: upper end.
        relative: the difference as a share of the baseline's mean; None where that is 0.
        seeds: the smaller number of seeds of the two.
        is_training_free: whether the row is a training-free baseline.
        differs: whether the runs differ: the corrected p is small and the interval excludes zero.
            With one seed a side that decides nothing about the methods.
    """

    dataset: str
    label: str
    baseline: str
    metric: str
    verdict: Verdict
    difference: float
    low: float
    high: float
    relative: float | None
    seeds: int
    is_training_free: bool
    differs: bool

    @property
    def direction(self) -> int:
        """1 if the runs are above the baseline, -1 if below, 0 if that is not shown."""
        if not self.differs:
            return 0
        return 1 if self.difference > 0 else -1

    @classmethod
    def of(cls, pair: PairedTest) -> RowVerdict:
        """The verdict of a paired test."""
        d = pair.difference
        free = pair.label in pair.training_free
        seeds = [d.seeds_b] if free else [d.seeds_a]
        if pair.baseline not in pair.training_free:
            seeds.append(d.seeds_b)
        return cls(
            pair.dataset,
            pair.label,
            pair.baseline,
            d.metric,
            verdict(pair),
            d.difference,
            d.low,
            d.high,
            d.relative,
            min(seeds),
            free,
            pair.differs,
        )


@dataclass(frozen=True)
class Along:
    """The setting in which the rows of a comparison differ.

    Attributes:
        setting: its name.
        values: label of a row -> its value there.
    """

    setting: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class Answer:
    """What a report shows of a comparison.

    Attributes:
        title: title of the comparison.
        table: the one table; its notes are left out.
        lines: what it means, a sentence or two a line.
        notes: the notes of all tables of the comparison, each once.
        verdicts: what the paired tests say, one for each row and metric.
        longer: a table that is folded below the other one; its notes are left out.
        along: the setting in which rows differ, where the comparison is about one.
    """

    title: str
    table: ResultTable
    lines: tuple[str, ...]
    notes: tuple[str, ...] = ()
    verdicts: tuple[RowVerdict, ...] = ()
    longer: ResultTable | None = None
    along: Along | None = None

    @property
    def models(self) -> dict[str, str]:
        """Label -> name of the model, of the rows of the table."""
        return {row.label: row.model for row in self.table.rows}

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values: dict[str, Any] = {
            "title": self.title,
            "table": dump(replace(self.table, notes=())),
            "lines": list(self.lines),
            "notes": list(self.notes),
            "verdicts": list(map(asdict, self.verdicts)),
        }
        if self.longer is not None:
            values["longer"] = dump(replace(self.longer, notes=()))
        if self.along is not None:
            values["along"] = asdict(self.along)
        return values


def read_answer(path: Path) -> Answer:
    """The answer in a file `tables/<name>.json`.

    Args:
        path: the file.

    Raises:
        SirecError: if it cannot be read, or holds something else.
    """
    values = read_json(path)
    try:
        verdicts = [load(RowVerdict, each, f"{path}: verdicts") for each in values["verdicts"]]
        return Answer(
            str(values["title"]),
            _table(values["table"], str(path)),
            tuple(map(str, values["lines"])),
            tuple(map(str, values["notes"])),
            tuple(verdicts),
            _table(values["longer"], str(path)) if "longer" in values else None,
            load(Along, values["along"], f"{path}: along") if "along" in values else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SirecError(
            f"{path}: not what a table is kept as: {error!r}",
            "draw the table anew, by the command that made it with --render-only",
        ) from None


def _table(values: Mapping[str, Any], where: str) -> ResultTable:
    columns: list[TableColumn] = []
    for each in values["columns"]:
        columns.append(load(TableColumn, each, where))
    return ResultTable(
        values["title"],
        tuple(columns),
        tuple(map(_row, values["rows"])),
        label_heading=values["label_heading"],
        best_within=values["best_within"],
    )


def _row(values: Mapping[str, Any]) -> TableRow:
    cells = tuple(map(_cell, values["cells"]))
    return TableRow(**{**values, "cells": cells})


def _cell(values: Mapping[str, Any]) -> Cell:
    interval: Sequence[float] | None = values["interval"]
    return Cell(**{**values, "interval": None if interval is None else tuple(interval)})
