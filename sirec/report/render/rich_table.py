"""Tables in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from sirec.report.render.texts import (
    interval_text,
    notes_with_legend,
    published_text,
    relative_text,
    spread_text,
    value_text,
)
from sirec.report.table import Cell, ResultTable, TableColumn

PADDING = 2  # cells beside the labels
PADDING_AND_LINE = 3  # cells beside the values of a column
STYLES = {1: "bold", 2: "underline"}


def to_rich(table: ResultTable) -> RichTable:
    """Something that a Rich console prints; nothing in it is read as markup."""
    return RichTable(table)


@dataclass(frozen=True)
class RichTable:
    """A table in a terminal.

    Published values stand in parentheses below ours. Columns that the width does not hold stand
    further down, with the labels once more.

    Attributes:
        table: the table.
    """

    table: ResultTable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the title, as many tables as the width needs, and the notes.

        Args:
            console: the console, which is not asked for anything.
            options: how wide the console is.
        """
        yield Text(self.table.title, style="bold")
        columns = self.table.columns
        texts: list[list[Text]] = []
        for row, places in zip(self.table.rows, self.table.places(), strict=True):
            texts.append(list(map(_cell_text, row.cells, columns, places)))
        for chosen in self._chunks(texts, options.max_width):
            yield self._draw(texts, chosen)
        if any(map(self.table.has_published, range(len(columns)))):
            yield Text("In parentheses: published value, ours relative to it.", style="dim")
        for note in notes_with_legend(self.table, "underlined"):
            yield Text(note, style="dim")

    def _label_width(self) -> int:
        labels = [self.table.label_heading]
        for row in self.table.rows:
            labels += [row.group, row.marked_label]
        return max(map(cell_len, labels))

    def _column_widths(self, texts: Sequence[Sequence[Text]]) -> list[int]:
        widths: list[int] = []
        for index, column in enumerate(self.table.columns):
            lines = [column.heading]
            for row in texts:
                lines += row[index].plain.split("\n")
            widths.append(max(map(cell_len, lines)))
        return widths

    def _chunks(self, texts: Sequence[Sequence[Text]], width: int) -> Iterator[list[int]]:
        """Indices of the columns that fit beside the labels, at least one at a time."""
        labels = self._label_width() + PADDING
        chosen: list[int] = []
        used = labels
        for index, needed in enumerate(self._column_widths(texts)):
            if chosen and used + needed + PADDING_AND_LINE > width:
                yield chosen
                chosen, used = [], labels
            chosen.append(index)
            used += needed + PADDING_AND_LINE
        yield chosen

    def _draw(self, texts: Sequence[Sequence[Text]], chosen: Sequence[int]) -> Table:
        drawn = Table(box=box.SIMPLE_HEAD, show_edge=False)
        drawn.add_column(Text(self.table.label_heading), overflow="fold")
        for index in chosen:
            drawn.add_column(Text(self.table.columns[index].heading), justify="right", no_wrap=True)
        position = 0
        for group, rows in groupby(self.table.rows, key=lambda row: row.group):
            if group:
                drawn.add_row(Text(group, style="italic"))
            for row in rows:
                cells = [texts[position][index] for index in chosen]
                drawn.add_row(Text(row.marked_label), *cells)
                position += 1
            drawn.add_section()
        return drawn


def _cell_text(cell: Cell, column: TableColumn, place: int | None) -> Text:
    """The value with its deviation and mark; interval and published value on lines below."""
    value = Text(value_text(cell, column), style=STYLES.get(place or 0, ""), end="")
    drawn = Text.assemble(value, spread_text(cell, column), cell.mark)
    if cell.interval is not None:
        drawn.append(f"\n{interval_text(cell, column)}")
    if cell.published is not None:
        texts = [published_text(cell, column)]
        if cell.relative is not None:
            texts.append(relative_text(cell))
        drawn.append(f"\n({', '.join(texts)})", style="dim")
    return drawn
