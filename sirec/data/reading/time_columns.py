"""Which column of a table holds the times of interactions, where nobody said so.

A column of a known name (`timestamp`, `date`, `unixReviewTime`, in any spelling of case, blanks and
underscores) is taken at once if it is the only one, and if each of its values is a time after 1980;
of a column called `timestamp` any time will do. Anything less certain is asked about instead: two
such columns, values that are times in part, a date in a column of another name. The order of the
file then decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.conversions import convert
from sirec.data.reading.remedies import time_formats
from sirec.errors import SirecError
from sirec.shell import arguments

NONE = "none"
"""What a person says instead of a column's name if there are to be no times."""

TIMESTAMP = "timestamp"
# Names without case, blanks and underscores: `date`, `orderdate`, `orderedat`.
ACTIONS = "order|purchase|invoice|transaction|interaction|event|visit|click|view|play|listen|watch"
OF_ACTIONS = rf"(?:{ACTIONS}|unix|unixreview|utc|review|rating|rate|creat|create|checkin|log)e?d?"
KNOWN = re.compile(rf"(?:{OF_ACTIONS})?(?:timestamp|datetime|time|date|ts|epoch)|{OF_ACTIONS}at")
WORD = re.compile(r"(?<![a-z])(?:time|date|datetime|timestamp|ts|at)s?(?![a-z])")
DATE = r"(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2\d{4})(?:[ T].*)?"
DATED = re.compile(DATE)
DIGITS_OF_A_DATE = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:\d\d){0,4}")
DIGITS_OF_A_DAY = re.compile(
    r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d\d){0,3}(?:\.0)?"
)
CLOCK = re.compile(r"\d{1,2}:\d\d(?::\d\d.*)?")
EARLIEST, LATEST = 315_532_800, 4_102_444_800  # seconds since 1970: of the years 1980 to 2099
RECENT = (1_000_000_000, 2_200_000_000)  # seconds that hardly anything else is written as
SCALES = (1, 10**3, 10**6, 10**9)
LOOKED_AT = 50  # values that tell whether a column of any name holds times
MOST = 0.5

ValuesOf = Callable[[str], Any]


@dataclass(frozen=True)
class TimeChoice:
    """Which column holds the times.

    Attributes:
        column: its name; None if there are no times, so that the order of the file decides.
        is_found: whether it was found by its name, and nobody named it.
        doubtful: columns that may hold the times and are not used.
        forms: formats in which the first of these may be written.
    """

    column: str | None = None
    is_found: bool = False
    doubtful: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()

    def wanted(self, key: str, form: str | None) -> WantedColumn:
        """The column as it is to be read: where it was found, no value is a mistake.

        Args:
            key: the column's name in the file.
            form: `strptime` format of the times, if it is declared.
        """
        return WantedColumn(
            key,
            "time",
            required=not self.is_found,
            format=form,
            is_tolerant=self.is_found,
            option="--time-format",
        )

    def confirmed(self, times: Any) -> TimeChoice:
        """The same, or without the column where it was found and not all of it holds times.

        Args:
            times: Arrow array of all times, null where a value is none.
        """
        if not self.is_found or self.column is None or _are_times(times, self.column):
            return self
        return TimeChoice(doubtful=(self.column,))

    @property
    def found_option(self) -> dict[str, str]:
        """The option that would have named the column, where it was found."""
        return {"time": self.column} if self.is_found and self.column else {}

    def check_format(self, form: str | None, *, in_python: bool = False) -> None:
        """Raise `SirecError` for a format of times where no times are read.

        Args:
            form: the format.
            in_python: whether options are named as the arguments of a function.
        """
        if form is None or self.column is not None:
            return
        names = ", ".join(self.doubtful)
        raise SirecError(
            f"a format of times is given ({form}), and no column of times",
            f"name the column, for example: {_option(in_python, time=self.doubtful[0])} ({names})"
            if names
            else "name the column, or leave out the format",
        )

    def notes(self, *, in_python: bool = False) -> tuple[str, ...]:
        """What to tell a person of the choice.

        Args:
            in_python: whether options are named as the arguments of a function.
        """
        if self.is_found:
            none = _option(in_python, time=NONE)
            return (f"the times are those of the column '{self.column}'; for none: {none}",)
        if not self.doubtful:
            return ()
        names = " or ".join(f"'{name}'" for name in self.doubtful)
        answers = [_option(in_python, time=self.doubtful[0])]
        for form in self.forms:
            answers.append(_option(in_python, time=self.doubtful[0], time_format=form))
        question = f"is {names} the time? {' or '.join(answers[1:] or answers)}"
        return (f"no times chosen: file order decides; {question}",)


def choose_times(
    declared: str | None,
    columns: Iterable[str],
    taken: Iterable[str],
    values_of: ValuesOf,
    form: str | None = None,
) -> TimeChoice:
    """Choose the column of the times.

    Args:
        declared: the column that a person named; `NONE` for no times, None for nothing said.
        columns: names of all columns.
        taken: names of those that are something else.
        values_of: gives the first values of a column, or all, as an Arrow array or as a list.
        form: `strptime` format of the times, if it is declared.
    """
    names = [name for name in columns if name]
    if declared == NONE and NONE not in names:
        return TimeChoice()
    if declared is not None:
        return TimeChoice(declared)
    others = set(taken)
    free = [name for name in names if name not in others]
    known = list(filter(_is_known, free))
    values = cache(lambda name: _array(values_of(name)))
    complete = [name for name in known if _are_times(_times(values(name), form), name)]
    if len(complete) == 1 and not _rivals(known, complete[0], values, form):
        return TimeChoice(complete[0], is_found=True)
    doubtful: list[str] = []
    for name in free:
        if name in known or _may_be_times(name, values(name), form):
            doubtful.append(name)
    forms = _formats_of(values(doubtful[0])) if doubtful else ()
    return TimeChoice(doubtful=tuple(doubtful), forms=forms)


def _option(in_python: bool, **options: str) -> str:
    """Options as a person types them, or as arguments of a function."""
    if in_python:
        return ", ".join(f"{name}={value!r}" for name, value in options.items())
    words: list[str] = []
    for name, value in options.items():
        words += [f"--{name.replace('_', '-')}", value]
    return arguments(*words)


def _formats_of(values: Any) -> tuple[str, ...]:
    """Formats in which the first values may be written, where these are texts."""
    first = values.slice(0, LOOKED_AT).drop_null()
    is_text = pa.types.is_string(first.type) or pa.types.is_large_string(first.type)
    return tuple(time_formats(first.to_pylist())) if is_text else ()


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def _is_known(name: str) -> bool:
    return KNOWN.fullmatch(_plain(name)) is not None


def _array(values: Any) -> Any:
    """An Arrow array; a list of values without a common type becomes texts."""
    if not isinstance(values, list):
        return values
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        texts = [None if value is None else str(value) for value in values]
        return pa.array(texts, pa.string())


def _times(values: Any, form: str | None) -> Any:
    return convert(values, WantedColumn("", "time", required=False, format=form)).values


def _seconds(times: Any) -> Any:
    """Seconds since 1970 of times, without the missing ones."""
    present = times.drop_null()
    if isinstance(present, pa.ChunkedArray):
        present = present.combine_chunks()
    if pa.types.is_struct(present.type):  # while a file is read
        return present.field("seconds")
    if pa.types.is_timestamp(present.type):
        return present.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
    return present


def _are_times(times: Any, name: str) -> bool:
    """Whether none of the times is missing, and whether they are of our days."""
    if not len(times) or times.null_count:
        return False
    return _plain(name) == TIMESTAMP or _share_of_our_days(times) == 1


def _share_of_our_days(times: Any) -> float:
    """The share of values that are times from 1980 to 2099."""
    seconds = _seconds(times)
    ours = pc.and_(pc.greater_equal(seconds, EARLIEST), pc.less(seconds, LATEST))
    return (pc.sum(ours).as_py() or 0) / max(len(times), 1)


def _rivals(known: Sequence[str], chosen: str, values: ValuesOf, form: str | None) -> list[str]:
    """Other columns of known names that hold times in part, or the hours of the days."""
    rivals: list[str] = []
    for name in known:
        if name != chosen:
            is_clock = _do_most(values(name), CLOCK.fullmatch)
            if is_clock or _share_of_our_days(_times(values(name), form)):
                rivals.append(name)
    return rivals


def _may_be_times(name: str, values: Any, form: str | None) -> bool:
    """Whether the values of a column of any name look like times."""
    kind = values.type
    if pa.types.is_nested(kind):
        return False
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return True
    if _do_most(values, _is_date_or_recent, least=1):
        return True
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower().replace("_", " ")
    if not WORD.search(words):
        return False
    is_dated = _do_most(values, DIGITS_OF_A_DATE.fullmatch) or bool(_formats_of(values))
    return is_dated or _share_of_our_days(_times(values, form)) > MOST


def _is_date_or_recent(text: str) -> bool:
    if DATED.fullmatch(text) or DIGITS_OF_A_DAY.fullmatch(text):
        return True
    try:
        number = float(text)
    except ValueError:
        return False
    first, last = RECENT
    return any(first * scale <= number < last * scale for scale in SCALES)


def _do_most(values: Any, test: Callable[[str], object], least: float = MOST) -> bool:
    """Whether at least so large a share of the first values, and two of them, pass a test."""
    first = values.slice(0, LOOKED_AT).drop_null().to_pylist()
    passed = sum(map(bool, map(test, map(str.strip, map(str, first)))))
    return passed >= max(least * len(first), 2)
