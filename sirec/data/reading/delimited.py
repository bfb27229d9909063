"""Tables of text: CSV, TSV and similar formats, read in blocks by Arrow in a few threads.

Only wanted columns are converted. Every column is read as text, so that an id keeps its zeros and
its 64 bits. Between double quotes a cell may hold separators and line breaks, if the format has
quotes at all. A block that Arrow cannot read is read again row by row (`row_by_row.py`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice

import numpy as np
import pyarrow as pa
import pyarrow.csv

from sirec.data.progress import ProgressCallback
from sirec.data.reading.columns import WantedColumn, check_unique
from sirec.data.reading.dialect import CSV, STAND_IN, Dialect, one_byte_separator
from sirec.data.reading.files import RawFile
from sirec.data.reading.lines import LineBlock, blocks
from sirec.data.reading.parallel import in_threads
from sirec.data.reading.records import Parsed, ParsedBlocks, finished
from sirec.data.reading.row_by_row import lines_of, parse_rows, split_rows
from sirec.errors import SirecError, unknown
from sirec.shell import arguments

PARQUET_START = "PAR1"  # the first four bytes of every Parquet file


def read(
    file: RawFile,
    columns: Sequence[WantedColumn],
    progress: ProgressCallback,
    dialect: Dialect = CSV,
) -> ParsedBlocks:
    """Read the rows of a file, block by block in order.

    Args:
        file: the file.
        columns: the wanted columns.
        progress: receives the number of bytes that were read.
        dialect: separator, quotes, header and encoding.

    Raises:
        SirecError: if a column is missing, with the nearest name, or there twice; or if the header
            is no text.
    """
    header, pieces = _opened(file, progress, dialect)
    for column in columns:
        if column.key not in header:
            raise unknown("column", column.key, header, str(file))
    check_unique(columns, header, f"{file}:1")

    def parse(block: LineBlock) -> Parsed:
        fast = _parse_fast(block, header, columns, dialect)
        return fast or parse_rows(block, header, columns, dialect)

    first = next(pieces, None)
    if first is not None:
        yield from in_threads(parse, first, pieces)


def header_of(file: RawFile, dialect: Dialect = CSV) -> tuple[str, ...]:
    """The names of a file's columns.

    Args:
        file: the file.
        dialect: separator, quotes, header and encoding.
    """
    header, _ = _opened(file, lambda stage, done, total: None, dialect)
    return header


def first_rows(file: RawFile, count: int, dialect: Dialect = CSV) -> list[dict[str, str]]:
    """The first complete rows as they stand, to tell what a column holds before it is read.

    Args:
        file: the file.
        count: the largest number of rows.
        dialect: separator, quotes, header and encoding.
    """
    header, pieces = _opened(file, lambda stage, done, total: None, dialect)
    text = next(pieces, LineBlock(b"", 1)).data.decode("utf-8", errors="replace")
    found: list[dict[str, str]] = []
    for row in islice(split_rows(lines_of(text), dialect), count):
        if len(row) == len(header):
            found.append(dict(zip(header, row, strict=True)))
    return found


def _opened(
    file: RawFile, progress: ProgressCallback, dialect: Dialect
) -> tuple[tuple[str, ...], Iterator[LineBlock]]:
    """The names of a file's columns, and the blocks of lines after them."""
    stored = blocks(
        file,
        progress,
        quoted=dialect.quoted,
        encoding=dialect.encoding,
        remedy=dialect.remedy_for_encoding,
    )
    pieces = (one_byte_separator(block, dialect) for block in stored)
    if dialect.header is not None:
        return dialect.header, pieces
    first = next(pieces)
    line, _, rest = first.data.partition(b"\n")
    text = line.decode("utf-8", errors="replace").removesuffix("\r")
    _check_header(text, f"{file}:1", dialect)
    header = tuple(cell.strip() for cell in next(split_rows([text], dialect), []))
    if not rest:
        return header, pieces
    return header, chain([replace(first, data=rest, first=first.first + 1)], pieces)


def _check_header(line: str, where: str, dialect: Dialect) -> None:
    """Raise `SirecError` for a first line that is no line of text: often a file of another kind."""
    allowed = (STAND_IN.decode(), "\t", "\r")
    for sign in line:
        if unicodedata.category(sign) == "Cc" and sign not in allowed:
            what = f"{where}: not text: there are control characters in the first line"
            raise SirecError(what, _remedy_for_binary(line, dialect))
    if "\r" in line:
        raise SirecError(
            f"{where}: its lines end with a carriage return alone, as on old Macs",
            "save it with line feeds",
        )


def _remedy_for_binary(line: str, dialect: Dialect) -> str:
    """What a person does whose file begins with a line that is no text."""
    if line.startswith(PARQUET_START):
        if "format" in dialect.settable:
            return "it is a Parquet file: say so with --set format=parquet"
        return "it is a Parquet file: give its name the ending .parquet"
    if "encoding" not in dialect.settable:
        return "save it as UTF-8 if it is text"
    is_big_endian = line.startswith("\0")
    likely = "utf-16-be" if is_big_endian else "utf-16-le"
    return f"say its encoding if it is text, for example {arguments('--encoding', likely)}"


def _parse_fast(
    block: LineBlock, header: tuple[str, ...], columns: Sequence[WantedColumn], dialect: Dialect
) -> Parsed | None:
    """Parse a block with Arrow; None if its rows have to be looked at one by one."""
    keys = [column.key for column in columns]
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(block.data),
            read_options=pyarrow.csv.ReadOptions(
                column_names=list(header), use_threads=False, block_size=len(block.data) + 1
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=dialect.one_byte,
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
    # A row that is not a line, and an open quote, which Arrow takes for closed, are too rare for
    # more than the slow way.
    if len(table) != block.lines or block.unclosed:
        return None
    lines = np.arange(block.first, block.first + len(table))
    arrays = list(map(table.column, keys))
    parsed = finished(arrays, columns, lines, lambda row: "")
    return None if parsed.problems else parsed
