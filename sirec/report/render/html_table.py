"""Tables in HTML, as notebooks show them."""

from __future__ import annotations

import html
from collections.abc import Sequence
from itertools import groupby

from sirec.plain_text import visible
from sirec.report.render.texts import (
    interval_text,
    notes_with_legend,
    published_text,
    relative_text,
    spread_text,
    value_text,
)
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow


def to_html(table: ResultTable) -> str:
    """A `table` element with title and notes; nothing in it is read as markup.

    Published values stand in parentheses below ours.
    """
    lines = ["<table>", f"<caption>{escape(table.title)}</caption>", "<thead>"]
    headings = [table.label_heading, *(column.heading for column in table.columns)]
    lines.append(_line("".join(f"<th>{escape(heading)}</th>" for heading in headings)))
    lines += ["</thead>", "<tbody>"]
    placed = zip(table.rows, table.places(), strict=True)
    for group, members in groupby(placed, key=lambda pair: pair[0].group):
        if group:
            heading = f'<th colspan="{len(headings)}"><em>{escape(group)}</em></th>'
            lines.append(_line(heading))
        for row, places in members:
            lines.append(_row(row, table.columns, places))
    lines += ["</tbody>", "</table>"]
    notes = list(notes_with_legend(table, "underlined"))
    if any(map(table.has_published, range(len(table.columns)))):
        notes.insert(0, "In parentheses: published value, ours relative to it.")
    if notes:
        items = "".join(f"<li>{escape(note)}</li>" for note in notes)
        lines.append(f"<ul>{items}</ul>")
    return "\n".join([*lines, ""])


def _row(row: TableRow, columns: Sequence[TableColumn], places: Sequence[int | None]) -> str:
    texts = [f"<th>{escape(row.marked_label)}</th>"]
    for column, cell, place in zip(columns, row.cells, places, strict=True):
        texts.append(f"<td>{_cell(cell, column, place)}</td>")
    return _line("".join(texts))


def _cell(cell: Cell, column: TableColumn, place: int | None) -> str:
    text = escape(value_text(cell, column))
    if place == 1:
        text = f"<strong>{text}</strong>"
    elif place == 2:
        text = f"<u>{text}</u>"
    text += escape(spread_text(cell, column) + cell.mark)
    if cell.interval is not None:
        text += f"<br/>{escape(interval_text(cell, column))}"
    if cell.published is not None:
        published = published_text(cell, column)
        if cell.relative is not None:
            published += f", {relative_text(cell)}"
        text += f"<br/><small>({escape(published)})</small>"
    return text


def escape(text: str) -> str:
    """A text in which no character is read as HTML, and none acts unseen."""
    return html.escape(visible(text))


def _line(cells: str) -> str:
    return f"<tr>{cells}</tr>"
