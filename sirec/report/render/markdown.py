"""Tables in Markdown, as GitHub shows them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from sirec.plain_text import visible
from sirec.report.render.texts import Markup, grid, notes_with_legend
from sirec.report.table import ResultTable

# At its ends a title has marks of headings; a paragraph begins with those of a block.
HEADING_MARK = re.compile(r"(^\s*|\s)(#+)(?=\s*$|\s)")
BLOCK_MARK = re.compile(r"^(\s*)([#>+*-])(?=\s|[#>])|^(\s*)(>)")
TAG = re.compile(r"<(?=[A-Za-z/!?])")
CHARACTERS = str.maketrans({character: f"\\{character}" for character in r"\|*_`<"})


def escaped(text: str) -> str:
    r"""A text in which no character is read as Markdown, for a title or a cell.

    >>> print(escaped("# a|b [c](d) <e> #"))
    \# a\|b [c]\(d) \<e> \#
    """
    plain = visible(text).translate(CHARACTERS).replace("](", "]\\(")
    return HEADING_MARK.sub(r"\1\\\2", plain)


def inline(text: str) -> str:
    r"""A text inside a line, in which names make no links, tags or code.

    >>> print(inline("+ [c](d) and `e` <f>"))
    + [c]\(d) and \`e\` \<f>
    """
    plain = visible(text).replace("](", "]\\(").replace("`", "\\`")
    return TAG.sub(r"\<", plain)


def paragraph(text: str) -> str:
    r"""A sentence that is no heading, and in which names make no links, tags or code.

    >>> print(paragraph("# of [c](d) and `e` <f> at p < 0.05 is last_item"))
    \# of [c]\(d) and \`e\` \<f> at p < 0.05 is last_item
    """
    return BLOCK_MARK.sub(r"\1\3\\\2\4", inline(text))


MARKDOWN = Markup(
    style="pipe",
    escape=escaped,
    best=lambda text: f"**{text}**",
    second=lambda text: f"*{text}*",
    heading=lambda text: f"**{text}**",
)


def to_markdown(table: ResultTable) -> str:
    """A table with title and notes. The same table gives the same bytes."""
    notes = [f"- {escaped(note)}" for note in notes_with_legend(table, "italic")]
    parts = [f"### {escaped(table.title)}", grid(table, MARKDOWN), "\n".join(notes)]
    return "\n\n".join(part for part in parts if part) + "\n"


def links_to_runs(tables: Sequence[ResultTable]) -> str:
    """A line with a link to every run that tables stand on, each once.

    The links lead on from a file in the folder `tables` of the results, where they also say which
    data set is meant if rows of several data sets have one label.
    """
    rows: dict[tuple[str, tuple[tuple[str, str], ...]], None] = {}
    for table in tables:
        for row in table.rows:
            if row.runs:
                rows[row.label, tuple(row.runs.items())] = None
    if not rows:
        return ""
    count = Counter(label for label, _ in rows)
    texts: list[str] = []
    for label, runs in rows:
        is_ambiguous = count[label] > 1
        texts.append(_links_of_row(label, runs, with_dataset=is_ambiguous))
    return f"Runs: {'; '.join(texts)}."


def _links_of_row(label: str, runs: Sequence[tuple[str, str]], *, with_dataset: bool) -> str:
    """`[SASRec](…)` for one run, `SASRec [seed 0](…), [seed 1](…)` for several."""
    first = runs[0][1]
    name = escaped(f"{label} on {_dataset(first)}" if with_dataset else label)
    if len(runs) == 1:
        return f"[{name}]({_from_tables(first)})"
    links = [f"[{text}]({_from_tables(path)})" for text, path in runs]
    return f"{name} {', '.join(links)}"


def _from_tables(path: str) -> str:
    """The link to a run's folder from a file in `tables`, a folder beside `runs`."""
    return f"../{path.partition('/')[2]}"


def _dataset(path: str) -> str:
    """The data set of a run's folder, `…/runs/<data set>/<model>/<id>`."""
    return path.split("/")[-3]
