"""Maps of attention: a panel for each block and source, a shade for each pair of slots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sirec.report.figures.style import TWO_COLUMNS, literal
from sirec.report.figures.table_figure import HEIGHT_OF_A_LINE, OneTableFigure
from sirec.report.table import ResultTable

SHADES = "cividis"
MOST_IN_A_LINE = 4
GAP = 1.0  # inches between panels and for the scale of shades
GAMMA = 0.5  # shades follow the root of the weight, since most weights are small
TICKS = 5  # intervals of an axis, at most


@dataclass(frozen=True, eq=False)
class MapFigure(OneTableFigure):
    """A panel for each group of rows; a row is a slot that reads, a column a slot that is read.

    Attributes:
        table: the weights; group `block 1, item` has the rows of one map.
        meaning: the caption.
    """

    table: ResultTable
    meaning: str

    def compose(self) -> Figure:
        """Panels beside and below each other, with one scale of shades."""
        groups = self.table.groups
        across = self._sources_of_a_block()
        down = -(-len(groups) // across)
        side = (TWO_COLUMNS - GAP) / across
        figure = Figure((TWO_COLUMNS, down * (side + HEIGHT_OF_A_LINE)), layout="constrained")
        panels = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
        for axes, group in zip(panels.flat, groups, strict=False):
            axes.set_title(literal(group))
            weights = self._weights(group)
            down_to, along = (size + 0.5 for size in weights.shape)
            slots = (0.5, along, down_to, 0.5)  # the first slot is number 1
            shown = axes.imshow(weights, cmap=SHADES, norm=PowerNorm(GAMMA, 0, 1), extent=slots)
            axes.xaxis.set_major_locator(MaxNLocator(TICKS, integer=True))
            axes.yaxis.set_major_locator(MaxNLocator(TICKS, integer=True))
        for empty in panels.flat[len(groups) :]:
            empty.set_axis_off()
        figure.colorbar(shown, ax=list(panels.flat), shrink=0.5, label="weight of attention")
        figure.supxlabel("slot that is read", fontsize=8)
        figure.supylabel("slot that reads", fontsize=8)
        return figure

    def _sources_of_a_block(self) -> int:
        """Panels in a line: one for each source of a block, if they are few."""
        first, _, _ = self.table.groups[0].partition(",")
        count = 0
        for group in self.table.groups:
            count += group.partition(",")[0] == first
        return min(count, MOST_IN_A_LINE)

    def _weights(self, group: str) -> np.ndarray:
        """The map of a group; what a slot may not read is left empty."""
        rows = self.table.rows_of(group)
        weights = np.full((len(rows), len(self.table.columns)), np.nan)
        for line, row in enumerate(rows):
            for place, cell in enumerate(row.cells):
                if isinstance(cell.value, int | float):
                    weights[line, place] = cell.value
        return weights
