"""A raw file of any format as one Arrow table of the wanted columns, its bad lines counted.

Texts come as Arrow dictionaries (codes and distinct values): in interactions they repeat, and seven
million of them then take tens of megabytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sirec.data.reading import delimited, json_lines, literals, parquet
from sirec.data.reading.columns import TARGETS, WantedColumn, check_times
from sirec.data.reading.context import SHOWN, ReadingContext
from sirec.data.reading.delimited import Dialect
from sirec.data.reading.files import RawFile
from sirec.data.reading.records import Parsed, ParsedBlocks, Wanted
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
TOGETHER = 64  # parts of a table that are joined into one: their dictionaries are some 30 MB


def read_json_lines(
    file: RawFile,
    columns: Sequence[WantedColumn],
    reading: ReadingContext,
    wanted: Wanted | None = None,
) -> pa.Table:
    """The wanted keys of a file of JSON lines. Raises `SirecError` with file, line and key of what
    is wrong.
    """
    return collect(file, columns, json_lines.read(file, columns, reading.progress), reading, wanted)


def read_literals(
    file: RawFile, columns: Sequence[WantedColumn], reading: ReadingContext, wanted: Wanted
) -> pa.Table:
    """The wanted keys of a file of Python literals. Raises `SirecError` with file, line and key of
    what is wrong.
    """
    return collect(
        file, columns, literals.read(file, columns, reading.progress, wanted), reading, wanted
    )


def read_delimited(
    file: RawFile,
    columns: Sequence[WantedColumn],
    reading: ReadingContext,
    dialect: Dialect = delimited.CSV,
) -> pa.Table:
    """The wanted columns of a table of text. Raises `SirecError` with file, line and column of what
    is wrong.
    """
    return collect(file, columns, delimited.read(file, columns, reading.progress, dialect), reading)


def read_parquet(
    file: RawFile, columns: Sequence[WantedColumn], reading: ReadingContext
) -> pa.Table:
    """The wanted columns of a Parquet file. Raises `SirecError` with file, row and column of what
    is wrong.
    """
    return collect(file, columns, parquet.read(file, columns, reading.progress), reading)


def collect(
    file: RawFile,
    columns: Sequence[WantedColumn],
    parts: ParsedBlocks,
    reading: ReadingContext,
    wanted: Wanted | None = None,
) -> pa.Table:
    """One table of all parts, in order, their problems counted among the bad lines. Raises
    `SirecError` if no row is left.

    Rows that are not `wanted` go as soon as their block is read, so that they never fill the
    memory.
    """
    for column in columns:
        if [other.key for other in columns].count(column.key) > 1:
            raise SirecError(
                f"{file}: the column '{column.key}' is wanted for two purposes", "name it once"
            )
    # Closed here and now: left to the garbage collector, the parts' threads may be waited for where
    # nobody can wait.
    with closing(parts):
        table = _gathered(
            _table(part, columns, wanted) for part in _counted(file, columns, parts, reading)
        )
    if table is None or not len(table):
        what = "no rows in it" if wanted is None else f"none of its rows has a wanted {wanted.key}"
        raise SirecError(f"{file}: {what}", "is this the right file?")
    return table


def interactions(
    table: pa.Table,
    *,
    user: str,
    item: str,
    time: str | None = None,
    behaviours: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """The columns of `RawData.interactions`: users and items as categories, and behaviours under
    the names they get here.

    All are columns of the table; `behaviours` maps a name to one.
    """
    keys = (
        {"user": user, "item": item}
        | ({"timestamp": time} if time else {})
        | dict(behaviours or {})
    )
    return pa.table({name: table.column(key) for name, key in keys.items()}).to_pandas()


def first_rows(table: pa.Table, key: str) -> pa.Table:
    """The rows whose text in the column `key` is in no row before them."""
    codes = table.column(key).combine_chunks().indices.to_numpy(zero_copy_only=False)
    return table.filter(pa.array(~pd.Series(codes).duplicated().to_numpy()))


def lists_to_rows(table: pa.Table, item: str, values: str) -> pd.DataFrame:
    """The columns `item` and `value` of `RawData.attributes`: one row per value of the column
    `values`, text or lists.
    """
    column = table.column(values).combine_chunks()
    items = table.column(item).combine_chunks()
    if pa.types.is_list(column.type):
        items, column = items.take(pc.list_parent_indices(column)), pc.list_flatten(column)
    keep = pc.is_valid(column)
    rows = pa.table(
        {
            "item": items.filter(keep).cast(pa.string()),
            "value": column.filter(keep).cast(pa.string()),
        }
    )
    return rows.to_pandas()


def titles(table: pa.Table, item: str, title: str) -> pd.DataFrame:
    """The columns `item` and `title` of `RawData.titles`: an item's first title, items without one
    left out.
    """
    rows = pa.table(
        {
            "item": table.column(item).cast(pa.string()),
            "title": table.column(title).cast(pa.string()),
        }
    )
    return (
        rows.filter(pc.is_valid(rows["title"]))
        .to_pandas()
        .drop_duplicates("item", ignore_index=True)
    )


def _gathered(tables: Iterable[pa.Table]) -> pa.Table | None:
    """One table of many, with one dictionary per column; joined a few at a time, because every part
    repeats the texts.
    """
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if len(waiting) == TOGETHER:
            waiting = [_joined(waiting)]
    return _joined(waiting) if waiting else None


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _counted(
    file: RawFile, columns: Sequence[WantedColumn], parts: Iterable[Parsed], reading: ReadingContext
) -> Iterator[Parsed]:
    for part in parts:
        for values, wanted in zip(part.arrays, columns, strict=True):
            check_times(values, wanted, str(file))
        for found in part.problems:
            column = f", column {found.column}" if found.column else ""
            reading.bad_lines.add(
                f"{file}:{found.line}{column}", found.what, _printable(found.text[:SHOWN])
            )
        yield part


def _printable(text: str) -> str:
    """The text with escapes for what is no sign: a terminal might act on it."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )


def _table(part: Parsed, columns: Sequence[WantedColumn], wanted: Wanted | None) -> pa.Table:
    names = [column.key for column in columns]
    rows = pa.table(
        [
            array.cast(TARGETS[column.kind])
            for array, column in zip(part.arrays, columns, strict=True)
        ],
        names=names,
    )
    if (
        wanted is not None
    ):  # before texts become codes: else the distinct values of all rows would stay
        rows = rows.filter(
            pa.array(
                [text in wanted.values for text in rows.column(wanted.key).to_pylist()], pa.bool_()
            )
        )
    encoded = [
        values.dictionary_encode() if pa.types.is_string(values.type) else values
        for values in rows.columns
    ]
    return pa.table(encoded, names=names)
