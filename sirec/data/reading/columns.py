"""Columns that are wanted of a raw table, and how values of a file are converted.

text
    From text, or from whole numbers of up to 64 bits. A float below 2**53 that is a whole number
    counts as this number. Blanks around a text do not count.
number
    From a number, or text that is one; to float64.
time
    From seconds since 1970, or milli-, micro- or nanoseconds where the size of a number says so;
    from ISO 8601 text (UTC unless it says otherwise); or from text of a declared format. To int64,
    seconds since 1970 UTC, of the years 1 to 9999.
texts
    From a list of texts, or one text that is split at a separator; to a list of texts without
    empty ones.

A value that is empty, absent or NaN is missing. A missing value of a required column, and a value
that is not of its kind, make the line a bad one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sirec.errors import SirecError

ColumnKind = Literal["text", "number", "time", "texts"]
# what Arrow reads as one, apart from infinity and NaN
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
DIGITS = r"^[+-]?\d+(\.\d*)?([eE][+-]?\d+)?$"
EXACT = 2.0**53  # below this every whole number is a float of its own
CLOCK = (
    "now",
    "today",
)  # pandas takes these for the moment at which it reads them, whatever the format
# as seconds this is the year 5138, as milliseconds 1973; likewise each thousandth of a thousandth
BEYOND = 1e11
FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_799  # of the years 1 and 9999
DATES = {
    "%Y%m%d": (19000101, 21001231),
    "%Y": (1900, 2100),
}  # as seconds, some weeks of 1970 and a few of its minutes
TARGETS = {
    "text": pa.string(),
    "number": pa.float64(),
    "time": pa.int64(),
    "texts": pa.list_(pa.string()),
}
EXPECTED = {
    "text": "text or a whole number",
    "number": "a number",
    "time": "seconds since 1970, or a date and time such as 2019-12-31 23:59:59",
    "texts": "text or a list of texts",
}


@dataclass(frozen=True)
class WantedColumn:
    """A wanted column: the `key` under which a file has it, and its kind.

    `separator` splits a text into texts; `format` is a `strptime` format for times that are not ISO
    8601.
    """

    key: str
    kind: ColumnKind = "text"
    required: bool = True
    separator: str | None = None
    format: str | None = None

    @property
    def expected(self) -> str:
        """What a value has to be, in words."""
        return (
            f"a time of the format {self.format}"
            if self.kind == "time" and self.format
            else EXPECTED[self.kind]
        )


@dataclass(frozen=True, eq=False)
class Converted:
    """Values of a column's kind, and Bool[N]: which are missing, and which were there but are not
    of that kind.
    """

    values: Any
    missing: NDArray[np.bool_]
    wrong: NDArray[np.bool_]


def convert(values: Any, column: WantedColumn) -> Converted:
    """Turn an Arrow array as it was read into one of the column's kind; what is missing or wrong
    becomes null.
    """
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    values = _known(values)
    missing = _mask(pc.is_null(values))
    try:
        converted = CONVERSIONS[column.kind](values, column)
    except (
        pa.ArrowInvalid,
        pa.ArrowNotImplementedError,
        ValueError,
    ):  # one value spoils the lot: one at a time then
        converted = _one_by_one(values, column)
    return Converted(converted, missing, _mask(pc.is_null(converted)) & ~missing)


def check_names(names: Sequence[str], where: str) -> None:
    """Raise `SirecError` where two columns are called the same."""
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise SirecError(f"{where}: two columns are called '{repeated}'", "rename one")


def check_times(times: Any, column: WantedColumn, where: str) -> None:
    """Raise `SirecError` where all times that were taken for seconds are years (2019) or days
    (20190101) of 1900 to 2100.
    """
    if column.kind != "time" or column.format is not None or times.null_count == len(times):
        return
    seconds = times.drop_null().to_numpy()
    shape = next(
        (
            shape
            for shape, dates in DATES.items()
            if bool(((seconds >= dates[0]) & (seconds <= dates[1])).all())
        ),
        None,
    )
    if (
        shape is not None
        and not pd.isna(
            pd.to_datetime(pd.Series(seconds).astype(str), format=shape, errors="coerce")
        ).any()
    ):
        what = (
            f"{where}, column {column.key}: all times are dates written as numbers, "
            f"such as {seconds[0]}, and no seconds"
        )
        raise SirecError(what, f"say how they are written: --time-format '{shape}'")


def problem(
    converted: Sequence[Converted], columns: Sequence[WantedColumn], row: int
) -> tuple[str, str] | None:
    """What is wrong with a row, as (column, what), if anything is."""
    for result, column in zip(converted, columns, strict=True):
        if result.wrong[row]:
            return column.key, f"expected {column.expected}"
        if result.missing[row] and column.required:
            return column.key, "it is missing or empty"
    return None


def bad_rows(converted: Sequence[Converted], columns: Sequence[WantedColumn]) -> NDArray[np.bool_]:
    """Bool[N]: rows with something wrong."""
    masks = [
        result.wrong | (result.missing & column.required)
        for result, column in zip(converted, columns, strict=True)
    ]
    return np.logical_or.reduce(masks)


def _known(values: Any) -> Any:
    """The values with null for what is missing: blank texts and NaN."""
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        values = pc.utf8_trim_whitespace(values)
        return pc.if_else(pc.equal(values, ""), pa.scalar(None, values.type), values)
    if pa.types.is_floating(values.type):
        return pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    return values


def _text(values: Any, column: WantedColumn) -> Any:
    if pa.types.is_boolean(values.type):
        raise ValueError("a truth value is no name")
    if pa.types.is_floating(
        values.type
    ):  # a column of whole numbers, some of them missing, is one of floats for many programs
        values = values.cast(pa.float64())
        whole = pc.and_(pc.equal(values, pc.floor(values)), pc.less(pc.abs(values), EXACT))
        values = pc.if_else(whole, values, pa.scalar(None, pa.float64())).cast(pa.int64())
    return values.cast(pa.string())


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


def _time(values: Any, column: WantedColumn) -> Any:
    seconds = _since_1970(values, column)
    sayable = pc.and_(pc.greater_equal(seconds, FIRST_SECOND), pc.less_equal(seconds, LAST_SECOND))
    return pc.if_else(sayable, seconds, pa.scalar(None, pa.int64()))


def _since_1970(values: Any, column: WantedColumn) -> Any:
    if pa.types.is_temporal(values.type):
        return values.cast(pa.timestamp("s", _zone(values.type)), safe=False).cast(pa.int64())
    if column.format is not None:
        return _parsed(values.cast(pa.string()), column.format)
    if not pa.types.is_string(values.type):
        return _seconds(
            values.cast(pa.float64(), safe=False)
        )  # nanoseconds as int64 are beyond its 53 bits; seconds are not
    try:
        return values.cast(pa.timestamp("s")).cast(pa.int64())
    except (
        pa.ArrowInvalid
    ):  # Arrow is quick, but knows whole seconds without a zone only; pandas reads those alike
        return _mixed_times(values)


def _mixed_times(values: Any) -> Any:
    """Seconds of texts that are numbers or any ISO 8601."""
    numeric = pc.match_substring_regex(values, DIGITS).fill_null(False)
    numbers = _seconds(pc.if_else(numeric, values, pa.scalar(None, pa.string())).cast(pa.float64()))
    if pc.all(numeric).as_py():
        return numbers
    return pc.coalesce(
        numbers, _parsed(pc.if_else(numeric, pa.scalar(None, pa.string()), values), "ISO8601")
    )


def _parsed(texts: Any, form: str) -> Any:
    clock = pc.is_in(texts, pa.array(CLOCK))
    texts = pc.if_else(clock, pa.scalar(None, texts.type), texts)
    times = pd.to_datetime(texts.to_pandas(), format=form, utc=True, errors="coerce")
    return pa.array(times.dt.as_unit("s")).cast(pa.int64())


def _zone(kind: Any) -> str | None:
    return kind.tz if pa.types.is_timestamp(kind) else None


def _seconds(numbers: Any) -> Any:
    """Whole seconds of numbers whose unit is told by their size; null where no unit makes them a
    time.
    """
    for _ in range(3):  # milliseconds, microseconds, nanoseconds
        numbers = pc.if_else(
            pc.greater_equal(pc.abs(numbers), BEYOND), pc.divide(numbers, 1e3), numbers
        )
    times = pc.less(pc.abs(numbers), BEYOND)
    return pc.floor(pc.if_else(times, numbers, pa.scalar(None, pa.float64()))).cast(pa.int64())


def _texts(values: Any, column: WantedColumn) -> Any:
    if pa.types.is_large_list(values.type):
        values = values.cast(pa.list_(values.type.value_type))
    if not pa.types.is_list(values.type):
        texts = _text(values, column)
        values = (
            pc.split_pattern(texts, column.separator) if column.separator else _each_alone(texts)
        )
    offsets = values.offsets.to_numpy()
    parts = _known(values.values.slice(offsets[0], offsets[-1] - offsets[0]))
    flat = _known(_text(parts, column))
    keep = _mask(pc.is_valid(flat))
    if (~keep & _mask(pc.is_valid(parts))).any():
        raise ValueError("a fraction is no name")
    ends = np.concatenate([[0], keep.cumsum()])[offsets - offsets[0]].astype(np.int32)
    return pa.ListArray.from_arrays(
        pa.array(ends), flat.filter(pa.array(keep)), mask=pc.is_null(values)
    )


def _each_alone(texts: Any) -> Any:
    counts = _mask(pc.is_valid(texts)).astype(np.int32)
    offsets = pa.array(np.concatenate([[0], counts.cumsum()]).astype(np.int32))
    return pa.ListArray.from_arrays(offsets, texts.drop_null(), mask=pc.is_null(texts))


def _one_by_one(values: Any, column: WantedColumn) -> Any:
    conversion, target = CONVERSIONS[column.kind], TARGETS[column.kind]
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
    "time": _time,
    "texts": _texts,
}
