"""The table that puts runs beside each other, beside what the papers printed, with marks for what
is significant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sirec.data.split import LeaveOneOut
from sirec.evaluation.metrics import DEFAULT_METRICS, Metric
from sirec.evaluation.ranks import HistoryRule
from sirec.papers import PAPERS
from sirec.report.differences import MARK, TEST_VIEW, PairedTest, significance_notes
from sirec.report.published import Published, covers, published, published_users
from sirec.report.results import (
    MissingRow,
    RunResult,
    View,
    group,
    is_known,
    links,
    means,
    protocol_notes,
    seed_note,
    split_notes,
    tie_notes,
)
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow


def comparison_table(
    entries: Sequence[RunResult],
    metrics: Sequence[Metric] = DEFAULT_METRICS,
    *,
    view: View = TEST_VIEW,
    paper: str = "comif",
    pairs: Sequence[PairedTest] = (),
    missing: Sequence[MissingRow] = (),
    title: str = "Comparison",
) -> ResultTable:
    """Rows = models, columns = metrics; seeds averaged, the deviation over seeds beside the mean.

    On the test split printed values stand beside ours, each under the history rule it was ranked
    by: those of the published row that an entry names, else those of `paper`'s main table, or of
    the other one's for a data set that it lacks. `pairs` put significance marks on the rows they
    are about; `missing` rows end their data set's, with the reason for being so. Raises
    `SirecError` without entries, or if a row has the same seed twice.
    """
    grouped = group(entries)
    marked = {
        (pair.dataset, pair.label, pair.difference.metric)
        for pair in pairs
        if pair.is_reference and pair.is_significant
    }
    several = len(grouped) > 1
    rows: list[TableRow] = []
    sources: dict[str, None] = {}
    elsewhere: dict[
        str, HistoryRule
    ] = {}  # rows whose printed values were ranked by the other rule
    for dataset, by_label in grouped.items():
        for label, runs in by_label.items():
            cells = []
            for metric in metrics:
                printed = (
                    _printed(runs[0], metric, paper) if view.split == TEST_VIEW.split else None
                )
                if printed and printed.history != view.history:
                    elsewhere[label] = printed.history
                    printed = None
                if printed:
                    sources[f"Published on {dataset}: {printed.source}."] = None
                cells.append(
                    _cell(
                        runs,
                        metric,
                        view,
                        printed,
                        MARK if (dataset, label, metric.name) in marked else "",
                    )
                )
            rows.append(
                TableRow(
                    label,
                    tuple(cells),
                    dataset if several else "",
                    runs[0].is_training_free,
                    links(runs),
                )
            )
        rows += [
            TableRow(
                row.label,
                tuple(Cell(missing=row.reason) for _ in metrics),
                dataset if several else "",
            )
            for row in missing
            if row.dataset == dataset
        ]
    columns = tuple(TableColumn(metric.name, direction="higher") for metric in metrics)
    significance = significance_notes(pairs) if marked else []
    conditions = (
        *split_notes(entries, view),
        *protocol_notes(entries),
        seed_note(entries),
        *tie_notes(entries, view),
    )
    notes = (view.note, *conditions, *sources, *_elsewhere_notes(elsewhere, view), *significance)
    [only, *others] = grouped
    name = title if others or only.lower() in title.lower() else f"{title} on {only}"
    return ResultTable(name, columns, tuple(rows), notes, best_within="group")


def _cell(
    runs: Sequence[RunResult], metric: Metric, view: View, printed: Published | None, mark: str
) -> Cell:
    if not is_known(runs, metric, view):
        return Cell(missing="lists too short for the cutoff")
    values = means(runs, metric, view)
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Cell(float(np.mean(values)), printed.value if printed else None, deviation, mark=mark)


def _elsewhere_notes(elsewhere: Mapping[str, HistoryRule], view: View) -> list[str]:
    """Where the history is kept, as in both papers' main tables, rows that they ranked otherwise
    are named.
    """
    if view != TEST_VIEW or not elsewhere:
        return []
    rows = ", ".join(elsewhere)
    return [
        f"Printed values of {rows} come from authors' code that masks the history: see the table with the history masked."
    ]


def _printed(run: RunResult, metric: Metric, paper: str) -> Published | None:
    """One paper per data set: the papers differ in settings, so rows from both would not be
    comparable with each other.
    """
    if run.ranks.users not in published_users(run.dataset) or run.split != LeaveOneOut():
        return None
    if run.printed is not None:
        return run.printed.value(run.dataset, metric.name)
    if run.is_variant:
        return None
    source = (
        paper
        if covers(paper, run.dataset)
        else next((other for other in PAPERS if covers(other, run.dataset)), None)
    )
    return next(
        (
            value
            for value in published(run.dataset, run.model, metric.name)
            if value.paper == source
        ),
        None,
    )
