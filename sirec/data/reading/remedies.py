"""What a person may do, beside skipping it, about a line with a value of another kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice, product

from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.dialect import Dialect
from sirec.data.reading.records import Problem
from sirec.shell import arguments

FIRST_LINE = "is the first line a header? leave out --columns; else name every column with it"
LOOKED_AT = 1_000  # values that tell how times are written
DAYS = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d",
    "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%b %d %Y",
    "%d %B %Y", "%B %d, %Y", "%Y年%m月%d日", "%a, %d %b %Y",
)  # fmt: skip
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", " %H:%M:%S %z")
OTHERS = ("%a %b %d %H:%M:%S %z %Y", "%a %b %d %H:%M:%S %Y", "%d/%b/%Y:%H:%M:%S %z")
FORMATS = (*map("".join, product(DAYS, CLOCKS)), *OTHERS)
"""Formats in which programs write times, apart from ISO 8601."""


def time_formats(values: Iterable[str]) -> list[str]:
    """The formats in which all of some times may be written.

    >>> time_formats(["31/12/2019 23:59"]), time_formats(["01/02/2019"])
    (['%d/%m/%Y %H:%M'], ['%d/%m/%Y', '%m/%d/%Y'])

    Args:
        values: the times as texts; the first ones are looked at.
    """
    texts = list(islice(dict.fromkeys(values), LOOKED_AT))
    return [form for form in FORMATS if texts and _fits(texts, form)]


def _fits(texts: Sequence[str], form: str) -> bool:
    try:
        for text in texts:
            datetime.strptime(text.strip(), form)
    except ValueError:
        return False
    return True


def remedy(
    problem: Problem,
    columns: Sequence[WantedColumn],
    problems: Sequence[Problem],
    dialect: Dialect | None = None,
) -> str | None:
    """What a person may do about a bad line.

    Args:
        problem: what is wrong with the line.
        columns: the wanted columns.
        problems: the bad lines of the same block, whose values tell how times are written.
        dialect: the dialect of a text table.
    """
    if dialect is not None and problem.what.startswith("not UTF-8"):
        return dialect.remedy_for_encoding
    if dialect is not None and dialect.header is not None and problem.line == 1:
        return FIRST_LINE if "columns" in dialect.settable else None
    for column in columns:
        if column.key != problem.column:
            continue
        if not problem.value and column.option_if_missing:
            return f"{column.option_if_missing} makes a missing one a value of its own"
        if problem.value and column.option:
            if column.kind != "time":
                return f"are they no numbers? {column.option}"
            values: list[str] = []
            for other in problems:
                if other.column == column.key and other.value:
                    values.append(other.value)
            return _how_times_are_written(time_formats(values), column.option)
    return None


def _how_times_are_written(formats: Sequence[str], option: str) -> str:
    options = [arguments(option, form) for form in formats]
    return f"say how times are written: {' or '.join(options)}" if options else ""
