"""JSON lines: one object a line, read in blocks by Arrow in a few threads.

Only the wanted keys are converted. The type of a key is that of its values in the first lines. A
block that Arrow cannot read, or reads as another number of rows than it has lines, is read again
line by line (`records.py`), which is slow but finds what is wrong in which line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json

from sirec.data.progress import ProgressCallback
from sirec.data.reading.columns import TARGETS, WantedColumn
from sirec.data.reading.conversions import EXACT
from sirec.data.reading.files import RawFile
from sirec.data.reading.lines import LineBlock, blocks
from sirec.data.reading.parallel import in_threads
from sirec.data.reading.records import Parsed, ParsedBlocks, finished, parse_records

PEEKED = 200  # lines that tell the types
SIGNED = 1 << 63  # from this number on an integer does not fit into int64
FAILURES = (ValueError, RecursionError)  # ValueError: also for numbers of 4,300 digits and more


def read(
    file: RawFile, columns: Sequence[WantedColumn], progress: ProgressCallback
) -> ParsedBlocks:
    """Read the rows of a file, block by block in order.

    Args:
        file: the file.
        columns: the wanted keys.
        progress: receives the number of bytes that were read.
    """
    pieces = blocks(file, progress)
    first = next(pieces)
    schema = _schema(first, columns)

    def parse(block: LineBlock) -> Parsed:
        fast = _parse_fast(block, columns, schema) if schema else None
        return fast or parse_records(block, columns, json.loads, FAILURES)

    yield from in_threads(parse, first, pieces)


def first_rows(file: RawFile, count: int) -> list[dict[str, object]]:
    """The objects on the first lines as they stand, to tell what keys there are.

    Args:
        file: the file.
        count: the largest number of lines.
    """
    first = next(blocks(file, lambda stage, done, total: None))
    return list(_records(first, count))


def _parse_fast(block: LineBlock, columns: Sequence[WantedColumn], schema: Any) -> Parsed | None:
    """Parse a block with Arrow; None if its lines have to be looked at one by one."""
    size = len(block.data) + 1  # one piece: Arrow would cut lines that exceed its own blocks
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
    lines = np.arange(block.first, block.first + len(table))
    return finished(arrays, columns, lines, block.line)


def _schema(block: LineBlock, columns: Sequence[WantedColumn]) -> Any:
    """Arrow types by the first lines; None if Arrow has no single type for the values of a key."""
    seen: dict[str, list[Any]] = {column.key: [] for column in columns}
    for record in _records(block, PEEKED):
        for key, values in seen.items():
            if record.get(key) is not None:
                values.append(record[key])
    types: dict[str, Any] = {}
    for column in columns:
        kind = _type(seen[column.key], column)
        if kind is None:
            return None
        types[column.key] = kind
    return pa.schema(list(types.items()))


def _records(block: LineBlock, count: int) -> Iterator[dict[str, Any]]:
    """The objects among the first `count` lines of a block."""
    for line in islice(block.data.split(b"\n", count + 1), count):
        try:
            record = json.loads(line)
        except FAILURES:
            continue
        if isinstance(record, dict):
            yield record


def _type(values: list[Any], column: WantedColumn) -> Any:
    """Arrow's type for the values of a key; None if there is none for all of them."""
    kinds = set(map(type, values))
    if not kinds:
        return pa.int64() if column.kind == "time" else TARGETS[column.kind]
    if column.kind == "time" and int in kinds and kinds <= {int, float}:
        # Nanoseconds exceed the 53 bits of a float.
        if kinds == {int}:
            return pa.int64()
        return pa.float64() if max(map(abs, values)) < EXACT else None
    if int in kinds and kinds <= {int, float} and column.kind in ("text", "texts"):
        # A name is a whole number: a fraction among them is the mistake.
        return pa.uint64() if max(values) >= SIGNED else pa.int64()
    if kinds <= {int, float}:
        return pa.float64()
    if kinds == {str}:
        return pa.string()
    if kinds == {list} and all(map(_are_texts, values)):
        return pa.list_(pa.string())
    return None


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)
