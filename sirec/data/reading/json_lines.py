"""JSON lines: one object a line, read in blocks by Arrow in a few threads; only the wanted keys are
converted.

The type of a key is that of its values in the first lines. A block that Arrow cannot read, or reads
as another number of rows than it has lines, is read again line by line (`records`), which is slow
but knows what is wrong where.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json

from sirec.data.progress import ProgressCallback
from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.files import RawFile
from sirec.data.reading.lines import LineBlock, blocks
from sirec.data.reading.parallel import in_threads
from sirec.data.reading.records import Parsed, ParsedBlocks, finished, parse_records

PEEKED = 200
SIGNED = 1 << 63
UNSEEN = {
    "text": pa.string(),
    "number": pa.float64(),
    "time": pa.int64(),
    "texts": pa.list_(pa.string()),
}
FAILURES = (json.JSONDecodeError, RecursionError)


def read(
    file: RawFile, columns: Sequence[WantedColumn], progress: ProgressCallback
) -> ParsedBlocks:
    """The rows of a file, block by block in order."""
    pieces = blocks(file, progress)
    first = next(pieces)
    schema = _schema(first, columns)

    def parse(block: LineBlock) -> Parsed:
        fast = _fast(block, columns, schema) if schema else None
        return fast or parse_records(block, columns, json.loads, FAILURES)

    yield from in_threads(parse, first, pieces)


def first_rows(file: RawFile, count: int) -> list[dict[str, object]]:
    """The objects on the first lines, at most `count`, as they stand: to tell what keys there are
    and what they hold.
    """
    return list(_records(next(blocks(file, lambda stage, done, total: None)), count))


def _fast(block: LineBlock, columns: Sequence[WantedColumn], schema: Any) -> Parsed | None:
    """Read with Arrow; nothing where a line by itself has to be looked at."""
    size = (
        len(block.data) + 1
    )  # in one piece: Arrow would cut lines that are longer than its own blocks
    try:
        table = pyarrow.json.read_json(
            pa.BufferReader(block.data),
            read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=size),
            parse_options=pyarrow.json.ParseOptions(
                explicit_schema=schema, unexpected_field_behavior="ignore"
            ),
        )
        table.validate(full=True)  # that texts are UTF-8
    except pa.ArrowException:
        return None
    if len(table) != block.lines:
        return None
    arrays = [table.column(column.key) for column in columns]
    return finished(arrays, columns, np.arange(block.first, block.first + len(table)), block.line)


def _schema(block: LineBlock, columns: Sequence[WantedColumn]) -> Any:
    """Arrow types by the first lines; nothing where some key holds what Arrow has no one type
    for.
    """
    seen: dict[str, list[Any]] = {column.key: [] for column in columns}
    for record in _records(block, PEEKED):
        for key, values in seen.items():
            if record.get(key) is not None:
                values.append(record[key])
    types = {column.key: _type(seen[column.key], column) for column in columns}
    return None if None in types.values() else pa.schema(list(types.items()))


def _records(block: LineBlock, count: int) -> Iterator[dict[str, Any]]:
    """The objects among the first lines of a block."""
    for line in islice(block.data.split(b"\n", count + 1), count):
        try:
            record = json.loads(line)
        except (*FAILURES, UnicodeDecodeError):
            continue
        if isinstance(record, dict):
            yield record


def _type(values: list[Any], column: WantedColumn) -> Any:
    kinds = {type(value) for value in values}
    if not kinds:
        return UNSEEN[column.kind]
    if (
        int in kinds and kinds <= {int, float} and column.kind in ("text", "texts")
    ):  # a fraction among them then is the mistake
        return pa.uint64() if max(values) >= SIGNED else pa.int64()
    if kinds <= {int, float}:
        return pa.float64()
    if kinds == {str}:
        return pa.string()
    if kinds == {list} and all(isinstance(part, str) for part in chain(*values)):
        return pa.list_(pa.string())
    return None
