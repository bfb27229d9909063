"""The table of a question in HTML: sortable columns, and numbers that open their runs."""

from __future__ import annotations

from itertools import groupby
from pathlib import PurePosixPath

from sirec.report.render.html_table import escape
from sirec.report.render.texts import interval_text, spread_text, value_text
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow

PLACES = {1: "best", 2: "second"}
PRINTED = "printed"  # the column of values that are not ours
VERDICTS = ("better", "worse")


def answer_table(table: ResultTable, runs: frozenset[str]) -> str:
    """A `table` element.

    Args:
        table: the table.
        runs: ids of the runs that the page holds; only these are linked.
    """
    headings = _heading(table.label_heading, is_text=True)
    for index, column in enumerate(table.columns):
        texts = [row.cells[index].value for row in table.rows]
        is_text = any(isinstance(value, str) and value for value in texts)
        headings += _heading(column.heading, is_text=is_text and column.name != PRINTED)
    lines = ['<div class="scroll">', '<table class="sortable">']
    lines += [f"<thead><tr>{headings}</tr></thead>"]
    placed = zip(table.rows, table.places(), strict=True)
    for group, members in groupby(placed, key=lambda pair: pair[0].group):
        lines.append("<tbody>")
        if group:
            width = len(table.columns) + 1
            lines.append(f'<tr><th colspan="{width}" scope="rowgroup">{escape(group)}</th></tr>')
        for row, places in members:
            lines.append(_row(table, row, places, runs))
        lines.append("</tbody>")
    return "\n".join([*lines, "</table>", "</div>"])


def run_ids(row: TableRow) -> list[str]:
    """The ids of the runs that a row stands on."""
    return [PurePosixPath(link).name for link in row.runs.values()]


def _heading(text: str, *, is_text: bool) -> str:
    kind = ' class="text"' if is_text else ""
    return f'<th scope="col"{kind}><button type="button">{escape(text)}</button></th>'


def _row(table: ResultTable, row: TableRow, places: list[int | None], runs: frozenset[str]) -> str:
    label = escape(row.marked_label)
    texts = [f'<th scope="row" data-sort="{label}">{label}</th>']
    linked = [run for run in run_ids(row) if run in runs]
    for column, cell, place in zip(table.columns, row.cells, places, strict=True):
        texts.append(_cell(cell, column, place, row.label, linked))
    return f"<tr>{''.join(texts)}</tr>"


def _cell(cell: Cell, column: TableColumn, place: int | None, label: str, linked: list[str]) -> str:
    value = cell.value
    shown = escape(value_text(cell, column))
    if isinstance(value, str):
        return _text_cell(value, shown)
    if value is None:
        return f'<td data-sort="">{shown}</td>'
    if linked and column.name != PRINTED:
        title = escape(f"{label}: {column.heading}")
        target = f'href="#run-{linked[0]}" data-runs="{" ".join(linked)}" data-title="{title}"'
        shown = f"<a {target}>{shown}</a>"
    if place in PLACES:
        shown = f'<span class="{PLACES[place]}">{shown}</span>'
    rest = escape(spread_text(cell, column) + cell.mark)
    if cell.interval is not None:
        rest += f" {escape(interval_text(cell, column))}"
    return f'<td data-sort="{value!r}">{shown}{rest}</td>'


def _text_cell(value: str, shown: str) -> str:
    """A verdict, or another text; `+12.9 % better` is sorted by its number."""
    first, _, rest = value.partition(" ")
    kind = rest.rpartition(" ")[2]
    classes = f"text {kind}" if kind in VERDICTS else "text"
    key = first if _is_number(first) else value
    return f'<td class="{classes}" data-sort="{escape(key)}">{shown}</td>'


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
