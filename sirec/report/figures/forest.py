"""Paired differences from a baseline: a point with an interval for each row, zero as a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sirec.report.figures.intervals import draw_interval, wrapped
from sirec.report.figures.style import INK, ONE_COLUMN, TWO_COLUMNS, Look, literal, looks_of_rows
from sirec.report.figures.table_figure import HEIGHT_OF_A_LINE, OneTableFigure
from sirec.report.table import ResultTable, TableRow

HEIGHT_OF_A_ROW, TEXTS = 0.19, 3 * HEIGHT_OF_A_LINE  # inches
MOST_IN_A_LINE = 2
LETTERS = 30  # of a label in one line
TICKS = 6  # intervals of the axis of values at most, whose numbers have five characters
DIFFERS = "‡"  # marks cells whose points are filled


@dataclass(frozen=True, eq=False)
class ForestFigure(OneTableFigure):
    """A panel for each group of rows, rows from top to bottom.

    Attributes:
        table: one column, the differences with their intervals; `DIFFERS` marks
            those that differ from zero.
        axis: the text below the axis.
        meaning: the caption, which says what points and bars are.
    """

    table: ResultTable
    axis: str
    meaning: str

    def compose(self) -> Figure:
        """Panels side by side; those of one line share their rows if they have the same ones."""
        groups, looks = self.table.groups, looks_of_rows(self.table.rows)
        across = min(len(groups), MOST_IN_A_LINE)
        lines = [groups[first : first + across] for first in range(0, len(groups), across)]
        heights: list[int] = []
        for line in lines:
            heights.append(max(map(len, map(self.table.rows_of, line))))
        inches = sum(heights) * HEIGHT_OF_A_ROW + len(lines) * 2 * HEIGHT_OF_A_LINE + TEXTS
        width = ONE_COLUMN if across == 1 else TWO_COLUMNS
        figure = Figure((width, inches), layout="constrained")
        panels = figure.subplots(
            len(lines), across, squeeze=False, gridspec_kw={"height_ratios": heights}
        )
        for axes, group in zip(panels.flat, groups, strict=False):
            self._panel(axes, group, looks)
        for empty in panels.flat[len(groups) :]:
            empty.set_axis_off()
        for line, row_of_axes in zip(lines, panels, strict=True):
            self._name_once(line, row_of_axes)
        figure.supxlabel(literal(self.axis), fontsize=8)
        return figure

    def _panel(self, axes: Axes, group: str, looks: Mapping[str, Look]) -> None:
        rows = self.table.rows_of(group)
        axes.set_title(literal(group))
        for place, row in enumerate(rows):
            look = looks[row.label]
            fill = "full" if row.cells[0].mark == DIFFERS else "none"
            draw_interval(axes, row.cells[0], place, Look(look.colour, look.marker, fill=fill))
        axes.axvline(0, color=INK, linewidth=0.7, zorder=1)
        axes.set_yticks(range(len(rows)), [wrapped(row.label, LETTERS) for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_locator(MaxNLocator(TICKS))
        axes.grid(axis="y", color=INK, alpha=0.12, linewidth=0.5)

    def _name_once(self, groups: Sequence[str], axes: Sequence[Axes]) -> None:
        """Leave out labels that stand at the same height in the panel on the left."""
        first = _labels(self.table.rows_of(groups[0]))
        for group, panel in zip(groups[1:], axes[1:], strict=False):
            if _labels(self.table.rows_of(group)) == first:
                panel.set_yticklabels([])


def _labels(rows: Sequence[TableRow]) -> list[str]:
    return list(map(attrgetter("label"), rows))
