"""How times, as they stand in files, become times since 1970 (UTC) with all their digits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sirec.data.reading.columns import SPLIT_TIME, WantedColumn
from sirec.data.reading.time_numbers import (
    DECIMAL,
    SplitTimes,
    of_decimals,
    of_floats,
    of_integers,
    of_ticks,
)
from sirec.data.reading.time_texts import TICKS, of_format, of_texts
from sirec.data.times import HIGHEST, LOWEST, NANOSECONDS, UNITS, Ticks
from sirec.errors import SirecError

FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_799  # of the years 1 and 9999


def convert_times(values: Any, column: WantedColumn) -> Any:
    """Convert values of any type to times since 1970; null where they are no times.

    Args:
        values: Arrow array, null where a value is missing.
        column: the wanted column of times.

    Returns:
        Arrow array of `SPLIT_TIME`.

    Raises:
        ValueError: or an error of Arrow, where the values cannot be converted all at once.
    """
    seconds, nanoseconds, valid = _since_1970(values, column)
    valid = valid & (seconds >= FIRST_SECOND) & (seconds <= LAST_SECOND)
    parts = [pa.array(seconds), pa.array(nanoseconds.astype(np.int32))]
    return pa.StructArray.from_arrays(parts, fields=list(SPLIT_TIME), mask=pa.array(~valid))


def narrowed(times: Any, where: str) -> Any:
    """The same times as one number each, in the coarsest unit that holds all of them exactly.

    Args:
        times: Arrow array of `SPLIT_TIME`.
        where: file and column, for the message.

    Returns:
        Whole seconds since 1970 as int64 where these suffice, else timestamps in milli-, micro- or
        nanoseconds without a zone (UTC).

    Raises:
        SirecError: for nanoseconds in years outside 1678 to 2261, which int64 cannot hold.
    """
    if isinstance(times, pa.ChunkedArray):
        times = times.combine_chunks()
    present = ~pc.is_null(times).to_numpy(zero_copy_only=False)
    seconds = times.field("seconds").fill_null(0).to_numpy()
    nanoseconds = times.field("nanoseconds").fill_null(0).to_numpy()
    per_second = _needed(nanoseconds[present])
    if per_second == 1:
        return pa.array(seconds, mask=~present)
    rest = nanoseconds // (NANOSECONDS // per_second)
    _refuse_overflow(seconds[present], per_second, where)
    ticks = np.where(present, seconds, 0) * per_second + rest
    return pa.array(ticks, mask=~present).cast(pa.timestamp(UNITS[per_second]))


def _since_1970(values: Any, column: WantedColumn) -> SplitTimes:
    kind = values.type
    if pa.types.is_date(kind):
        values = values.cast(pa.timestamp("ms"))
        kind = values.type
    if pa.types.is_timestamp(kind):
        return of_ticks(values.cast(pa.int64()), TICKS[kind.unit])
    if pa.types.is_boolean(kind) or pa.types.is_temporal(kind):
        raise ValueError("neither a truth value nor a duration is a time")
    if column.format is not None:
        return of_format(values, column.format)
    if pa.types.is_string(kind):
        return of_texts(values)
    if pa.types.is_decimal(kind):
        return of_decimals(values.cast(DECIMAL))
    if pa.types.is_floating(kind):
        return of_floats(values)
    if pa.types.is_integer(kind) or pa.types.is_null(kind):
        return of_integers(values)
    raise ValueError(f"{kind} is no type of times")


def _needed(nanoseconds: Ticks) -> int:
    """Ticks a second of the coarsest unit that holds all of these fractions of a second."""
    for per_second in UNITS:
        if not (nanoseconds % (NANOSECONDS // per_second)).any():
            return per_second
    return NANOSECONDS


def _refuse_overflow(seconds: Ticks, per_second: int, where: str) -> None:
    first, last = LOWEST // per_second + 1, HIGHEST // per_second - 1
    outside = seconds[(seconds < first) | (seconds > last)]
    if len(outside):
        year = np.datetime64(int(outside[0]), "s").astype("datetime64[Y]")
        raise SirecError(
            f"{where}: times with nanoseconds, and one in the year {year}: "
            "in nanoseconds, times are kept from 1678 to 2261",
            "correct it, leave it out, or round the times to microseconds",
        )
