"""The table of paired differences."""

from __future__ import annotations

from collections.abc import Sequence

from sirec.evaluation.statistics import Difference
from sirec.report.difference_words import baselines, method_notes
from sirec.report.differences import ABOVE, PairedTest
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow

GAIN = (
    TableColumn("difference", signed=True),
    TableColumn("relative", unit="%", decimals=1, signed=True),
    TableColumn("p"),
)
COLUMNS = (TableColumn("first"), TableColumn("second"), *GAIN, TableColumn("p corrected"))


def difference_table(pairs: Sequence[PairedTest], title: str = "Paired differences") -> ResultTable:
    """A row for each test: both means, the difference with its interval, p-values.

    Args:
        pairs: the tests.
        title: title of the table.
    """
    rows: list[TableRow] = []
    for pair in pairs:
        cells = (*difference_cells(pair.difference), Cell(pair.difference.adjusted_p))
        group = f"{pair.dataset}, {pair.difference.metric}"
        rows.append(TableRow(f"{pair.label} – {pair.baseline}", cells, group))
    notes = method_notes(pairs)
    if any(pair.chosen == ABOVE for pair in pairs):
        notes = [f"Each row is set against {baselines(pairs)}.", *notes]
    return ResultTable(title, COLUMNS, tuple(rows), tuple(notes), label_heading="pair")


def difference_cells(difference: Difference) -> tuple[Cell, ...]:
    """Both means, and a cell for each column of `GAIN`."""
    relative = Cell(missing="the second mean is 0")
    if difference.relative is not None:
        relative = Cell(100 * difference.relative)
    return (
        Cell(difference.mean_a),
        Cell(difference.mean_b),
        Cell(difference.difference, interval=(difference.low, difference.high)),
        relative,
        Cell(difference.p_value),
    )
