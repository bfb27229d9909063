"""The figure of `growth.py`: a column for each axis; both scales are logarithmic, so that a slope
is an exponent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from sirec.report.figures.style import COLOURS, MARKERS, STYLE

Line = tuple[
    str, Sequence[tuple[int, Mapping[str, float]]]
]  # an axis's title, and its values with all figures
PANELS: Mapping[str, tuple[str, ...]] = {
    "milliseconds a step": ("step", "batch", "encode", "loss", "backward", "optimiser"),
    "seconds": ("epoch", "all ranked"),
    "peak above imports, MB": ("training peak", "peak"),
}
"""Rows of panels: what the scale says, and the figures drawn."""

LABELS = {
    "epoch": "an epoch of training",
    "all ranked": "ranking all users once",
    "training peak": "in training",
    "peak": "ranking too",
}
LOOKS: dict[Any, Any] = STYLE | {
    "svg.hashsalt": "growth",
    "svg.fonttype": "none",
    "xtick.major.size": 2,
}
WIDTH, HEIGHT = 1.75, 2.0  # inches of a panel


def write(lines: Sequence[Line], page: Path) -> Path:
    """Draw beside the page, as .svg; the same figures give the same bytes."""
    path = page.with_suffix(".svg")
    with mpl.rc_context(LOOKS):
        compose(lines).savefig(path, metadata={"Date": None, "Creator": None})
    return path


def compose(lines: Sequence[Line]) -> Figure:
    """The drawing; call it with `LOOKS` set."""
    figure = Figure((WIDTH * len(lines) + 0.6, HEIGHT * len(PANELS)), layout="constrained")
    panels = figure.subplots(len(PANELS), len(lines), sharex="col", sharey="row", squeeze=False)
    for row, (unit, names) in zip(panels, PANELS.items(), strict=True):
        row[0].set_ylabel(unit)
        for axes, (_, points) in zip(row, lines, strict=True):
            _panel(axes, names, points)
        row[-1].legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    for axes, bottom, (title, _) in zip(panels[0], panels[-1], lines, strict=True):
        what, loss = title.split(", ", maxsplit=1)
        axes.set_title(f"{what}\n{loss}")
        bottom.set_xlabel(what)
    return figure


def _panel(
    axes: Axes, names: Sequence[str], points: Sequence[tuple[int, Mapping[str, float]]]
) -> None:
    values = [value for value, _ in points]
    axes.loglog(base=10)
    for name, colour, marker in zip(names, COLOURS, MARKERS, strict=False):
        figures = [found[name] for _, found in points]
        axes.plot(
            values,
            figures,
            color=colour,
            marker=marker,
            markersize=3,
            linewidth=1,
            label=LABELS.get(name, name),
        )
    shown = values[:: max(1, len(values) // 3)]
    axes.set_xticks(shown, [_number(value) for value in shown])
    axes.minorticks_off()
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0), numticks=20))
    axes.yaxis.set_major_formatter(lambda value, place: f"{value:,g}")
    axes.grid(axis="y", color="0.92", linewidth=0.6)


def _number(value: int) -> str:
    """A number in a few letters.

    >>> [_number(value) for value in (25, 15_625, 125_000, 1_000_000)]
    ['25', '16k', '125k', '1M']
    """
    scales = ((1_000_000, "M"), (1_000, "k"))
    return next(
        (f"{value / scale:.0f}{letter}" for scale, letter in scales if value >= scale), str(value)
    )
