"""A comparison: runs into tables, sentences and files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sirec.errors import SirecError
from sirec.evaluation.metrics import DEFAULT_METRICS, Metric, parse_metric
from sirec.papers import PAPERS
from sirec.report.comparison_table import comparison_table
from sirec.report.differences import MARK, PairedTest, difference_table, differences, sentence
from sirec.report.improvement_table import improvement_table
from sirec.report.published import covers
from sirec.report.render import links_to_runs, to_csv, to_dict, to_latex, to_markdown
from sirec.report.results import MissingRow, RunResult, View, group
from sirec.report.table import ResultTable
from sirec.run.files import replace_text

HEADLINE = parse_metric("Recall@20")  # what sentences are about: the metric both papers select by

UNMARKED = "Unmarked"


@dataclass(frozen=True)
class Comparison:
    """What a comparison says: tables to draw, and what they mean in words.

    Its Markdown leads to every run that the tables stand on, from a file in `tables` beside `runs`.
    """

    title: str
    tables: tuple[ResultTable, ...]
    sentences: tuple[str, ...]

    def to_markdown(self) -> str:
        """All tables and sentences, the same bytes for the same runs."""
        parts = [f"# {self.title}\n", *(to_markdown(table) for table in self.tables)]
        parts += [f"{text}\n" for text in (*self.sentences, links_to_runs(self.tables)) if text]
        return "\n".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {
            "title": self.title,
            "tables": [to_dict(table) for table in self.tables],
            "sentences": list(self.sentences),
        }

    def write(self, folder: Path, name: str) -> Path:
        """Write `name.md`, `.csv` and `.tex` into a folder and return the Markdown file."""
        replace_text(folder / f"{name}.md", self.to_markdown())
        replace_text(folder / f"{name}.csv", to_csv(*self.tables))
        replace_text(folder / f"{name}.tex", "\n".join(to_latex(table) for table in self.tables))
        return folder / f"{name}.md"


def compare_entries(
    entries: Sequence[RunResult],
    *,
    title: str = "Comparison",
    metrics: Sequence[Metric] = DEFAULT_METRICS,
    views: Sequence[View] = (View(),),
    against: str | None = None,
    proposals: Sequence[str] = (),
    missing: Sequence[MissingRow] = (),
    notes: Sequence[str] = (),
) -> Comparison:
    """A table for each view and, with two or more rows, the paired differences of the first one and
    a sentence on each.

    The papers' own view, test with the history kept, has a table beside each paper that covers the
    data. Each of `proposals` is set against its best baseline in a table of its own. `missing` rows
    are in every table, `notes` stand below. Raises `SirecError` if one row is to be set `against`
    another and there is none, and as `differences` does.
    """
    several = any(len(rows) > 1 for rows in group(entries).values())
    if against is not None and not several:
        raise SirecError(
            f"against {against}: there is one row, and nothing to set it against", "add another run"
        )
    pairs = differences(entries, metrics, against=against, view=views[0]) if several else []
    tables: list[ResultTable] = []
    for view in views:
        named = f"{title}: {_name(view)}"
        is_tested = not pairs or view == views[0]
        untested = (
            []
            if is_tested
            else [f"{UNMARKED}: differences are tested on one view alone, {_name(views[0])}."]
        )
        for table in _beside_papers(
            entries, metrics, view, pairs if view == views[0] else (), missing, named
        ):
            tables.append(replace(table, notes=(*table.notes, *untested, *notes)))
    tables = without_repeats(tables)
    for proposal in proposals if several else ():
        tables.append(improvement_table(entries, metrics, proposal, title))
    if pairs:
        headline = [
            pair for pair in pairs if pair.difference.metric in (HEADLINE.name, "NDCG@20")
        ] or pairs
        tables.append(difference_table(headline, f"{title}: paired differences"))
    return Comparison(title, tuple(tables), tuple(_sentences(pairs, metrics)))


def without_repeats(tables: Sequence[ResultTable]) -> list[ResultTable]:
    """Tables of one file: a note that was said is not said again, except of marks, but that there
    are such notes is.
    """
    said: set[str] = set()
    shorter = []
    for table in tables:
        notes = tuple(
            note for note in table.notes if note not in said or note.startswith((MARK, UNMARKED))
        )
        above = (
            "Protocol, seeds and whatever else is not said here: as below the tables before this one.",
        )
        shorter.append(
            replace(table, notes=(*notes, *(above if len(notes) < len(table.notes) else ())))
        )
        said |= set(table.notes)
    return shorter


def _beside_papers(
    entries: Sequence[RunResult],
    metrics: Sequence[Metric],
    view: View,
    pairs: Sequence[PairedTest],
    missing: Sequence[MissingRow],
    title: str,
) -> list[ResultTable]:
    """The table of a view; where several papers have the data, one beside each, else one."""
    shown = view == View()
    printed = {
        entry.dataset
        for entry in entries
        if shown and not entry.is_variant and entry.printed is None
    }
    papers = [paper for paper in PAPERS if any(covers(paper, dataset) for dataset in printed)]
    if len(papers) < 2:
        return [
            comparison_table(entries, metrics, view=view, pairs=pairs, missing=missing, title=title)
        ]
    return [
        comparison_table(
            entries,
            metrics,
            view=view,
            pairs=pairs,
            missing=missing,
            paper=paper,
            title=f"{title}, beside {PAPERS[paper].label}'s paper",
        )
        for paper in papers
    ]


def _sentences(pairs: Sequence[PairedTest], metrics: Sequence[Metric]) -> list[str]:
    about = HEADLINE.name if HEADLINE in metrics else metrics[0].name
    return [sentence(pair) for pair in pairs if pair.difference.metric == about]


def _name(view: View) -> str:
    split = {"test": "test", "valid": "validation"}[view.split]
    return f"{split}, history {'kept' if view.history == 'keep' else 'masked'}"
