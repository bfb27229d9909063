"""A figure shows what its tables say, and its files are the same each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from sirec.report.figures.bins import BinFigure
from sirec.report.render import to_csv
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow

BINS = ("0–5", "6–10", ">10")
COLUMNS = tuple(
    TableColumn(name, unit)
    for name, unit in zip((*BINS, "all"), ("1,000", "20", "3", "1,023"), strict=True)
)


def table(title: str, labels: list[str], start: float) -> ResultTable:
    """Two metrics, one value missing; each value differs from all others."""
    rows, value = [], start
    for group in ("Recall@10", "Recall@20"):
        for label in labels:
            cells = []
            for _ in COLUMNS:
                value += 0.01
                cells.append(Cell(value, interval=(value - 0.005, value + 0.003)))
            rows.append(
                TableRow(label, tuple(cells), group, is_training_free=label == "Popularity")
            )
    rows[0] = TableRow(
        rows[0].label,
        (Cell(missing="not run"), *rows[0].cells[1:]),
        rows[0].group,
        is_training_free=rows[0].is_training_free,
    )
    return ResultTable(title, COLUMNS, tuple(rows))


@pytest.fixture
def figure() -> BinFigure:
    """Four rows, two of one name's beginning; the last column is not drawn."""
    labels = ["Popularity", "SASRec", "SASRecF", "COMIF"]
    gains = table("gains", [f"{label} – SASRec" for label in labels if label != "SASRec"], -0.05)
    return BinFigure(table("values", labels, 0.1), gains, BINS, "targets in training", "SASRec")


def test_points_and_bars_are_the_tables(figure: BinFigure) -> None:
    """In each panel, values and intervals of the drawn columns are there, each in its bin, and
    nothing else.
    """
    panels = figure.draw().get_axes()
    assert len(panels) == 4
    for panel, (drawn, group) in zip(
        panels,
        [(t, g) for t in (figure.values, figure.gains) for g in ("Recall@10", "Recall@20")],
        strict=True,
    ):
        assert drawn is not None
        cells = [
            (place, cell)
            for row in drawn.rows
            if row.group == group
            for place, cell in enumerate(row.cells[: len(BINS)])
        ]
        known = sorted(
            (place, cell.value, cell.interval) for place, cell in cells if cell.value is not None
        )
        lines = [
            line
            for line in panel.get_lines()
            if len(set(line.get_ydata())) > 1 or line.get_marker() != "None"
        ]
        points = [line for line in lines if line.get_marker() != "None"]
        bars = [
            line
            for line in lines
            if line.get_marker() == "None" and line.get_xdata()[0] == line.get_xdata()[1]
        ]
        seen = [(round(float(p.get_xdata()[0])), float(p.get_ydata()[0])) for p in points]
        assert sorted(seen) == [(place, value) for place, value, _ in known]
        spans = [
            tuple(map(float, bar.get_ydata())) for bar in bars if tuple(bar.get_ydata()) != (0, 1)
        ]  # (0, 1): borders
        assert sorted(spans) == sorted(interval for _, _, interval in known if interval)


def test_bins_stand_with_their_users_below(figure: BinFigure) -> None:
    """The ticks are the bins in order, with the sizes that the tables have."""
    lowest = figure.draw().get_axes()[-1]
    assert [label.get_text() for label in lowest.get_xticklabels()] == [
        "0–5\n(1,000)",
        "6–10\n(20)",
        ">10\n(3)",
    ]


def test_no_two_rows_look_alike(figure: BinFigure) -> None:
    """Colour, marker and fill together tell rows apart, also those of models that are not here."""
    labels = ["Popularity", *(f"model {number}" for number in range(8))]
    many = BinFigure(table("values", labels, 0.1), None, BINS, "x", "model 3")
    for drawn in (figure, many):
        [legend] = drawn.draw().legends
        looks = [
            (h.get_color(), h.get_marker(), h.get_markerfacecolor()) for h in legend.legend_handles
        ]  # type: ignore[union-attr]
        assert len(set(looks)) == len(looks) == len({row.label for row in drawn.values.rows})


def test_the_same_tables_give_the_same_files(figure: BinFigure, tmp_path: Path) -> None:
    """Data, SVG and PDF agree byte for byte between two writes; the data are the tables' CSV and
    change with them (control).
    """
    written = [sorted(figure.write(tmp_path / place, "f")) for place in ("first", "second")]
    assert {path.suffix for path in written[0]} == {".svg", ".pdf"}
    assert [path.read_bytes() for path in written[0]] == [path.read_bytes() for path in written[1]]
    data = (tmp_path / "first" / "f.csv").read_text()
    assert figure.gains is not None
    assert data == to_csv(figure.values, figure.gains)
    assert to_csv(figure.values) != data
    assert {path.name for path in (tmp_path / "first").iterdir()} == {
        "f.svg",
        "f.pdf",
        "f.csv",
    }  # nothing half-written stays
