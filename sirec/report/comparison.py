"""The table that puts runs beside each other, beside what the papers printed, with marks for what is significant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sirec.evaluation.metrics import DEFAULT_METRICS, Metric
from sirec.report.differences import TEST_VIEW, Pair, significance_notes
from sirec.report.entries import Entry, View, group, is_known, means, protocol_notes, seed_note, split_notes, tie_notes
from sirec.report.published import PAPERS, Paper, Published, covers, published, published_users
from sirec.report.table import Cell, Column, ResultTable, Row


def comparison_table(
    entries: Sequence[Entry],
    metrics: Sequence[Metric] = DEFAULT_METRICS,
    *,
    view: View = TEST_VIEW,
    paper: Paper = "comif",
    pairs: Sequence[Pair] = (),
    title: str = "Comparison",
) -> ResultTable:
    """Rows = models, columns = metrics; seeds averaged, the deviation over seeds beside the mean.

    On the test split with the history kept, as both papers rank, printed values stand beside ours: those of `paper`, or of the
    other one for a data set that it lacks. `pairs` put significance marks on the rows they are about.
    Raises `SirecError` without entries, or if a row has the same seed twice.
    """
    grouped = group(entries)
    marked = {(pair.dataset, pair.label, pair.difference.metric) for pair in pairs if pair.is_reference and pair.is_significant}
    rows: list[Row] = []
    sources: dict[str, None] = {}
    for dataset, by_label in grouped.items():
        for label, runs in by_label.items():
            cells = []
            for metric in metrics:
                # Both papers rank the test targets among all items, seen ones included: nothing else is comparable.
                printed = _printed(runs[0], metric, paper) if view == TEST_VIEW else None
                if printed:
                    sources[f"Published on {dataset}: {printed.source}."] = None
                cells.append(_cell(runs, metric, view, printed, "†" if (dataset, label, metric.name) in marked else ""))
            rows.append(Row(label, tuple(cells), dataset if len(grouped) > 1 else "", runs[0].is_floor))
    columns = tuple(Column(metric.name, direction="higher") for metric in metrics)
    significance = significance_notes(pairs) if marked else []
    conditions = (*split_notes(entries, view), *protocol_notes(entries), seed_note(entries), *tie_notes(entries, view))
    notes = (view.note, *conditions, *sources, *significance)
    [only, *others] = grouped
    name = title if others or only.lower() in title.lower() else f"{title} on {only}"
    return ResultTable(name, columns, tuple(rows), notes, best_within="group")


def _cell(runs: Sequence[Entry], metric: Metric, view: View, printed: Published | None, mark: str) -> Cell:
    if not is_known(runs, metric, view):
        return Cell(missing="lists too short for the cutoff")
    values = means(runs, metric, view)
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Cell(float(np.mean(values)), printed.value if printed else None, deviation, mark=mark, link=runs[0].link)


def _printed(run: Entry, metric: Metric, paper: Paper) -> Published | None:
    """One paper per data set: the papers differ in settings, so rows from both would not be comparable with each other."""
    if run.is_variant or run.ranks.users not in published_users(run.dataset):
        return None
    source = paper if covers(paper, run.dataset) else next((other for other in PAPERS if covers(other, run.dataset)), None)
    return next((value for value in published(run.dataset, run.model, metric.name) if value.paper == source), None)
