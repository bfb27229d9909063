"""Tables in LaTeX."""

from __future__ import annotations

from sirec.plain_text import visible
from sirec.report.render.texts import Markup, grid, notes_with_legend
from sirec.report.table import ResultTable

CHARACTERS = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": "$<$",
        ">": "$>$",
        "±": r"$\pm$",
        "–": "--",
        "−": "$-$",
        "†": r"$^{\dagger}$",
        "Δ": r"$\Delta$",
        "×": r"$\times$",
        "≤": r"$\leq$",
        "≥": r"$\geq$",
        "λ": r"$\lambda$",
    }
)


def escaped(text: str) -> str:
    """A text in which no character is read as LaTeX."""
    return visible(text).translate(CHARACTERS)


LATEX = Markup(
    style="latex_raw",
    escape=escaped,
    best=lambda text: rf"\textbf{{{text}}}",
    second=lambda text: rf"\underline{{{text}}}",
    heading=lambda text: rf"\textit{{{text}}}",
)


def to_latex(table: ResultTable) -> str:
    """A `table` environment that needs no package: caption, `tabular`, notes in small print."""
    lines = [r"\begin{table}", rf"\caption{{{escaped(table.title)}}}", grid(table, LATEX)]
    for note in notes_with_legend(table, "underlined"):
        lines.append(rf"\par\footnotesize {escaped(note)}")
    return "\n".join([*lines, r"\end{table}", ""])
