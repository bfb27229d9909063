"""What all figures of tables have in common: style, colours, and how they are written.

A figure is drawn from `ResultTable`s and from nothing else, so that their CSV are its data. The
colours are those of Okabe and Ito, which colour-blind readers can tell apart. Each row has a marker
of its own as well, for print without colours.
"""

from __future__ import annotations

import math
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sirec.disk import atomic_file
from sirec.report.render import to_csv
from sirec.report.table import ResultTable
from sirec.run.files import replace_text

# Black comes first and is kept for the row that others are compared with, where there is one.
COLOURS = ("#000000", "#E69F00", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#A6761D")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
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
# Options of matplotlib by format. Metadata that would change from day to day are left out.
FORMATS: Mapping[str, Mapping[str, Any]] = {
    "png": {"metadata": {"Software": None}, "pil_kwargs": {"optimize": True}},
    "pdf": {"metadata": {"CreationDate": None, "Creator": None, "Producer": None}},
}
# In inches.
HEIGHT_OF_A_PANEL, HEIGHT_OF_A_LINE, WIDTH_OF_A_LETTER = 1.75, 0.16, 0.065
HANDLE = 6  # letters that the handle of a legend's entry takes


@dataclass(frozen=True)
class Look:
    """How a row is drawn.

    Attributes:
        colour: the colour of its points and lines.
        marker: matplotlib's name of the marker.
        is_filled: whether the marker is filled.
    """

    colour: str
    marker: str
    is_filled: bool = True

    @property
    def point(self) -> dict[str, Any]:
        """The options of matplotlib for the row's points."""
        return {
            "marker": self.marker,
            "color": self.colour,
            "markerfacecolor": self.colour if self.is_filled else "white",
            "markeredgewidth": 0.9,
            "markersize": 4,
        }


@dataclass(frozen=True)
class Surroundings:
    """The texts around the panels of a figure, laid out for its width.

    Attributes:
        width: width of the figure in inches.
        handles: the entries of the legend.
        text: the text below the panels.
    """

    width: float
    handles: Sequence[Line2D]
    text: str

    @property
    def entries_a_line(self) -> int:
        """How many entries of the legend stand side by side."""
        longest = max(len(str(handle.get_label())) for handle in self.handles)
        return max(1, int(self.width / ((longest + HANDLE) * WIDTH_OF_A_LETTER)))

    @property
    def lines_below(self) -> list[str]:
        """The text below the panels, in lines that fit."""
        return textwrap.wrap(self.text, int(self.width / WIDTH_OF_A_LETTER))

    def height(self, lines_of_panels: int, lines_of_text: int) -> float:
        """Height of the figure in inches.

        Args:
            lines_of_panels: number of panels above each other.
            lines_of_text: number of lines of text that the panels have themselves.
        """
        legend = math.ceil(len(self.handles) / self.entries_a_line)
        texts = lines_of_text + legend + len(self.lines_below)
        return HEIGHT_OF_A_PANEL * lines_of_panels + HEIGHT_OF_A_LINE * texts

    def draw(self, figure: Figure) -> None:
        """Draw the text below the panels and the legend above them."""
        figure.supxlabel("\n".join(self.lines_below), fontsize=8)
        figure.legend(
            handles=list(self.handles),
            loc="outside upper center",
            ncols=min(self.entries_a_line, len(self.handles)),
            frameon=False,
        )


class TableFigure(ABC):
    """A drawing of tables."""

    @property
    @abstractmethod
    def tables(self) -> tuple[ResultTable, ...]:
        """The tables that are drawn."""

    @abstractmethod
    def compose(self) -> Figure:
        """The drawing, in the style that is set."""

    def draw(self) -> Figure:
        """The figure, of a size for print: text of 7 and 8 points."""
        with mpl.rc_context(STYLE):
            return self.compose()

    def write_data(self, folder: Path, name: str) -> None:
        """Write `name.csv`, which holds what the figure shows.

        Args:
            folder: where to write it.
            name: its name.
        """
        replace_text(folder / f"{name}.csv", to_csv(*self.tables))

    def write(self, folder: Path, name: str) -> list[Path]:
        """Write `name.png` and `name.pdf`, and their data.

        Args:
            folder: where to write them.
            name: their name.

        Returns:
            The pictures.

        Raises:
            SirecError: if a file cannot be written.
        """
        self.write_data(folder, name)
        figure = self.draw()
        figure.draw_without_rendering()  # computes the layout once for all formats
        figure.set_layout_engine("none")
        paths: list[Path] = []
        for kind, options in FORMATS.items():
            path = folder / f"{name}.{kind}"
            with atomic_file(path) as temporary, mpl.rc_context(STYLE):
                figure.savefig(temporary, format=kind, **options)
            paths.append(path)
        return paths
