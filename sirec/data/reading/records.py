"""Rows of a block: converted all at once, or parsed one line at a time where that fails.

A fast reader (Arrow's) only says that something in a block is wrong. `parse_records` looks at every
line of the block by itself, keeps the good ones and names what is wrong with the others.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.conversions import EXACT, bad_rows, convert, problem
from sirec.data.reading.lines import LineBlock
from sirec.data.reading.time_numbers import text_of_float

Loads = Callable[[str], object]
MOST_DIGITS = 100
SCALARS = {"number": (str, int, float), "time": (str, int, float)}


class Problem(NamedTuple):
    """What is wrong with a line.

    Attributes:
        line: number of the line in the file, from 1.
        column: the column with the mistake, or None if it is the whole line.
        what: the mistake.
        text: the line itself.
        value: the value that is not of its kind, if that is the mistake.
    """

    line: int
    column: str | None
    what: str
    text: str
    value: str = ""


@dataclass(frozen=True, eq=False)
class Wanted:
    """Which rows of a file are wanted.

    Attributes:
        key: a column of texts.
        values: rows with one of these values there are wanted.
    """

    key: str
    values: frozenset[str]


@dataclass(frozen=True, eq=False)
class Parsed:
    """The rows of a block.

    Attributes:
        arrays: the good rows, one Arrow array per wanted column.
        problems: what is wrong with the other rows, in the order of their lines.
    """

    arrays: Sequence[Any]
    problems: Sequence[Problem] = field(default_factory=tuple)


ParsedBlocks = Generator[Parsed, None, None]
"""The blocks of a file in order.

A reader may have threads of its own: who stops before the end has to close the generator.
"""


def finished(
    arrays: Sequence[Any],
    columns: Sequence[WantedColumn],
    lines: NDArray[np.int64],
    text: Callable[[int], str],
    problems: Sequence[Problem] = (),
) -> Parsed:
    """Convert the arrays of a block, and leave out the rows with something wrong.

    Args:
        arrays: one Arrow array of N rows for each wanted column, as it was read.
        columns: the wanted columns.
        lines: Int64[N], the number of each row's line in the file.
        text: gives the line of a row, by the row's number.
        problems: what is wrong with lines of the block that are not among the rows.
    """
    converted = [convert(array, column) for array, column in zip(arrays, columns, strict=True)]
    bad = bad_rows(converted, columns)
    if not bad.any():
        return Parsed([result.values for result in converted], tuple(problems))
    found = list(problems)
    for row in np.flatnonzero(bad).tolist():
        wrong = problem(converted, columns, row)
        assert wrong is not None
        value = _value_at(row, wrong[0], arrays, columns)
        found.append(Problem(int(lines[row]), *wrong, text(row), value))
    found.sort(key=lambda each: each.line)
    good = pa.array(~bad)
    return Parsed([result.values.filter(good) for result in converted], tuple(found))


def _value_at(
    row: int, key: str | None, arrays: Sequence[Any], columns: Sequence[WantedColumn]
) -> str:
    """The value of a column in a row as it was read; empty if it is missing."""
    for array, column in zip(arrays, columns, strict=True):
        if column.key == key:
            value = array[row].as_py()
            return "" if value is None else str(value)
    return ""


def parse_records(
    block: LineBlock,
    columns: Sequence[WantedColumn],
    loads: Loads,
    failures: tuple[type[Exception], ...],
) -> Parsed:
    """Parse a block line by line; blank lines do not count.

    Args:
        block: the lines.
        columns: the wanted keys.
        loads: turns a line into a mapping.
        failures: what it raises if it cannot.
    """
    numbers: list[int] = []
    texts: list[str] = []
    values: list[list[Any]] = [[] for _ in columns]
    problems: list[Problem] = []
    for number, line in _lines(block):
        record, wrong = _record(line, loads, failures, columns)
        if wrong is not None:
            problems.append(Problem(number, *wrong, line))
            continue
        numbers.append(number)
        texts.append(line)
        for collected, value in zip(values, record, strict=True):
            collected.append(value)
    arrays = [_array(part, column) for part, column in zip(values, columns, strict=True)]
    return finished(arrays, columns, np.array(numbers, dtype=np.int64), texts.__getitem__, problems)


def _lines(block: LineBlock) -> Iterator[tuple[int, str]]:
    """Number and text of each line that is not blank."""
    for number, line in enumerate(block.data.split(b"\n"), block.first):
        if line.strip():
            # A byte that is no UTF-8 is a mistake only if it is in a wanted column.
            yield number, line.decode("utf-8", errors="surrogateescape").rstrip("\r")


def _record(
    line: str, loads: Loads, failures: tuple[type[Exception], ...], columns: Sequence[WantedColumn]
) -> tuple[list[Any], tuple[str | None, str] | None]:
    """The value of each wanted key on a line, and (column, what is wrong) or None."""
    try:
        record = loads(line)
    except failures as error:
        return [], (None, f"not a valid record: {str(error)[:80]}")
    if not isinstance(record, Mapping):
        return [], (None, f"expected a record with keys, got {type(record).__name__}")
    values: list[Any] = []
    for column in columns:
        value, wrong = _value(record.get(column.key), column)
        if wrong is not None:
            return [], (column.key, wrong)
        values.append(value)
    return values, None


def _value(value: Any, column: WantedColumn) -> tuple[Any, str | None]:
    """A value as a text or a list of texts, from which arrays are made, and what is wrong."""
    if value is None or value != value:  # NaN, which Python writes into JSON
        return None, None
    if column.kind == "texts" and isinstance(value, list | tuple | set):
        value = list(map(_name, _flat(value)))
        fits = None not in value
    elif column.kind in ("text", "texts"):
        value = _name(value)
        fits = value is not None
        if fits and column.kind == "texts":
            value = value.split(column.separator) if column.separator else [value]
    else:
        fits = isinstance(value, SCALARS[column.kind]) and not isinstance(value, bool)
        fits = fits and not _has_too_many_digits(value)
    if not fits and column.is_tolerant:
        return None, None
    if not fits:
        return None, f"expected {column.expected}"
    if column.kind == "time" and isinstance(value, float):
        value = text_of_float(value)
    elif not isinstance(value, list):
        value = str(value)
    texts = value if isinstance(value, list) else [value]
    if not all(map(_is_unicode, texts)):
        return None, "not UTF-8 text"
    return value, None


def _flat(values: Any) -> Iterator[Any]:
    """The values of nested lists, without missing ones."""
    for value in values:
        if isinstance(value, list | tuple | set):
            yield from _flat(value)
        elif value is not None and value == value:
            yield value


def _name(value: Any) -> str | None:
    """A text, a whole number, or a float that is whole, as text; None for anything else.

    `conversions.py` has the same rule for arrays.
    """
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        value = int(value)
    if isinstance(value, bool) or _has_too_many_digits(value):
        return None
    return str(value) if isinstance(value, str | int) else None


def _has_too_many_digits(value: Any) -> bool:
    """Whether a whole number is longer than any id; Python does not write the longest ones."""
    return isinstance(value, int) and abs(value) >= 10**MOST_DIGITS


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _array(values: list[Any], column: WantedColumn) -> Any:
    return pa.array(values, pa.list_(pa.string()) if column.kind == "texts" else pa.string())
