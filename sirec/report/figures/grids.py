"""Grids of settings: a curve where one setting is tried, a map where two are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sirec.report.figures.style import ONE_COLUMN, TWO_COLUMNS, literal, look_of_model
from sirec.report.figures.table_figure import HEIGHT_OF_A_LINE, TableFigure
from sirec.report.table import Cell, ResultTable, TableRow

HEIGHT_OF_A_PANEL, TEXTS = 1.6, 2 * HEIGHT_OF_A_LINE  # inches
MOST_IN_A_LINE = 3
SHADES = "cividis"  # one order in colour, in grey and for colour-blind readers
# Keys of settings -> how the papers write them (COMIF, eq. 11; DIF-SR, eq. 17).
SYMBOLS = {
    "iaa.weight": r"$\lambda_1$",
    "upa.weight": r"$\lambda_2$",
    "aap.weight": r"$\lambda$",
}
DARK = 0.5  # share of the range below which text on a shade is white


@dataclass(frozen=True, eq=False)
class GridFigure(TableFigure):
    """A panel for each group of rows.

    Attributes:
        table: columns are the values of the first setting. A group has one row where one setting
            is tried, else a row for each value of the second. A marked cell was taken.
        across: name of the first setting.
        down: name of the second setting, or None.
        measure: name of the metric.
        marked: what a marked cell is.
        shares_scale: whether all panels have one vertical scale.
    """

    table: ResultTable
    across: str
    down: str | None
    measure: str
    marked: str = "the setting that was taken"
    shares_scale: bool = True

    @property
    def tables(self) -> tuple[ResultTable, ...]:
        """The only table."""
        return (self.table,)

    @property
    def caption(self) -> str:
        """What the marks mean."""
        drawn = "A large point" if self.down is None else "A frame"
        return f"{self.measure} of each setting that was tried. {drawn}: {self.marked}."

    def compose(self) -> Figure:
        """Panels beside and above each other."""
        groups = self.table.groups
        across = min(len(groups), MOST_IN_A_LINE)
        down = math.ceil(len(groups) / across)
        width = ONE_COLUMN if across == 1 else TWO_COLUMNS
        height = down * (HEIGHT_OF_A_PANEL + HEIGHT_OF_A_LINE) + TEXTS
        figure = Figure((width, height), layout="constrained")
        panels = figure.subplots(down, across, sharex=True, sharey=self.shares_scale, squeeze=False)
        for axes, group in zip(panels.flat, groups, strict=False):
            rows = self.table.rows_of(group)
            axes.set_title(literal(group))
            if self.down is None:
                self._curve(axes, rows[0])
            else:
                self._map(axes, rows)
        for empty in panels.flat[len(groups) :]:
            empty.set_axis_off()
        names = [literal(column.name) for column in self.table.columns]
        panels[0, 0].set_xticks(range(len(names)), names)
        figure.supxlabel(_axis_text(self.across), fontsize=8)
        figure.supylabel(_axis_text(self.down or self.measure), fontsize=8)
        return figure

    def _curve(self, axes: Axes, row: TableRow) -> None:
        look = look_of_model(row.model or row.label)
        places: list[int] = []
        values: list[float] = []
        for place, cell in enumerate(row.cells):
            if isinstance(cell.value, int | float):
                places.append(place)
                values.append(float(cell.value))
                size = 7 if cell.mark else 4
                options = {**look.point, "markersize": size}
                axes.plot([place], [cell.value], linestyle="", clip_on=False, **options)
        axes.plot(places, values, color=look.colour, linestyle=look.dashes)

    def _map(self, axes: Axes, rows: list[TableRow]) -> None:
        values = np.full((len(rows), len(self.table.columns)), np.nan)
        for line, row in enumerate(rows):
            for place, cell in enumerate(row.cells):
                if isinstance(cell.value, int | float):
                    values[line, place] = cell.value
        axes.imshow(values, cmap=SHADES, aspect="auto")
        low, high = np.nanmin(values), np.nanmax(values)
        for line, row in enumerate(rows):
            for place, cell in enumerate(row.cells):
                is_dark = (values[line, place] - low) <= DARK * (high - low)
                _write(axes, cell, (place, line), "white" if is_dark else "black")
        axes.set_yticks(range(len(rows)), [literal(row.label) for row in rows])


def _axis_text(name: str) -> str:
    """A setting as the papers write it, with its key; any other text as it is."""
    symbol = SYMBOLS.get(name)
    return literal(name) if symbol is None else f"{symbol} ({literal(name)})"


def _write(axes: Axes, cell: Cell, place: tuple[int, int], colour: str) -> None:
    """A value on its shade, framed where its setting was taken."""
    if not isinstance(cell.value, int | float):
        return
    box = {"facecolor": "none", "edgecolor": colour, "pad": 2, "linewidth": 1.0}
    axes.text(
        *place,
        f"{cell.value:.4f}",
        ha="center",
        va="center",
        color=colour,
        fontsize=7,
        bbox=box if cell.mark else None,
    )
