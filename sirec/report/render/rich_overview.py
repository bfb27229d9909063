"""An overview in a terminal: one line a row, as many columns as there is room for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from sirec.report.overview import Overview
from sirec.report.render.rich_table import PADDING, PADDING_AND_LINE, STYLES
from sirec.report.render.texts import interval_text, spread_text, value_text
from sirec.report.table import TableRow

WIDEST_LABEL = 34  # longer labels go on in a second line
FREE_MARK = "*"
READABLE = 100  # longer lines of prose are hard to read


@dataclass(frozen=True)
class OverviewScreen:
    """What Rich prints for an overview.

    Attributes:
        overview: the table and its lines.
        closing: lines that say where the rest is and what comes next.
    """

    overview: Overview
    closing: tuple[str, ...] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the title, the table, and the lines.

        Args:
            console: the console, which is not asked for anything.
            options: how wide the console is.
        """
        table = self.overview.table
        texts = self._texts()
        label_width = min(self._longest_label(), WIDEST_LABEL, max(options.max_width // 2, 10))
        shown = self._columns_that_fit(texts, options.max_width - label_width - PADDING)
        prose = options.update(width=min(options.max_width, READABLE))
        yield from console.render(Text(table.title, style="bold"), prose)
        yield self._draw(texts, shown, label_width)
        left_out = [column.name for column in table.columns if column.name not in shown]
        if left_out:
            text = f"No room for {', '.join(left_out)}: a wider screen or --full has them."
            yield from console.render(Text(text, style="dim"), prose)
        if any(row.is_training_free for row in table.rows):
            text = f"{FREE_MARK} a baseline that is computed without training."
            yield from console.render(Text(text), prose)
        for line in self.overview.lines:
            yield from console.render(Text(line), prose)
        for line in self.closing:
            yield from console.render(Text(line, style="dim"), prose)

    def _texts(self) -> list[list[Text]]:
        """The texts of all cells, row by row."""
        table = self.overview.table
        texts: list[list[Text]] = []
        for row, places in zip(table.rows, table.places(), strict=True):
            line: list[Text] = []
            for cell, column, place in zip(row.cells, table.columns, places, strict=True):
                value = Text(value_text(cell, column), style=STYLES.get(place or 0, ""), end="")
                extent = interval_text(cell, column)
                spread = f" {extent}" if extent else spread_text(cell, column)
                line.append(Text.assemble(value, spread, cell.mark))
            texts.append(line)
        return texts

    def _longest_label(self) -> int:
        table = self.overview.table
        labels = [table.label_heading]
        for row in table.rows:
            labels += [row.group, _short_label(row)]
        return max(map(cell_len, labels))

    def _columns_that_fit(self, texts: Sequence[Sequence[Text]], room: int) -> list[str]:
        """Names of the first columns that fit, the first one in any case."""
        shown: list[str] = []
        for index, column in enumerate(self.overview.table.columns):
            width = cell_len(column.heading)
            for line in texts:
                width = max(width, line[index].cell_len)
            room -= width + PADDING_AND_LINE
            if room < 0 and shown:
                break
            shown.append(column.name)
        return shown

    def _draw(
        self, texts: Sequence[Sequence[Text]], shown: Sequence[str], label_width: int
    ) -> Table:
        table = self.overview.table
        drawn = Table(box=box.SIMPLE_HEAD, show_edge=False)
        drawn.add_column(Text(table.label_heading), overflow="fold", max_width=label_width)
        for column in table.columns[: len(shown)]:
            drawn.add_column(Text(column.heading), justify="right", no_wrap=True)
        position = 0
        for group, rows in groupby(table.rows, key=lambda row: row.group):
            if group:
                drawn.add_row(Text(group, style="italic"))
            for row in rows:
                drawn.add_row(Text(_short_label(row)), *texts[position][: len(shown)])
                position += 1
        return drawn


def _short_label(row: TableRow) -> str:
    """The label, with a mark if the row is a training-free baseline."""
    return f"{row.label} {FREE_MARK}" if row.is_training_free else row.label
