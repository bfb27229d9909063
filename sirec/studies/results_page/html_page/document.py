"""The whole page: summary, how to read it, a part for each question, and the runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from operator import attrgetter

from sirec.report.render.html_table import escape
from sirec.run.store import RunFolder
from sirec.studies.results_page.artefact import Artefact
from sirec.studies.results_page.html_page.answer_table import answer_table
from sirec.studies.results_page.html_page.pictures import caption, inline_svg
from sirec.studies.results_page.html_page.run_list import run_list
from sirec.studies.results_page.reading import (
    HOW_TO_READ,
    INTRODUCTION,
    distinct_title,
    page_lines,
)
from sirec.studies.results_page.sections import SECTIONS

TITLE = "Side information in sequential recommendation: results"
ICON = "data:,"  # no request for an icon
HINT = (
    "Headings sort their column; a number of ours opens the configuration of its runs; below each "
    "table are its notes and the command that makes it."
)
CODE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")
RUNS = "Runs: "
LARGEST = 60_000  # bytes of a picture besides the main one; together they keep the page small


def html_page(artefacts: Sequence[Artefact], summary_lines: Sequence[str]) -> str:
    """The page of some tables; the same folder gives the same bytes.

    Args:
        artefacts: the tables, in the order of the report.
        summary_lines: the lines that it begins with.

    Raises:
        SirecError: if a run is missing that a table stands on.
    """
    runs = _runs(artefacts)
    names = list(map(attrgetter("name"), artefacts))
    parts: list[str] = []
    contents: list[str] = []
    for section in SECTIONS:
        found = [artefact for artefact in artefacts if artefact.section is section]
        if found:
            parts.append(f"<h2>{escape(section.heading)}</h2>")
            parts.append(f'<p class="asked">{escape(section.question)}</p>')
            contents.append(_contents(section.heading, found, artefacts))
        for artefact in found:
            parts.append(_part(artefact, names, frozenset(runs)))
    lines, reading = _items(summary_lines), _items(HOW_TO_READ)
    return "\n".join(
        [
            *_head(),
            '<div class="layout">',
            f"<nav><details><summary>Contents</summary><div>{''.join(contents)}"
            '<h2>Runs</h2><ul><li><a href="#runs">All runs</a></li></ul></div></details></nav>',
            "<main>",
            f"<h1>{escape(TITLE)}</h1>",
            f'<p class="lead">{_inline(INTRODUCTION)}</p>',
            f'<ol class="summary">{lines}</ol>',
            f'<p class="asked">{escape(HINT)}</p>',
            f"<details><summary>How to read this page</summary><ul>{reading}</ul></details>",
            *parts,
            '<h2 id="runs">Runs</h2>',
            '<p class="asked">Every run that a table stands on, with its whole configuration.</p>',
            run_list(runs),
            "</main>",
            "</div>",
            *_foot(),
        ]
    )


def _items(texts: Sequence[str]) -> str:
    """Texts as the items of a list."""
    items: list[str] = []
    for text in texts:
        items.append(f"<li>{escape(text)}</li>")
    return "".join(items)


def _head() -> list[str]:
    return [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<link rel="icon" href="{ICON}">',
        f"<title>{escape(TITLE)}</title>",
        f"<style>\n{_text_of('page.css')}</style>",
        "</head>",
        "<body>",
    ]


def _foot() -> list[str]:
    return [
        '<dialog><header><h3></h3><button type="button">Close</button></header>',
        "<div></div></dialog>",
        f"<script>\n{_text_of('page.js')}</script>",
        "</body>",
        "</html>",
        "",
    ]


def _text_of(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _runs(artefacts: Sequence[Artefact]) -> dict[str, RunFolder]:
    """Id -> every run that a record names, in the order of their folders."""
    paths: dict[str, Artefact] = {}
    for artefact in artefacts:
        for path in artefact.runs():
            paths.setdefault(path, artefact)
    found: dict[str, RunFolder] = {}
    for path in sorted(paths):
        run = RunFolder(paths[path].root / path)
        found[run.id] = run
    return found


def _contents(heading: str, found: Sequence[Artefact], artefacts: Sequence[Artefact]) -> str:
    items: list[str] = []
    for artefact in found:
        title = distinct_title(artefact, artefacts)
        items.append(f'<li><a href="#{escape(artefact.name)}">{escape(title)}</a></li>')
    return f"<h2>{escape(heading)}</h2><ul>{''.join(items)}</ul>"


def _part(artefact: Artefact, names: Sequence[str], runs: frozenset[str]) -> str:
    """One question: its table, what it means, its figure, notes, and how it was made."""
    lines = [f'<section id="{escape(artefact.name)}">', f"<h3>{escape(artefact.title)}</h3>"]
    answer = artefact.answer
    if answer is not None:
        lines.append(answer_table(answer.table, runs))
        for line in page_lines(answer):
            lines.append(f'<p class="meaning">{escape(line)}</p>')
        if answer.longer is not None:
            rows = len(answer.longer.rows)
            folded = answer_table(answer.longer, runs)
            lines.append(f"<details><summary>All {rows} rows</summary>\n{folded}\n</details>")
    lines += _figures(artefact, names)
    if answer is not None and answer.notes:
        notes = _items(answer.notes)
        lines.append(f"<details><summary>Notes</summary><ul>{notes}</ul></details>")
    made = [line for line in artefact.provenance() if not line.startswith(RUNS)]
    made.append(f"All tables: [{artefact.name}.md](tables/{artefact.name}.md)")
    items = "".join(f"<li>{_inline(line)}</li>" for line in made)
    lines.append(
        f'<details class="made"><summary>How this was made</summary><ul>{items}</ul></details>'
    )
    return "\n".join([*lines, "</section>"])


def _figures(artefact: Artefact, names: Sequence[str]) -> list[str]:
    """The main figure; of the others small ones are folded, and large ones are linked."""
    pictures = artefact.pictures(names)
    lines = [inline_svg(path) for path in pictures[:1]]
    folded: list[str] = []
    for path in pictures[1:]:
        if path.stat().st_size <= LARGEST:
            folded.append(inline_svg(path))
        else:
            address = f'<a href="figures/{path.name}">{path.name}</a>'
            folded.append(f"<p>{address}: {escape(caption(path))}</p>")
    if folded:
        others = "\n".join(folded)
        lines.append(f"<details><summary>More figures</summary>\n{others}\n</details>")
    return lines


def _inline(text: str) -> str:
    """A line of Markdown that has code and links and nothing else."""
    escaped = CODE.sub(r"<code>\1</code>", escape(text))
    return LINK.sub(r'<a href="\2">\1</a>', escaped)
