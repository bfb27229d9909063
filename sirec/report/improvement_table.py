"""How much a proposal gains over the best baseline of its paper, here and in the paper's table.

Our baseline is chosen on validation, metric by metric. The printed gain is recomputed from the
paper's test values, over the best of all other printed rows, as no paper prints validation values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sirec.evaluation.metrics import Metric
from sirec.papers import PAPERS
from sirec.report.difference_words import method_notes
from sirec.report.differences import PairedTest, differences, find_row
from sirec.report.published import (
    covers,
    is_compared,
    is_same,
    proposing,
    published_models,
)
from sirec.report.result_set import ResultSet
from sirec.report.results import ResultRow, Rows, RunResult, is_on_published_data
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.report.words import listed

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
    results: Iterable[RunResult],
    metrics: Sequence[Metric],
    proposal: str,
    title: str = "Comparison",
) -> ResultTable:
    """A row for each data set and metric: a proposal, its best baseline, and both gains.

    Baselines are all training-free baselines and all models that the proposal's paper compares it
    with; if no paper proposes the model, all other models. A note names rows that are no
    baselines. Test ranks are read, with the history kept in the ranking.

    Args:
        results: the runs.
        metrics: the metrics.
        proposal: label or model of the proposal.
        title: what the title of the table begins with.

    Raises:
        SirecError: if no row is the proposal, or no other row is left.
    """
    contests: list[_Contest] = []
    for dataset, rows in ResultSet(results).by_dataset().items():
        contests.append(_contest(rows, proposal, dataset))
    papers = [contest.paper for contest in contests if contest.paper]
    columns = (*COLUMNS, *PRINTED) if papers else COLUMNS
    pairs: list[PairedTest] = []
    lines: list[TableRow] = []
    for contest in contests:
        for pair in contest.tests(metrics):
            pairs.append(pair)
            cells = (*_our_cells(pair), *_printed_cells(pair, contest.paper))
            lines.append(
                TableRow(pair.difference.metric, cells[: len(columns)], contest.proposal.dataset)
            )
    mine = contests[-1].proposal
    others = "baseline of its paper" if proposing(mine.model) else "of all others"
    name = f"{title}: {mine.label} against the best {others}"
    sources = dict.fromkeys(map(_source, papers))
    notes = (*_baseline_notes(contests), *sources, *method_notes(pairs, intervals=False))
    return ResultTable(name, columns, tuple(lines), notes, "metric")


@dataclass
class _Contest:
    """The proposal and its baselines on one data set.

    Attributes:
        proposal: the proposal's row.
        baselines: the rows of its baselines.
        reasons: (why it is no baseline, label) of each other row.
    """

    proposal: ResultRow
    baselines: list[ResultRow] = field(default_factory=list)
    reasons: dict[tuple[str, str], None] = field(default_factory=dict)

    @property
    def paper(self) -> str | None:
        """The paper that proposes the model and prints values for data of this size and split."""
        return _paper(self.proposal.runs[0])

    def tests(self, metrics: Sequence[Metric]) -> list[PairedTest]:
        """The proposal against its best baseline, in each metric."""
        runs = list(self.proposal.runs)
        for row in self.baselines:
            runs += row.runs
        pairs = differences(runs, metrics, proposal=self.proposal.label)
        return [pair for pair in pairs if pair.is_reference]


def _contest(rows: Rows, proposal: str, dataset: str) -> _Contest:
    """Which rows the proposal is compared with, and why others are left out."""
    own = {label: row for label, row in rows.items() if not row.is_variant}
    contest = _Contest(own[find_row(own, proposal, dataset)])
    for row in rows.values():
        if row.label != contest.proposal.label:
            reason = _reason(row, contest.proposal)
            if reason:
                contest.reasons[reason, row.label] = None
            else:
                contest.baselines.append(row)
    return contest


def _reason(row: ResultRow, proposal: ResultRow) -> str:
    """Why a row is no baseline of the proposal, or nothing if it is one."""
    if row.is_variant:
        return "not the model as papers' main tables have it"
    if row.model == proposal.model:
        return "the same model"
    if row.is_training_free or is_compared(proposal.model, row.model):
        return ""
    return "not in the paper's table"


def _paper(run: RunResult) -> str | None:
    """The paper that proposes the model and prints values for the same data, in size and split."""
    if is_on_published_data(run):
        for paper in proposing(run.model):
            if covers(paper, run.dataset):
                return paper
    return None


def _source(paper: str) -> str:
    return (
        f"Printed gain: recomputed from the table of {PAPERS[paper].citation}, "
        "over its best other row on test."
    )


def _baseline_notes(contests: Sequence[_Contest]) -> list[str]:
    """Which rows are baselines, and which are not."""
    candidates = "all other models"
    if proposing(contests[-1].proposal.model):
        candidates = "what its paper compares with"
    left_out: dict[tuple[str, str], None] = {}
    for contest in contests:
        left_out |= contest.reasons
    notes = [
        f"Best baseline: of {candidates} and of training-free baselines, "
        "by the same metric on validation."
    ]
    if left_out:
        notes.append(f"No baselines here: {listed(left_out)}.")
    return notes


def _our_cells(pair: PairedTest) -> list[Cell]:
    """A cell for each of `COLUMNS`."""
    d = pair.difference
    gain = Cell(missing="the baseline finds nothing")
    if d.relative is not None:
        gain = Cell(100 * d.relative)
    return [Cell(d.mean_a), Cell(pair.baseline), Cell(d.mean_b), gain, Cell(d.adjusted_p)]


def _printed_cells(pair: PairedTest, paper: str | None) -> list[Cell]:
    """The best other row of the paper's table, and the printed gain over it."""
    not_printed = [Cell(missing="not printed")] * len(PRINTED)
    if paper is None:
        return not_printed
    others = published_models(paper, pair.dataset, pair.difference.metric)
    own: float | None = None
    for name in list(others):
        if is_same(name, PAPERS[paper].proposal):
            own = others.pop(name)
    if own is None:
        return not_printed
    best = max(others, key=lambda name: others[name])
    return [Cell(best), Cell(100 * (own / others[best] - 1))]
