"""Tables as CSV, with one line per cell."""

from __future__ import annotations

import csv
import io

from sirec.report.table import ResultTable

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

    `pandas.pivot` makes one line per row of it.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(HEADINGS)
    for table in tables:
        for row, column, cell, place in table.placed_cells():
            low, high = cell.interval or (None, None)
            writer.writerow(
                [
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
            )
    return stream.getvalue()
