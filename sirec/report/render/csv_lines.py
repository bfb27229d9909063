"""Tables as CSV, with one line per cell."""

from __future__ import annotations

import csv
import io

from sirec.plain_text import visible
from sirec.report.table import ResultTable

FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")

HEADINGS = (
    "table",
    "group",
    "row",
    "is_training_free",
    "column",
    "unit",
    "direction",
    "value",
    "published",
    "relative",
    "deviation",
    "low",
    "high",
    "mark",
    "place",
    "runs",
    "missing",
)


def to_csv(*tables: ResultTable) -> str:
    """One line per cell with all that it carries, in full precision.

    A text that begins with `=`, `+`, `-` or `@` has an apostrophe before it, since spreadsheets
    compute such texts. `pandas.pivot` makes one line per row of it.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(HEADINGS)
    for table in tables:
        for row, column, cell, place in table.placed_cells():
            low, high = cell.interval or (None, None)
            values = [
                table.title,
                row.group,
                row.label,
                int(row.is_training_free),
                column.name,
                column.unit,
                column.direction,
                cell.value,
                cell.published,
                cell.relative,
                cell.deviation,
                low,
                high,
                cell.mark,
                place,
                " ".join(row.runs.values()),
                cell.missing,
            ]
            writer.writerow(map(_guarded, values))
    return stream.getvalue()


def _guarded(value: object) -> object:
    """The value of a cell; a text that a spreadsheet would compute begins with an apostrophe.

    Numbers stay numbers, negative ones too.
    """
    if not isinstance(value, str):
        return value
    text = visible(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
