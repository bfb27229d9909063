"""How values, as they stand in files, become values of a column's kind (`columns.py`).

Values are Arrow arrays of N rows. A conversion turns a whole array at once; only if that fails are
the values converted one at a time, to find those that are not of the kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sirec.data.reading.columns import TARGETS, ColumnKind, WantedColumn
from sirec.data.reading.times import convert_times

# What Arrow reads as a number, apart from infinity and NaN.
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
EXACT = 2.0**53  # below this every whole number is a float of its own


@dataclass(frozen=True, eq=False)
class Converted:
    """The converted values of a column.

    Attributes:
        values: Arrow array of the kind, null where a value is missing or wrong.
        missing: Bool[N], rows without a value.
        wrong: Bool[N], rows with a value that is not of the kind.
    """

    values: Any
    missing: NDArray[np.bool_]
    wrong: NDArray[np.bool_]


def convert(values: Any, column: WantedColumn) -> Converted:
    """Convert an Arrow array into one of the column's kind.

    Args:
        values: Arrow array of any type, as it was read.
        column: the wanted column.
    """
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    values = _without_blanks(values)
    missing = _mask(pc.is_null(values))
    try:
        converted = CONVERSIONS[column.kind](values, column)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError):
        converted = _one_by_one(values, column)
    return Converted(converted, missing, _mask(pc.is_null(converted)) & ~missing)


def problem(
    converted: Sequence[Converted], columns: Sequence[WantedColumn], row: int
) -> tuple[str, str] | None:
    """The first thing that is wrong with a row.

    Args:
        converted: the values of each column.
        columns: the wanted columns.
        row: number of the row, from 0.

    Returns:
        (column, what is wrong), or None if nothing is.
    """
    for result, column in zip(converted, columns, strict=True):
        if result.wrong[row] and not column.is_tolerant:
            return column.key, f"expected {column.expected}"
        if result.missing[row] and column.required:
            return column.key, "it is missing or empty"
    return None


def bad_rows(converted: Sequence[Converted], columns: Sequence[WantedColumn]) -> NDArray[np.bool_]:
    """Find the rows with something wrong.

    Args:
        converted: the values of each column.
        columns: the wanted columns.

    Returns:
        Bool[N].
    """
    bad = np.zeros(len(converted[0].wrong), dtype=np.bool_)
    for result, column in zip(converted, columns, strict=True):
        if not column.is_tolerant:
            bad |= result.wrong
        if column.required:
            bad |= result.missing
    return bad


def _without_blanks(values: Any) -> Any:
    """Trim texts, and replace empty texts and NaN by null; large strings become strings."""
    if pa.types.is_large_string(values.type):  # as pandas and polars write texts
        values = values.cast(pa.string())
    if pa.types.is_string(values.type):
        values = pc.utf8_trim_whitespace(values)
        return pc.if_else(pc.equal(values, ""), pa.scalar(None, values.type), values)
    if pa.types.is_floating(values.type):
        return pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    return values


def _text(values: Any, column: WantedColumn) -> Any:
    if pa.types.is_boolean(values.type):
        raise ValueError("a truth value is no name")
    if pa.types.is_floating(values.type):
        # Many programs write whole numbers, some of which are missing, as floats.
        values = values.cast(pa.float64())
        whole = pc.and_(pc.equal(values, pc.floor(values)), pc.less(pc.abs(values), EXACT))
        values = pc.if_else(whole, values, pa.scalar(None, pa.float64())).cast(pa.int64())
    return values.cast(pa.string())


def _text_or_number(values: Any, column: WantedColumn) -> Any:
    """Texts, and numbers as texts, fractions too: an attribute may be a price."""
    if not pa.types.is_floating(values.type):
        return _text(values, column)
    whole = pc.and_(pc.equal(values, pc.floor(values)), pc.less(pc.abs(values), EXACT))
    integers = pc.if_else(whole, values, pa.scalar(None, values.type)).cast(pa.int64())
    return pc.if_else(whole, integers.cast(pa.string()), values.cast(pa.string()))


def _number(values: Any, column: WantedColumn) -> Any:
    numbers = _floats(values)
    return pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, pa.float64()))


def _floats(values: Any) -> Any:
    try:
        return values.cast(pa.float64())
    except pa.ArrowInvalid:
        if not pa.types.is_string(values.type):
            raise
        # Some texts are no numbers, perhaps all of them: leave these out at once.
        numeric = pc.match_substring_regex(values, NUMBER)
        return pc.if_else(numeric, values, pa.scalar(None, values.type)).cast(pa.float64())


def _texts(values: Any, column: WantedColumn) -> Any:
    if pa.types.is_large_list(values.type):
        values = values.cast(pa.list_(values.type.value_type))
    if not pa.types.is_list(values.type):
        texts = _text_or_number(values, column)
        if column.separator:
            values = pc.split_pattern(texts, column.separator)
        else:
            values = _lists_of_one(texts)
    offsets = values.offsets.to_numpy()
    parts = _without_blanks(values.values.slice(offsets[0], offsets[-1] - offsets[0]))
    flat = _without_blanks(_text(parts, column))
    keep = _mask(pc.is_valid(flat))
    if (~keep & _mask(pc.is_valid(parts))).any():
        raise ValueError("a fraction is no name")
    ends = np.concatenate([[0], keep.cumsum()])[offsets - offsets[0]].astype(np.int32)
    kept = flat.filter(pa.array(keep))
    return pa.ListArray.from_arrays(pa.array(ends), kept, mask=pc.is_null(values))


def _lists_of_one(texts: Any) -> Any:
    """Each text as a list of its own."""
    counts = _mask(pc.is_valid(texts)).astype(np.int32)
    offsets = pa.array(np.concatenate([[0], counts.cumsum()]).astype(np.int32))
    return pa.ListArray.from_arrays(offsets, texts.drop_null(), mask=pc.is_null(texts))


def _one_by_one(values: Any, column: WantedColumn) -> Any:
    """The values converted one at a time, null where one is not of the kind."""
    conversion = CONVERSIONS[column.kind]
    target = TARGETS[column.kind]
    parts = []
    for index in range(len(values)):
        try:
            parts.append(conversion(values.slice(index, 1), column).cast(target))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError):
            parts.append(pa.nulls(1, target))
    return pa.concat_arrays(parts)


def _mask(values: Any) -> NDArray[np.bool_]:
    return np.asarray(values.fill_null(False).to_numpy(zero_copy_only=False), dtype=np.bool_)


CONVERSIONS: dict[ColumnKind, Callable[[Any, WantedColumn], Any]] = {
    "text": _text,
    "number": _number,
    "time": convert_times,
    "texts": _texts,
}
