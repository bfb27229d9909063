"""Rows of runs on groups of users: values by bin, and paired differences from a baseline by bin.

In a bin all other users count as unranked, so that metrics, intervals and tests are what they are
elsewhere. The mean over bins, weighted by their sizes, is the value over all users.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sirec.errors import SirecError
from sirec.evaluation.metrics import Metric, one_target_notes
from sirec.evaluation.paired_means import CONFIDENCE
from sirec.evaluation.statistics import SEEDS_FOR_A_METHOD, mean_interval
from sirec.evaluation.user_groups import Buckets, UserGroup
from sirec.report.differences import seed_noise_of
from sirec.report.group_tests import (
    EVERYBODY,
    PairsByBin,
    in_bins,
    mark_of,
    notes_on_tests,
    paired_by_bin,
)
from sirec.report.notes import condition_notes
from sirec.report.result_set import ResultSet
from sirec.report.results import Rows, RunResult, View, rank_table
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow

CellKey = tuple[str, str, str]  # metric, row, bin


@dataclass(frozen=True, eq=False)
class BucketReport:
    """Values by bin and, with two or more rows, the differences of rows from one of them.

    Attributes:
        buckets: the bins.
        values: the table of values.
        differences: the table of differences, if there are any.
        p_values: the table of their corrected p-values, if there are any.
        pairs: the paired tests by bin.
    """

    buckets: Buckets
    values: ResultTable
    differences: ResultTable | None
    p_values: ResultTable | None
    pairs: PairsByBin

    @property
    def tables(self) -> tuple[ResultTable, ...]:
        """The tables that there are, in their order."""
        return tuple(filter(None, (self.values, self.differences, self.p_values)))


def bucket_report(
    results: Iterable[RunResult],
    buckets: Buckets,
    metrics: Sequence[Metric],
    *,
    view: View,
    baseline: str,
    title: str,
) -> BucketReport:
    """The rows of one data set on each bin and on all users.

    Args:
        results: the runs.
        buckets: the bins.
        metrics: the metrics.
        view: which ranks are read.
        baseline: label of the row that others are compared with.
        title: title of the table of values.

    Raises:
        SirecError: if the runs are of several data sets, or a row has a seed twice.
    """
    grouped = ResultSet(results)
    rows = one_data_set(grouped)
    within: dict[str, list[RunResult]] = {}
    for part in _with_everybody(buckets):
        within[part.label] = [_restricted(run, part, view) for run in grouped]
    pairs: PairsByBin = {}
    if len(rows) > 1:
        pairs = paired_by_bin(within, metrics, view, baseline)
    values = _values(within, metrics, view, pairs)
    whole = _value_table(title, rows, buckets, metrics, values)
    notes = (
        *_bin_notes(buckets),
        view.note,
        *one_target_notes(metrics),
        *condition_notes(grouped, view),
        *_interval_notes(rows, values),
        *notes_on_tests(pairs, baseline),
    )
    whole = replace(whole, notes=notes)
    if not pairs:
        return BucketReport(buckets, whole, None, None, pairs)
    gained = _difference_table(whole, pairs, baseline)
    return BucketReport(buckets, whole, gained, _p_table(gained, pairs, baseline), pairs)


def one_data_set(results: Iterable[RunResult]) -> Rows:
    """Label -> row of the only data set.

    Raises:
        SirecError: if there is no run, or if there are several data sets.
    """
    by_dataset = ResultSet(results).by_dataset()
    if len(by_dataset) > 1:
        raise SirecError(
            f"runs of different data: {', '.join(by_dataset)}",
            "bins are made of one data set's users at a time",
        )
    [rows] = by_dataset.values()
    return rows


def _with_everybody(buckets: Buckets) -> list[UserGroup]:
    """The bins, and all their users together."""
    everybody = np.logical_or.reduce([bucket.users for bucket in buckets.buckets])
    return [*buckets.buckets, UserGroup(EVERYBODY, everybody)]


def _restricted(run: RunResult, bucket: UserGroup, view: View) -> RunResult:
    """The run with only the users of a bin ranked."""
    table = rank_table(run)
    of_split = table.ranks[view.split]
    columns = {rule: np.where(bucket.users, ranks, 0) for rule, ranks in of_split.items()}
    return replace(run, ranks=replace(table, ranks={**table.ranks, view.split: columns}))


def _values(
    within: Mapping[str, Sequence[RunResult]],
    metrics: Sequence[Metric],
    view: View,
    pairs: PairsByBin,
) -> dict[CellKey, Cell]:
    """The value of each row in each bin, marked where it differs from the baseline's."""
    marks: dict[CellKey, str] = {}
    for bucket, found in pairs.items():
        for pair in found:
            marks[pair.difference.metric, pair.label, bucket] = mark_of(bucket, pair)
    cells: dict[CellKey, Cell] = {}
    for bucket, runs in within.items():
        rows = one_data_set(runs)
        for metric in metrics:
            noise = seed_noise_of(rows, metric, view)
            for label, row in rows.items():
                key = metric.name, label, bucket
                cells[key] = Cell(
                    row.mean(metric, view),
                    deviation=row.deviation(metric, view),
                    interval=mean_interval(metric, row.ranks(view), noise),
                    mark=marks.get(key, ""),
                )
    return cells


def _value_table(
    title: str,
    rows: Rows,
    buckets: Buckets,
    metrics: Sequence[Metric],
    values: Mapping[CellKey, Cell],
) -> ResultTable:
    """A group of rows for each metric, a column for each bin."""
    columns: list[TableColumn] = []
    for part in _with_everybody(buckets):
        columns.append(TableColumn(part.label, f"{part.size:,}", direction="higher"))
    lines: list[TableRow] = []
    for metric in metrics:
        for row in rows.values():
            cells = _cells(values, metric.name, row.label, columns)
            free, links = row.is_training_free, row.links
            line = TableRow(row.label, cells, metric.name, free, links, model=row.model)
            lines.append(line)
    return ResultTable(title, tuple(columns), tuple(lines), best_within="group")


def _difference_table(whole: ResultTable, pairs: PairsByBin, baseline: str) -> ResultTable:
    """The table of values with differences in its cells, without the baseline's row."""
    gains: dict[CellKey, Cell] = {}
    for bucket, found in pairs.items():
        for pair in found:
            d = pair.difference
            gain = Cell(d.difference, interval=(d.low, d.high), mark=mark_of(bucket, pair))
            gains[d.metric, pair.label, bucket] = gain
    columns = [replace(column, direction="none", signed=True) for column in whole.columns]
    rows: list[TableRow] = []
    for row in whole.rows:
        if row.label != baseline:
            cells = _cells(gains, row.group, row.label, columns)
            rows.append(TableRow(f"{row.label} – {baseline}", cells, row.group))
    title = f"{whole.title}: differences"
    return ResultTable(title, tuple(columns), tuple(rows), whole.notes, label_heading="pair")


def _p_table(gained: ResultTable, pairs: PairsByBin, baseline: str) -> ResultTable:
    """Corrected p-values in place of the differences, of the bins alone."""
    p_values: dict[CellKey, Cell] = {}
    for bucket, found in pairs.items():
        for pair in found:
            key = pair.difference.metric, f"{pair.label} – {baseline}", bucket
            p_values[key] = Cell(pair.difference.adjusted_p, mark=mark_of(bucket, pair))
    columns: list[TableColumn] = []
    for column in gained.columns:
        if column.name != EVERYBODY:
            columns.append(replace(column, signed=False))
    rows: list[TableRow] = []
    for row in gained.rows:
        cells = _cells(p_values, row.group, row.label, columns)
        rows.append(TableRow(row.label, cells, row.group))
    tested = in_bins(pairs)
    note = (
        "Of the paired differences, after Holm's correction for the "
        f"{tested[0].family} tests (bins and rows) of a metric."
    )
    notes = (note, *notes_on_tests(pairs, baseline))
    title = f"{gained.title}, corrected p"
    return ResultTable(title, tuple(columns), tuple(rows), notes, label_heading="pair")


def _cells(
    cells: Mapping[CellKey, Cell], metric: str, label: str, columns: Sequence[TableColumn]
) -> tuple[Cell, ...]:
    """A row's cells in the order of the columns."""
    return tuple(cells[metric, label, column.name] for column in columns)


def _bin_notes(buckets: Buckets) -> list[str]:
    notes = [
        f"Columns: {buckets.grouping.axis}; in parentheses users. "
        "Weighted by these, the bins' mean is that of all."
    ]
    if buckets.joined:
        notes.append(f"Too few users for a bin of their own: {'; '.join(buckets.joined)}.")
    return notes


def _interval_notes(rows: Rows, values: Mapping[CellKey, Cell]) -> list[str]:
    over = "a bin's users"
    if max(len(row.runs) for row in rows.values()) >= SEEDS_FOR_A_METHOD:
        over += " and seeds"
    notes = [f"In brackets: t intervals of {100 * CONFIDENCE:g} % over {over}."]
    if any(cell.interval is None for cell in values.values()):
        notes.append(
            "Without brackets: all users of the bin have the same value, which leaves no interval."
        )
    return notes
