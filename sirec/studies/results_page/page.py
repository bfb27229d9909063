"""All rendered tables and figures of a results folder in one Markdown file.

A table is `tables/<name>.md`. How it was made is said by the record of that name in another folder
of the results (`studies`, `coldstart`, …), and by the runs that the record lists. Times of the day
and machines are left out: the same results give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sirec.errors import SirecError
from sirec.run.files import replace_text
from sirec.studies.results_page.artefact import SECTIONS, Artefact

INTRODUCTION = """# Results

Every table and figure here, how it was made, and the runs it stands on. `sirec report` \
writes this file; the same results give
the same bytes.
"""
FORMATS = (".csv", ".pdf", ".svg")  # of figures, beside the picture


def write_report(root: Path) -> Path:
    """Write `report.md` into a results folder and return it.

    Raises:
        SirecError: if there is no table in the folder, or a run is missing that one stands on.
    """
    names = sorted(path.stem for path in (root / "tables").glob("*.md"))
    if not names:
        raise SirecError(
            f"{root / 'tables'}: no tables", "make one: sirec quickstart, or sirec study NAME"
        )
    path = root / "report.md"
    replace_text(path, report([Artefact(root, name) for name in names]))
    return path


def report(artefacts: Sequence[Artefact]) -> str:
    """The Markdown of a report: contents, then section by section, tables in the order given."""
    names = [artefact.name for artefact in artefacts]
    titles = [artefact.title for artefact in artefacts]
    by_section: dict[str, list[Artefact]] = {section.heading: [] for section in SECTIONS}
    for artefact in artefacts:
        by_section[artefact.section.heading].append(artefact)
    contents: list[str] = []
    parts: list[str] = []
    for heading, found in by_section.items():
        if found:
            contents.append(f"- {heading}")
            parts.append(f"## {heading}\n")
        for artefact in found:
            contents.append(f"  - [{_distinct_title(artefact, titles)}](#{artefact.name})")
            parts.append(_part(artefact, artefact.pictures(names)))
    return "\n".join([INTRODUCTION, *contents, "", *parts])


def _distinct_title(artefact: Artefact, titles: Sequence[str]) -> str:
    """Its title, with the table's name where another table has the same title."""
    if titles.count(artefact.title) > 1:
        return f"{artefact.title} ({artefact.name})"
    return artefact.title


def _part(artefact: Artefact, pictures: Sequence[Path]) -> str:
    """A table with its heading, how it was made, and its pictures."""
    paragraphs = [
        f'<a id="{artefact.name}"></a>',
        f"### {artefact.title}",
        "\n".join(f"- {line}" for line in artefact.provenance()),
        artefact.body,
        *map(_picture, pictures),
    ]
    return "\n\n".join(paragraphs) + "\n"


def _picture(path: Path) -> str:
    """A picture, and links to its other formats and its data."""
    links: list[str] = []
    for other in sorted(path.parent.glob(f"{path.stem}.*")):
        if other.suffix in FORMATS:
            links.append(f"[{other.suffix[1:]}](figures/{other.name})")
    picture = f"![{path.stem}](figures/{path.name})"
    return f"{picture}\n\n{', '.join(links)}" if links else picture
