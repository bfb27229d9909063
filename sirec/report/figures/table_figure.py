"""Figures: what all have in common, and tables whose columns are bins, drawn as points with
intervals.

A figure is drawn from `ResultTable`s and from nothing else, so its data are their CSV. Colours are
those of Okabe and Ito, told apart by the colour-blind; each row has a marker of its own too, for
print without colours.
"""

from __future__ import annotations

import math
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sirec.report.render import to_csv
from sirec.report.table import ResultTable, TableRow
from sirec.run.files import disk_error, promote, replace_text

# Black first for the row that others are compared with; grey is kept for floors.
COLOURS = ("#000000", "#E69F00", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#A6761D")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
TRAINING_FREE_COLOUR = "#808080"
STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "legend.fontsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 0,
    "figure.dpi": 160,
    "figure.constrained_layout.wspace": 0.1,
    "pdf.fonttype": 42,
}
FORMATS: Mapping[
    str, Mapping[str, Any]
] = {  # what would change from day to day is left out of a file
    "png": {"metadata": {"Software": None}, "pil_kwargs": {"optimize": True}},
    "pdf": {"metadata": {"CreationDate": None, "Creator": None, "Producer": None}},
}
# In inches. A panel is as wide as its bins, and those as their points need.
WIDTH_OF_A_BIN, WIDTH_OF_A_POINT, MARGIN = 0.44, 0.07, 0.62
NARROWEST, HEIGHT_OF_A_PANEL, HEIGHT_OF_A_TEXT, WIDTH_OF_A_LETTER = 3.5, 1.75, 0.16, 0.065
SPREAD = 0.64  # of a bin's width, taken up by its points


@dataclass(frozen=True)
class Look:
    """How a row is drawn."""

    colour: str
    marker: str
    is_filled: bool = True

    @property
    def point(self) -> dict[str, Any]:
        """As matplotlib draws it."""
        face = self.colour if self.is_filled else "white"
        return {
            "marker": self.marker,
            "color": self.colour,
            "markerfacecolor": face,
            "markeredgewidth": 0.9,
            "markersize": 4,
        }


class TableFigure(ABC):
    """A drawing of tables."""

    @property
    @abstractmethod
    def tables(self) -> tuple[ResultTable, ...]:
        """What is drawn."""

    @abstractmethod
    def compose(self) -> Figure:
        """The drawing, in the style that is set."""

    def draw(self) -> Figure:
        """The figure, of a size for print: text of 7 and 8 points."""
        with mpl.rc_context(STYLE):
            return self.compose()

    def write_data(self, folder: Path, name: str) -> None:
        """Write `name.csv`, which holds what the figure shows."""
        replace_text(folder / f"{name}.csv", to_csv(*self.tables))

    def write(self, folder: Path, name: str) -> list[Path]:
        """Write `name.png` and `.pdf` beside their data, and return them. Raises `SirecError` if
        the disk refuses.
        """
        self.write_data(folder, name)
        paths = [folder / f"{name}.{kind}" for kind in FORMATS]
        figure = self.draw()
        figure.draw_without_rendering()  # lays it out: once for all files
        figure.set_layout_engine("none")
        for path, options in zip(paths, FORMATS.values(), strict=True):
            temporary = path.with_name(f".{path.stem}.new{path.suffix}")
            try:
                with mpl.rc_context(STYLE):
                    figure.savefig(temporary, **options)
                promote(temporary, path)
            except OSError as error:
                raise disk_error(path, error) from error
        return paths


@dataclass(frozen=True, eq=False)
class BinFigure(TableFigure):
    """`values` above `gains`, a panel for each group of rows, over the columns `bins`, which `axis`
    explains.

    Rows of `gains` are drawn like the rows of `values` whose labels theirs begin with; `baseline`
    is the row they differ from.
    """

    values: ResultTable
    gains: ResultTable | None
    bins: tuple[str, ...]
    axis: str
    baseline: str

    @property
    def tables(self) -> tuple[ResultTable, ...]:
        """Values, and gains if there are any."""
        return (self.values,) if self.gains is None else (self.values, self.gains)

    def compose(self) -> Figure:
        """A panel for each group of rows, gains below values."""
        return _draw(self)


def _draw(what: BinFigure) -> Figure:
    tables = what.tables
    groups, looks = list(dict.fromkeys(row.group for row in what.values.rows)), _looks(what)
    width = max(
        NARROWEST,
        len(groups)
        * (MARGIN + len(what.bins) * max(WIDTH_OF_A_BIN, WIDTH_OF_A_POINT * len(looks) / SPREAD)),
    )
    handles = [_handle(row, looks[row.label]) for row in _rows(what.values, groups[0])]
    longest = max(len(str(handle.get_label())) for handle in handles)
    in_a_line = max(1, int(width / ((longest + 6) * WIDTH_OF_A_LETTER)))
    below = textwrap.wrap(
        f"{what.axis} (in parentheses: users in the bin); bars: intervals of 95 %",
        int(width / WIDTH_OF_A_LETTER),
    )
    texts = (
        4 + math.ceil(len(handles) / in_a_line) + len(below)
    )  # a title and the names of the bins, too
    figure = Figure(
        (width, HEIGHT_OF_A_PANEL * len(tables) + HEIGHT_OF_A_TEXT * texts), layout="constrained"
    )
    panels = figure.subplots(len(tables), len(groups), sharex=True, squeeze=False)
    for line, table in enumerate(tables):
        for place, group in enumerate(groups):
            _panel(panels[line, place], table, group, what, looks)
    for place, group in enumerate(groups):
        panels[0, place].set_title(group)
        _bins(panels[-1, place], what)
    panels[0, 0].set_ylabel("mean over users")
    if what.gains:
        panels[-1, 0].set_ylabel(f"difference from {what.baseline}")
    figure.supxlabel("\n".join(below), fontsize=8)
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=min(in_a_line, len(handles)),
        frameon=False,
    )
    return figure


def _panel(
    axes: Axes, table: ResultTable, group: str, what: BinFigure, looks: Mapping[str, Look]
) -> None:
    """One group of a table's rows: each bin's points side by side in the order of the legend."""
    places = [[column.name for column in table.columns].index(name) for name in what.bins]
    labels = list(looks)
    for row in _rows(table, group):
        owner = max((label for label in labels if row.label.startswith(label)), key=len)
        shift = SPREAD * ((labels.index(owner) + 0.5) / len(labels) - 0.5)
        _points(axes, row, places, shift, looks[owner])
    for border in range(1, len(what.bins)):
        axes.axvline(border - 0.5, color="0.92", linewidth=0.8, zorder=0)
    if table is what.gains:
        axes.axhline(0, color=COLOURS[0], linewidth=0.7, zorder=1)
    else:
        axes.set_ylim(bottom=0)
    axes.set_xlim(-0.5, len(what.bins) - 0.5)


def _points(axes: Axes, row: TableRow, places: Sequence[int], shift: float, look: Look) -> None:
    """A row's values with their intervals."""
    for place, cell in enumerate(row.cells[column] for column in places):
        if isinstance(cell.value, int | float):
            low, high = cell.interval or (cell.value, cell.value)
            axes.plot([place + shift] * 2, [low, high], color=look.colour, linewidth=1.1, zorder=2)
            axes.plot(
                [place + shift], [cell.value], linestyle="", zorder=3, clip_on=False, **look.point
            )


def _bins(axes: Axes, what: BinFigure) -> None:
    """Names of the bins, with their users below."""
    units = {column.name: column.unit for column in what.values.columns}
    axes.set_xticks(range(len(what.bins)), [f"{name}\n({units[name]})" for name in what.bins])


def _looks(what: BinFigure) -> dict[str, Look]:
    """Label -> look: the baseline in black, floors grey and hollow, others in turn."""
    colours, markers, training_free = (
        cycle(COLOURS[1:]),
        cycle((*MARKERS[1:], MARKERS[0])),
        cycle(MARKERS),
    )
    looks = {}
    for row in {row.label: row for row in what.values.rows}.values():
        if row.label == what.baseline:
            looks[row.label] = Look(COLOURS[0], MARKERS[0])
        elif row.is_training_free:
            looks[row.label] = Look(TRAINING_FREE_COLOUR, next(training_free), is_filled=False)
        else:
            looks[row.label] = Look(next(colours), next(markers))
    return looks


def _handle(row: TableRow, look: Look) -> Line2D:
    return Line2D(
        [],
        [],
        linestyle="",
        label=row.marked_label,
        **look.point,
    )


def _rows(table: ResultTable, group: str) -> list[TableRow]:
    return [row for row in table.rows if row.group == group]
