"""Figures of tables whose columns are bins of users, drawn as points with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sirec.report.figures.table_figure import COLOURS, MARKERS, Look, Surroundings, TableFigure
from sirec.report.table import ResultTable, TableRow

TRAINING_FREE_COLOUR = "#808080"
# In inches. A panel is as wide as its bins, and a bin is as wide as its points need.
WIDTH_OF_A_BIN, WIDTH_OF_A_POINT, MARGIN, NARROWEST = 0.44, 0.07, 0.62, 3.5
SPREAD = 0.64  # share of a bin's width that its points take
TITLE_AND_BINS = 4  # lines of text: a title, the names of the bins and their users, a gap


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

    def compose(self) -> Figure:
        """A panel for each group of rows, differences below values."""
        groups, looks = self.values.groups, self._looks()
        around = Surroundings(
            self._width(len(groups), len(looks)),
            [_handle(row, looks[row.label]) for row in self.values.rows_of(groups[0])],
            f"{self.axis} (in parentheses: users in the bin); bars: intervals of 95 %",
        )
        height = around.height(len(self.tables), TITLE_AND_BINS)
        figure = Figure((around.width, height), layout="constrained")
        panels = figure.subplots(len(self.tables), len(groups), sharex=True, squeeze=False)
        for table, line in zip(self.tables, panels, strict=True):
            for axes, group in zip(line, groups, strict=True):
                self._panel(axes, table, group, looks)
        for axes, group in zip(panels[0], groups, strict=True):
            axes.set_title(group)
        for axes in panels[-1]:
            self._name_bins(axes)
        panels[0, 0].set_ylabel("mean over users")
        if self.gains:
            panels[-1, 0].set_ylabel(f"difference from {self.baseline}")
        around.draw(figure)
        return figure

    def _width(self, groups: int, rows: int) -> float:
        """Width of the figure, in inches."""
        width_of_a_bin = max(WIDTH_OF_A_BIN, WIDTH_OF_A_POINT * rows / SPREAD)
        return max(NARROWEST, groups * (MARGIN + len(self.bins) * width_of_a_bin))

    def _looks(self) -> dict[str, Look]:
        """Label -> look: the baseline black, training-free baselines grey and hollow."""
        colours = cycle(COLOURS[1:])
        markers = cycle((*MARKERS[1:], MARKERS[0]))
        markers_of_training_free = cycle(MARKERS)
        looks: dict[str, Look] = {}
        for row in self.values.rows:
            if row.label in looks:
                continue
            if row.label == self.baseline:
                looks[row.label] = Look(COLOURS[0], MARKERS[0])
            elif row.is_training_free:
                marker = next(markers_of_training_free)
                looks[row.label] = Look(TRAINING_FREE_COLOUR, marker, is_filled=False)
            else:
                looks[row.label] = Look(next(colours), next(markers))
        return looks

    def _panel(self, axes: Axes, table: ResultTable, group: str, looks: Mapping[str, Look]) -> None:
        """One group of a table's rows, in each bin side by side in the order of the legend."""
        columns = list(map(table.column_index, self.bins))
        labels = list(looks)
        for row in table.rows_of(group):
            label = max(filter(row.label.startswith, labels), key=len)
            shift = SPREAD * ((labels.index(label) + 0.5) / len(labels) - 0.5)
            _points(axes, row, columns, shift, looks[label])
        for border in range(1, len(self.bins)):
            axes.axvline(border - 0.5, color="0.92", linewidth=0.8, zorder=0)
        if table is self.gains:
            axes.axhline(0, color=COLOURS[0], linewidth=0.7, zorder=1)
        else:
            axes.set_ylim(bottom=0)
        axes.set_xlim(-0.5, len(self.bins) - 0.5)

    def _name_bins(self, axes: Axes) -> None:
        """Names of the bins, with their users below."""
        users = {column.name: column.unit for column in self.values.columns}
        axes.set_xticks(range(len(self.bins)), [f"{name}\n({users[name]})" for name in self.bins])


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
    return Line2D([], [], linestyle="", label=row.marked_label, **look.point)
