"""Figures of tables whose cells are differences with intervals, drawn side by side in each row."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sirec.report.figures.table_figure import (
    COLOURS,
    HEIGHT_OF_A_LINE,
    HEIGHT_OF_A_PANEL,
    MARKERS,
    Look,
    Surroundings,
    TableFigure,
)
from sirec.report.table import Cell, ResultTable

WIDTH = 5.2  # inches
HEIGHT_OF_A_POINT = 0.13  # inches
SPREAD = 0.7  # share of a row's height that its points take
LETTERS = 24  # of a label in one line


@dataclass(frozen=True, eq=False)
class IntervalFigure(TableFigure):
    """A line for each row of a table, with a point and an interval for each of some columns.

    Attributes:
        table: the table.
        columns: column -> what the legend calls it, in the order from the top.
        axis: the text below the axis.
    """

    table: ResultTable
    columns: dict[str, str]
    axis: str

    @property
    def tables(self) -> tuple[ResultTable, ...]:
        """The only table."""
        return (self.table,)

    def compose(self) -> Figure:
        """Rows from top to bottom, zero as a line."""
        looks = self._looks()
        handles: list[Line2D] = []
        for name, look in looks.items():
            label = self.columns[name]
            handles.append(Line2D([], [], linestyle="", label=label, **look.point))
        around = Surroundings(WIDTH, handles, self.axis)
        points = len(self.table.rows) * (len(looks) + 1)
        panel = points * HEIGHT_OF_A_POINT + 3 * HEIGHT_OF_A_LINE
        height = around.height(1, 2) - HEIGHT_OF_A_PANEL + panel
        figure = Figure((WIDTH, height), layout="constrained")
        axes = figure.subplots()
        for number, row in enumerate(self.table.rows):
            for index, (name, look) in enumerate(looks.items()):
                place = number + SPREAD * ((index + 0.5) / len(looks) - 0.5)
                _draw(axes, row.cells[self.table.column_index(name)], place, look)
        axes.axvline(0, color=COLOURS[0], linewidth=0.7, zorder=1)
        labels = [row.label[:LETTERS] for row in self.table.rows]
        axes.set_yticks(range(len(labels)), labels)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        around.draw(figure)
        return figure

    def _looks(self) -> dict[str, Look]:
        """Column -> look."""
        looks: dict[str, Look] = {}
        for number, name in enumerate(self.columns):
            looks[name] = Look(COLOURS[number], MARKERS[number], is_filled=number == 0)
        return looks


def _draw(axes: Axes, cell: Cell, place: float, look: Look) -> None:
    """A point with its interval; nothing where there is no value."""
    if not isinstance(cell.value, int | float):
        return
    low, high = cell.interval or (cell.value, cell.value)
    axes.plot([low, high], [place] * 2, color=look.colour, linewidth=1.1, zorder=2)
    axes.plot([cell.value], [place], linestyle="", zorder=3, clip_on=False, **look.point)
