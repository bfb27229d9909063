"""What all figures have in common: data beside pictures, files, and the texts around panels.

A figure is drawn from `ResultTable`s and from nothing else, so that their CSV are its data. Axis
labels name what an axis shows. What the marks mean stands in the caption, which is not drawn: it is
kept in the files, and shown below the picture where a page embeds it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from sirec.disk import atomic_file
from sirec.report.figures.style import STYLE
from sirec.report.render import to_csv
from sirec.report.table import ResultTable
from sirec.run.files import replace_text

PICTURES = ("svg", "pdf")  # for pages and for papers
# In inches.
HEIGHT_OF_A_LINE, WIDTH_OF_A_LETTER = 0.16, 0.062
HANDLE = 7  # letters that the handle of a legend's entry takes


def _options(kind: str, title: str, caption: str) -> dict[str, Any]:
    """Options of matplotlib for a format; metadata that change from day to day are left out."""
    if kind == "pdf":
        usual = {"CreationDate": None, "Creator": None, "Producer": None}
        return {"metadata": {**usual, "Title": title, "Subject": caption}}
    usual = {"Date": None, "Creator": None, "Format": None, "Type": None}
    return {"metadata": {**usual, "Title": title, "Description": caption}}


@dataclass(frozen=True)
class Legend:
    """A legend above the panels, laid out for the width of its figure.

    Attributes:
        width: width of the figure in inches.
        handles: the entries.
    """

    width: float
    handles: Sequence[Artist]

    @property
    def entries_a_line(self) -> int:
        """How many entries stand side by side, so that the lines are of equal length."""
        longest = max(len(str(handle.get_label())) for handle in self.handles)
        most = max(1, int(self.width / ((longest + HANDLE) * WIDTH_OF_A_LETTER)))
        return math.ceil(len(self.handles) / math.ceil(len(self.handles) / most))

    @property
    def height(self) -> float:
        """Height in inches."""
        return HEIGHT_OF_A_LINE * math.ceil(len(self.handles) / self.entries_a_line)

    def draw(self, figure: Figure) -> None:
        """Draw it above the panels of a figure."""
        figure.legend(
            handles=list(self.handles), loc="outside upper center", ncols=self.entries_a_line
        )


class PaperFigure(ABC):
    """A drawing of numbers, with the numbers beside it."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What is shown, in a line."""

    @property
    @abstractmethod
    def caption(self) -> str:
        """What the marks of the figure mean, in whole sentences."""

    @abstractmethod
    def data(self) -> str:
        """The numbers that are drawn, as CSV."""

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
        replace_text(folder / f"{name}.csv", self.data())

    def write(self, folder: Path, name: str) -> list[Path]:
        """Write `name.svg`, `name.pdf` and their data.

        Args:
            folder: where to write them.
            name: their name.

        Returns:
            The pictures, the one for pages first.

        Raises:
            SirecError: if a file cannot be written.
        """
        self.write_data(folder, name)
        figure = self.draw()
        with mpl.rc_context(STYLE):
            figure.draw_without_rendering()  # computes the layout once for all formats
        figure.set_layout_engine("none")
        paths: list[Path] = []
        for kind in PICTURES:
            path = folder / f"{name}.{kind}"
            with atomic_file(path) as temporary, mpl.rc_context(STYLE):
                figure.savefig(temporary, format=kind, **_options(kind, self.title, self.caption))
            paths.append(path)
        return paths


class TableFigure(PaperFigure):
    """A drawing of tables."""

    @property
    @abstractmethod
    def tables(self) -> tuple[ResultTable, ...]:
        """The tables that are drawn."""

    @property
    def title(self) -> str:
        """The title of the first table."""
        return self.tables[0].title

    def data(self) -> str:
        """The tables as CSV."""
        return to_csv(*self.tables)


class OneTableFigure(TableFigure):
    """A drawing of one table, with a caption of its own; subclasses are dataclasses with these.

    Attributes:
        table: the table.
        meaning: the caption.
    """

    table: ResultTable
    meaning: str

    @property
    def tables(self) -> tuple[ResultTable, ...]:
        """The only table."""
        return (self.table,)

    @property
    def caption(self) -> str:
        """What is drawn, and what marks mean."""
        return self.meaning
