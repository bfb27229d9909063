"""LaTeX as it is pasted: booktabs, one file a table, notes apart, and a page that compiles."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sirec.report.render import latex_files, to_latex
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow

NASTY = r"R&D 50 % $x$ #1 a_b {c} ~ ^ \end{table} \"q\" 'a' <b> – — … † § λ Ω ½ ≤ é ß --data"
DOCUMENT = r"""\documentclass[twocolumn]{article}
\usepackage[T1]{fontenc}
\usepackage[letterpaper,margin=0.75in]{geometry}
\usepackage{booktabs,graphicx}
\begin{document}
%s
\end{document}
"""


def wide(columns: int, text: str = "row") -> ResultTable:
    """A table with printed values in its first column."""
    names = [TableColumn(f"{text} {number}", direction="higher") for number in range(columns)]
    first = Cell(0.1234, published=0.12, deviation=0.001, mark="†")
    others = [Cell(0.5, interval=(0.4, 0.6))] * (columns - 1)
    rows = (
        TableRow(text, (first, *others), "one"),
        TableRow(f"{text} 2", (Cell(0.1), *others), "two", is_training_free=True),
    )
    notes = ("†: differs.", f"Protocol: {text}")
    return ResultTable(text, tuple(names), rows, notes)


def test_narrow_tables_take_a_column_and_wide_ones_the_page() -> None:
    """The widest are scaled, and say which packages they need."""
    assert r"\begin{table}[t]" in to_latex(wide(1))
    assert r"\begin{table*}[t]" in to_latex(wide(2))
    assert r"\resizebox{\textwidth}" in to_latex(wide(12))
    assert "resizebox" not in to_latex(wide(2))


def test_a_table_has_a_label_rules_and_the_notes_of_its_marks() -> None:
    """All other notes stand in one file, each with the tables that it belongs to."""
    files = latex_files("Title", [wide(2), wide(3)], "my_study")
    assert list(files) == ["my_study_1.tex", "my_study_2.tex", "my_study_notes.tex"]
    first, notes = files["my_study_1.tex"], files["my_study_notes.tex"]
    for part in (r"\label{tab:my-study-1}", r"\toprule", r"\cmidrule(lr){2-3}", "differs."):
        assert part in first
    assert "Protocol" not in first
    assert notes.count("Protocol") == 1
    assert r"\ref{tab:my-study-1}, \ref{tab:my-study-2}" in notes
    assert "differs" not in notes


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX here: pdflatex is missing")
def test_what_is_written_compiles(tmp_path: Path) -> None:
    """Whatever names hold, and however wide the table is; a command in a name is text. A broken
    document (control) fails.
    """
    text = ""
    for number, table in enumerate((wide(1, NASTY), wide(4), wide(12, NASTY))):
        text += "".join(latex_files(NASTY, [table], f"t{number}").values())
    for body, is_fine in ((text, True), (text + r"\nonsense", False)):
        (tmp_path / "page.tex").write_text(DOCUMENT % body, encoding="utf-8")
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
        assert (done.returncode == 0) == is_fine, done.stdout.decode(errors="replace")[-2000:]
