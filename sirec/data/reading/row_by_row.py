"""Rows of a text table one at a time: slow, but it finds what is wrong in which line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.dialect import STAND_IN, Dialect
from sirec.data.reading.lines import LONGEST, LineBlock
from sirec.data.reading.records import Parsed, Problem, finished

csv.field_size_limit(LONGEST)  # the standard limit of 128 KB a cell is below some reviews


def parse_rows(
    block: LineBlock, header: tuple[str, ...], columns: Sequence[WantedColumn], dialect: Dialect
) -> Parsed:
    """Parse a block row by row; empty lines do not count.

    Args:
        block: the lines, with a separator of one byte.
        header: names of all columns.
        columns: the wanted columns.
        dialect: separator and quotes.
    """
    numbers: list[int] = []
    kept: list[list[str]] = []
    problems: list[Problem] = []
    places = [header.index(column.key) for column in columns]
    for number, row in _numbered(block, dialect):
        wrong = _wrong(row, header, columns, places)
        if wrong:
            line = _line(block, number - block.first, dialect)
            problems.append(Problem(number, *wrong, line))
        elif row:
            numbers.append(number)
            kept.append(row)
    arrays = []
    for place in places:
        arrays.append(pa.array([row[place] for row in kept], pa.string()))

    def text(row: int) -> str:
        return _line(block, numbers[row] - block.first, dialect)

    return finished(arrays, columns, np.array(numbers, dtype=np.int64), text, problems)


def split_rows(lines: Iterable[str], dialect: Dialect, *, strict: bool = False) -> Any:
    """Split lines into rows of cells.

    Args:
        lines: the lines, with their ends.
        dialect: separator and quotes.
        strict: whether a quote that is out of order raises `csv.Error`.
    """
    quoting: Any = csv.QUOTE_MINIMAL if dialect.quoted else csv.QUOTE_NONE
    return csv.reader(lines, delimiter=dialect.one_byte, quoting=quoting, strict=strict)


def lines_of(text: str) -> io.StringIO:
    """The lines of a text as `csv` wants them: with their ends, also carriage returns."""
    return io.StringIO(text, newline="")


def _numbered(block: LineBlock, dialect: Dialect) -> Iterator[tuple[int, list[str] | None]]:
    """The rows of a block, each with the number of the line on which it starts.

    What ends with a carriage return alone is a row and no line. A row of several lines needs its
    quotes in order: otherwise a quote that nothing closes would take all lines up to the next
    quote. The row on the line of such a quote is None, and the lines after it are read as rows of
    their own.
    """
    number, lines = block.first, lines_of(block.data.decode("utf-8", errors="surrogateescape"))
    taken: list[str] = []  # lines of the row that is being read
    done = False
    while not done:
        try:
            for row in split_rows(_noted(lines, taken), dialect, strict=True):
                yield number, row
                number += sum(line.endswith("\n") for line in taken)
                taken.clear()
            done = True
        except csv.Error:
            lines.seek(lines.tell() - sum(map(len, taken[1:])))
            yield number, _row_on_one_line(taken[0], dialect)
            number += taken[0].endswith("\n")
            taken.clear()


def _row_on_one_line(line: str, dialect: Dialect) -> list[str] | None:
    """The row on a line by itself; None if a quote stays open.

    Text after a closing quote belongs to the cell, as it does for Arrow.
    """
    row, *end = split_rows([line, ""], dialect)  # an open quote takes the empty line, too
    return row if end else None


def _noted(lines: Iterable[str], taken: list[str]) -> Iterator[str]:
    """The lines, each of which is added to `taken` when it is read."""
    for line in lines:
        taken.append(line)
        yield line


def _wrong(
    row: list[str] | None,
    header: tuple[str, ...],
    columns: Sequence[WantedColumn],
    places: list[int],
) -> tuple[str | None, str] | None:
    """(column, what is wrong) of a row; `places` are the numbers of the wanted columns."""
    if row is None:
        return None, "a double quote that nothing closes"
    if not row:
        return None
    if len(row) != len(header):
        return None, f"{len(row)} cells, expected {len(header)}"
    for column, place in zip(columns, places, strict=True):
        cell = row[place]
        if not cell.isascii() and _has_wrong_bytes(cell):
            return column.key, "not UTF-8 text"
    return None


def _has_wrong_bytes(cell: str) -> bool:
    """Whether a cell has bytes that were no UTF-8, which decoding turned into surrogates."""
    return any("\udc80" <= letter <= "\udcff" for letter in cell)


def _line(block: LineBlock, row: int, dialect: Dialect) -> str:
    """A line as it stands in the file."""
    return block.line(row).replace(STAND_IN.decode(), dialect.separator)
