"""Dates that were written as numbers: 20191231 is a day, and as seconds one in August 1970.

Such a column is refused, with the format that reads it. A number counts as a date if its digits
are one of the years 1900 to 2100 and it is no likely time: as seconds, milliseconds, microseconds
or nanoseconds, whichever its size tells, it lies before 1990 or after 2030. So no column of times
from 1990 to 2030 is ever refused; and of other times few look like dates by chance, because a month
ends at 12 and a day at 31.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.time_numbers import BEYOND, FACTOR
from sirec.data.reading.time_texts import WIDTHS
from sirec.data.times import NANOSECONDS
from sirec.errors import SirecError
from sirec.shell import arguments

WrittenNumbers = NDArray[np.int64]
DateFlags = NDArray[np.bool_]

LIKELY = (631_152_000, 1_893_456_000)  # seconds: 1990-01-01 to 2030-01-01
RANGES = {
    "%Y": (1900, 2100),
    "%m": (1, 12),
    "%d": (1, 31),
    "%j": (1, 366),
    "%H": (0, 23),
    "%M": (0, 59),
    "%S": (0, 59),
    "%y": (1, 99),  # without year 0, whose zeros a number drops
}
LONGEST_MONTHS = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
MOST_FRACTION = 5  # digits after the seconds: with more, 64 bits do not hold the number
# The order is that of preference, where several formats read a column.
FORMS = (
    "%Y",
    "%Y%m",
    "%Y%m%d",
    "%Y%m%d%H",
    "%Y%m%d%H%M",
    "%Y%m%d%H%M%S",
    "%Y%m%d%H%M%S%f",
    "%d%m%Y",
    "%m%d%Y",
    "%d%m%Y%H%M",
    "%m%d%Y%H%M",
    "%d%m%Y%H%M%S",
    "%m%d%Y%H%M%S",
    "%Y%j",
    "%y%m%d",
    "%d%m%y",
    "%m%d%y",
    "%y%m%d%H%M%S",
)


@dataclass
class DateChecks:
    """Checks the columns of times of a table whose rows come in parts.

    Attributes:
        columns: the wanted columns; those of other kinds, or with a format, are not checked.
        where: the file, for messages.
        option: what stands before the format where it is declared, for the hint; None means the
            option of the column, if it has one.
    """

    columns: Sequence[WantedColumn]
    where: str
    option: str | None = None
    _parts: int = field(default=0, init=False)

    @cached_property
    def _checks(self) -> dict[int, _DateCheck]:
        checks: dict[int, _DateCheck] = {}
        for index, column in enumerate(self.columns):
            if column.kind == "time" and column.format is None:
                checks[index] = _DateCheck()
        return checks

    def add(self, arrays: Sequence[Any]) -> None:
        """Look at one more part; after the first one, refuse what is clear by then.

        Args:
            arrays: the converted values of each column.

        Raises:
            SirecError: if most times of the first part are dates.
        """
        for index, check in self._checks.items():
            check.add(arrays[index])
        self._parts += 1
        if self._parts == 1:
            self.refuse_dates()

    def refuse_dates(self) -> None:
        """Raise `SirecError` if most times of a column are dates that were written as numbers."""
        for index, check in self._checks.items():
            forms = check.forms_of_most()
            if not forms:
                continue
            what = "all" if check.dates[forms[0]] == check.times else "most"
            column = self.columns[index]
            raise SirecError(
                f"{self.where}, column {column.key}: {what} times are dates written as numbers, "
                f"such as {check.samples[forms[0]]}, and no seconds",
                self._hint(column, forms),
            )

    def _hint(self, column: WantedColumn, forms: Sequence[str]) -> str:
        """How to have the dates read; not every source has an option for their format."""
        option = self.option or (f"{column.option} " if column.option else None)
        if option is None:
            declared = arguments("--time-format", forms[0])
            return (
                "this source reads seconds or dates such as 2019-12-31: write them so, or read "
                f"the file as a table of your own, which has {declared}: sirec prepare --help"
            )
        others = " or ".join([arguments(form) for form in forms[1:]])
        also = f" ({others} would read them, too)" if others else ""
        return f"say how they are written: {option}{arguments(forms[0])}{also}"


class _DateCheck:
    """Counts the times of a column, and those that are dates of each form."""

    def __init__(self) -> None:
        self.times = 0
        self.dates: dict[str, int] = dict.fromkeys(FORMS, 0)
        self.samples: dict[str, int] = {}

    def add(self, times: Any) -> None:
        """Count the times in an Arrow array of `SPLIT_TIME`."""
        times = times.filter(pc.is_valid(times))
        seconds = times.field("seconds").to_numpy()
        self.times += len(seconds)
        unlikely = (seconds < LIKELY[0]) | (seconds >= LIKELY[1])
        if not unlikely.any():
            return
        nanoseconds = times.field("nanoseconds").to_numpy()
        written = _as_written(seconds[unlikely], nanoseconds[unlikely])
        for form in FORMS:
            # Which unit a number was in is not known: 12 digits and three zeros are 15 digits.
            is_date = np.zeros(int(unlikely.sum()), dtype=np.bool_)
            for rows, numbers in written:
                fits = _are_dates(numbers, form)
                is_date[rows[fits]] = True
                if fits.any():
                    self.samples.setdefault(form, int(numbers[fits][0]))
            self.dates[form] += int(is_date.sum())

    def forms_of_most(self) -> list[str]:
        """The forms that read most of the times: none, or those that read the most of them.

        The first is preferred, and the others have as many digits.
        """
        most = max(self.dates.values())
        if 2 * most <= self.times:
            return []
        forms = [form for form, count in self.dates.items() if count == most]
        return [form for form in forms if _width(form) == _width(forms[0])]


def _directives(form: str) -> list[str]:
    return [form[index : index + 2] for index in range(0, len(form), 2)]


def _width(form: str) -> int:
    """The number of digits, of a fraction one."""
    return sum(WIDTHS.get(directive, 1) for directive in _directives(form))


def _as_written(
    seconds: WrittenNumbers, nanoseconds: WrittenNumbers
) -> list[tuple[WrittenNumbers, WrittenNumbers]]:
    """Rows, and the whole numbers that their times were read from, for each possible unit."""
    found: list[tuple[WrittenNumbers, WrittenNumbers]] = []
    for power in range(4):
        per_second = FACTOR**power
        lowest = BEYOND * FACTOR ** (power - 1) // per_second if power else 0
        highest = BEYOND * FACTOR**power // per_second
        is_whole = nanoseconds % (NANOSECONDS // per_second) == 0
        in_range = (seconds >= lowest) & (seconds < highest) & is_whole
        # Beyond 64 bits there are only numbers that are refused otherwise.
        in_range &= seconds < (1 << 63) // per_second - 1
        rest = nanoseconds[in_range] // (NANOSECONDS // per_second)
        found.append((np.flatnonzero(in_range), seconds[in_range] * per_second + rest))
    return found


def _are_dates(numbers: WrittenNumbers, form: str) -> DateFlags:
    """Bool[N], which numbers are dates of a form."""
    directives = _directives(form)
    if directives[-1] != "%f":
        return _are_of(numbers, directives)
    found = np.zeros(len(numbers), dtype=np.bool_)
    for digits in range(1, MOST_FRACTION + 1):
        found |= _are_of(numbers // 10**digits, directives[:-1])
    return found


def _are_of(numbers: WrittenNumbers, directives: Sequence[str]) -> DateFlags:
    """Bool[N], which numbers consist of parts that are in their ranges."""
    parts: dict[str, WrittenNumbers] = {}
    rest, fits = numbers, np.ones(len(numbers), dtype=np.bool_)
    for directive in reversed(directives):
        rest, parts[directive] = np.divmod(rest, 10 ** WIDTHS[directive])
        low, high = RANGES[directive]
        fits &= (parts[directive] >= low) & (parts[directive] <= high)
    fits &= rest == 0
    if "%d" in parts and "%m" in parts:
        months = np.where(fits, parts["%m"], 0)
        is_possible = parts["%d"] <= LONGEST_MONTHS[months]
        if "%Y" in parts:
            year = parts["%Y"]
            is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
            is_possible &= is_leap | (months != 2) | (parts["%d"] <= 28)
        fits &= is_possible
    return fits
