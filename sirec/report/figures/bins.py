"""Figures of tables whose columns are bins of users, drawn as points with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sirec.report.figures.style import (
    FAINT,
    INK,
    ONE_COLUMN,
    TWO_COLUMNS,
    Look,
    literal,
    looks_of_rows,
)
from sirec.report.figures.table_figure import HEIGHT_OF_A_LINE, Legend, TableFigure
from sirec.report.table import ResultTable, TableRow

SPREAD = 0.66  # share of a bin's width that its points take
HEIGHT_OF_A_PANEL, TEXTS = 1.45, 4 * HEIGHT_OF_A_LINE  # inches; title, bins, users, axis


@dataclass(frozen=True, eq=False)
class BinFigure(TableFigure):
    """Values above differences, a panel for each group of rows.

    Attributes:
        values: the table of values.
        gains: the table of differences from the baseline. Its rows are drawn like the rows of
            `values` whose labels theirs begin with.
        bins: names of the columns that are drawn.
        axis: what the bins are bins of.
        baseline: label of the row that others are compared with.
    """

    values: ResultTable
    gains: ResultTable | None
    bins: tuple[str, ...]
    axis: str
    baseline: str

    @property
    def tables(self) -> tuple[ResultTable, ...]:
        """Values, and differences if there are any."""
        return (self.values,) if self.gains is None else (self.values, self.gains)

    @property
    def caption(self) -> str:
        """What rows of panels, bars and numbers in parentheses are."""
        below = f"; below, differences from {self.baseline}" if self.gains else ""
        return (
            f"Means over users by {self.axis}{below}. Bars: intervals of 95 %; in parentheses: "
            "users in the bin."
        )

    def compose(self) -> Figure:
        """A panel for each group of rows, differences below values."""
        groups, looks = self.values.groups, looks_of_rows(self.values.rows)
        width = ONE_COLUMN if len(groups) == 1 else TWO_COLUMNS
        rows = self.values.rows_of(groups[0])
        legend = Legend(width, [_handle(row, looks[row.label]) for row in rows])
        height = legend.height + TEXTS + HEIGHT_OF_A_PANEL * len(self.tables)
        figure = Figure((width, height), layout="constrained")
        panels = figure.subplots(len(self.tables), len(groups), sharex=True, squeeze=False)
        for table, line in zip(self.tables, panels, strict=True):
            for axes, group in zip(line, groups, strict=True):
                self._panel(axes, table, group, looks)
        for axes, group in zip(panels[0], groups, strict=True):
            axes.set_title(literal(group))
        for axes in panels[-1]:
            self._name_bins(axes)
        panels[0, 0].set_ylabel("mean over users")
        if self.gains:
            panels[-1, 0].set_ylabel(f"minus {literal(self.baseline)}")
        figure.align_ylabels()
        figure.supxlabel(literal(self.axis), fontsize=8)
        legend.draw(figure)
        return figure

    def _panel(self, axes: Axes, table: ResultTable, group: str, looks: Mapping[str, Look]) -> None:
        """One group of a table's rows, in each bin side by side in the order of the legend."""
        columns = list(map(table.column_index, self.bins))
        labels = list(looks)
        for row in table.rows_of(group):
            label = max(filter(row.label.startswith, labels), key=len)
            shift = SPREAD * ((labels.index(label) + 0.5) / len(labels) - 0.5)
            _points(axes, row, columns, shift, looks[label])
        for border in range(1, len(self.bins)):
            axes.axvline(border - 0.5, color=FAINT, linewidth=0.6, zorder=0)
        if table is self.gains:
            axes.axhline(0, color=INK, linewidth=0.7, zorder=1)
        else:
            axes.set_ylim(bottom=0)
        axes.set_xlim(-0.5, len(self.bins) - 0.5)
        axes.tick_params(axis="x", length=0)

    def _name_bins(self, axes: Axes) -> None:
        """Names of the bins, with their users below."""
        users = {column.name: column.unit for column in self.values.columns}
        names = [f"{literal(name)}\n({users[name]})" for name in self.bins]
        axes.set_xticks(range(len(self.bins)), names, fontsize=6.5)


def _points(axes: Axes, row: TableRow, columns: Sequence[int], shift: float, look: Look) -> None:
    """A row's values with their intervals."""
    for position, column in enumerate(columns):
        cell = row.cells[column]
        if isinstance(cell.value, int | float):
            low, high = cell.interval or (cell.value, cell.value)
            x = position + shift
            axes.plot([x] * 2, [low, high], color=look.colour, linewidth=1.1, zorder=2)
            axes.plot([x], [cell.value], linestyle="", zorder=3, clip_on=False, **look.point)


def _handle(row: TableRow, look: Look) -> Line2D:
    return Line2D([], [], linestyle="", label=literal(row.marked_label), **look.point)
