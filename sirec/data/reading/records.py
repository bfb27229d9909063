"""Lines that each hold one record, parsed one at a time: what is left to do where the fast reader
stumbles.

A fast reader (Arrow's) says no more than that something in a block is wrong. This one looks at
every line of the block by itself, keeps the good ones and names what is wrong with the others.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sirec.data.reading.columns import EXACT, Converted, WantedColumn, bad_rows, convert, problem
from sirec.data.reading.lines import LineBlock

Loads = Callable[[str], object]
SCALARS = {"number": (str, int, float), "time": (str, int, float)}


class Problem(NamedTuple):
    """What is wrong with a line: its number, the column if one is to blame, what, and the line
    itself.
    """

    line: int
    column: str | None
    what: str
    text: str


@dataclass(frozen=True, eq=False)
class Wanted:
    """Which rows of a file are wanted: those whose text column `key` has one of `values`."""

    key: str
    values: frozenset[str]


@dataclass(frozen=True, eq=False)
class Parsed:
    """The good rows of a block, one Arrow array per column, and what is wrong with the others."""

    arrays: Sequence[Any]
    problems: Sequence[Problem] = field(default_factory=tuple)


ParsedBlocks = Generator[Parsed, None, None]
"""A file's blocks in order. A reader may have threads of its own: whoever stops before the end has
to close it.
"""


def finished(
    arrays: Sequence[Any],
    columns: Sequence[WantedColumn],
    lines: NDArray[np.int64],
    text: Callable[[int], str],
    problems: Sequence[Problem] = (),
) -> Parsed:
    """Convert arrays as they were read and leave out the rows that are not as wanted; row r is line
    `lines[r]`.
    """
    converted = [convert(array, column) for array, column in zip(arrays, columns, strict=True)]
    bad = bad_rows(converted, columns)
    if not bad.any():
        return Parsed([result.values for result in converted], tuple(problems))
    found = [
        *problems,
        *(
            _problem(converted, columns, row, int(lines[row]), text(row))
            for row in np.flatnonzero(bad).tolist()
        ),
    ]
    good = pa.array(~bad)
    return Parsed(
        [result.values.filter(good) for result in converted],
        tuple(sorted(found, key=lambda problem: problem.line)),
    )


def parse_records(
    block: LineBlock,
    columns: Sequence[WantedColumn],
    loads: Loads,
    failures: tuple[type[Exception], ...],
) -> Parsed:
    """Parse a block line by line: `loads` turns a line into a mapping or raises one of `failures`.
    Blank lines do not count.
    """
    numbers, texts, rows, problems = [], [], [], []
    for number, line in _lines(block):
        record, wrong = _record(line, loads, failures, columns)
        if wrong is not None:
            problems.append(Problem(number, *wrong, line))
        else:
            numbers.append(number)
            texts.append(line)
            rows.append(record)
    arrays: list[Any] = []
    for index, column in enumerate(columns):
        values = [row[index] for row in rows]
        arrays.append(_array(values, column))
    return finished(arrays, columns, np.array(numbers, dtype=np.int64), texts.__getitem__, problems)


def _lines(block: LineBlock) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(block.data.split(b"\n"), block.first):
        if line.strip():
            # A byte that is no UTF-8 is a mistake only where it is in a wanted column.
            yield number, line.decode("utf-8", errors="surrogateescape").rstrip("\r")


def _record(
    line: str, loads: Loads, failures: tuple[type[Exception], ...], columns: Sequence[WantedColumn]
) -> tuple[list[Any], tuple[str | None, str] | None]:
    try:
        record = loads(line)
    except failures as error:
        return [], (None, f"not a valid record: {str(error)[:80]}")
    if not isinstance(record, Mapping):
        return [], (None, f"expected a record with keys, got {type(record).__name__}")
    values = []
    for column in columns:
        value, wrong = _value(record.get(column.key), column)
        if wrong is not None:
            return [], (column.key, wrong)
        values.append(value)
    return values, None


def _value(value: Any, column: WantedColumn) -> tuple[Any, str | None]:
    """A value in the one form in which a column's array is made (text, or a list of texts), or what
    is wrong with it.
    """
    if value is None or value != value:  # NaN, which Python writes into JSON
        return None, None
    if column.kind == "texts" and isinstance(value, list | tuple | set):
        value = [_name(part) for part in _flat(value)]
        fits = None not in value
    elif column.kind in ("text", "texts"):
        value = _name(value)
        fits = value is not None
        if fits and column.kind == "texts":
            value = value.split(column.separator) if column.separator else [value]
    else:
        fits = isinstance(value, SCALARS[column.kind]) and not isinstance(value, bool)
    if not fits:
        return None, f"expected {column.expected}"
    texts = value if isinstance(value, list) else [str(value)]
    if not all(_is_unicode(text) for text in texts):
        return None, "not UTF-8 text"
    return (value if isinstance(value, list) else str(value)), None


def _flat(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list | tuple | set):
            yield from _flat(value)
        elif value is not None and value == value:
            yield value


def _name(value: Any) -> str | None:
    """A text, a whole number, or a float that is one, as text; nothing of anything else. As
    `columns` has it for arrays.
    """
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        value = int(value)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _array(values: list[Any], column: WantedColumn) -> Any:
    return pa.array(values, pa.list_(pa.string()) if column.kind == "texts" else pa.string())


def _problem(
    converted: Sequence[Converted], columns: Sequence[WantedColumn], row: int, line: int, text: str
) -> Problem:
    found = problem(converted, columns, row)
    assert found is not None
    return Problem(line, *found, text)
