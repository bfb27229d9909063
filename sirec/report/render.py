"""Draw a `ResultTable`: for a terminal, in Markdown, in LaTeX, as CSV, as plain values for JSON.

Best is bold; second best is underlined where that exists, and in italics in Markdown, which has no
underline.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text
from tabulate import tabulate

from sirec.report.table import NOT_AVAILABLE, Cell, ResultTable, TableColumn, TableRow

Emphasis = Callable[[str, int | None], str]
Escape = Callable[[str], str]

LATEX_CHARACTERS = str.maketrans(
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
MARKDOWN_CHARACTERS = str.maketrans({character: f"\\{character}" for character in r"\|*_`<"})


def to_markdown(table: ResultTable) -> str:
    """A GitHub table with title and notes, the same bytes for the same table."""

    def emphasise(text: str, place: int | None) -> str:
        return {1: f"**{text}**", 2: f"*{text}*"}.get(place or 0, text)

    rows = _flat_rows(table, emphasise, lambda text: text.translate(MARKDOWN_CHARACTERS))
    grid = _grid(
        table,
        rows,
        "pipe",
        lambda text: text.translate(MARKDOWN_CHARACTERS),
        lambda text: f"**{text}**",
    )
    notes = "\n".join(
        f"- {note.translate(MARKDOWN_CHARACTERS)}" for note in _notes(table, "italic")
    )
    return (
        "\n\n".join(
            part
            for part in (f"### {table.title.translate(MARKDOWN_CHARACTERS)}", grid, notes)
            if part
        )
        + "\n"
    )


def links_to_runs(tables: Sequence[ResultTable]) -> str:
    """A line of Markdown with a link to every run that the rows of tables stand on, for a file in
    `tables` of the results.
    """
    found = dict.fromkeys(
        (row.label, tuple(row.runs.items())) for table in tables for row in table.rows if row.runs
    )
    labels = Counter(label for label, _ in found)
    lines = []
    for label, runs in found:
        where = f" on {_data_set(runs[0][1])}" if labels[label] > 1 else ""
        name = f"{label}{where}".translate(MARKDOWN_CHARACTERS)
        several = ", ".join(f"[{text}]({_from_tables(path)})" for text, path in runs)
        lines.append(
            f"{name} {several}" if len(runs) > 1 else f"[{name}]({_from_tables(runs[0][1])})"
        )
    return f"Runs: {'; '.join(lines)}." if lines else ""


def to_latex(table: ResultTable) -> str:
    r"""A `table` environment that needs no package: caption, `tabular`, notes in small print."""

    def escape(text: str) -> str:
        return text.translate(LATEX_CHARACTERS)

    def emphasise(text: str, place: int | None) -> str:
        return {1: rf"\textbf{{{text}}}", 2: rf"\underline{{{text}}}"}.get(place or 0, text)

    grid = _grid(
        table,
        _flat_rows(table, emphasise, escape),
        "latex_raw",
        escape,
        lambda text: rf"\textit{{{text}}}",
    )
    notes = [rf"\par\footnotesize {escape(note)}" for note in _notes(table, "underlined")]
    return "\n".join(
        [r"\begin{table}", rf"\caption{{{escape(table.title)}}}", grid, *notes, r"\end{table}", ""]
    )


def to_csv(*tables: ResultTable) -> str:
    """One line per cell with its table's title and everything it carries, in full precision
    (`pandas.pivot` makes it wide).
    """
    stream = io.StringIO()
    heads = [
        "table",
        "group",
        "row",
        "is_training_free",
        "column",
        "unit",
        "direction",
        "value",
        "published",
        "relative",
        "deviation",
        "low",
        "high",
        "mark",
        "place",
        "runs",
        "missing",
    ]
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(heads)
    for table in tables:
        for row, cell, column, place in _cells(table):
            low, high = cell.interval or (None, None)
            numbers = (cell.value, cell.published, cell.relative, cell.deviation, low, high)
            where = (
                table.title,
                row.group,
                row.label,
                int(row.is_training_free),
                column.name,
                column.unit,
                column.direction,
            )
            writer.writerow(
                [*where, *numbers, cell.mark, place, " ".join(row.runs.values()), cell.missing]
            )
    return stream.getvalue()


def to_dict(table: ResultTable) -> dict[str, Any]:
    """Plain values for JSON: columns, rows with a mapping of cells by column, notes. What a cell
    lacks is left out.
    """
    rows: list[dict[str, Any]] = []
    for index, (row, places) in enumerate(zip(table.rows, table.places(), strict=True)):
        rows.append(
            {
                "label": row.label,
                "group": row.group,
                "is_training_free": row.is_training_free,
                "runs": dict(row.runs),
                "cells": {},
            }
        )
        for cell, column, place in zip(row.cells, table.columns, places, strict=True):
            facts = asdict(cell) | {
                "relative": cell.relative,
                "place": place,
                "interval": list(cell.interval or ()),
            }
            rows[index]["cells"][column.name] = {
                name: fact for name, fact in facts.items() if _says_something(fact)
            }
    columns = [asdict(column) for column in table.columns]
    return {
        "title": table.title,
        "columns": columns,
        "rows": rows,
        "notes": list(table.footnotes()),
    }


@dataclass(frozen=True)
class RichTable:
    """A terminal's table: published values in parentheses below ours; columns that the width does
    not hold go further down.
    """

    table: ResultTable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it: the title, as many tables as the width needs, the notes."""
        yield Text(self.table.title, style="bold")
        columns = self.table.columns
        rows = zip(self.table.rows, self.table.places(), strict=True)
        texts = [list(map(_rich_cell, row.cells, columns, places)) for row, places in rows]
        for chosen in self._chunks(texts, options.max_width):
            yield self._draw(texts, chosen)
        if any(map(self.table.has_published, range(len(columns)))):
            yield Text("In parentheses: published value, ours relative to it.", style="dim")
        for note in _notes(self.table, "underlined"):
            yield Text(note, style="dim")

    def _widths(self, texts: Sequence[Sequence[Text]]) -> tuple[int, list[int]]:
        labels = [
            self.table.label_heading,
            *(row.group for row in self.table.rows),
            *map(_label, self.table.rows),
        ]
        lines = [
            [column.heading, *(line for row in texts for line in row[index].plain.split("\n"))]
            for index, column in enumerate(self.table.columns)
        ]
        return max(map(cell_len, labels)), [max(map(cell_len, column)) for column in lines]

    def _chunks(self, texts: Sequence[Sequence[Text]], width: int) -> Iterator[list[int]]:
        """Indices of columns that fit beside the labels: a column takes two cells of padding and
        one of a line.
        """
        label, widths = self._widths(texts)
        chosen: list[int] = []
        for index, needed in enumerate(widths):
            if chosen and label + 2 + sum(widths[i] + 3 for i in chosen) + needed + 3 > width:
                yield chosen
                chosen = []
            chosen.append(index)
        yield chosen

    def _draw(self, texts: Sequence[Sequence[Text]], chosen: Sequence[int]) -> Table:
        drawn = Table(box=box.SIMPLE_HEAD, show_edge=False)
        drawn.add_column(Text(self.table.label_heading), overflow="fold")
        for index in chosen:
            drawn.add_column(Text(self.table.columns[index].heading), justify="right", no_wrap=True)
        position = 0
        for group, rows in groupby(self.table.rows, key=lambda row: row.group):
            if group:
                drawn.add_row(Text(group, style="italic"))
            for row in rows:
                drawn.add_row(Text(_label(row)), *(texts[position][index] for index in chosen))
                position += 1
            drawn.add_section()
        return drawn


def to_rich(table: ResultTable) -> RichTable:
    """Something a Rich console prints; nothing in it is read as markup."""
    return RichTable(table)


def _cells(table: ResultTable) -> Iterator[tuple[TableRow, Cell, TableColumn, int | None]]:
    for row, places in zip(table.rows, table.places(), strict=True):
        for cell, column, place in zip(row.cells, table.columns, places, strict=True):
            yield row, cell, column, place


def _notes(table: ResultTable, second: str) -> tuple[str, ...]:
    """The notes, and what bold and the `second` emphasis stand for where they are."""
    if not any(place for places in table.places() for place in places):
        return table.footnotes()
    is_divided = table.best_within == "group" and len({row.group for row in table.rows}) > 1
    within = " within its group" if is_divided else ""
    return (*table.footnotes(), f"Bold: best of a column{within}; {second}: second best.")


def _from_tables(path: str) -> str:
    """A run's folder, from a file in `tables` beside `runs`."""
    return f"../{path.partition('/')[2]}"


def _data_set(path: str) -> str:
    return path.split("/")[-3]


def _says_something(fact: object) -> bool:
    return fact not in (None, "", []) and not (isinstance(fact, float) and not math.isfinite(fact))


def _label(row: TableRow) -> str:
    return f"{row.label} (floor)" if row.is_training_free else row.label


def _value(cell: Cell, column: TableColumn) -> str:
    return NOT_AVAILABLE if cell.value is None and cell.missing else column.text(cell.value)


def _spread(cell: Cell, column: TableColumn) -> str:
    return (
        ""
        if cell.deviation is None
        else f" ± {TableColumn('', decimals=column.decimals).text(cell.deviation)}"
    )


def _interval(cell: Cell, column: TableColumn) -> str:
    return (
        ""
        if cell.interval is None
        else f"[{column.text(cell.interval[0])}, {column.text(cell.interval[1])}]"
    )


def _relative(cell: Cell) -> str:
    return "" if cell.relative is None else f"{100 * cell.relative:+.1f} %"


def _rich_cell(cell: Cell, column: TableColumn, place: int | None) -> Text:
    text = Text(_value(cell, column), style={1: "bold", 2: "underline"}.get(place or 0, ""), end="")
    drawn = Text.assemble(text, _spread(cell, column), cell.mark)
    if cell.interval is not None:
        drawn.append(f"\n{_interval(cell, column)}")
    if cell.published is not None:
        drawn.append(
            f"\n({', '.join(filter(None, (column.text(cell.published), _relative(cell))))})",
            style="dim",
        )
    return drawn


def _flat_rows(table: ResultTable, emphasise: Emphasis, escape: Escape) -> list[list[str]]:
    """Cells as single texts, published values in columns of their own."""
    rows = []
    for row, places in zip(table.rows, table.places(), strict=True):
        texts = [escape(_label(row))]
        for index, (cell, column, place) in enumerate(
            zip(row.cells, table.columns, places, strict=True)
        ):
            value = emphasise(escape(_value(cell, column)), place)
            interval = f" {_interval(cell, column)}" if cell.interval else ""
            texts.append(value + escape(_spread(cell, column) + cell.mark + interval))
            if table.has_published(index):
                texts += [
                    "" if cell.published is None else escape(column.text(cell.published)),
                    escape(_relative(cell)),
                ]
        rows.append(texts)
    return rows


def _grid(
    table: ResultTable, rows: Sequence[Sequence[str]], style: str, escape: Escape, head: Escape
) -> str:
    """The grid in a style of tabulate's, with a line of its own above each group."""
    headings = [escape(table.label_heading)]
    for index, column in enumerate(table.columns):
        headings += [
            escape(column.heading),
            *(["published", "vs. published"] if table.has_published(index) else []),
        ]
    lines: list[Sequence[str]] = []
    for group, members in groupby(range(len(rows)), key=lambda index: table.rows[index].group):
        lines += [[head(escape(group)), *[""] * (len(headings) - 1)]] if group else []
        lines += [rows[index] for index in members]
    alignment = ["left", *["right"] * (len(headings) - 1)]
    return tabulate(
        lines,
        headings,
        tablefmt=style,
        disable_numparse=True,
        colalign=alignment if lines else None,
    )
