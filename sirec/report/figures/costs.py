"""What accuracy costs: a metric against seconds of training and against memory, a point a row."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from sirec.report.figures.style import ONE_COLUMN, TWO_COLUMNS, literal, looks_of_rows
from sirec.report.figures.table_figure import HEIGHT_OF_A_LINE, Legend, OneTableFigure
from sirec.report.table import ResultTable

HEIGHT_OF_A_PANEL = 2.1  # inches
TICKS = 5  # intervals of an axis that is not logarithmic, at most
WIDE = 5  # from this ratio of the largest to the smallest cost on, the axis is logarithmic


@dataclass(frozen=True, eq=False)
class CostFigure(OneTableFigure):
    """A panel for each cost, the metric on the vertical axis.

    Attributes:
        table: a row for each row of a study; its first column is the metric.
        costs: column -> the text below the axis, which is logarithmic if they differ much.
        meaning: the caption, which says how the costs were measured.
    """

    table: ResultTable
    costs: dict[str, str]
    meaning: str

    def compose(self) -> Figure:
        """Panels side by side below one legend."""
        looks = looks_of_rows(self.table.rows)
        width = ONE_COLUMN if len(self.costs) == 1 else TWO_COLUMNS
        handles: list[Line2D] = []
        for label, look in looks.items():
            handles.append(Line2D([], [], linestyle="", label=literal(label), **look.point))
        legend = Legend(width, handles)
        height = legend.height + HEIGHT_OF_A_PANEL + 2 * HEIGHT_OF_A_LINE
        figure = Figure((width, height), layout="constrained")
        panels = figure.subplots(1, len(self.costs), sharey=True, squeeze=False)
        for axes, (name, text) in zip(panels[0], self.costs.items(), strict=True):
            self._panel(axes, self.table.column_index(name))
            axes.set_xlabel(text)
        panels[0, 0].set_ylabel(literal(self.table.columns[0].name))
        legend.draw(figure)
        return figure

    def _panel(self, axes: Axes, column: int) -> None:
        looks = looks_of_rows(self.table.rows)
        axes.grid(alpha=0.25, linewidth=0.5)
        costs: list[float] = []
        for row in self.table.rows:
            cost, value = row.cells[column].value, row.cells[0].value
            if isinstance(cost, int | float) and isinstance(value, int | float):
                point = looks[row.label].point
                axes.plot([cost], [value], linestyle="", clip_on=False, **point)
                costs.append(float(cost))
        if costs and max(costs) > WIDE * min(costs) > 0:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
            axes.xaxis.set_minor_locator(NullLocator())
        else:
            axes.xaxis.set_major_locator(MaxNLocator(TICKS))
