"""The one style of all figures: widths, type, and how each model looks.

A model has the same colour, marker and dashes in every figure. Looks are dealt out in one order:
first the models that the papers' figures compare, then all others as the registry lists them, those
of plugins last. Colours are those of Okabe and Ito without their yellow, which colour-blind readers
can tell apart; no marker comes twice with a colour, so that print in grey keeps rows apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sirec.models import MODELS
from sirec.report.table import TableRow

ONE_COLUMN, TWO_COLUMNS = 3.35, 7.0  # inches: a column and the page of a journal or a conference
# Pages that embed a picture replace these three by their own colours of text and ground.
INK, PAPER, FAINT = "#1a1a1a", "#fefefe", "#d8d8d8"
GREY = "#7d7d7d"  # training-free baselines, and what a panel compares with
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#A6761D")
MARKERS = ("s", "^", "D", "v", "P", "X", "<", "h", ">", "*", "d", "p", "8")
FREE_MARKERS = ("o", "p", "8", "H", "d")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (3, 1, 1, 1)), (0, (1, 1)))
FILLS = ("full", "none", "left", "bottom", "right", "top")  # rows of one model, one after another
REFERENCE = "sasrec"  # black wherever it is drawn: what side information is measured against
# These get looks first, so that no two of them share a colour.
COMPARED = ("comif", "dif-sr", "sasrecf", "nova", "mssr", "fdsa", "bsarec")

STYLE: dict[Any, Any] = {
    "font.size": 8,
    "font.family": "DejaVu Sans",
    "mathtext.fontset": "dejavusans",
    "text.color": INK,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.labelsize": 8,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "figure.facecolor": PAPER,
    "figure.dpi": 200,
    "figure.constrained_layout.wspace": 0.06,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "lines.linewidth": 1.1,
    "lines.markersize": 3.8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",  # text stays text: found by a search, read aloud, and small
    "svg.hashsalt": "sirec",  # ids of elements are the same each time
}


@dataclass(frozen=True)
class Look:
    """How a row is drawn.

    Attributes:
        colour: the colour of its points and lines.
        marker: matplotlib's name of the marker.
        dashes: matplotlib's style of the line.
        fill: which part of the marker is filled, as matplotlib names it.
    """

    colour: str
    marker: str
    dashes: Any = "-"
    fill: str = "full"

    @property
    def point(self) -> dict[str, Any]:
        """The options of matplotlib for the row's points."""
        is_hollow = self.fill == "none"
        return {
            "marker": self.marker,
            "color": self.colour,
            "fillstyle": "full" if is_hollow else self.fill,
            "markerfacecolor": PAPER if is_hollow else self.colour,
            "markerfacecoloralt": PAPER,
            "markeredgecolor": self.colour,
            "markeredgewidth": 0.9,
        }

    @property
    def line(self) -> dict[str, Any]:
        """The options of matplotlib for the row's line, with points on it."""
        return {**self.point, "linestyle": self.dashes}


@cache
def _looks_of_models(models: tuple[str, ...]) -> Mapping[str, Look]:
    """Model -> its look; `models` are all trained ones, in the order of the registry."""
    first = [name for name in COMPARED if name in models]
    others = [name for name in models if name not in (*first, REFERENCE)]
    looks = {REFERENCE: Look(INK, "o")}
    for number, name in enumerate((*first, *others)):
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        looks[name] = Look(colour, marker, DASHES[number // len(COLOURS) % len(DASHES)])
    return looks


def look_of_model(name: str, strangers: tuple[str, ...] = ()) -> Look:
    """How a model is drawn in every figure.

    A training-free baseline is grey and hollow. A model that is not here, as that of a plugin which
    is not installed, is drawn as one more trained model.

    Args:
        name: name of the model.
        strangers: models that are not here and are drawn before it in the same figure.
    """
    free = [each for each, declaration in MODELS.items() if declaration.is_training_free]
    if name in free:
        return Look(GREY, FREE_MARKERS[free.index(name) % len(FREE_MARKERS)], ":", "none")
    trained = [each for each in MODELS if each not in free]
    known = _looks_of_models(tuple(trained))
    return known.get(name) or _looks_of_models((*trained, *strangers, name))[name]


def looks_of_rows(rows: Iterable[TableRow]) -> dict[str, Look]:
    """Label -> look, for the rows of a figure.

    Rows of one model have its colour and marker, and are filled and dashed one after another in
    other ways. A row whose model nobody knows looks like a model that is not here.

    Args:
        rows: the rows; a label that comes again is the same row.
    """
    seen: dict[str, int] = {}
    strangers: dict[str, None] = {}
    looks: dict[str, Look] = {}
    for row in rows:
        if row.label in looks:
            continue
        model = row.model or row.label
        before = tuple(name for name in strangers if name != model)
        look, number = look_of_model(model, before), seen.get(model, 0)
        if model not in MODELS:
            strangers[model] = None
        seen[model] = number + 1
        if number:
            dashes = DASHES[number % len(DASHES)]
            look = Look(look.colour, look.marker, dashes, FILLS[number % len(FILLS)])
        looks[row.label] = look
    return looks


def literal(text: str) -> str:
    """A text of a table or a data set, in which matplotlib reads no mathematics."""
    return text.replace("$", r"\$")
