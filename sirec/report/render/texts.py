"""What all renderers share: the texts of cells, and rows of texts for those that draw a grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from tabulate import tabulate

from sirec.report.table import NOT_AVAILABLE, Cell, ResultTable, TableColumn, TableRow

Escape = Callable[[str], str]


def value_text(cell: Cell, column: TableColumn) -> str:
    """The value of a cell; `n/a` where a reason is given for having none.

    Args:
        cell: the cell.
        column: its column, which says how values are printed.
    """
    if cell.value is None and cell.missing:
        return NOT_AVAILABLE
    return column.text(cell.value)


def spread_text(cell: Cell, column: TableColumn) -> str:
    """` ± 0.0012` for the deviation of a cell over seeds, or nothing.

    Args:
        cell: the cell.
        column: its column, which says how many decimals there are.
    """
    if cell.deviation is None:
        return ""
    return f" ± {TableColumn('', decimals=column.decimals).text(cell.deviation)}"


def interval_text(cell: Cell, column: TableColumn) -> str:
    """`[0.1182, 0.1251]` for the interval of a cell, or nothing.

    Args:
        cell: the cell.
        column: its column, which says how values are printed.
    """
    if cell.interval is None:
        return ""
    low, high = cell.interval
    return f"[{column.text(low)}, {column.text(high)}]"


def published_text(cell: Cell, column: TableColumn) -> str:
    """The published value of a cell, or nothing.

    Args:
        cell: the cell.
        column: its column, which says how values are printed.
    """
    return "" if cell.published is None else column.text(cell.published)


def relative_text(cell: Cell) -> str:
    """`+0.7 %` for a value relative to the published one, or nothing."""
    return "" if cell.relative is None else f"{100 * cell.relative:+.1f} %"


def notes_with_legend(table: ResultTable, second: str) -> tuple[str, ...]:
    """The notes of a table, and what its emphasis stands for.

    Args:
        table: the table.
        second: what emphasises the second best value, for example `underlined`.
    """
    if not table.has_places:
        return table.footnotes()
    is_divided = table.best_within == "group" and len(table.groups) > 1
    within = " within its group" if is_divided else ""
    return (*table.footnotes(), f"Bold: best of a column{within}; {second}: second best.")


@dataclass(frozen=True)
class Markup:
    """How a text format writes a grid.

    Attributes:
        style: tabulate's name of the format.
        escape: makes the format's own characters plain text.
        best: emphasises a best value.
        second: emphasises a second best value.
        heading: emphasises the heading of a group.
    """

    style: str
    escape: Escape
    best: Escape
    second: Escape
    heading: Escape

    def emphasised(self, text: str, place: int | None) -> str:
        """A text with the emphasis of its place.

        Args:
            text: the text, already escaped.
            place: 1 for a best value, 2 for a second best one.
        """
        if place == 1:
            return self.best(text)
        return self.second(text) if place == 2 else text


def grid(table: ResultTable, markup: Markup) -> str:
    """A table's headings and cells in a text format.

    Published values have columns of their own; each group of rows has a line for its heading.

    Args:
        table: the table.
        markup: the format.
    """
    headings = _headings(table, markup)
    rows = _rows(table, markup)
    lines: list[list[str]] = []
    for group, members in groupby(range(len(rows)), key=lambda index: table.rows[index].group):
        if group:
            empty = [""] * (len(headings) - 1)
            lines.append([markup.heading(markup.escape(group)), *empty])
        for index in members:
            lines.append(rows[index])
    alignment = ["left", *["right"] * (len(headings) - 1)]
    return tabulate(
        lines,
        headings,
        tablefmt=markup.style,
        disable_numparse=True,
        colalign=alignment if lines else None,
    )


def _headings(table: ResultTable, markup: Markup) -> list[str]:
    headings = [markup.escape(table.label_heading)]
    for index, column in enumerate(table.columns):
        headings.append(markup.escape(column.heading))
        if table.has_published(index):
            headings += ["published", "vs. published"]
    return headings


def _rows(table: ResultTable, markup: Markup) -> list[list[str]]:
    rows: list[list[str]] = []
    for row, places in zip(table.rows, table.places(), strict=True):
        rows.append([markup.escape(row.marked_label), *_cells(table, row, places, markup)])
    return rows


def _cells(
    table: ResultTable, row: TableRow, places: list[int | None], markup: Markup
) -> list[str]:
    """The texts of a row's cells, published values behind the values of their column."""
    texts: list[str] = []
    for index, (column, cell, place) in enumerate(
        zip(table.columns, row.cells, places, strict=True)
    ):
        value = markup.emphasised(markup.escape(value_text(cell, column)), place)
        rest = spread_text(cell, column) + cell.mark
        if cell.interval:
            rest += f" {interval_text(cell, column)}"
        texts.append(value + markup.escape(rest))
        if table.has_published(index):
            texts.append(markup.escape(published_text(cell, column)))
            texts.append(markup.escape(relative_text(cell)))
    return texts
