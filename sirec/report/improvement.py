"""How much a proposal gains over the best of all others, beside what its paper's table says of that.

Ours: the baseline is chosen on validation, metric by metric. The paper's: recomputed from its printed test values, over the
best of all other printed rows, as neither paper prints validation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sirec.data.split import LeaveOneOut
from sirec.evaluation.metrics import Metric
from sirec.report.differences import Pair, differences, find_row, method_notes
from sirec.report.entries import Entry, Rows, group
from sirec.report.published import (
    CITATIONS,
    PAPERS,
    PROPOSALS,
    Paper,
    covers,
    is_in,
    is_same,
    published_models,
    published_users,
)
from sirec.report.table import Cell, Column, ResultTable, Row

COLUMNS = (
    Column("value"), Column("best baseline"), Column("its value"), Column("gain", unit="%", decimals=1, signed=True),
    Column("p corrected"),
)  # fmt: skip
PRINTED = (Column("printed best baseline"), Column("printed gain", unit="%", decimals=1, signed=True))


def improvement_table(
    entries: Sequence[Entry], metrics: Sequence[Metric], proposal: str, title: str = "Comparison"
) -> ResultTable:
    """One line a metric, under its data set: the proposal (a label or a model), the best baseline, the gain, the printed gain.

    Baselines are all floors and all models that the proposal's paper compares with; without such a paper all other models.
    Test with the history kept. Raises `SirecError` where no row is the proposal, or no other row is left.
    """
    rows: list[Row] = []
    pairs: list[Pair] = []
    sources: dict[str, None] = {}
    for dataset, by_label in group(entries).items():
        field, mine = _field(by_label, proposal, dataset)
        paper = _paper(mine)
        for pair in differences(field, metrics, proposal=mine.label):
            if pair.is_reference:
                pairs.append(pair)
                rows.append(Row(pair.difference.metric, (*_ours(pair), *_printed(pair, paper)), dataset))
                if paper:
                    sources[
                        f"Printed gain: recomputed from the table of {CITATIONS[paper]}, over its best other row on test."
                    ] = None
    notes = ("Best baseline: of all others, by the same metric on validation; floors are baselines.", *sources)
    name = f"{title}: {mine.label} against the best of all others"
    columns = (*COLUMNS, *(PRINTED if sources else ()))
    rows = [replace(row, cells=row.cells[: len(columns)]) for row in rows]
    return ResultTable(name, columns, tuple(rows), (*notes, *method_notes(pairs)), "metric")


def _field(rows: Rows, proposal: str, dataset: str) -> tuple[list[Entry], Entry]:
    """The runs of the proposal and of its baselines, and the proposal's first."""
    own = {label: runs for label, runs in rows.items() if not runs[0].is_variant}
    label = find_row(own, proposal, dataset)
    mine = own[label][0]
    papers = [paper for paper in PAPERS if PROPOSALS[paper] == mine.model]
    others = (
        runs
        for runs in own.values()
        if runs[0].model != mine.model and (runs[0].is_floor or all(is_in(paper, runs[0].model) for paper in papers))
    )
    return [run for runs in (own[label], *others) for run in runs], mine


def _paper(run: Entry) -> Paper | None:
    """The paper that proposes the model and prints values of the same question: the same data, in size and split."""
    papers = (paper for paper in PAPERS if PROPOSALS[paper] == run.model and covers(paper, run.dataset))
    is_same_data = run.ranks.users in published_users(run.dataset) and run.split == LeaveOneOut()
    return next(papers, None) if is_same_data else None


def _ours(pair: Pair) -> Iterator[Cell]:
    d = pair.difference
    yield Cell(d.mean_a)
    yield Cell(pair.baseline)
    yield Cell(d.mean_b)
    yield Cell(missing="the baseline finds nothing") if d.relative is None else Cell(100 * d.relative)
    yield Cell(d.adjusted_p)


def _printed(pair: Pair, paper: Paper | None) -> Iterator[Cell]:
    """The best other row of the paper's table and the gain over it."""
    values = published_models(paper, pair.dataset, pair.difference.metric) if paper else {}
    own = next((name for name in values if paper and is_same(name, PROPOSALS[paper])), None)
    if own is None:
        yield from (Cell(missing="not printed"), Cell(missing="not printed"))
        return
    best = max((name for name in values if name != own), key=lambda name: values[name])
    yield Cell(best)
    yield Cell(100 * (values[own] / values[best] - 1))
