"""What a command prints by default fits on one screen, whatever its width."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from sirec.cli import console
from sirec.report.overview import Overview, without_extras
from sirec.report.render.rich_overview import BESIDE_ROWS, OverviewScreen
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.studies.compare.comparison import Comparison

from .conftest import Call

WIDTHS = (60, 80, 120)
LABELS = ("SASRec", "COMIF, brand and category, three blocks", "項目 transitions")


def drawn(shown: object, width: int) -> list[str]:
    """The lines of something as a terminal of this width shows it."""
    screen = io.StringIO()
    Console(file=screen, width=width, color_system=None).print(shown)
    return screen.getvalue().splitlines()


def a_table(columns: int, rows: int = 3) -> ResultTable:
    """Values of several metrics, the first row without a value."""
    names = [f"Recall@{5 * (number + 1)}" for number in range(columns)]
    lines = [TableRow(LABELS[0], (Cell(missing="not run"),) * columns)]
    for number in range(1, rows):
        cell = Cell(0.1234, published=0.2, deviation=0.001, interval=(0.1, 0.2), mark="†")
        lines.append(TableRow(LABELS[number % len(LABELS)], (cell,) * columns))
    headings = tuple(TableColumn(name, direction="higher") for name in names)
    return ResultTable("Some models: test, history kept", headings, tuple(lines), ("a note",) * 9)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("columns", [1, 4, 12])
def test_an_overview_has_a_line_for_each_row(width: int, columns: int) -> None:
    """No line is wider than the screen, no row is dropped, columns without room are named."""
    table = a_table(columns)
    lines = drawn(OverviewScreen(Overview.of(table, ("It means something.",) * 20)), width)
    assert max(map(len, lines)) <= width
    for label in LABELS:
        assert any(label.split()[0] in line for line in lines)
    assert "a note" not in " ".join(lines)
    shown = [column.name for column in table.columns if column.name in lines[1].split()]
    text = " ".join(lines)
    for column in table.columns:
        assert (column.name in shown) or f"{column.name}" in text.partition("No room for")[2]
    assert shown[0] == "Recall@5"
    assert len(shown) == columns or width < 120 or columns == 12
    assert len(lines) <= len(table.rows) + BESIDE_ROWS + 1  # one label is long


def test_nothing_of_a_row_but_its_lines_is_lost() -> None:
    """Intervals, printed values and notes are left to the files; values and marks stay."""
    bare = without_extras(a_table(2))
    assert bare.notes == ()
    cell = bare.rows[1].cells[0]
    assert (cell.value, cell.mark, cell.deviation) == (0.1234, "†", 0.001)
    assert (cell.interval, cell.published) == (None, None)


@pytest.mark.parametrize("width", WIDTHS)
def test_commands_fit_one_screen(
    sirec: Call, prepared: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """A study, two runs beside each other, an evaluation, a model: rows and twelve lines."""
    (prepared / "small.yaml").write_text(
        "title: Small\nset: {threads: 1}\nagainst: popularity\n"
        "rows: {Popularity: {model: popularity}, Item transitions: {model: transitions}}\n"
    )
    screen = io.StringIO()
    monkeypatch.setattr(console, "stdout", Console(file=screen, width=width, color_system=None))
    assert sirec("study", "small.yaml", "--data", "shop").code == 0
    record = json.loads((prepared / "results/studies/small_on_shop.json").read_text())
    runs = [str(prepared / "results" / run["run"]) for run in record["runs"]]
    calls = {
        ("study", "small.yaml", "--data", "shop", "--render-only"): 2,
        ("compare", *runs): 9,
        ("evaluate", *runs): 2,
    }
    for call, rows in calls.items():
        screen.seek(0)
        screen.truncate()
        outcome = sirec(*call)
        assert outcome.code == 0, outcome.err
        lines = screen.getvalue().splitlines()
        assert max(map(len, lines)) <= width
        # A narrow screen breaks sentences into more lines.
        assert len(lines) <= rows + BESIDE_ROWS * max(1, 80 / width)
        assert "next: sirec" in outcome.err
        screen.seek(0)
        screen.truncate()
        assert sirec(*call, "--full").code == 0
        assert len(screen.getvalue().splitlines()) > len(lines)  # control


def test_every_comparison_has_an_overview() -> None:
    """Without one of its own a comparison shows its first table."""
    table = a_table(2)
    found = Comparison("Some", (table,), ("First.", "Second.")).screen()
    assert found.table.rows[1].cells[0].value == 0.1234
    assert found.lines == ("First.", "Second.")
