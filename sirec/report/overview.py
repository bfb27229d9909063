"""What one screen shows of a comparison: a table without notes, and a few lines below it.

The tables of a comparison, with all notes, are what files hold. A person who has just typed a
command wants the answer first: one row for each row of the comparison, one line each, with the
verdict beside the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sirec.evaluation.metrics import ONE_TARGET
from sirec.report.difference_words import baselines, scopes
from sirec.report.differences import NAMED_FIRST, SIGNIFICANCE, PairedTest, verdict
from sirec.report.notes import WITHHELD
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow

MOST_LINES = 6  # below a table
NAMED_SETTINGS = 4  # in which rows differ; of more, only the first are named
PUBLISHED_ON = "Published on"  # begins the notes that name printed tables
# Begin the notes without which a table misleads: another split, rows that were not made alike.
SPLIT_OF, ROWS_DIFFER = "Split of", "The rows differ in "
WHOLE = (SPLIT_OF, WITHHELD)  # beginnings of notes that the screen has as they are
WORDS = {"better": "better", "worse": "worse", "undecided": "open", "equivalent": "equal"}
ONE_SEED = "one seed"  # these checkpoints differ, which decides nothing about methods


@dataclass(frozen=True)
class Overview:
    """A table and what it means.

    Attributes:
        table: its columns stand in the order of their importance. A narrow screen leaves out those
            on the right.
        lines: what it means, a sentence or two a line.
        longer: a table that a page shows folded below it, and a screen does not show.
    """

    table: ResultTable
    lines: tuple[str, ...] = ()
    longer: ResultTable | None = None

    @classmethod
    def of(cls, table: ResultTable, sentences: Sequence[str] = ()) -> Overview:
        """A table as it is, without its notes.

        Args:
            table: the table.
            sentences: what it means; only the first ones are shown.
        """
        return cls(without_extras(table), tuple(sentences[:MOST_LINES]))


def without_extras(table: ResultTable) -> ResultTable:
    """The table with one line a row: no notes, intervals or printed values."""
    rows: list[TableRow] = []
    for row in table.rows:
        cells = tuple(replace(cell, interval=None, published=None) for cell in row.cells)
        rows.append(replace(row, cells=cells))
    return replace(table, rows=tuple(rows), notes=())


def results_overview(table: ResultTable, pairs: Sequence[PairedTest], metric: str) -> Overview:
    """The first table of a comparison with its headline metric first, then the verdicts.

    Args:
        table: the table of the view that was tested, with a column for each metric.
        pairs: the paired tests of that view.
        metric: the metric that verdicts are about, which has a column.
    """
    about = [pair for pair in pairs if pair.difference.metric == metric and pair.is_reference]
    place = table.column_index(metric)
    others = _others(table, place)
    columns = [table.columns[place]]
    if table.has_published(place):
        columns.append(TableColumn("printed", decimals=table.columns[place].decimals))
    if about:
        columns.append(TableColumn(_heading(about)))
    columns += [table.columns[index] for index in others]
    verdicts = _verdicts(table, about)
    rows: list[TableRow] = []
    for row in table.rows:
        cells = [_without_mark(row.cells[place])]
        if table.has_published(place):
            printed = row.cells[place].published
            cells.append(Cell("" if printed is None else printed))
        if about:
            cells.append(Cell(verdicts.get((row.group, row.label), "")))
        cells += [_without_mark(row.cells[index]) for index in others]
        rows.append(replace(row, cells=tuple(cells)))
    shown = replace(table, columns=tuple(columns), rows=tuple(rows), notes=())
    return Overview(without_extras(shown), tuple(_lines(table, about)[:MOST_LINES]))


def verdict_text(pair: PairedTest) -> str:
    """`+12.9 % better`, where the difference is relative to the baseline."""
    word = WORDS[verdict(pair)]
    if pair.differs and not pair.is_about_methods:
        word = ONE_SEED
    relative = pair.difference.relative
    return word if relative is None else f"{100 * relative:+.1f} % {word}"


def verdict_line(pairs: Sequence[PairedTest]) -> str:
    """What the words of verdicts mean, for tests of one metric."""
    family = max(pair.family for pair in pairs)
    tests = dict.fromkeys(pair.difference.test for pair in pairs)
    corrected = f", corrected for {family} tests" if family > 1 else ""
    words: list[str] = []
    if any(pair.is_about_methods for pair in pairs):
        words.append("better, worse")
    if not all(pair.is_about_methods for pair in pairs):
        words.append(ONE_SEED)
    return (
        f"{'; '.join(words)}: the 95 % interval excludes zero and p < {SIGNIFICANCE}{corrected} "
        f"({'; '.join(tests)}); open: not shown either way."
    )


def scope_lines(pairs: Sequence[PairedTest]) -> list[str]:
    """Whether the differences between trained rows are about methods or about checkpoints.

    What is said of training-free baselines is left out where anything is said of trained rows.
    """
    trained = [pair for pair in pairs if not pair.training_free]
    return scopes(trained or pairs)


def _heading(pairs: Sequence[PairedTest]) -> str:
    """The baseline, if all rows have the same one."""
    names = {pair.baseline for pair in pairs}
    return f"against {names.pop()}" if len(names) == 1 else "verdict"


def _verdicts(table: ResultTable, pairs: Sequence[PairedTest]) -> Mapping[tuple[str, str], str]:
    """(group, label) -> the verdict on a row; of the baseline that all have, that it is it."""
    is_grouped = any(row.group for row in table.rows)
    texts: dict[tuple[str, str], str] = {}
    names = {pair.baseline for pair in pairs}
    for pair in pairs:
        group = pair.dataset if is_grouped else ""
        if len(names) == 1:
            texts.setdefault((group, pair.baseline), "the baseline")
        texts[group, pair.label] = verdict_text(pair)
    return texts


def _lines(table: ResultTable, pairs: Sequence[PairedTest]) -> list[str]:
    lines: list[str] = []
    for note in table.notes:
        if note.startswith(WHOLE) or note.endswith(ONE_TARGET):
            lines.append(note)
    differing: list[str] = []
    for note in table.notes:
        if note.startswith(ROWS_DIFFER):
            differing.append(note.removeprefix(ROWS_DIFFER).partition(":")[0])
    if pairs:
        if len({pair.baseline for pair in pairs}) > 1:
            lines.append(f"Each row is set against {baselines(pairs)}.")
        elif pairs[0].chosen == NAMED_FIRST:
            baseline = pairs[0].baseline
            lines.append(f"The baseline is {baseline}, named first; --against names another.")
        lines += [verdict_line(pairs), *scope_lines(pairs)]
    if differing:
        lines.append(_settings_line(", ".join(differing).split(", ")))
    sources = [note for note in table.notes if note.startswith(PUBLISHED_ON)]
    lines += [f"printed: {note[0].lower()}{note[1:]}" for note in sources]
    return lines


def _settings_line(names: Sequence[str]) -> str:
    """In which settings the rows differ: their names, or how many they are."""
    if len(names) <= NAMED_SETTINGS:
        return f"{ROWS_DIFFER}{', '.join(names)}: --full says how."
    first = ", ".join(names[:2])
    return f"{ROWS_DIFFER}{len(names)} settings ({first}, …): --full says how."


def _others(table: ResultTable, place: int) -> list[int]:
    """The columns besides the headline metric: longer cutoffs first, then shorter ones."""
    others = [index for index in range(len(table.columns)) if index != place]

    def cutoff(index: int) -> int:
        return -int(table.columns[index].name.rpartition("@")[2] or 0)

    return sorted(others, key=cutoff)


def _without_mark(cell: Cell) -> Cell:
    return replace(cell, mark="")
