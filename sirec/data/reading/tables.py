"""A raw file of any format as one Arrow table of the wanted columns.

Texts come as Arrow dictionaries (codes and distinct values): in interactions they repeat, and seven
million of them then take tens of megabytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing

import pyarrow as pa

from sirec.data.reading import delimited, json_lines, literals, parquet
from sirec.data.reading.columns import TARGETS, WantedColumn
from sirec.data.reading.context import SHOWN, ReadingContext
from sirec.data.reading.dialect import CSV, Dialect
from sirec.data.reading.digit_dates import DateChecks
from sirec.data.reading.files import RawFile
from sirec.data.reading.records import Parsed, ParsedBlocks, Wanted
from sirec.data.reading.remedies import remedy
from sirec.data.reading.times import narrowed
from sirec.errors import SirecError

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".txt": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".json": "jsonl",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
JOINED = 64  # parts of a table that are joined into one: their dictionaries take some 30 MB


def read_json_lines(
    file: RawFile,
    columns: Sequence[WantedColumn],
    context: ReadingContext,
    wanted: Wanted | None = None,
) -> pa.Table:
    """Read the wanted keys of a file of JSON lines.

    Args:
        file: the file.
        columns: the wanted keys.
        context: receives the progress, and counts bad lines that may be skipped.
        wanted: which rows are wanted; None means all.

    Raises:
        SirecError: with file, line and key of the first mistake.
    """
    parts = json_lines.read(file, columns, context.progress)
    return collect(file, columns, parts, context, wanted)


def read_literals(
    file: RawFile, columns: Sequence[WantedColumn], context: ReadingContext, wanted: Wanted
) -> pa.Table:
    """Read the wanted keys of a file of Python literals.

    Args:
        file: the file.
        columns: the wanted keys.
        context: receives the progress, and counts bad lines that may be skipped.
        wanted: which rows are wanted.

    Raises:
        SirecError: with file, line and key of the first mistake.
    """
    parts = literals.read(file, columns, context.progress, wanted)
    return collect(file, columns, parts, context, wanted)


def read_delimited(
    file: RawFile,
    columns: Sequence[WantedColumn],
    context: ReadingContext,
    dialect: Dialect = CSV,
) -> pa.Table:
    """Read the wanted columns of a text table.

    Args:
        file: the file.
        columns: the wanted columns.
        context: receives the progress, and counts bad lines that may be skipped.
        dialect: separator, quotes, header and encoding.

    Raises:
        SirecError: with file, line and column of the first mistake.
    """
    parts = delimited.read(file, columns, context.progress, dialect)
    return collect(file, columns, parts, context, dialect=dialect)


def read_parquet(
    file: RawFile, columns: Sequence[WantedColumn], context: ReadingContext
) -> pa.Table:
    """Read the wanted columns of a Parquet file.

    Args:
        file: the file.
        columns: the wanted columns.
        context: receives the progress, and counts bad rows that may be skipped.

    Raises:
        SirecError: with file, row and column of the first mistake.
    """
    return collect(file, columns, parquet.read(file, columns, context.progress), context)


def collect(
    file: RawFile,
    columns: Sequence[WantedColumn],
    parts: ParsedBlocks,
    context: ReadingContext,
    wanted: Wanted | None = None,
    dialect: Dialect | None = None,
) -> pa.Table:
    """Join the parts of a file into one table, in order.

    Args:
        file: the file.
        columns: the wanted columns.
        parts: the rows of the file, which are closed at the end.
        context: counts the bad lines of the parts.
        wanted: which rows are wanted; others are dropped as soon as their part is read, so that
            they never fill the memory. None means all.
        dialect: the dialect of a text table.

    Raises:
        SirecError: if more lines are bad than are tolerated, no row is left, or two wanted columns
            have one key.
    """
    for key, count in Counter(column.key for column in columns).items():
        if count > 1:
            raise SirecError(
                f"{file}: the column '{key}' is wanted for two purposes", "name it once"
            )
    # Closed here and now: left to the garbage collector, the threads of the parts could be waited
    # for where nobody can wait.
    with closing(parts):
        checked = _checked(file, columns, parts, context, dialect)
        table = _gathered(_table(part, columns, wanted) for part in checked)
    if table is None or not len(table):
        what = "no rows in it" if wanted is None else f"none of its rows has a wanted {wanted.key}"
        raise SirecError(f"{file}: {what}", "is this the right file?")
    return with_narrow_times(table, columns, str(file))


def with_narrow_times(table: pa.Table, columns: Sequence[WantedColumn], where: str) -> pa.Table:
    """The table with its times as one number each (`times.narrowed`).

    Args:
        table: the wanted columns.
        columns: their declarations.
        where: the file, for messages.
    """
    for index, column in enumerate(columns):
        if column.kind == "time":
            times = narrowed(table.column(index), f"{where}, column {column.key}")
            table = table.set_column(index, column.key, times)
    return table


def _gathered(tables: Iterable[pa.Table]) -> pa.Table | None:
    """One table of many, with one dictionary per column.

    Tables are joined a few at a time, because the dictionary of every part repeats the texts.
    """
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if len(waiting) == JOINED:
            waiting = [_joined(waiting)]
    return _joined(waiting) if waiting else None


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _checked(
    file: RawFile,
    columns: Sequence[WantedColumn],
    parts: Iterable[Parsed],
    context: ReadingContext,
    dialect: Dialect | None,
) -> Iterator[Parsed]:
    """The parts, after their times were checked and their bad lines counted."""
    checks = DateChecks(columns, str(file))
    for part in parts:
        checks.add(part.arrays)
        for found in part.problems:
            where = f"{file}:{found.line}"
            if found.column:
                where = f"{where}, column {found.column}"
            kind = found.what.partition(": ")[0]  # without the words of a parser on this line
            way_out = remedy(found, columns, part.problems, dialect)
            context.bad_lines.add(where, found.what, _printable(found.text[:SHOWN]), kind, way_out)
        yield part
    checks.refuse_dates()


def _printable(text: str) -> str:
    """The text with escapes in place of control characters, on which a terminal might act."""
    signs: list[str] = []
    for sign in text:
        signs.append(sign if sign.isprintable() else sign.encode("unicode_escape").decode())
    return "".join(signs)


def _table(part: Parsed, columns: Sequence[WantedColumn], wanted: Wanted | None) -> pa.Table:
    """The wanted rows of a part, with texts as dictionaries."""
    names = [column.key for column in columns]
    arrays = []
    for array, column in zip(part.arrays, columns, strict=True):
        arrays.append(array.cast(TARGETS[column.kind]))
    rows = pa.table(arrays, names=names)
    if wanted is not None:
        # Before texts become codes: otherwise the distinct values of all rows would stay.
        texts = rows.column(wanted.key).to_pylist()
        rows = rows.filter(pa.array([text in wanted.values for text in texts], pa.bool_()))
    encoded = []
    for values in rows.columns:
        is_text = pa.types.is_string(values.type)
        encoded.append(values.dictionary_encode() if is_text else values)
    return pa.table(encoded, names=names)
