"""A figure of curves shows what its table says, and its files are the same each time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sirec.report.figures.curves import CurveFigure, CurveKind
from sirec.report.render import to_csv
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow

POINTS = {"1e-1": 1e-1, "1e-2": 1e-2, "1e-4": 1e-4}
GROUPS = ("trained, block 1", "trained, block 2", "fresh, block 1")
KINDS = {
    GROUPS[0]: CurveKind(),
    GROUPS[1]: CurveKind("--", is_hollow=True),
    GROUPS[2]: CurveKind(is_control=True),
}


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
    return CurveFigure(table, POINTS, "bound", KINDS, "tolerance", "rank", "bound", "Bands: users.")


def test_lines_bands_and_levels_are_the_table(figure: CurveFigure) -> None:
    """In each panel: a line for each row of its label through the cells it has, its interval as a
    band unless it is a control, its level if it has one; no more.
    """
    panels = figure.draw().get_axes()
    assert [panel.get_title(loc="left") for panel in panels] == ["A", "B"]
    for panel in panels:
        rows = [row for row in figure.table.rows if row.label == panel.get_title(loc="left")]
        curves = [line for line in panel.get_lines() if line.get_linestyle() != ":"]
        levels = [line.get_ydata()[0] for line in panel.get_lines() if line.get_linestyle() == ":"]
        assert len(curves) == len(rows) == len(GROUPS)
        trained = [row for row in rows if not KINDS[row.group].is_control]
        assert len(panel.collections) == len(trained) == 2
        for row, line in zip(rows, curves, strict=True):
            assert list(zip(line.get_xdata(), line.get_ydata(), strict=True)) == [
                (x, cell.value) for x, cell in drawn_cells(row)
            ]
        for row, band in zip(trained, panel.collections, strict=True):
            [path] = band.get_paths()
            edges = {(x, y) for x, y in np.round(path.vertices, 9).tolist()}
            expected = set()
            for x, cell in drawn_cells(row):
                expected |= {(x, round(y, 9)) for y in cell.interval or ()}
            assert edges == expected
        known = [row.cells[-1].value for row in trained if row.cells[-1].value is not None]
        assert levels == known
        assert panel.get_xlim() == (1e-1, 1e-4)  # rank rises to the right
        assert panel.get_ylim()[0] == 0
        assert panel.get_ylim()[1] > 34  # the highest level of any panel


def drawn_cells(row: TableRow) -> list[tuple[float, Cell]]:
    """The cells of a row that have a value, with their positions."""
    pairs = zip(POINTS.values(), row.cells, strict=False)
    return [(x, cell) for x, cell in pairs if cell.value is not None]


def test_kinds_of_lines_are_told_apart(figure: CurveFigure) -> None:
    """The legend names each group and the level; no two of them look alike."""
    [legend] = figure.draw().legends
    handles = legend.legend_handles
    assert [handle.get_label() for handle in handles] == [*GROUPS, "bound"]
    looks = {(h.get_color(), str(h.get_linestyle()), h.get_markerfacecolor()) for h in handles}
    assert len(looks) == len(handles)


def test_the_same_table_gives_the_same_files(figure: CurveFigure, tmp_path: Path) -> None:
    """Data, SVG and PDF agree byte for byte between two writes; another table (control) has other
    data.
    """
    written = [sorted(figure.write(tmp_path / place, "f")) for place in ("first", "second")]
    assert {path.name for path in (tmp_path / "first").iterdir()} == {"f.svg", "f.pdf", "f.csv"}
    assert [path.read_bytes() for path in written[0]] == [path.read_bytes() for path in written[1]]
    assert (tmp_path / "first" / "f.csv").read_text() == to_csv(figure.table)
    assert to_csv(replace(figure.table, rows=figure.table.rows[1:])) != to_csv(figure.table)
