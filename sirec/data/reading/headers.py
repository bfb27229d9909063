"""What a person does about a first line that is not the header that was expected."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.dialect import Dialect
from sirec.data.reading.files import RawFile
from sirec.errors import SirecError, unknown
from sirec.shell import arguments

SEPARATORS = (";", ",", "\t", "|", "::", " ")
"""What may stand between the cells of a text table; blanks last, since names may hold some."""

NAMES_OF_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", " ": "spaces", "|": "bars"}
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
DATE = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?|\d\d?[./]\d\d?[./]\d{4}.*")
NEAREST = re.compile(r"did you mean '(.*)'\? (.*)", re.DOTALL)
FIRST_MOMENT = 1e8  # seconds since 1970, in 1973: a number below is hardly a time
SHOWN = 80  # characters of a header that a message quotes


def separator_name(separator: str) -> str:
    """A separator in words, for messages: `commas`, or `'::'`."""
    return NAMES_OF_SEPARATORS.get(separator, f"'{separator}'")


def single_column(name: str, file: RawFile, dialect: Dialect) -> SirecError | None:
    """The error for a header with a single column; None if no other separator stands in its name.

    Args:
        name: the name of the column.
        file: the file.
        dialect: the dialect in which it was read.
    """
    for separator in SEPARATORS:
        if separator in name:
            message = f"{file}:1: a single column, called '{name[:SHOWN]}'"
            if "delimiter" in dialect.settable:
                option = arguments("--delimiter", separator)
                return SirecError(
                    message, f"say what stands between its cells, for example: {option}"
                )
            expected = separator_name(dialect.separator)
            return SirecError(
                message,
                f"its cells seem to stand between {separator_name(separator)}: write {expected}",
            )
    return None


def lacking_column(
    key: str, names: Sequence[str], wanted: Sequence[WantedColumn], file: RawFile, dialect: Dialect
) -> SirecError:
    """The error for a column that is not in the header.

    Args:
        key: the column's name.
        names: the names in the header.
        wanted: all wanted columns of the file, to suggest names for a file without a header.
        file: the file.
        dialect: the dialect in which it was read.

    Returns:
        An error that says how to read a file with another separator, or without a header, where the
        first line looks like one; else the nearest name.
    """
    usual = unknown("column", key, names, str(file))
    if dialect.header is not None:
        return usual
    line = dialect.separator.join(names)
    for separator in SEPARATORS:
        cells = [cell.strip().strip('"') for cell in line.split(separator)]
        if key in cells and "delimiter" in dialect.settable:
            option = arguments("--delimiter", separator)
            return SirecError(
                usual.message, f"do {separator_name(separator)} separate the columns? {option}"
            )
    if not looks_like_data(names):
        return usual
    shown = ", ".join(names)[:SHOWN]
    if "columns" not in dialect.settable:
        return SirecError(
            usual.message, f"write the names of the columns above the first line: it is '{shown}'"
        )
    option = arguments("--columns", ",".join(suggested_names(names, wanted)))
    return SirecError(
        usual.message,
        f"the first line looks like data ('{shown}'). For a file without a header, name all "
        f"{len(names)} columns in their order, for example: {option}",
    )


def with_option(error: SirecError, option: str) -> SirecError:
    """An error for a column that is not there, with the option that names the nearest one.

    Args:
        error: the error, whose hint may name the nearest column.
        option: the option that names such a column: `--user`.
    """
    near = NEAREST.match(error.hint or "")
    if near is None:
        return error
    hint = f"did you mean '{near[1]}'? {arguments(option, near[1])}; {near[2]}"
    return SirecError(error.message, hint)


def looks_like_data(names: Sequence[str]) -> bool:
    """Whether the cells of a first line are rather values than names of columns.

    >>> looks_like_data(["u1", "17", "2020-01-01"]), looks_like_data(["user", "item", "time"])
    (True, False)
    """
    return any(NUMBER.fullmatch(name) or DATE.fullmatch(name) for name in names)


def suggested_names(values: Sequence[str], wanted: Sequence[WantedColumn]) -> list[str]:
    """Names for the columns of a file without a header.

    A value that looks like a time gets the name of the wanted time; the others get the wanted names
    in order, and then a number.

    Args:
        values: the cells of the first line.
        wanted: the wanted columns.
    """
    times: list[str] = []
    others: list[str] = []
    for column in wanted:
        (times if column.kind == "time" else others).append(column.key)
    times = times or ["time"]
    names: list[str] = []
    for place, value in enumerate(values, 1):
        if times and looks_like_a_time(value):
            names.append(times.pop(0))
        elif others:
            names.append(others.pop(0))
        else:
            names.append(f"column{place}")
    return names


def looks_like_a_time(value: str) -> bool:
    """Whether a text may be a time: a date, or a number that is large enough.

    >>> looks_like_a_time("2020-01-01"), looks_like_a_time("881250949"), looks_like_a_time("5")
    (True, True, False)
    """
    if DATE.fullmatch(value):
        return True
    return bool(NUMBER.fullmatch(value)) and float(value) >= FIRST_MOMENT
