"""The page that says how each committed table is made."""

from __future__ import annotations

from pathlib import Path

from sirec.studies.results_page.artefact import SECTIONS, Artefact

INTRODUCTION = """# Reproduce the tables

Every table in `results/tables` was made by the command beside it. Committed runs are used as they
are, so that these commands draw the tables in seconds; without them they train. `sirec verify
results` draws all of them anew and compares.

"""
HEADING = "| table | how it was made |\n|---|---|\n"


def reproduction_page(results: Path) -> str:
    """The committed tables by section, each with its command and data, as Markdown.

    Args:
        results: the committed folder of results.
    """
    names = sorted(path.stem for path in (results / "tables").glob("*.md"))
    artefacts = [Artefact(results, name) for name in names]
    parts = [INTRODUCTION]
    for section in SECTIONS:
        found = [artefact for artefact in artefacts if artefact.section is section]
        if found:
            parts.append(f"## {section.heading}\n\n{HEADING}{''.join(map(_row, found))}\n")
    return "".join(parts)


def _row(artefact: Artefact) -> str:
    link = f"[{artefact.title}](../results/tables/{artefact.name}.md)"
    made = "<br>".join(artefact.how_made()).replace("|", "\\|")
    return f"| {link} | {made} |\n"
