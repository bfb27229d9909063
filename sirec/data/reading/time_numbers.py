"""Numbers as times: the size of a number tells whether it counts seconds or smaller units.

Whole numbers and decimals are split by integer arithmetic, so that all digits of nanoseconds stay.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sirec.data.times import NANOSECONDS

# As seconds this is the year 5138, as milliseconds 1973, and so on by factors of a thousand.
BEYOND = 10**11
FACTOR = 1_000
DIGITS_KEPT = 18  # after the decimal point
DECIMAL = pa.decimal128(38, DIGITS_KEPT)
ONE = 10**DIGITS_KEPT  # what 1 is in the whole numbers that Arrow keeps of `DECIMAL`
INT64 = 2.0**63


class SplitTimes(NamedTuple):
    """Times of N rows in two parts.

    Attributes:
        seconds: Int[N], whole seconds since 1970, towards the past.
        nanoseconds: Int[N], what is after them, from 0 to below a second.
        valid: Bool[N], which rows have a time.
    """

    seconds: NDArray[np.int64]
    nanoseconds: NDArray[np.int64]
    valid: NDArray[np.bool_]


def of_integers(values: Any) -> SplitTimes:
    """Times of whole numbers of any width. Raises `pa.ArrowInvalid` for one beyond 64 bits."""
    numbers, valid = _filled(values.cast(pa.int64()))
    units = _ticks_per_second(numbers)
    if units is None:
        return SplitTimes(numbers, np.zeros_like(numbers), valid)
    seconds, rest = np.divmod(numbers, units)
    return SplitTimes(seconds, rest * (NANOSECONDS // units), valid)


def of_ticks(values: Any, per_second: int) -> SplitTimes:
    """Times of Arrow's integers, which count ticks of a known length.

    Args:
        values: Arrow array of int64.
        per_second: ticks a second.
    """
    numbers, valid = _filled(values)
    seconds, rest = np.divmod(numbers, per_second)
    return SplitTimes(seconds, rest * (NANOSECONDS // per_second), valid)


def of_floats(values: Any) -> SplitTimes:
    """Times of floats, to the microsecond.

    A double has 53 bits: two neighbours are 0.24 µs apart where they count the seconds, the
    milliseconds or the microseconds of our days. So its digits below a microsecond are those of no
    clock, and rounding gives back the number that the double stands for. Nanoseconds are rounded
    alike: their neighbours are 256 ns apart.
    """
    valid = ~np.asarray(pc.is_null(values).to_numpy(zero_copy_only=False), dtype=np.bool_)
    numbers = np.array(values.cast(pa.float64()).to_numpy(zero_copy_only=False))
    valid &= np.abs(numbers) < INT64  # false for infinity and NaN, too
    numbers[~valid] = 0.0
    floor = np.floor(numbers)
    fractions = numbers - floor  # exact
    whole = floor.astype(np.int64)
    units = _ticks_per_second(whole)
    if units is None and not fractions.any():
        return SplitTimes(whole, np.zeros_like(whole), valid)
    per_second = np.ones_like(whole) if units is None else units
    seconds, rest = np.divmod(whole, per_second)
    microseconds = np.rint((rest + fractions) * (NANOSECONDS / per_second) / 1e3).astype(np.int64)
    is_next = microseconds == NANOSECONDS // FACTOR
    return SplitTimes(seconds + is_next, np.where(is_next, 0, microseconds * FACTOR), valid)


def of_decimals(values: Any) -> SplitTimes:
    """Times of decimals, with all digits down to nanoseconds.

    Args:
        values: Arrow array of `DECIMAL`.
    """
    in_range = pc.less_equal(pc.abs(values), pa.scalar(int(INT64) - 1))
    values = pc.if_else(in_range.fill_null(False), values, pa.scalar(None, DECIMAL))
    whole, valid = _filled(values.cast(pa.int64(), safe=False))
    # Arrow keeps a decimal as a whole number of 128 bits. The low 64 of a difference are those of
    # the difference of the low ones, and the fraction does not need more than these.
    low = np.frombuffer(values.buffers()[1], np.uint64)[::2]
    low = low[values.offset : values.offset + len(values)]
    fractions = (low - whole.view(np.uint64) * np.uint64(ONE)).view(np.int64)
    fractions = np.where(valid, fractions, 0)
    units = _ticks_per_second(whole)
    per_second = np.ones_like(whole) if units is None else units
    seconds, rest = np.divmod(whole, per_second)
    nanoseconds = NANOSECONDS // per_second
    total = rest * nanoseconds + fractions // (ONE // nanoseconds)
    borrowed, total = np.divmod(total, NANOSECONDS)  # -1 where the fraction of `whole` is below 0
    return SplitTimes(seconds + borrowed, total, valid)


def text_of_float(number: float) -> str:
    """A float as the text of a decimal that is the same time (`of_floats`)."""
    decimals, limit = 6, float(BEYOND)
    while decimals and abs(number) >= limit:
        decimals, limit = decimals - 3, limit * FACTOR
    if not decimals and limit <= abs(number) < INT64:
        return str(round(int(number), -3))
    return f"{number:.{decimals}f}"


def _filled(values: Any) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The numbers of an Arrow array of int64, 0 where there is none, and where there are some."""
    valid = ~np.asarray(pc.is_null(values).to_numpy(zero_copy_only=False), dtype=np.bool_)
    return np.asarray(values.fill_null(0).to_numpy(), dtype=np.int64), valid


def _ticks_per_second(numbers: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Int[N], what each number counts by its size; None if all are seconds."""
    sizes = np.abs(numbers)
    if not len(sizes) or sizes.max() < BEYOND:
        return None
    units = np.ones_like(numbers)
    for power in range(3):  # milliseconds, microseconds, nanoseconds
        units[sizes >= BEYOND * FACTOR**power] = FACTOR ** (power + 1)
    return units
