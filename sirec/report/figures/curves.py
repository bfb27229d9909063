"""Figures of tables whose columns are points on a logarithmic axis, drawn as lines with bands."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sirec.report.figures.table_figure import COLOURS, MARKERS, Look, Surroundings, TableFigure
from sirec.report.table import ResultTable, TableRow

WIDTH_OF_A_PANEL = 3.0  # inches
BAND = 0.15  # opacity of a band
WIDTH_OF_A_LEVEL = 0.8  # points


@dataclass(frozen=True, eq=False)
class CurveFigure(TableFigure):
    """A panel for each group of rows, a line for each row.

    Attributes:
        table: the table.
        points: column -> its position on the axis, which runs from the largest to the smallest.
            Intervals of their cells are drawn as bands.
        level: the column whose value is drawn as a dotted line across the panel.
        in_a_line: number of panels side by side.
        axis: the text below the horizontal axis.
        measure: the text beside the vertical axis.
        note: what is added to the text below.
    """

    table: ResultTable
    points: Mapping[str, float]
    level: str
    in_a_line: int
    axis: str
    measure: str
    note: str

    @property
    def tables(self) -> tuple[ResultTable, ...]:
        """The only table."""
        return (self.table,)

    def compose(self) -> Figure:
        """Panels above each other, with one legend above them."""
        groups, looks = self.table.groups, self._looks()
        lines = math.ceil(len(groups) / self.in_a_line)
        handles: list[Line2D] = []
        for label, look in looks.items():
            handles.append(Line2D([], [], label=label, linewidth=1.1, **look.point))
        width = WIDTH_OF_A_PANEL * self.in_a_line
        around = Surroundings(width, handles, f"{self.axis}; {self.note}")
        figure = Figure((width, around.height(lines, 2 * lines + 1)), layout="constrained")
        panels = figure.subplots(lines, self.in_a_line, sharex=True, sharey=True, squeeze=False)
        for axes, group in zip(panels.flat, groups, strict=False):
            self._panel(axes, group, looks)
        for empty in panels.flat[len(groups) :]:
            empty.set_axis_off()
        for axes in panels[:, 0]:
            axes.set_ylabel(self.measure)
        panels[0, 0].set_ylim(bottom=0)  # set last, because all panels share it
        around.draw(figure)
        return figure

    def _looks(self) -> dict[str, Look]:
        """Label -> look, in the order of the rows."""
        colours, markers = cycle(COLOURS), cycle(MARKERS)
        looks: dict[str, Look] = {}
        for row in self.table.rows:
            if row.label not in looks:
                looks[row.label] = Look(next(colours), next(markers))
        return looks

    def _panel(self, axes: Axes, group: str, looks: Mapping[str, Look]) -> None:
        axes.set_title(group)
        axes.set_xscale("log")
        for row in self.table.rows_of(group):
            self._curve(axes, row, looks[row.label])
        axes.set_xlim(max(self.points.values()), min(self.points.values()))

    def _curve(self, axes: Axes, row: TableRow, look: Look) -> None:
        """A row's line, its band, and its level if it has one."""
        positions: list[float] = []
        values: list[float] = []
        lows: list[float] = []
        highs: list[float] = []
        for name, position in self.points.items():
            cell = row.cells[self.table.column_index(name)]
            value = cell.value
            if isinstance(value, int | float):
                low, high = cell.interval or (float(value), float(value))
                positions.append(position)
                values.append(float(value))
                lows.append(low)
                highs.append(high)
        axes.fill_between(positions, lows, highs, color=look.colour, alpha=BAND, linewidth=0)
        axes.plot(positions, values, linewidth=1.1, clip_on=False, zorder=3, **look.point)
        level = row.cells[self.table.column_index(self.level)].value
        if isinstance(level, int | float):
            axes.axhline(
                level, color=look.colour, linewidth=WIDTH_OF_A_LEVEL, linestyle=":", zorder=1
            )
