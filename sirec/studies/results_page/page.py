"""The results of a folder on one page, as HTML and as Markdown.

A table is `tables/<name>.md`, and `<name>.json` beside it holds what a page shows of it. How it was
made is said by the record of that name in another folder of the results (`studies`, `coldstart`,
…), and by the runs that the record lists. Times of the day and machines are left out: the same
results give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path

from sirec.errors import SirecError
from sirec.report.answer import Answer
from sirec.report.render import to_markdown
from sirec.report.render.markdown import escaped, paragraph
from sirec.run.files import replace_text
from sirec.studies.results_page.artefact import Artefact
from sirec.studies.results_page.figures import draw_figures_of_studies
from sirec.studies.results_page.html_page.document import html_page
from sirec.studies.results_page.html_page.pictures import caption
from sirec.studies.results_page.reading import HOW_TO_READ, INTRODUCTION, distinct_title, page_lines
from sirec.studies.results_page.sections import SECTIONS
from sirec.studies.results_page.summary import summary

MARKDOWN, HTML = "report.md", "report.html"
RUNS = "Runs: "  # begins the line of a table's runs
PICTURE_KINDS = (".pdf", ".csv")  # beside the picture


def write_report(root: Path) -> tuple[Path, Path]:
    """Draw the figures of studies, and write `report.html` and `report.md` into a results folder.

    Args:
        root: the results folder.

    Returns:
        The two files.

    Raises:
        SirecError: if there is no table in the folder, or a run is missing that one stands on.
    """
    if not table_names(root):
        raise SirecError(
            f"{root / 'tables'}: no tables", "make one: sirec quickstart, or sirec study NAME"
        )
    found = artefacts_of(root)
    for artefact in found:
        artefact.provenance()  # raises before anything is written
    draw_figures_of_studies(root)
    summary_lines = summary(found)
    replace_text(root / HTML, html_page(found, summary_lines))
    replace_text(root / MARKDOWN, report(found, summary_lines))
    return root / HTML, root / MARKDOWN


def table_names(root: Path) -> list[str]:
    """Names of the tables of a results folder.

    Args:
        root: the results folder.
    """
    return sorted(path.stem for path in (root / "tables").glob("*.md"))


def artefacts_of(root: Path) -> list[Artefact]:
    """The tables of a results folder.

    Args:
        root: the results folder.
    """
    return [Artefact(root, name) for name in table_names(root)]


def pages(root: Path) -> dict[str, str]:
    """Name of a file -> its text as the folder gives it now.

    Args:
        root: the results folder.

    Raises:
        SirecError: if a run is missing that a table stands on.
    """
    found = artefacts_of(root)
    summary_lines = summary(found)
    return {HTML: html_page(found, summary_lines), MARKDOWN: report(found, summary_lines)}


def report(artefacts: Sequence[Artefact], summary_lines: Sequence[str]) -> str:
    """The Markdown of a report: contents, then section by section, tables in the order given.

    Args:
        artefacts: the tables.
        summary_lines: the lines that it begins with.

    Raises:
        SirecError: if a run is missing that a table stands on.
    """
    names = list(map(attrgetter("name"), artefacts))
    contents: list[str] = []
    parts: list[str] = []
    for section in SECTIONS:
        found = [artefact for artefact in artefacts if artefact.section is section]
        if found:
            contents.append(f"- {section.heading}")
            parts.append(f"## {section.heading}\n\n{section.question}\n")
        for artefact in found:
            contents.append(f"  - [{distinct_title(artefact, artefacts)}](#{artefact.name})")
            parts.append(_part(artefact, artefact.pictures(names)[:1]))
    opening = [f"# Results\n\n{INTRODUCTION}\n"]
    for number, line in enumerate(summary_lines, start=1):
        opening.append(f"{number}. {paragraph(line)}")
    opening.append("\n## How to read this page\n")
    for line in HOW_TO_READ:
        opening.append(f"- {paragraph(line)}")
    return "\n".join([*opening, "", "## Contents\n", *contents, "", *parts])


def _part(artefact: Artefact, pictures: Sequence[Path]) -> str:
    """A table with its heading, its picture, and how it was made."""
    answer = artefact.answer
    made = artefact.provenance()
    if answer is None:
        shown = [artefact.body]
    else:
        shown = _shown(answer)
        made = [line for line in made if not line.startswith(RUNS)]
        made.append(f"All tables, notes and runs: [{artefact.name}](tables/{artefact.name}.md)")
    paragraphs = [
        f'<a id="{artefact.name}"></a>',
        f"### {artefact.title}",
        *shown,
        *map(_picture, pictures),
        "\n".join(f"- {line}" for line in made),
    ]
    return "\n\n".join(paragraphs) + "\n"


def _shown(answer: Answer) -> list[str]:
    """The table of a question, and what it means."""
    heading, _, table = to_markdown(answer.table).partition("\n\n")
    lines = [f"**{escaped(heading.removeprefix('### '))}**", table.partition("\n\n")[0]]
    lines += map(paragraph, page_lines(answer))
    return list(filter(str.strip, lines))


def _picture(path: Path) -> str:
    """A picture, what its marks mean, and links to its other formats and its data."""
    links: list[str] = []
    for other in sorted(path.parent.glob(f"{path.stem}.*")):
        if other.suffix in PICTURE_KINDS:
            links.append(f"[{other.suffix[1:]}](figures/{other.name})")
    picture = f"![{path.stem}](figures/{path.name})"
    below = f"{paragraph(caption(path))} {', '.join(links)}".strip()
    return f"{picture}\n\n{below}" if below else picture
