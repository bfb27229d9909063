"""How much a proposal gains over the best baseline of its paper, beside what the paper's table says
of that.

Ours: the baseline is chosen on validation, metric by metric. The paper's: recomputed from its
printed test values, over the best of all other printed rows, as neither paper prints validation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sirec.data.split import LeaveOneOut
from sirec.evaluation.metrics import Metric
from sirec.papers import PAPERS
from sirec.report.differences import PairedTest, differences, find_row, method_notes
from sirec.report.published import (
    covers,
    is_compared,
    is_same,
    proposing,
    published_models,
    published_users,
)
from sirec.report.results import ResultsByRow, RunResult, group, listed
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow

COLUMNS = (
    TableColumn("value"),
    TableColumn("best baseline"),
    TableColumn("its value"),
    TableColumn("gain", unit="%", decimals=1, signed=True),
    TableColumn("p corrected"),
)
PRINTED = (
    TableColumn("printed best baseline"),
    TableColumn("printed gain", unit="%", decimals=1, signed=True),
)


def improvement_table(
    entries: Sequence[RunResult],
    metrics: Sequence[Metric],
    proposal: str,
    title: str = "Comparison",
) -> ResultTable:
    """One line a metric, under its data set: the proposal (a label or a model), the best baseline,
    the gain, the printed gain.

    Baselines are all floors and all models that the proposal's paper compares with; without such a
    paper all other models. A note names the rows that are none. Test with the history kept. Raises
    `SirecError` where no row is the proposal, or no other row is left.
    """
    rows: list[TableRow] = []
    pairs: list[PairedTest] = []
    sources: dict[str, None] = {}
    left_out: dict[tuple[str, str], None] = {}
    for dataset, by_label in group(entries).items():
        field, mine, dropped = _field(by_label, proposal, dataset)
        left_out |= dict.fromkeys((why, label) for label, why in dropped.items())
        paper = _paper(mine)
        for pair in differences(field, metrics, proposal=mine.label):
            if pair.is_reference:
                pairs.append(pair)
                rows.append(
                    TableRow(
                        pair.difference.metric, (*_ours(pair), *_printed(pair, paper)), dataset
                    )
                )
                if paper:
                    sources[
                        f"Printed gain: recomputed from the table of {PAPERS[paper].citation}, over its best other row on test."
                    ] = None
    candidates = (
        "what its paper compares with and of floors"
        if proposing(mine.model)
        else "all other models and of floors"
    )
    notes = [f"Best baseline: of {candidates}, by the same metric on validation."]
    notes += [f"No baselines here: {listed(left_out)}."] if left_out else []
    name = f"{title}: {mine.label} against the best {'baseline of its paper' if proposing(mine.model) else 'of all others'}"
    columns = (*COLUMNS, *(PRINTED if sources else ()))
    rows = [replace(row, cells=row.cells[: len(columns)]) for row in rows]
    return ResultTable(
        name,
        columns,
        tuple(rows),
        (*notes, *sources, *method_notes(pairs, intervals=False)),
        "metric",
    )


def _field(
    rows: ResultsByRow, proposal: str, dataset: str
) -> tuple[list[RunResult], RunResult, dict[str, str]]:
    """The runs of the proposal and of its baselines, the proposal's first, and why other rows are
    no baselines.
    """
    own = {label: runs for label, runs in rows.items() if not runs[0].is_variant}
    label = find_row(own, proposal, dataset)
    mine = own[label][0]
    reasons = {other: _reason(runs[0], mine) for other, runs in rows.items() if other != label}
    others = (rows[other] for other, reason in reasons.items() if not reason)
    field = [run for runs in (own[label], *others) for run in runs]
    return field, mine, {other: reason for other, reason in reasons.items() if reason}


def _reason(run: RunResult, mine: RunResult) -> str:
    """Why a row is no baseline of the proposal, or nothing if it is one."""
    if run.is_variant:
        return "not the model as papers' main tables have it"
    if run.model == mine.model:
        return "the same model"
    return (
        ""
        if run.is_training_free or is_compared(mine.model, run.model)
        else "not in the paper's table"
    )


def _paper(run: RunResult) -> str | None:
    """The paper that proposes the model and prints values of the same question: the same data, in
    size and split.
    """
    papers = (paper for paper in proposing(run.model) if covers(paper, run.dataset))
    is_same_data = run.ranks.users in published_users(run.dataset) and run.split == LeaveOneOut()
    return next(papers, None) if is_same_data else None


def _ours(pair: PairedTest) -> Iterator[Cell]:
    d = pair.difference
    yield Cell(d.mean_a)
    yield Cell(pair.baseline)
    yield Cell(d.mean_b)
    yield (
        Cell(missing="the baseline finds nothing") if d.relative is None else Cell(100 * d.relative)
    )
    yield Cell(d.adjusted_p)


def _printed(pair: PairedTest, paper: str | None) -> Iterator[Cell]:
    """The best other row of the paper's table and the gain over it."""
    values = published_models(paper, pair.dataset, pair.difference.metric) if paper else {}
    own = next((name for name in values if paper and is_same(name, PAPERS[paper].proposal)), None)
    if own is None:
        yield from (Cell(missing="not printed"), Cell(missing="not printed"))
        return
    best = max((name for name in values if name != own), key=lambda name: values[name])
    yield Cell(best)
    yield Cell(100 * (values[own] / values[best] - 1))
