"""Texts as times: numbers, ISO 8601, and declared formats.

Arrow converts a whole array in one go, a hundred times as fast as pandas, but only if all texts are
of one form. Each form is tried in turn, with the first texts before all of them: Arrow is slow to
find out that it cannot convert an array. Texts of several forms take the slow way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import ROUND_FLOOR, Context, Decimal
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sirec.data.reading.time_numbers import (
    DECIMAL,
    DIGITS_KEPT,
    INT64,
    SplitTimes,
    of_decimals,
    of_integers,
    of_ticks,
)
from sirec.data.times import UNITS

# Texts that are numbers.
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
# pandas reads these words as the time of reading, whatever the format is.
CLOCK = ("now", "today")
ISO_FORMS = (("s", None), ("us", None), ("ns", None), ("us", "UTC"), ("ns", "UTC"))
PEEKED = 32  # texts with which a form is tried
TICKS = {unit: per_second for per_second, unit in UNITS.items()}
FRACTION = r"^(.*:\d{2}:\d{2})\.(\d{1,9})\d*(.*)$"  # of a second, in ISO 8601
# Directives of `strptime` that stand for a fixed number of digits.
WIDTHS = {"%Y": 4, "%m": 2, "%d": 2, "%H": 2, "%M": 2, "%S": 2, "%y": 2, "%j": 3}
EXACT = Context(prec=64)


def of_texts(values: Any) -> SplitTimes:
    """Times of texts that are numbers or ISO 8601.

    Args:
        values: Arrow array of texts, null where a value is missing.
    """
    for conversion in CONVERSIONS:
        try:
            conversion(values.slice(0, PEEKED))
            return conversion(values)
        except pa.ArrowInvalid:
            continue
    return _mixed(values)


def of_format(values: Any, form: str) -> SplitTimes:
    """Times of texts of a `strptime` format.

    Args:
        values: Arrow array of texts, or of numbers whose digits are the texts.
        form: the format.
    """
    return _parsed(_digits(values, form), form)


def ticks_of_datetimes(times: pd.Series[Any]) -> SplitTimes:
    """Times of datetimes.

    Args:
        times: N datetimes of any resolution, in UTC where they have a zone.
    """
    if times.dt.tz is not None:
        times = times.dt.tz_convert("UTC").dt.tz_localize(None)
    moments = times.to_numpy()
    unit, _ = np.datetime_data(moments.dtype)
    ticks = pa.array(moments.view(np.int64), mask=np.isnat(moments))
    return of_ticks(ticks, TICKS[unit])


def _integers(values: Any) -> SplitTimes:
    _refuse_signs(values, "xX")  # Arrow reads 0x10 as a number
    return of_integers(values.cast(pa.int64()))


def _decimals(values: Any) -> SplitTimes:
    _refuse_signs(values, "eE")  # Arrow's decimals overflow without a word: 1e30
    return of_decimals(values.cast(DECIMAL))


def _refuse_signs(values: Any, signs: str) -> None:
    for sign in signs:
        if pc.any(pc.match_substring(values, sign)).as_py():
            raise pa.ArrowInvalid(f"numbers with {sign}")


def _iso(values: Any, unit: str, zone: str | None) -> SplitTimes:
    return of_ticks(values.cast(pa.timestamp(unit, zone)).cast(pa.int64()), TICKS[unit])


def _mixed(values: Any) -> SplitTimes:
    """Times of texts of several forms, or of none."""
    numeric = pc.match_substring_regex(values, NUMBER).fill_null(False)
    no_text = pa.scalar(None, pa.string())
    numbers = of_decimals(_any_decimals(pc.if_else(numeric, values, no_text)))
    if pc.all(numeric).as_py():
        return numbers
    return _joined(numbers, _parsed_iso(pc.if_else(numeric, no_text, values)))


def _any_decimals(texts: Any) -> Any:
    """Arrow's decimals of texts of numbers with any number of digits; null if there are too many
    before the point.
    """
    try:
        _refuse_signs(texts, "eE")
        return texts.cast(DECIMAL)
    except pa.ArrowInvalid:
        return pa.array(list(map(_decimal, texts.to_pylist())), DECIMAL)


def _decimal(text: str | None) -> Decimal | None:
    if text is None:
        return None
    number = Decimal(text)
    if not -int(INT64) < number < int(INT64):  # abs() overflows for numbers such as 1e9999999
        return None
    step = Decimal(1).scaleb(-DIGITS_KEPT)
    return number.quantize(step, rounding=ROUND_FLOOR, context=EXACT)


def _parsed_iso(texts: Any) -> SplitTimes:
    """Times of ISO 8601; a time with nanoseconds does not narrow the years of the others."""
    parsed = _parsed(texts, "ISO8601")
    left = pc.and_(pc.is_valid(texts), pa.array(~parsed.valid))
    with_fraction = pc.match_substring_regex(texts, FRACTION).fill_null(False)
    retried = pc.if_else(pc.and_(left, with_fraction), texts, pa.scalar(None, pa.string()))
    if retried.null_count == len(retried):
        return parsed
    whole = _parsed(pc.replace_substring_regex(retried, FRACTION, r"\1\3"), "ISO8601")
    digits = pc.replace_substring_regex(retried, FRACTION, r"\2")
    nanoseconds = pc.utf8_rpad(digits, 9, "0").cast(pa.int64()).fill_null(0).to_numpy()
    return _joined(parsed, SplitTimes(whole.seconds, nanoseconds, whole.valid))


def _parsed(texts: Any, form: str) -> SplitTimes:
    """Times of a format, as pandas reads them; none where a text is of another format."""
    clock = pc.is_in(texts, pa.array(CLOCK))
    texts = pc.if_else(clock, pa.scalar(None, texts.type), texts)
    series = texts.to_pandas()
    parsed = ticks_of_datetimes(pd.to_datetime(series, format=form, utc=True, errors="coerce"))
    failed = ~parsed.valid & series.notna().to_numpy()
    if not failed.any() or failed.all():
        return parsed
    # One time with nanoseconds gives all of an array the years that these allow: 1678 to 2261.
    rest = pd.to_datetime(series.where(failed), format=form, utc=True, errors="coerce")
    return _joined(parsed, ticks_of_datetimes(rest))


def _joined(first: SplitTimes, second: SplitTimes) -> SplitTimes:
    """The first time of each row, or else the second."""
    return SplitTimes(
        np.where(first.valid, first.seconds, second.seconds),
        np.where(first.valid, first.nanoseconds, second.nanoseconds),
        first.valid | second.valid,
    )


def _digits(values: Any, form: str) -> Any:
    """The texts that are to be parsed.

    Many programs write dates of digits as floats (20190131.0), and drop zeros in front (1022019 for
    the first of February as `%d%m%Y`): both are undone where the format has digits only.
    """
    directives = re.findall("%.", form)
    if "".join(directives) != form or not set(directives) <= {*WIDTHS, "%f"}:
        return values.cast(pa.string())
    if pa.types.is_floating(values.type):
        values = values.cast(pa.float64()).cast(pa.decimal128(38, 6))
    texts = pc.replace_substring_regex(values.cast(pa.string()), r"^(\d+)\.0*$", r"\1")
    if directives[0] == "%Y" or "%f" in directives:
        return texts
    width = sum(WIDTHS[directive] for directive in directives)
    is_number = pc.match_substring_regex(texts, r"^\d+$")
    return pc.if_else(is_number, pc.utf8_lpad(texts, width, "0"), texts)


CONVERSIONS: Sequence[Callable[[Any], SplitTimes]] = (
    _integers,
    _decimals,
    *(partial(_iso, unit=unit, zone=zone) for unit, zone in ISO_FORMS),
)
