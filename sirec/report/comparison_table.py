"""The table that sets runs beside each other and beside what papers printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sirec.evaluation.metrics import DEFAULT_METRICS, Metric, one_target_notes
from sirec.papers import PAPERS
from sirec.report.difference_words import mark_of_pair, significance_notes
from sirec.report.differences import TEST_VIEW, PairedTest
from sirec.report.notes import condition_notes
from sirec.report.published import Published, covers, published
from sirec.report.result_set import ResultSet
from sirec.report.results import MissingRow, ResultRow, RunResult, View, is_on_published_data
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow

Marks = Mapping[tuple[str, str, str], str]  # data set, label, metric -> the mark


def comparison_table(
    results: Iterable[RunResult],
    metrics: Sequence[Metric] = DEFAULT_METRICS,
    *,
    view: View = TEST_VIEW,
    paper: str = "comif",
    pairs: Sequence[PairedTest] = (),
    missing: Sequence[MissingRow] = (),
    title: str = "Comparison",
) -> ResultTable:
    """A row for each row of runs, a column for each metric; the mean over seeds with its deviation.

    On the test split printed values stand beside ours, each under the history rule that it was
    ranked by.

    Args:
        results: the runs.
        metrics: the metrics.
        view: which ranks are read.
        paper: the paper whose main table is shown where a run names no published row of its own.
            For a data set that this paper lacks, another paper's table is shown.
        pairs: paired tests; those that are significant mark the rows that they are about.
        missing: rows that a data set cannot have. They stand below its other rows, with the
            reason.
        title: title of the table; the data set is added if there is only one.

    Raises:
        SirecError: if there are no runs, or a row has a seed twice.
    """
    grouped = ResultSet(results)
    printed = _PrintedValues(view, paper)
    marked = _marked(pairs)
    lines: list[TableRow] = []
    for dataset, rows in grouped.by_dataset().items():
        group = dataset if len(grouped.datasets()) > 1 else ""
        for row in rows.values():
            lines.append(_line(row, metrics, printed, marked, group))
        lines += _missing_lines(missing, dataset, group, len(metrics))
    notes = [
        view.note,
        *one_target_notes(metrics),
        *condition_notes(grouped, view),
        *printed.notes(),
    ]
    if marked:
        notes += significance_notes(pairs)
    columns = [TableColumn(metric.name, direction="higher") for metric in metrics]
    name = _with_dataset(title, grouped.datasets())
    return ResultTable(name, tuple(columns), tuple(lines), tuple(notes), best_within="group")


@dataclass
class _PrintedValues:
    """The printed values that a table shows, and what is to be said about them.

    Attributes:
        view: which ranks the table shows.
        paper: the paper whose main table is shown where a run names no other published row.
        sources: sentences that name the tables of the shown values.
        ranked_otherwise: labels of rows whose printed values follow the other history rule.
    """

    view: View
    paper: str
    sources: dict[str, None] = field(default_factory=dict)
    ranked_otherwise: dict[str, None] = field(default_factory=dict)

    def beside(self, row: ResultRow, metric: Metric) -> float | None:
        """The printed value beside a row's own one, if there is one under the same conditions.

        Args:
            row: the row.
            metric: the metric.
        """
        if self.view.split != TEST_VIEW.split:
            return None
        found = _printed(row.runs[0], metric, self.paper)
        if found is None:
            return None
        if found.history != self.view.history:
            self.ranked_otherwise[row.label] = None
            return None
        self.sources[f"Published on {row.dataset}: {found.source}."] = None
        return found.value

    def notes(self) -> list[str]:
        """The sources, and where printed values are that this table does not show.

        Rows that a paper ranked with the history masked are named where it is kept, as in the
        papers' main tables.
        """
        notes = list(self.sources)
        if self.view == TEST_VIEW and self.ranked_otherwise:
            rows = ", ".join(self.ranked_otherwise)
            notes.append(
                f"Printed values of {rows} come from authors' code that masks the history: "
                "see the table with the history masked."
            )
        return notes


def _marked(pairs: Sequence[PairedTest]) -> Marks:
    """The mark of every row, in every metric, that differs from its baseline."""
    marked: dict[tuple[str, str, str], str] = {}
    for pair in pairs:
        if pair.is_reference and pair.differs:
            marked[pair.dataset, pair.label, pair.difference.metric] = mark_of_pair(pair)
    return marked


def _line(
    row: ResultRow,
    metrics: Sequence[Metric],
    printed: _PrintedValues,
    marked: Marks,
    group: str,
) -> TableRow:
    """The row of the table for a row of runs."""
    cells: list[Cell] = []
    for metric in metrics:
        mark = marked.get((row.dataset, row.label, metric.name), "")
        cells.append(_cell(row, metric, printed.view, printed.beside(row, metric), mark))
    return TableRow(
        row.label, tuple(cells), group, row.is_training_free, row.links, model=row.model
    )


def _missing_lines(
    missing: Sequence[MissingRow], dataset: str, group: str, columns: int
) -> list[TableRow]:
    lines: list[TableRow] = []
    for row in missing:
        if row.dataset == dataset:
            lines.append(TableRow(row.label, (Cell(missing=row.reason),) * columns, group))
    return lines


def _with_dataset(title: str, datasets: Sequence[str]) -> str:
    """A title with the only data set, unless the title has it already."""
    only = datasets[0]
    if len(datasets) > 1 or only.lower() in title.lower():
        return title
    return f"{title} on {only}"


def _cell(row: ResultRow, metric: Metric, view: View, printed: float | None, mark: str) -> Cell:
    if not row.is_known(metric, view):
        return Cell(missing=_why_unknown(row))
    return Cell(row.mean(metric, view), printed, row.deviation(metric, view), mark=mark)


def _why_unknown(row: ResultRow) -> str:
    return "lists too short for the cutoff" if row.has_ranks else "not stored; ranks were withheld"


def _printed(run: RunResult, metric: Metric, paper: str) -> Published | None:
    """The value that was printed for a run's row on the same data.

    All rows of a data set have the values of one paper, as papers differ in their settings.
    """
    if not is_on_published_data(run):
        return None
    if run.printed is not None:
        return run.printed.value(run.dataset, metric.usual.name)
    if run.is_variant:
        return None
    source = _paper_on(run.dataset, paper)
    for value in published(run.dataset, run.model, metric.usual.name):
        if value.paper == source:
            return value
    return None


def _paper_on(dataset: str, preferred: str) -> str | None:
    """The preferred paper if it has the data set, else the first one that has it."""
    for paper in (preferred, *PAPERS):
        if covers(paper, dataset):
            return paper
    return None
