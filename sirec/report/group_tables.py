"""How rows do on groups of users: a table of values by bin, and one of paired differences from a
baseline.

A bin is a table of its own in which all other users are unranked, so that every metric, interval
and test is what it is elsewhere. The mean over bins, weighted by their sizes, is the value over all
users.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sirec.errors import SirecError
from sirec.evaluation.metrics import Metric
from sirec.evaluation.statistics import SEEDS_FOR_A_METHOD, Resampling, holm, mean_interval
from sirec.evaluation.user_groups import Buckets, UserGroup
from sirec.report.differences import MARK, SIGNIFICANCE, PairedTest, bound_notes, differences
from sirec.report.results import (
    ResultsByRow,
    RunResult,
    View,
    group,
    links,
    listed,
    means,
    protocol_notes,
    ranks_of,
    seed_note,
    split_notes,
    tie_notes,
)
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow

EVERYBODY = "all"
Cells = Mapping[tuple[str, str, str], Cell]  # by metric, row and bin
Pairs = Mapping[str, Sequence[PairedTest]]  # by bin


@dataclass(frozen=True, eq=False)
class BucketReport:
    """Values by bin and, with two or more rows, the differences from one of them: as `pairs` by
    bin, and as tables of their sizes and of their corrected p-values.
    """

    buckets: Buckets
    values: ResultTable
    differences: ResultTable | None
    p_values: ResultTable | None
    pairs: Pairs

    @property
    def tables(self) -> tuple[ResultTable, ...]:
        """Those that there are, in their order."""
        return tuple(table for table in (self.values, self.differences, self.p_values) if table)


def bucket_report(
    entries: Sequence[RunResult],
    buckets: Buckets,
    metrics: Sequence[Metric],
    *,
    view: View,
    baseline: str,
    title: str,
    resampling: Resampling | None = None,
) -> BucketReport:
    """The rows of one data set on each bin and on all users; `baseline` is the label of a row.

    P-values are corrected after Holm over all bins and rows of a metric. Those over all users are
    no part of that and bear no mark. Raises `SirecError` for rows of several data sets, and as
    `group` does.
    """
    options = resampling or Resampling()
    rows = one_data_set(entries)
    parts = (
        *buckets.buckets,
        UserGroup(EVERYBODY, np.logical_or.reduce([bucket.users for bucket in buckets.buckets])),
    )
    within = {
        bucket.label: [_restricted(entry, bucket, view) for entry in entries] for bucket in parts
    }
    pairs = _pairs(within, metrics, view, baseline, options) if len(rows) > 1 else {}
    columns = tuple(
        TableColumn(bucket.label, f"{bucket.size:,}", direction="higher") for bucket in parts
    )
    values, gains = _values(within, metrics, view, pairs, options), _gains(pairs)
    intervals = _interval_notes(rows, values, options)
    notes = (*_conditions(entries, buckets, view), *intervals, *_test_notes(pairs, baseline))
    lines = [(metric.name, label) for metric in metrics for label in rows]
    drawn = [
        TableRow(
            label,
            _cells(values, metric, label, columns),
            metric,
            rows[label][0].is_training_free,
            links(rows[label]),
        )
        for metric, label in lines
    ]
    whole = ResultTable(title, columns, tuple(drawn), notes, best_within="group")
    if not pairs:
        return BucketReport(buckets, whole, None, None, pairs)
    gained = _difference_table(whole, gains, baseline)
    return BucketReport(buckets, whole, gained, _p_table(gained, pairs, baseline), pairs)


def one_data_set(entries: Sequence[RunResult]) -> ResultsByRow:
    """Label -> runs by seed. Raises `SirecError` if the entries are of several data sets, or
    none.
    """
    grouped = group(entries)
    if len(grouped) > 1:
        raise SirecError(
            f"runs of different data: {', '.join(grouped)}",
            "bins are made of one data set's users at a time",
        )
    return next(iter(grouped.values()))


def _restricted(entry: RunResult, bucket: UserGroup, view: View) -> RunResult:
    """The run with only the users of a bin ranked."""
    columns = {
        rule: np.where(bucket.users, ranks, 0)
        for rule, ranks in entry.ranks.ranks[view.split].items()
    }
    return replace(
        entry, ranks=replace(entry.ranks, ranks={**entry.ranks.ranks, view.split: columns})
    )


def _pairs(
    within: Mapping[str, Sequence[RunResult]],
    metrics: Sequence[Metric],
    view: View,
    baseline: str,
    options: Resampling,
) -> dict[str, list[PairedTest]]:
    """Each row against the baseline in each bin and over all, corrected over the bins."""
    found = {
        label: differences(entries, metrics, against=baseline, view=view, resampling=options)
        for label, entries in within.items()
    }
    for metric in metrics:
        family = [
            (label, place)
            for label, pairs in found.items()
            for place, pair in enumerate(pairs)
            if label != EVERYBODY and pair.difference.metric == metric.name
        ]
        corrected = holm([found[label][place].difference.p_value for label, place in family])
        for (label, place), p_value in zip(family, corrected, strict=True):
            pair = found[label][place]
            difference = replace(pair.difference, adjusted_p=p_value)
            found[label][place] = replace(pair, difference=difference, family=len(family))
    return found


def _values(
    within: Mapping[str, Sequence[RunResult]],
    metrics: Sequence[Metric],
    view: View,
    pairs: Pairs,
    options: Resampling,
) -> Cells:
    marks = {
        (pair.difference.metric, pair.label, label): _mark(label, pair)
        for label, found in pairs.items()
        for pair in found
    }
    cells = {}
    for bucket, entries in within.items():
        for label, runs in one_data_set(entries).items():
            for metric in metrics:
                values = means(runs, metric, view)
                cells[metric.name, label, bucket] = Cell(
                    float(np.mean(values)),
                    deviation=float(np.std(values, ddof=1)) if len(values) > 1 else None,
                    interval=mean_interval(metric, ranks_of(runs, view), options),
                    mark=marks.get((metric.name, label, bucket), ""),
                )
    return cells


def _gains(pairs: Pairs) -> Cells:
    return {
        (d.metric, pair.label, bucket): Cell(
            d.difference, interval=(d.low, d.high), mark=_mark(bucket, pair)
        )
        for bucket, found in pairs.items()
        for pair in found
        for d in (pair.difference,)
    }


def _difference_table(whole: ResultTable, gains: Cells, baseline: str) -> ResultTable:
    """The table of values with differences in its cells, without the baseline's row."""
    columns = tuple(replace(column, direction="none", signed=True) for column in whole.columns)
    rows = [
        TableRow(
            f"{row.label} – {baseline}", _cells(gains, row.group, row.label, columns), row.group
        )
        for row in whole.rows
        if row.label != baseline
    ]
    return ResultTable(
        f"{whole.title}: differences", columns, tuple(rows), whole.notes, label_heading="pair"
    )


def _p_table(gained: ResultTable, pairs: Pairs, baseline: str) -> ResultTable:
    """Corrected p-values in place of the differences, of the bins alone."""
    columns = tuple(
        replace(column, signed=False) for column in gained.columns if column.name != EVERYBODY
    )
    cells = {
        (pair.difference.metric, f"{pair.label} – {baseline}", bucket): Cell(
            pair.difference.adjusted_p, mark=_mark(bucket, pair)
        )
        for bucket, found in pairs.items()
        for pair in found
    }
    family = next(iter(pairs.values()))[0].family
    note = f"Of the paired differences, after Holm's correction for the {family} tests (bins and rows) of a metric."
    rows = tuple(
        TableRow(row.label, _cells(cells, row.group, row.label, columns), row.group)
        for row in gained.rows
    )
    tested = [pair for bucket, found in pairs.items() if bucket != EVERYBODY for pair in found]
    notes = (note, *bound_notes(tested), *_test_notes(pairs, baseline))
    return ResultTable(f"{gained.title}, corrected p", columns, rows, notes, label_heading="pair")


def _mark(bucket: str, pair: PairedTest) -> str:
    return MARK if bucket != EVERYBODY and pair.is_significant else ""


def _cells(
    cells: Cells, metric: str, label: str, columns: Sequence[TableColumn]
) -> tuple[Cell, ...]:
    return tuple(cells[metric, label, column.name] for column in columns)


def _conditions(entries: Sequence[RunResult], buckets: Buckets, view: View) -> list[str]:
    joined = (
        [f"Too few users for a bin of their own: {'; '.join(buckets.joined)}."]
        if buckets.joined
        else []
    )
    return [
        f"Columns: {buckets.grouping.axis}; in parentheses users. Weighted by these, the bins' mean is that of all.",
        *joined,
        view.note,
        *split_notes(entries, view),
        *protocol_notes(entries),
        seed_note(entries),
        *tie_notes(entries, view),
    ]


def _interval_notes(rows: ResultsByRow, values: Cells, options: Resampling) -> list[str]:
    seeds = " and seeds" if any(len(runs) >= SEEDS_FOR_A_METHOD for runs in rows.values()) else ""
    drawn = f"{options.resamples:,} resamples of a bin's users{seeds}, seed {options.seed}"
    constant = any(cell.interval is None for cell in values.values())
    return [
        f"In brackets: intervals of {100 * options.confidence:g} % by percentile bootstrap ({drawn}).",
        *(
            [
                "Without brackets: all users of the bin have the same value, and resampling says nothing."
            ]
            if constant
            else []
        ),
    ]


def _test_notes(pairs: Pairs, baseline: str) -> list[str]:
    tested = [pair for label, found in pairs.items() if label != EVERYBODY for pair in found]
    if not tested:
        return []
    tests = listed((pair.difference.test, pair.difference.metric) for pair in tested)
    return [
        f"{MARK}: differs from {baseline} in the bin: the interval of the paired difference excludes zero and p, after Holm's"
        f" correction for the {tested[0].family} tests (bins and rows) of a metric, is below {SIGNIFICANCE}.",
        f"Tests: {tests}. All users together are tested in the table of the models.",
    ]
