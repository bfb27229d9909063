"""Tables in LaTeX as they are pasted into a paper: booktabs, a file a table, notes in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import attrgetter

from sirec.report.render.latex_text import escaped
from sirec.report.render.texts import (
    interval_text,
    notes_with_legend,
    published_text,
    spread_text,
    value_text,
)
from sirec.report.table import NOT_AVAILABLE, TRAINING_FREE, Cell, ResultTable, TableColumn

LATIN = 0x180  # letters below are known to pdflatex
# Sizes of type with the width of a letter in points, from the largest on.
SIZES: Mapping[str, float] = {r"\small": 4.9, r"\footnotesize": 4.5, r"\scriptsize": 4.2}
COLUMN, PAGE = 240.0, 500.0  # points: widths of a column, and of a page of two columns
BETWEEN = 8.0  # points between two columns of a table
PREAMBLE = r"% Needs \usepackage{booktabs}"
SCALED = r"% Needs \usepackage{booktabs,graphicx}"
OTHER_ENGINE = "% Has letters that pdflatex does not know: compile it with lualatex or xelatex."


def to_latex(table: ResultTable, label: str = "tab:results") -> str:
    r"""A `table` environment with caption, label and one line of notes; `table*` where it is wide.

    Args:
        table: the table.
        label: what `\ref` calls it.
    """
    headings, above = _headings(table)
    lines = _lines(table)
    widths = _widths(table)
    size, environment, is_scaled = _fit(widths)
    body = _tabular(table, headings, above, lines)
    if is_scaled:
        body = [r"\resizebox{\textwidth}{!}{%", *body[:-1], body[-1] + "}"]
    notes = " ".join(map(escaped, short_notes(table)))
    parts = [
        SCALED if is_scaled else PREAMBLE,
        rf"\begin{{{environment}}}[t]",
        r"\centering",
        rf"\caption{{{escaped(table.title)}}}",
        rf"\label{{{label}}}",
        size,
        r"\setlength{\tabcolsep}{4pt}",
        *body,
    ]
    if notes:
        parts += ["", r"\smallskip", rf"\parbox{{\linewidth}}{{\raggedright\scriptsize {notes}}}"]
    parts += [rf"\end{{{environment}}}", ""]
    return _with_engine("\n".join(parts))


def latex_files(title: str, tables: Sequence[ResultTable], name: str) -> dict[str, str]:
    """Name of a file -> its text: one for each table, and one for the notes of all of them.

    Args:
        title: the title of all tables together.
        tables: the tables.
        name: what the names of the files begin with.
    """
    files: dict[str, str] = {}
    labels: dict[str, list[str]] = {}  # note -> labels of the tables that it belongs to
    for number, table in enumerate(tables, start=1):
        label = f"tab:{name.replace('_', '-')}-{number}"
        files[f"{name}_{number}.tex"] = to_latex(table, label)
        for note in table.notes:
            if note not in short_notes(table):
                labels.setdefault(note, []).append(label)
    files[f"{name}_notes.tex"] = _notes_file(title, labels)
    return files


def short_notes(table: ResultTable) -> list[str]:
    """The notes without which a table cannot be read: what its marks and its emphasis mean.

    Args:
        table: the table.
    """
    marks: set[str] = set()
    for row in table.rows:
        marks.update(cell.mark for cell in row.cells if cell.mark)
    usual = (NOT_AVAILABLE, f"({TRAINING_FREE})", "Bold")
    starts = tuple(f"{mark}:" for mark in (*marks, *usual))
    return [note for note in notes_with_legend(table, "underlined") if note.startswith(starts)]


def _notes_file(title: str, labels: Mapping[str, Sequence[str]]) -> str:
    lines = [rf"\paragraph{{{escaped(title)}}}", r"\begin{itemize}", r"\setlength{\itemsep}{0pt}"]
    for note, of_tables in labels.items():
        where = ", ".join(rf"\ref{{{label}}}" for label in of_tables)
        noun = "Table" if len(of_tables) == 1 else "Tables"
        lines.append(rf"\item {noun}~{where}: {escaped(note)}")
    if not labels:
        return ""
    return _with_engine("\n".join([*lines, r"\end{itemize}", ""]))


def _with_engine(text: str) -> str:
    """The text, behind a remark where it has letters that need another engine."""
    if all(ord(letter) < LATIN for letter in text):
        return text
    return f"{OTHER_ENGINE}\n{text}"


def _fit(widths: Sequence[int]) -> tuple[str, str, bool]:
    """Size of type, environment, and whether the table has to be scaled, for columns of letters."""
    gaps = BETWEEN * len(widths)
    for environment, room in (("table", COLUMN), ("table*", PAGE)):
        for size, letter in SIZES.items():
            if sum(widths) * letter + gaps <= room:
                return size, environment, False
    return r"\footnotesize", "table*", True


def _widths(table: ResultTable) -> list[int]:
    """Letters of the widest text of each column, as it is printed."""
    labels = [table.label_heading, *map(attrgetter("marked_label"), table.rows)]
    widths = [max(map(len, labels))]
    for index, column in enumerate(table.columns):
        texts = [_plain(row.cells[index], column) for row in table.rows]
        widest = max(map(len, texts), default=0)
        if table.has_published(index):
            widths += [max(widest, 4), max(widest, 7)]
        else:
            widths.append(max(widest, len(column.heading)))
    return widths


def _plain(cell: Cell, column: TableColumn) -> str:
    text = value_text(cell, column) + spread_text(cell, column)
    return text + (f" {interval_text(cell, column)}" if cell.interval else "")


def _headings(table: ResultTable) -> tuple[list[str], list[str]]:
    """The line of headings, and the one above it that joins ours and printed; none if no column
    has printed values.
    """
    has_any = any(map(table.has_published, range(len(table.columns))))
    headings, above, rules = [escaped(table.label_heading)], [""], []
    place = 2
    for index, column in enumerate(table.columns):
        name = escaped(column.heading)
        if table.has_published(index):
            headings += ["ours", "printed"]
            above.append(rf"\multicolumn{{2}}{{c}}{{{name}}}")
            rules.append(rf"\cmidrule(lr){{{place}-{place + 1}}}")
            place += 2
        else:
            headings.append(name)
            above.append("")
            place += 1
    return headings, [f"{' & '.join(above)} \\\\", " ".join(rules)] if has_any else []


def _tabular(
    table: ResultTable, headings: Sequence[str], above: Sequence[str], lines: Sequence[str]
) -> list[str]:
    alignment = "l" + "r" * (len(headings) - 1)
    body = [rf"\begin{{tabular}}{{{alignment}}}", r"\toprule", *above]
    body += [f"{' & '.join(headings)} \\\\", r"\midrule"]
    numbered = zip(table.rows, lines, strict=True)
    for number, (group, members) in enumerate(groupby(numbered, key=lambda pair: pair[0].group)):
        if group:
            body += [r"\addlinespace"] if number else []
            heading = rf"\textit{{{escaped(group)}}}"
            body.append(rf"\multicolumn{{{len(headings)}}}{{l}}{{{heading}}} \\")
        for _, line in members:
            body.append(line)
    return [*body, r"\bottomrule", r"\end{tabular}"]


def _lines(table: ResultTable) -> list[str]:
    """A line of the `tabular` for each row."""
    lines: list[str] = []
    for row, places in zip(table.rows, table.places(), strict=True):
        texts = [escaped(row.marked_label)]
        for index, (cell, place) in enumerate(zip(row.cells, places, strict=True)):
            column = table.columns[index]
            texts.append(_cell(cell, column, place))
            if table.has_published(index):
                texts.append(escaped(published_text(cell, column)))
        lines.append(f"{' & '.join(texts)} \\\\")
    return lines


def _cell(cell: Cell, column: TableColumn, place: int | None) -> str:
    """A cell; its mark takes no room, so that digits stand below digits."""
    text = escaped(value_text(cell, column))
    if place == 1:
        text = rf"\textbf{{{text}}}"
    elif place == 2:
        text = rf"\underline{{{text}}}"
    text += escaped(spread_text(cell, column))
    if cell.mark and cell.interval is None:
        return text + rf"\rlap{{{escaped(cell.mark)}}}"
    text += escaped(cell.mark)
    if cell.interval is not None:
        text += rf" {{\scriptsize {escaped(interval_text(cell, column))}}}"
    return text
