"""Figures of tables whose cells are differences with intervals, drawn from top to bottom."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sirec.report.figures.style import COLOURS, INK, MARKERS, ONE_COLUMN, Look, literal
from sirec.report.figures.table_figure import HEIGHT_OF_A_LINE, Legend, OneTableFigure
from sirec.report.table import Cell, ResultTable

HEIGHT_OF_A_POINT = 0.14  # inches
SPREAD = 0.7  # share of a row's height that its points take
LETTERS = 18  # of a label in one line


@dataclass(frozen=True, eq=False)
class IntervalFigure(OneTableFigure):
    """A line for each row of a table, with a point and an interval for each of some columns.

    Attributes:
        table: the table.
        columns: column -> what the legend calls it, in the order from the top.
        axis: the text below the axis.
        meaning: the caption, which says what points and bars are.
    """

    table: ResultTable
    columns: dict[str, str]
    axis: str
    meaning: str

    def compose(self) -> Figure:
        """Rows from top to bottom, zero as a line."""
        looks = self._looks()
        handles: list[Line2D] = []
        for name, look in looks.items():
            label = literal(self.columns[name])
            handles.append(Line2D([], [], linestyle="", label=label, **look.point))
        legend = Legend(ONE_COLUMN, handles)
        points = len(self.table.rows) * (len(looks) + 1)
        height = legend.height + points * HEIGHT_OF_A_POINT + 4 * HEIGHT_OF_A_LINE
        figure = Figure((ONE_COLUMN, height), layout="constrained")
        axes = figure.subplots()
        for number, row in enumerate(self.table.rows):
            for index, (name, look) in enumerate(looks.items()):
                place = number + SPREAD * ((index + 0.5) / len(looks) - 0.5)
                draw_interval(axes, row.cells[self.table.column_index(name)], place, look)
        axes.axvline(0, color=INK, linewidth=0.7, zorder=1)
        labels = [wrapped(row.label) for row in self.table.rows]
        axes.set_yticks(range(len(labels)), labels)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("\n".join(textwrap.wrap(literal(self.axis), 46)))
        legend.draw(figure)
        return figure

    def _looks(self) -> dict[str, Look]:
        """Column -> look; the first is that of the question, black and filled."""
        looks: dict[str, Look] = {}
        for number, name in enumerate(self.columns):
            if number:
                looks[name] = Look(COLOURS[number - 1], MARKERS[number - 1], fill="none")
            else:
                looks[name] = Look(INK, "o")
        return looks


def wrapped(label: str, letters: int = LETTERS) -> str:
    """A label as ticks show it, in as many lines as it needs.

    Args:
        label: the label.
        letters: how many letters a line has.
    """
    return literal("\n".join(textwrap.wrap(label, letters)))


def draw_interval(axes: Axes, cell: Cell, place: float, look: Look) -> None:
    """A point with its interval; nothing where there is no value.

    Args:
        axes: where to draw.
        cell: the value.
        place: the height of the row.
        look: how it is drawn.
    """
    if not isinstance(cell.value, int | float):
        return
    low, high = cell.interval or (cell.value, cell.value)
    axes.plot([low, high], [place] * 2, color=look.colour, linewidth=1.1, zorder=2)
    axes.plot([cell.value], [place], linestyle="", zorder=3, clip_on=False, **look.point)
