"""Tables of text: CSV, TSV and their relatives, read in blocks by Arrow in a few threads; only
wanted columns are converted.

Every column is read as text, so an id keeps its zeros and its 64 bits. Between double quotes a cell
may hold separators and line breaks, if the format has quotes at all. A block that Arrow cannot read
is read again row by row, as in `records`.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from sirec.data.progress import ProgressCallback
from sirec.data.reading.columns import WantedColumn, check_names
from sirec.data.reading.files import RawFile
from sirec.data.reading.lines import LONGEST, LineBlock, blocks
from sirec.data.reading.parallel import in_threads
from sirec.data.reading.records import Parsed, ParsedBlocks, Problem, finished
from sirec.errors import SirecError, unknown

STAND_IN = b"\x1f"  # stands for a separator of several characters; no text holds it
csv.field_size_limit(LONGEST)  # the standard limit of 128 KB a cell is below some reviews


@dataclass(frozen=True)
class Dialect:
    """How cells are told apart; `header` are the columns of a file that does not name them
    itself.
    """

    separator: str = ","
    quoted: bool = True
    header: tuple[str, ...] | None = None
    encoding: str = "utf-8"


CSV, TSV = Dialect(), Dialect(separator="\t", quoted=False)


def read(
    file: RawFile,
    columns: Sequence[WantedColumn],
    progress: ProgressCallback,
    dialect: Dialect = CSV,
) -> ParsedBlocks:
    """The rows of a file, block by block in order. Raises `SirecError` where a column is
    missing.
    """
    header, pieces = _opened(file, progress, dialect)
    for column in columns:
        if column.key not in header:
            raise unknown("column", column.key, header, str(file))

    def parse(block: LineBlock) -> Parsed:
        return _fast(block, header, columns, dialect) or _careful(block, header, columns, dialect)

    first = next(pieces, None)
    if first is not None:
        yield from in_threads(parse, first, pieces)


def header_of(file: RawFile, dialect: Dialect = CSV) -> tuple[str, ...]:
    """The names of a file's columns."""
    return _opened(file, lambda stage, done, total: None, dialect)[0]


def first_rows(file: RawFile, count: int, dialect: Dialect = CSV) -> list[dict[str, str]]:
    """The first rows that are whole, at most `count`, as they stand: to tell what a column holds
    before it is read.
    """
    header, pieces = _opened(file, lambda stage, done, total: None, dialect)
    text = next(pieces, LineBlock(b"", 1)).data.decode("utf-8", errors="replace")
    rows = _rows(_lines(text), dialect)
    return [
        dict(zip(header, row, strict=True))
        for row in islice(rows, count)
        if len(row) == len(header)
    ]


def _opened(
    file: RawFile, progress: ProgressCallback, dialect: Dialect
) -> tuple[tuple[str, ...], Iterator[LineBlock]]:
    stored = blocks(file, progress, quoted=dialect.quoted, encoding=dialect.encoding)
    pieces = (_separated(block, dialect) for block in stored)
    if dialect.header is not None:
        return dialect.header, pieces
    first = next(pieces)
    line, _, rest = first.data.partition(b"\n")
    text = line.decode("utf-8", errors="replace").removesuffix("\r")
    _check_header(text, f"{file}:1")
    header = tuple(cell.strip() for cell in next(_rows([text], dialect), []))
    check_names(header, f"{file}:1")
    return header, chain([replace(first, data=rest, first=first.first + 1)] if rest else [], pieces)


def _check_header(line: str, where: str) -> None:
    """Raise `SirecError` for a first line that is no line of text: most often a file of another
    kind.
    """
    if any(
        unicodedata.category(sign) == "Cc" and sign not in (STAND_IN.decode(), "\t", "\r")
        for sign in line
    ):
        hint = (
            "say its encoding (--encoding utf-16) if it is text, "
            "or its format (--set format=parquet) if it is not"
        )
        raise SirecError(f"{where}: not text: there are control characters in the first line", hint)
    if "\r" in line:
        raise SirecError(
            f"{where}: its lines end with a carriage return alone, as on old Macs",
            "save it with line feeds",
        )


def _separated(block: LineBlock, dialect: Dialect) -> LineBlock:
    """The block with a separator of one byte."""
    if len(dialect.separator.encode()) == 1:
        return block
    return replace(block, data=block.data.replace(dialect.separator.encode(), STAND_IN))


def _separator(dialect: Dialect) -> str:
    return dialect.separator if len(dialect.separator.encode()) == 1 else STAND_IN.decode()


def _fast(
    block: LineBlock, header: tuple[str, ...], columns: Sequence[WantedColumn], dialect: Dialect
) -> Parsed | None:
    keys = [column.key for column in columns]
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(block.data),
            read_options=pyarrow.csv.ReadOptions(
                column_names=list(header), use_threads=False, block_size=len(block.data) + 1
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=_separator(dialect),
                quote_char='"' if dialect.quoted else False,
                newlines_in_values=dialect.quoted,
                ignore_empty_lines=False,
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=keys,
                column_types=dict.fromkeys(keys, pa.string()),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowException:
        return None
    # A row is not a line, or a quote stays open, which Arrow takes for closed: too rare for any but
    # the careful way.
    if len(table) != block.lines or block.unclosed:
        return None
    lines = np.arange(block.first, block.first + len(table))
    parsed = finished(
        [table.column(key) for key in keys], columns, lines, lambda row: ""
    )  # problems are left to the careful way
    return None if parsed.problems else parsed


def _careful(
    block: LineBlock, header: tuple[str, ...], columns: Sequence[WantedColumn], dialect: Dialect
) -> Parsed:
    numbers: list[int] = []
    kept: list[list[str]] = []
    problems: list[Problem] = []
    places = [header.index(column.key) for column in columns]
    for number, row in _numbered(block, dialect):
        wrong = (
            _wrong(row, header, columns, places)
            if row is not None
            else (None, "a double quote that nothing closes")
        )
        if wrong:
            problems.append(Problem(number, *wrong, _line(block, number - block.first, dialect)))
        elif row:
            numbers.append(number)
            kept.append(row)
    arrays: list[Any] = []
    for place in places:
        cells = [row[place] for row in kept]
        arrays.append(pa.array(cells, pa.string()))
    lines = np.array(numbers, dtype=np.int64)
    return finished(
        arrays,
        columns,
        lines,
        lambda row: _line(block, numbers[row] - block.first, dialect),
        problems,
    )


def _numbered(block: LineBlock, dialect: Dialect) -> Iterator[tuple[int, list[str] | None]]:
    """The rows of a block with the number of the line on which each starts; what ends with CR alone
    is a row, and no line.

    A row of several lines needs its quotes in order: else a quote that nothing closes would swallow
    all lines up to the next quote. Its first line then is none (None), and those after it are read
    as lines of their own.
    """
    number, lines = block.first, _lines(block.data.decode("utf-8", errors="surrogateescape"))
    taken: list[str] = []  # of the lines, for the row that is being read
    done = False
    while not done:
        try:
            for row in _rows(_noted(lines, taken), dialect, strict=True):
                yield number, row
                number += sum(line.endswith("\n") for line in taken)
                taken.clear()
            done = True
        except csv.Error:
            lines.seek(lines.tell() - sum(map(len, taken[1:])))
            yield number, _alone(taken[0], dialect)
            number += taken[0].endswith("\n")
            taken.clear()


def _alone(line: str, dialect: Dialect) -> list[str] | None:
    """The row on one line, where text after a closing quote belongs to the cell, as for Arrow; None
    if a quote stays open.
    """
    row, *end = _rows([line, ""], dialect)  # an open quote takes the empty line, too
    return row if end else None


def _lines(text: str) -> io.StringIO:
    return io.StringIO(
        text, newline=""
    )  # as the module csv wants it: carriage returns end lines, and stay


def _noted(lines: Iterable[str], taken: list[str]) -> Iterator[str]:
    for line in lines:
        taken.append(line)
        yield line


def _wrong(
    row: list[str], header: tuple[str, ...], columns: Sequence[WantedColumn], places: list[int]
) -> tuple[str | None, str] | None:
    if row and len(row) != len(header):
        return None, f"{len(row)} cells, expected {len(header)}"
    for column, place in zip(columns, places, strict=True):
        if (
            row
            and not row[place].isascii()
            and any("\udc80" <= letter <= "\udcff" for letter in row[place])
        ):
            return column.key, "not UTF-8 text"
    return None


def _rows(lines: Iterable[str], dialect: Dialect, *, strict: bool = False) -> Any:
    quoting: Any = csv.QUOTE_MINIMAL if dialect.quoted else csv.QUOTE_NONE
    return csv.reader(lines, delimiter=_separator(dialect), quoting=quoting, strict=strict)


def _line(block: LineBlock, row: int, dialect: Dialect) -> str:
    """A line as it stands in the file."""
    return block.line(row).replace(STAND_IN.decode(), dialect.separator)
