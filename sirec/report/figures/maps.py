"""Maps of attention: a panel for each block and source, a shade for each pair of slots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from sirec.report.figures.style import TWO_COLUMNS, literal
from sirec.report.figures.table_figure import HEIGHT_OF_A_LINE, OneTableFigure
from sirec.report.table import ResultTable

SHADES = "cividis"
MOST_IN_A_LINE = 4
GAP = 0.3  # inches between panels


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
        across = min(len(groups), MOST_IN_A_LINE)
        down = -(-len(groups) // across)
        side = (TWO_COLUMNS - GAP) / across
        figure = Figure((TWO_COLUMNS, down * (side + HEIGHT_OF_A_LINE)), layout="constrained")
        panels = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
        for axes, group in zip(panels.flat, groups, strict=False):
            axes.set_title(literal(group))
            axes.imshow(self._weights(group), cmap=SHADES, vmin=0, vmax=1)
        for empty in panels.flat[len(groups) :]:
            empty.set_axis_off()
        figure.supxlabel("slot that is read", fontsize=8)
        figure.supylabel("slot that reads", fontsize=8)
        return figure

    def _weights(self, group: str) -> np.ndarray:
        """The map of a group; what a slot may not read is left empty."""
        rows = self.table.rows_of(group)
        weights = np.full((len(rows), len(self.table.columns)), np.nan)
        for line, row in enumerate(rows):
            for place, cell in enumerate(row.cells):
                if isinstance(cell.value, int | float):
                    weights[line, place] = cell.value
        return weights
