"""Figures of tables whose columns are points on a logarithmic axis, drawn as lines with bands."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from sirec.report.figures.style import (
    GREY,
    INK,
    ONE_COLUMN,
    TWO_COLUMNS,
    Look,
    literal,
    look_of_model,
)
from sirec.report.figures.table_figure import HEIGHT_OF_A_LINE, Legend, OneTableFigure
from sirec.report.table import ResultTable, TableRow

HEIGHT_OF_A_PANEL, TEXTS = 1.4, 2.5 * HEIGHT_OF_A_LINE  # inches
MOST_IN_A_LINE = 3
BAND = 0.18  # opacity of a band
LEVEL: Literal[":"] = ":"


@dataclass(frozen=True)
class CurveKind:
    """How the lines of one group of rows are drawn, in every panel.

    Attributes:
        dashes: matplotlib's style of the line.
        is_hollow: whether its markers are.
        is_control: whether it is grey and has no band: what the other lines are compared with.
    """

    dashes: str = "-"
    is_hollow: bool = False
    is_control: bool = False

    def look(self, look: Look) -> Look:
        """How the line is drawn of a row with this look."""
        colour = GREY if self.is_control else look.colour
        return replace(
            look, colour=colour, dashes=self.dashes, fill="none" if self.is_hollow else "full"
        )


@dataclass(frozen=True, eq=False)
class CurveFigure(OneTableFigure):
    """A panel for each label, in it a line for each row of that label.

    Attributes:
        table: the table.
        points: column -> its position on the axis, which runs from the largest to the smallest.
            Intervals of their cells are drawn as bands.
        level: the column whose value is drawn as a dotted line across the panel.
        kinds: group of rows -> how its lines are drawn.
        axis: the text below the horizontal axis, with mathematics between dollars.
        measure: the text beside the vertical axis.
        level_name: what the legend calls the level.
        meaning: the caption, which says what lines and bands are.
    """

    table: ResultTable
    points: Mapping[str, float]
    level: str
    kinds: Mapping[str, CurveKind]
    axis: str
    measure: str
    level_name: str
    meaning: str

    def compose(self) -> Figure:
        """Panels beside and above each other, with one legend above them."""
        labels = list(dict.fromkeys(row.label for row in self.table.rows))
        across = min(len(labels), MOST_IN_A_LINE)
        down = math.ceil(len(labels) / across)
        width = ONE_COLUMN if across == 1 else TWO_COLUMNS
        legend = Legend(width, self._handles())
        height = legend.height + down * (HEIGHT_OF_A_PANEL + HEIGHT_OF_A_LINE) + TEXTS
        figure = Figure((width, height), layout="constrained")
        panels = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
        for axes, label in zip(panels.flat, labels, strict=False):
            rows = [row for row in self.table.rows if row.label == label]
            self._panel(axes, rows)
        for empty in panels.flat[len(labels) :]:
            empty.set_axis_off()
        for axes in panels[:, 0]:
            axes.set_ylabel(self.measure)
        panels[0, 0].yaxis.set_major_locator(MaxNLocator(5, integer=True))
        panels[0, 0].set_ylim(bottom=0)  # set last, because all panels share it
        figure.supxlabel(self.axis, fontsize=8)
        legend.draw(figure)
        return figure

    def _handles(self) -> list[Line2D]:
        """A line of each kind, in the colour of a model's text, and the level if there is one."""
        handles: list[Line2D] = []
        for group in self.table.groups:
            look = self.kinds[group].look(Look(INK, "o"))
            handles.append(Line2D([], [], label=literal(group), **look.line))
        if any(self._level(row) is not None for row in self.table.rows):
            level = Line2D([], [], color=INK, linewidth=0.9)
            level.set_linestyle(LEVEL)
            level.set_label(self.level_name)
            handles.append(level)
        return handles

    def _panel(self, axes: Axes, rows: Sequence[TableRow]) -> None:
        axes.set_title(literal(rows[0].label))
        axes.set_xscale("log")
        usual = look_of_model(rows[0].model or rows[0].label)
        for row in rows:
            self._curve(axes, row, self.kinds[row.group], usual)
        axes.set_xlim(max(self.points.values()), min(self.points.values()))

    def _curve(self, axes: Axes, row: TableRow, kind: CurveKind, usual: Look) -> None:
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
        look = kind.look(usual)
        if not kind.is_control:
            axes.fill_between(positions, lows, highs, color=look.colour, alpha=BAND, linewidth=0)
        order = 2 if kind.is_control else 3
        axes.plot(positions, values, clip_on=False, zorder=order, markevery=2, **look.line)
        level = self._level(row)
        if level is not None and not kind.is_control:
            axes.axhline(level, color=INK, linewidth=0.9, linestyle=LEVEL, zorder=1)

    def _level(self, row: TableRow) -> float | None:
        value = row.cells[self.table.column_index(self.level)].value
        return float(value) if isinstance(value, int | float) else None
