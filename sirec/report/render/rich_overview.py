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
BESIDE_ROWS = 12  # lines of a screen besides its rows
USUAL_WIDTH = 80  # a narrower screen has more lines, since it breaks sentences more often
AFTERWARDS = 3  # lines that a command prints below: what was written, where to look, what is next


@dataclass(frozen=True)
class OverviewScreen:
    """What Rich prints for an overview.

    Attributes:
        overview: the table and its lines. Of the lines, those that have room are drawn, and the
            first one in any case: as many lines as rows, and twelve more, are a screen.
        rest: what `--full` prints beyond the overview; nothing is said of it if empty.
        afterwards: lines that the command prints below.
    """

    overview: Overview
    rest: str = ""
    afterwards: int = AFTERWARDS

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
        drawn = self._draw(texts, shown, label_width)
        legend: list[Text] = []
        if any(row.is_training_free for row in table.rows):
            legend.append(Text(f"{FREE_MARK} a baseline that is computed without training."))
        closing = self._closing(shown)
        fixed = (Text(table.title, style="bold"), *legend, *closing)
        used = sum(len(console.render_lines(line, prose)) for line in fixed)
        used += len(console.render_lines(drawn, options)) - drawn.row_count
        narrow = max(1, USUAL_WIDTH / options.max_width)
        room = int(BESIDE_ROWS * narrow) - self.afterwards - used
        yield from console.render(Text(table.title, style="bold"), prose)
        yield drawn
        sentences = self._lines_that_fit(console, prose, room)
        for line in (*legend, *sentences, *closing):
            yield from console.render(line, prose)

    def _closing(self, shown: Sequence[str]) -> list[Text]:
        """What `--full` prints, and which columns have no room."""
        left_out: list[str] = []
        for column in self.overview.table.columns:
            if column.name not in shown:
                left_out.append(column.name)
        rest = f"--full prints {self.rest}" if self.rest else "a wider screen has them"
        if left_out:
            return [Text(f"No room for {', '.join(left_out)}: {rest}.", style="dim")]
        return [Text(f"{rest} with intervals and notes.", style="dim")] if self.rest else []

    def _lines_that_fit(self, console: Console, prose: ConsoleOptions, room: int) -> list[Text]:
        """The first lines below the table, as many as there is room for, and one at least."""
        fitting: list[Text] = []
        for line in self.overview.lines:
            text = Text(line)
            room -= len(console.render_lines(text, prose))
            if room < 0 and fitting:
                break
            fitting.append(text)
        return fitting

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
