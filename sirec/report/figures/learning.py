"""Training curves: a metric on validation by epoch, a panel for each row, another one in grey."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sirec.report.figures.intervals import wrapped
from sirec.report.figures.style import (
    GREY,
    ONE_COLUMN,
    TWO_COLUMNS,
    Look,
    looks_of_rows,
)
from sirec.report.figures.table_figure import HEIGHT_OF_A_LINE, PaperFigure
from sirec.report.table import TableRow

HEIGHT_OF_A_PANEL = 1.05  # inches
MOST_IN_A_LINE = 4
LETTERS = 24  # of a title in one line
HEADINGS = ("dataset", "row", "seed", "epoch", "seconds", "value", "is_best")


@dataclass(frozen=True)
class LearningCurve:
    """One run's metric on validation.

    Attributes:
        row: the row that the run belongs to.
        dataset: name of the data set.
        seed: seed of the run.
        epochs: the epochs after which the metric was computed, over all stages.
        seconds: seconds of training and validation until then.
        values: the metric after these epochs.
        best: index of the epoch whose weights were kept; None if none was.
    """

    row: TableRow
    dataset: str
    seed: int
    epochs: tuple[int, ...]
    seconds: tuple[float, ...]
    values: tuple[float, ...]
    best: int | None


@dataclass(frozen=True, eq=False)
class LearningFigure(PaperFigure):
    """A panel for each row of a study.

    Attributes:
        heading: title of the figure.
        metric: name of the metric.
        curves: the curves, at least one, rows in the order of their table.
        reference: label of the row that every panel shows in grey; all other rows if None.
    """

    heading: str
    metric: str
    curves: tuple[LearningCurve, ...]
    reference: str | None = None

    @property
    def title(self) -> str:
        """What is shown."""
        return self.heading

    @property
    def caption(self) -> str:
        """What lines and points are."""
        return (
            f"{self.metric} on validation after each epoch, a line for each seed; the large point "
            f"is the epoch whose weights are tested. In grey: {self.reference or 'the other rows'}."
        )

    def data(self) -> str:
        """A line for each epoch that was validated."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADINGS)
        for curve in self.curves:
            place = (curve.dataset, curve.row.label, curve.seed)
            points = zip(curve.epochs, curve.seconds, curve.values, strict=True)
            for number, (epoch, seconds, value) in enumerate(points):
                is_best = int(number == curve.best)
                writer.writerow([*place, epoch, f"{seconds:.1f}", f"{value:.6f}", is_best])
        return stream.getvalue()

    def compose(self) -> Figure:
        """Panels beside and above each other, all with the same axes."""
        panels_by_row: dict[tuple[str, str], list[LearningCurve]] = {}
        for curve in self.curves:
            panels_by_row.setdefault((curve.dataset, curve.row.label), []).append(curve)
        across = min(len(panels_by_row), MOST_IN_A_LINE)
        down = math.ceil(len(panels_by_row) / across)
        width = ONE_COLUMN if across < 2 else TWO_COLUMNS
        has_several = len({dataset for dataset, _ in panels_by_row}) > 1
        titles: list[str] = []
        for dataset, label in panels_by_row:
            titles.append(wrapped(f"{label}, {dataset}" if has_several else label, LETTERS))
        lines = 1 + max(title.count("\n") for title in titles)
        height = down * (HEIGHT_OF_A_PANEL + lines * HEIGHT_OF_A_LINE) + 2 * HEIGHT_OF_A_LINE
        figure = Figure((width, height), layout="constrained")
        panels = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
        looks = looks_of_rows(curve.row for curve in self.curves)
        for axes, title, ((dataset, _), curves) in zip(
            panels.flat, titles, panels_by_row.items(), strict=False
        ):
            axes.set_title(title, fontsize=7)
            self._panel(axes, dataset, curves, looks)
        for number in range(len(panels_by_row), down * across):
            panels.flat[number].set_axis_off()
            panels.flat[number - across].tick_params(labelbottom=True)
        panels[0, 0].set_ylim(bottom=0)
        panels[0, 0].set_xlim(left=0)
        figure.supxlabel("epoch", fontsize=8)
        figure.supylabel(f"validation {self.metric}", fontsize=8)
        return figure

    def _panel(
        self,
        axes: Axes,
        dataset: str,
        curves: Sequence[LearningCurve],
        looks: Mapping[str, Look],
    ) -> None:
        for other in self.curves:
            is_shown = self.reference in (None, other.row.label)
            if is_shown and other.dataset == dataset and other not in curves:
                axes.plot(other.epochs, other.values, color=GREY, linewidth=0.6, zorder=1)
        for curve in curves:
            look = looks[curve.row.label]
            colour = look.colour
            axes.plot(curve.epochs, curve.values, color=colour, linewidth=1.1, zorder=3)
            if curve.best is not None:
                x, y = curve.epochs[curve.best], curve.values[curve.best]
                axes.plot([x], [y], linestyle="", zorder=4, clip_on=False, **look.point)
