"""How times, as they stand in files, become whole seconds since 1970 (UTC)."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sirec.data.reading.columns import WantedColumn
from sirec.errors import SirecError
from sirec.shell import arguments

# Texts that are numbers.
DIGITS = r"^[+-]?\d+(\.\d*)?([eE][+-]?\d+)?$"
# pandas reads these words as the time of reading, whatever the format is.
CLOCK = ("now", "today")
# As seconds this is the year 5138, as milliseconds 1973, and so on by factors of a thousand.
BEYOND = 1e11
FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_799  # of the years 1 and 9999
# Numbers of these ranges may be dates of the formats; as seconds they would be parts of 1970.
DATES = {"%Y%m%d": (19000101, 21001231), "%Y": (1900, 2100)}


def check_times(times: Any, column: WantedColumn, where: str) -> None:
    """Check that the times are not dates that were written as numbers.

    Args:
        times: Arrow array of seconds since 1970, converted from `column`.
        column: the wanted column; one with a declared format, or of another kind, passes.
        where: the file, for the message.

    Raises:
        SirecError: if all times are years (2019) or days (20190101) from 1900 to 2100.
    """
    if column.kind != "time" or column.format is not None or times.null_count == len(times):
        return
    seconds = times.drop_null().to_numpy()
    for shape, (first, last) in DATES.items():
        if not bool(((seconds >= first) & (seconds <= last)).all()):
            continue
        texts = pd.Series(seconds).astype(str)
        dates = pd.to_datetime(texts, format=shape, errors="coerce")
        if dates.isna().any():
            return
        raise SirecError(
            f"{where}, column {column.key}: all times are dates written as numbers, "
            f"such as {seconds[0]}, and no seconds",
            f"say how they are written: {arguments('--time-format', shape)}",
        )


def convert_times(values: Any, column: WantedColumn) -> Any:
    """Convert values of any type to whole seconds since 1970; null where they are no times.

    Args:
        values: Arrow array, null where a value is missing.
        column: the wanted column of times.

    Raises:
        ValueError: or an error of Arrow, where the values cannot be converted all at once.
    """
    seconds = _since_1970(values, column)
    in_range = pc.and_(pc.greater_equal(seconds, FIRST_SECOND), pc.less_equal(seconds, LAST_SECOND))
    return pc.if_else(in_range, seconds, pa.scalar(None, pa.int64()))


def _since_1970(values: Any, column: WantedColumn) -> Any:
    if pa.types.is_temporal(values.type):
        zone = values.type.tz if pa.types.is_timestamp(values.type) else None
        return values.cast(pa.timestamp("s", zone), safe=False).cast(pa.int64())
    if column.format is not None:
        return _parsed(values.cast(pa.string()), column.format)
    if not pa.types.is_string(values.type):
        # Nanoseconds exceed the 53 bits of a float; the seconds that they become do not.
        return _seconds(values.cast(pa.float64(), safe=False))
    try:
        return values.cast(pa.timestamp("s")).cast(pa.int64())
    except pa.ArrowInvalid:
        # Arrow is fast, but reads only whole seconds without a zone; pandas reads those alike.
        return _mixed_times(values)


def _mixed_times(values: Any) -> Any:
    """Seconds of texts that are numbers or any ISO 8601."""
    numeric = pc.match_substring_regex(values, DIGITS).fill_null(False)
    no_text = pa.scalar(None, pa.string())
    numbers = _seconds(pc.if_else(numeric, values, no_text).cast(pa.float64()))
    if pc.all(numeric).as_py():
        return numbers
    return pc.coalesce(numbers, _parsed(pc.if_else(numeric, no_text, values), "ISO8601"))


def _parsed(texts: Any, form: str) -> Any:
    """Seconds of texts that are times of a format; null where they are not."""
    clock = pc.is_in(texts, pa.array(CLOCK))
    texts = pc.if_else(clock, pa.scalar(None, texts.type), texts)
    times = pd.to_datetime(texts.to_pandas(), format=form, utc=True, errors="coerce")
    return pa.array(times.dt.as_unit("s")).cast(pa.int64())


def _seconds(numbers: Any) -> Any:
    """Whole seconds of numbers whose size tells their unit; null if no unit makes them times."""
    for _ in range(3):  # milliseconds, microseconds, nanoseconds
        too_large = pc.greater_equal(pc.abs(numbers), BEYOND)
        numbers = pc.if_else(too_large, pc.divide(numbers, 1e3), numbers)
    are_times = pc.less(pc.abs(numbers), BEYOND)
    return pc.floor(pc.if_else(are_times, numbers, pa.scalar(None, pa.float64()))).cast(pa.int64())
