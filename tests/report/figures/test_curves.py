"""A figure of curves shows what its table says, and its files are the same each time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sirec.report.figures.curves import CurveFigure
from sirec.report.render import to_csv
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow

POINTS = {"1e-1": 1e-1, "1e-2": 1e-2, "1e-4": 1e-4}
GROUPS = ("trained, block 1", "trained, block 2", "fresh, block 1")


@pytest.fixture
def figure() -> CurveFigure:
    """Three groups of two rows, all values distinct; the second row has no level and lacks one
    point.
    """
    rows = []
    for place, group in enumerate(GROUPS):
        for number, label in enumerate(("A", "B")):
            values = [10.0 * place + 4 * number + step for step in range(len(POINTS))]
            cells = [Cell(value, interval=(value - 0.5, value + 0.25)) for value in values]
            level = Cell(missing="no bound") if number else Cell(33.0 + place)
            rows.append(
                TableRow(
                    label,
                    (*([Cell(missing="not run")] if number else cells[:1]), *cells[1:], level),
                    group,
                )
            )
    table = ResultTable("curves", (*map(TableColumn, POINTS), TableColumn("bound")), tuple(rows))
    return CurveFigure(table, POINTS, "bound", 2, "tolerance", "rank", "bands: users")


def test_lines_bands_and_levels_are_the_table(figure: CurveFigure) -> None:
    """In each panel: a line for each row through the cells it has, its interval as a band, its
    level if it has one; no more.
    """
    panels = figure.draw().get_axes()
    assert [panel.get_title() for panel in panels] == [
        *GROUPS,
        "",
    ]  # the last of two by two is empty
    for panel in panels[: len(GROUPS)]:
        rows = [row for row in figure.table.rows if row.group == panel.get_title()]
        curves = [line for line in panel.get_lines() if line.get_linestyle() != ":"]
        levels = [line.get_ydata()[0] for line in panel.get_lines() if line.get_linestyle() == ":"]
        assert len(curves) == len(panel.collections) == len(rows) == 2
        for row, line, band in zip(rows, curves, panel.collections, strict=True):
            drawn = [
                (x, cell)
                for x, cell in zip(POINTS.values(), row.cells, strict=False)
                if cell.value is not None
            ]
            assert list(zip(line.get_xdata(), line.get_ydata(), strict=True)) == [
                (x, cell.value) for x, cell in drawn
            ]
            [path] = band.get_paths()
            edges = {(x, y) for x, y in np.round(path.vertices, 9).tolist()}
            assert edges == {
                (x, round(y, 9)) for x, cell in drawn if cell.interval for y in cell.interval
            }
        assert levels == [row.cells[-1].value for row in rows if row.cells[-1].value is not None]
        assert panel.get_xlim() == (1e-1, 1e-4)  # rank rises to the right
        assert panel.get_ylim()[0] == 0
        assert panel.get_ylim()[1] > 35  # the highest level of any panel


def test_no_two_rows_look_alike(figure: CurveFigure) -> None:
    """Up to eight rows differ in colour and in marker; the legend names each once."""
    cells = figure.table.rows[0].cells
    rows = tuple(TableRow(f"model {number}", cells, "one") for number in range(8))
    many = replace(figure, table=replace(figure.table, rows=rows), in_a_line=1)
    [legend] = many.draw().legends
    handles = legend.legend_handles
    assert [handle.get_label() for handle in handles] == [row.label for row in rows]  # type: ignore[union-attr]
    assert (
        len({handle.get_color() for handle in handles})
        == len({h.get_marker() for h in handles})
        == 8
    )  # type: ignore[union-attr]


def test_the_same_table_gives_the_same_files(figure: CurveFigure, tmp_path: Path) -> None:
    """Data, PNG and PDF agree byte for byte between two writes; another table (control) has other
    data.
    """
    written = [sorted(figure.write(tmp_path / place, "f")) for place in ("first", "second")]
    assert {path.name for path in (tmp_path / "first").iterdir()} == {"f.png", "f.pdf", "f.csv"}
    assert [path.read_bytes() for path in written[0]] == [path.read_bytes() for path in written[1]]
    assert (tmp_path / "first" / "f.csv").read_text() == to_csv(figure.table)
    assert to_csv(replace(figure.table, rows=figure.table.rows[1:])) != to_csv(figure.table)
