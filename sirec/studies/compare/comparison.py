"""A comparison of runs: tables, sentences, and the files they are written to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from sirec.errors import SirecError
from sirec.evaluation.metrics import DEFAULT_METRICS, Metric, parse_metric
from sirec.papers import PAPERS
from sirec.report.answer import Along, Answer, RowVerdict
from sirec.report.comparison_table import comparison_table
from sirec.report.difference_table import difference_table
from sirec.report.difference_words import CHECKPOINT_MARK, MARK, sentence
from sirec.report.differences import PairedTest, differences
from sirec.report.improvement_table import improvement_table
from sirec.report.overview import Overview, results_overview
from sirec.report.published import covers
from sirec.report.render import latex_files, links_to_runs, to_csv, to_dict, to_html, to_markdown
from sirec.report.render.markdown import escaped, paragraph
from sirec.report.result_set import ResultSet
from sirec.report.results import FIRST, MissingRow, RunResult, View, is_on_published_data
from sirec.report.table import ResultTable
from sirec.run.files import replace_json, replace_text

HEADLINE = parse_metric("Recall@20")  # what sentences are about: the metric that papers select by
LATEX = "latex"  # folder of the LaTeX files, in that of the tables
IN_DIFFERENCES = (HEADLINE.name, "NDCG@20")  # metrics of the table of paired differences
UNMARKED = "Unmarked"
SAID_ABOVE = (
    "Protocol, seeds and whatever else is not said here: as below the tables before this one."
)


@dataclass(frozen=True)
class Comparison:
    """What a comparison shows.

    Attributes:
        title: the title.
        tables: the tables.
        sentences: what the tables mean.
        overview: what one screen shows of it; the first table and sentences if None.
        pairs: the paired tests of the metrics that the table of differences has.
        along: the setting in which rows differ, where the comparison is about one.
    """

    title: str
    tables: tuple[ResultTable, ...]
    sentences: tuple[str, ...]
    overview: Overview | None = None
    pairs: tuple[PairedTest, ...] = ()
    along: Along | None = None

    def screen(self) -> Overview:
        """What one screen shows of the comparison."""
        return self.overview or Overview.of(self.tables[0], self.sentences)

    def answer(self) -> Answer:
        """What a report shows of the comparison."""
        screen = self.screen()
        notes: dict[str, None] = {}
        for table in self.tables:
            notes |= dict.fromkeys(table.footnotes())
        notes.pop(SAID_ABOVE, None)
        verdicts = tuple(RowVerdict.of(pair) for pair in self.pairs if pair.is_reference)
        return Answer(
            self.title,
            screen.table,
            screen.lines,
            tuple(notes),
            verdicts,
            screen.longer,
            self.along,
        )

    def with_table(self, table: ResultTable) -> Comparison:
        """The same with one more table, which a screen shows instead of the others."""
        overview = Overview.of(table, table.notes[-1:])
        return replace(self, tables=(*self.tables, table), overview=overview)

    def to_markdown(self) -> str:
        """All tables and sentences, and a link to every run that the tables stand on.

        The links are those of a file in the folder `tables` beside `runs`. The same runs give the
        same bytes.
        """
        parts = [f"# {escaped(self.title)}\n", *map(to_markdown, self.tables)]
        for text in (*map(paragraph, self.sentences), links_to_runs(self.tables)):
            if text:
                parts.append(f"{text}\n")
        return "\n".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {
            "title": self.title,
            "tables": list(map(to_dict, self.tables)),
            "sentences": list(self.sentences),
        }

    def to_frame(self, table: int = 0) -> pd.DataFrame:
        """The values of one of the tables, counted from 0."""
        return self.tables[table].to_frame()

    def _repr_html_(self) -> str:
        """The tables as a notebook shows them."""
        return "\n".join(map(to_html, self.tables))

    def write(self, folder: Path, name: str) -> Path:
        """Write `name.md`, `name.csv`, `name.json`, and LaTeX into `latex/name_*.tex`.

        Args:
            folder: where to write them.
            name: their name.

        Returns:
            The Markdown file.
        """
        replace_text(folder / f"{name}.md", self.to_markdown())
        replace_text(folder / f"{name}.csv", to_csv(*self.tables))
        replace_json(folder / f"{name}.json", self.answer().to_dict())
        tables: list[ResultTable] = []
        for table in self.tables:
            notes = tuple(note for note in table.notes if note != SAID_ABOVE)
            tables.append(replace(table, notes=notes))
        write_latex(folder / LATEX, name, latex_files(self.title, tables, name))
        return folder / f"{name}.md"


def write_latex(folder: Path, name: str, files: Mapping[str, str]) -> None:
    """Write the LaTeX files of a comparison, and delete those of tables that it has no more.

    Args:
        folder: where to write them.
        name: what their names begin with.
        files: name of a file -> its text; an empty one is not written.
    """
    for path in folder.glob(f"{name}_*.tex"):
        ending = path.stem.removeprefix(f"{name}_")
        if (ending.isdecimal() or ending == "notes") and not files.get(path.name):
            path.unlink()
    for file, text in files.items():
        if text:
            replace_text(folder / file, text)


def compare_results(
    runs: Iterable[RunResult],
    *,
    title: str = "Comparison",
    metrics: Sequence[Metric] = DEFAULT_METRICS,
    views: Sequence[View] = (View(),),
    against: str | None = None,
    proposals: Sequence[str] = (),
    missing: Sequence[MissingRow] = (),
    notes: Sequence[str] = (),
) -> Comparison:
    """A table for each view and, with two rows or more, the paired differences of the first view.

    The view of the papers, test with the history kept, has a table for each paper that covers the
    data.

    Args:
        runs: the runs.
        title: title of the comparison.
        metrics: the metrics.
        views: which ranks are shown. Differences are tested on the first one.
        against: label or model of the row that all others are compared with, `PREVIOUS` or `FIRST`,
            as in `differences`. One row alone may be the first.
        proposals: rows that are compared with their best baseline in a table each.
        missing: rows that data sets cannot have; they stand in every table.
        notes: notes below every table.

    Raises:
        SirecError: if there is only one row and one to compare it with is named, if a row is not
            found, or if the runs cannot be grouped (see `ResultSet`).
    """
    results = ResultSet(runs)
    if against not in (None, FIRST) and not results.has_choice():
        raise SirecError(
            f"against {against}: there is one row, and nothing to set it against", "add another run"
        )
    pairs: list[PairedTest] = []
    if results.has_choice():
        pairs = differences(results, metrics, against=against, view=views[0])
    tables: list[ResultTable] = []
    for view in views:
        marking, below = pairs, notes
        if pairs and view != views[0]:
            untested = f"{UNMARKED}: differences are tested on one view alone, {views[0].name}."
            marking, below = [], (untested, *notes)
        for table in _tables_of_view(results, metrics, view, marking, missing, title):
            tables.append(replace(table, notes=(*table.notes, *below)))
    first_table = tables[0]
    tables = without_repeats(tables)
    if results.has_choice():
        for proposal in proposals:
            tables.append(improvement_table(results, metrics, proposal, title))
    usual = [pair for pair in pairs if pair.difference.metric in IN_DIFFERENCES] or pairs
    if usual:
        tables.append(difference_table(usual, f"{title}: paired differences"))
    sentences = tuple(sentences_on_headline(pairs, metrics))
    overview = results_overview(first_table, pairs, headline(metrics).name)
    return Comparison(title, tuple(tables), sentences, overview, tuple(usual))


def without_repeats(tables: Sequence[ResultTable]) -> list[ResultTable]:
    """The tables of one file, each note only below the first table that has it.

    Legends of marks stay below every table. A table that loses a note says where to look.
    """
    said: set[str] = set()
    shorter: list[ResultTable] = []
    for table in tables:
        kept: list[str] = []
        for note in table.notes:
            if note not in said or note.startswith((MARK, CHECKPOINT_MARK, UNMARKED)):
                kept.append(note)
        if len(kept) < len(table.notes):
            kept.append(SAID_ABOVE)
        shorter.append(replace(table, notes=tuple(kept)))
        said |= set(table.notes)
    return shorter


def headline(metrics: Sequence[Metric]) -> Metric:
    """The metric that sentences are about: `HEADLINE` if it is among these, else the first."""
    return HEADLINE if HEADLINE in metrics else metrics[0]


def _tables_of_view(
    results: ResultSet,
    metrics: Sequence[Metric],
    view: View,
    pairs: Sequence[PairedTest],
    missing: Sequence[MissingRow],
    title: str,
) -> list[ResultTable]:
    """The table of a view; where several papers cover the data, one for each of them."""
    title = f"{title}: {view.name}"
    papers = _papers(results) if view == View() else []
    if len(papers) < 2:
        table = comparison_table(
            results, metrics, view=view, pairs=pairs, missing=missing, title=title
        )
        return [table]
    tables: list[ResultTable] = []
    for paper in papers:
        table = comparison_table(
            results,
            metrics,
            view=view,
            paper=paper,
            pairs=pairs,
            missing=missing,
            title=f"{title}, beside {PAPERS[paper].label}'s paper",
        )
        tables.append(table)
    return tables


def _papers(results: ResultSet) -> list[str]:
    """The papers whose main table has one of the data sets of runs that it may have values for."""
    datasets: set[str] = set()
    for run in results:
        if not run.is_variant and run.printed is None and is_on_published_data(run):
            datasets.add(run.dataset)
    papers: list[str] = []
    for paper in PAPERS:
        if any(covers(paper, dataset) for dataset in datasets):
            papers.append(paper)
    return papers


def sentences_on_headline(pairs: Sequence[PairedTest], metrics: Sequence[Metric]) -> list[str]:
    """A sentence on each test of the metric that sentences are about.

    Args:
        pairs: the tests.
        metrics: the metrics of the comparison.
    """
    about = headline(metrics).name
    return [sentence(pair) for pair in pairs if pair.difference.metric == about]
