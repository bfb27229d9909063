"""The figures of the studies in a results folder, drawn where their data have changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sirec.report.answer import read_answer
from sirec.report.figures.table_figure import PICTURES, PaperFigure
from sirec.studies.compare.study_figures import study_figures

FIGURES, TABLES = "figures", "tables"


def figures_of_studies(results: Path) -> Iterator[tuple[str, PaperFigure]]:
    """The name of each figure with the figure, for studies whose tables are drawn.

    Args:
        results: the results folder.

    Raises:
        SirecError: if a file of a table or of a run is damaged.
    """
    for path in sorted((results / "studies").glob("*.json")):
        kept = results / TABLES / f"{path.stem}.json"
        if kept.exists():
            figures = study_figures(results, path.stem, read_answer(kept))
            for ending, figure in figures.items():
                yield f"{path.stem}_{ending}", figure


def draw_figures_of_studies(results: Path) -> list[str]:
    """Draw the figures of studies whose data are not those that are there.

    Args:
        results: the results folder.

    Returns:
        The names of the figures that were drawn.

    Raises:
        SirecError: if a file is damaged or cannot be written.
    """
    drawn: list[str] = []
    for name, figure in figures_of_studies(results):
        if not _is_drawn(results / FIGURES, name, figure):
            figure.write(results / FIGURES, name)
            drawn.append(name)
    return drawn


def _is_drawn(folder: Path, name: str, figure: PaperFigure) -> bool:
    """Whether a figure and its data are there, and the data are those of now."""
    files = [folder / f"{name}.{kind}" for kind in ("csv", *PICTURES)]
    if not all(path.is_file() for path in files):
        return False
    return files[0].read_bytes() == figure.data().encode()
