"""Figures of curves: tables whose columns are places on a logarithmic axis, drawn as lines with
bands.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sirec.report.figures.table_figure import (
    COLOURS,
    HEIGHT_OF_A_PANEL,
    HEIGHT_OF_A_TEXT,
    MARKERS,
    WIDTH_OF_A_LETTER,
    Look,
    TableFigure,
)
from sirec.report.table import ResultTable, TableRow

WIDTH_OF_A_PANEL = 3.0  # inches
BAND, LEVEL = 0.15, 0.8  # opacity of a band, width of the line that marks a level


@dataclass(frozen=True, eq=False)
class CurveFigure(TableFigure):
    """A panel for each group of rows, `in_a_line` side by side; a line for each row through its
    cells below `points`.

    `points` says where a column lies on the axis, which runs from the largest to the smallest.
    Intervals are bands, and the value of the column `level` is a dotted line across. `axis`,
    `measure` and `note` are the texts beside and below.
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
        """The one table."""
        return (self.table,)

    def compose(self) -> Figure:
        """Panels over each other, with one legend above."""
        groups = list(dict.fromkeys(row.group for row in self.table.rows))
        looks, lines = _looks(self.table), math.ceil(len(groups) / self.in_a_line)
        width = WIDTH_OF_A_PANEL * self.in_a_line
        longest = max(map(len, looks))
        in_a_line = max(1, int(width / ((longest + 6) * WIDTH_OF_A_LETTER)))
        below = textwrap.wrap(f"{self.axis}; {self.note}", int(width / WIDTH_OF_A_LETTER))
        texts = 2 * lines + 1 + math.ceil(len(looks) / in_a_line) + len(below)
        figure = Figure(
            (width, HEIGHT_OF_A_PANEL * lines + HEIGHT_OF_A_TEXT * texts), layout="constrained"
        )
        panels = figure.subplots(lines, self.in_a_line, sharex=True, sharey=True, squeeze=False)
        for place, group in enumerate(groups):
            self._panel(panels[divmod(place, self.in_a_line)], group, looks)
        for empty in panels.flat[len(groups) :]:
            empty.set_axis_off()
        for axes in panels[:, 0]:
            axes.set_ylabel(self.measure)
        panels[0, 0].set_ylim(bottom=0)  # all panels share it, so it comes when all are drawn
        figure.supxlabel("\n".join(below), fontsize=8)
        handles = [
            Line2D([], [], label=label, linewidth=1.1, **look.point)
            for label, look in looks.items()
        ]
        figure.legend(
            handles=handles,
            loc="outside upper center",
            ncols=min(in_a_line, len(handles)),
            frameon=False,
        )
        return figure

    def _panel(self, axes: Axes, group: str, looks: Mapping[str, Look]) -> None:
        axes.set_title(group)
        axes.set_xscale("log")
        for row in self.table.rows:
            if row.group == group:
                self._curve(axes, row, looks[row.label])
        axes.set_xlim(max(self.points.values()), min(self.points.values()))

    def _curve(self, axes: Axes, row: TableRow, look: Look) -> None:
        """A row's line, its band, and its level if it has one."""
        cells = {
            column.name: cell for column, cell in zip(self.table.columns, row.cells, strict=True)
        }
        places, values, lows, highs = [], [], [], []
        for name, place in self.points.items():
            value = cells[name].value
            if isinstance(value, int | float):
                places.append(place)
                values.append(float(value))
                low, high = cells[name].interval or (float(value), float(value))
                lows.append(low)
                highs.append(high)
        axes.fill_between(places, lows, highs, color=look.colour, alpha=BAND, linewidth=0)
        axes.plot(places, values, linewidth=1.1, clip_on=False, zorder=3, **look.point)
        level = cells[self.level].value
        if isinstance(level, int | float):
            axes.axhline(level, color=look.colour, linewidth=LEVEL, linestyle=":", zorder=1)


def _looks(table: ResultTable) -> dict[str, Look]:
    """Label -> look, each row in turn."""
    labels = dict.fromkeys(row.label for row in table.rows)
    return {
        label: Look(colour, marker)
        for label, colour, marker in zip(labels, cycle(COLOURS), cycle(MARKERS), strict=False)
    }
