"""The command that reads a file as a table, where a file of another kind was expected."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.files import RawFile
from sirec.data.reading.headers import (
    SEPARATORS,
    looks_like_a_time,
    looks_like_data,
    suggested_names,
)
from sirec.data.reading.tables import FORMATS
from sirec.shell import command

LOOKED_AT = 10_000  # lines
WIDEST = 6  # cells; wider lines are rather sequences of equal length
FEWEST_REPEATED = 0.2  # share of the lines whose user was in a line before
KEYS = (WantedColumn("user"), WantedColumn("item"), WantedColumn("time", "time"))
BETWEEN_CELLS = (re.compile(r"\t"), re.compile(r" +"), re.compile(r"[,;|]"), re.compile(r"::"))


@dataclass(frozen=True)
class InteractionRows:
    """Rows of user, item and perhaps more, without a header.

    Attributes:
        separator: what stands between the cells.
        columns: names of the columns.
    """

    separator: str
    columns: tuple[str, ...]

    def command(self, file: RawFile) -> str:
        """The command that reads the file as a table.

        Args:
            file: the file with these rows.
        """
        time = ["--time", "time"] if "time" in self.columns else []
        columns = ",".join(self.columns)
        return _read(file, "--columns", columns, "--delimiter", self.separator, *time)


def interaction_rows(lines: Sequence[str]) -> InteractionRows | None:
    """The columns of a file that seems to have a row per interaction; None if it does not.

    All its lines have equally many cells, and the first cell, the user, is often that of a line
    before.

    Args:
        lines: the lines of the file.
    """
    some = [line.strip() for line in lines[:LOOKED_AT] if line.strip()]
    for pattern in BETWEEN_CELLS:
        rows = [pattern.split(line) for line in some]
        widths = {len(row) for row in rows}
        if len(widths) == 1 and 2 <= max(widths) <= WIDEST:
            users = {row[0] for row in rows}
            if len(rows) - len(users) < FEWEST_REPEATED * len(rows):
                return None
            separators = set(pattern.findall(some[0]))
            if len(separators) > 1:
                return None
            return InteractionRows(separators.pop(), _columns(rows))
    return None


def command_for_header(cells: Sequence[str], file: RawFile) -> str:
    """The command that reads a file as a table.

    Args:
        cells: the cells of the first line, or a single one if they stand between something
            unexpected: names of columns, or values where the file has no header.
        file: the file.
    """
    options: list[str] = []
    names = list(cells)
    for separator in SEPARATORS:
        if len(names) == 1 and separator in names[0]:
            names = names[0].split(separator)
            options = ["--delimiter", separator]
    if looks_like_data(names):
        columns = suggested_names(names, KEYS)
        times = ["--time", "time"] if "time" in columns else []
        return _read(file, "--columns", ",".join(columns), *options, *times)
    for option, place in (("user", 0), ("item", 1)):
        likely = [name for name in names if option in name.lower()]
        chosen = (likely or names[place : place + 1] or [option])[0]
        if chosen != option:
            options += [f"--{option}", chosen]
    times = [name for name in names if "time" in name.lower()]
    return _read(file, *options, *(["--time", times[0]] if times else []))


def _read(file: RawFile, *options: str) -> str:
    """The command with the path of the file, and with its format where the name tells none."""
    archive = ["--raw", file.path] if file.members else []
    path = file.name if file.members else file.path
    form = [] if file.suffix in FORMATS else ["--set", "format=tsv"]
    return command("prepare", "table", *archive, "--interactions", path, *form, *options)


def _columns(rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Names of the columns: user, item, the time if a later column looks like one, and others."""
    names = ["user", "item"]
    for place in range(2, len(rows[0])):
        is_time = all(looks_like_a_time(row[place]) for row in rows)
        names.append("time" if is_time and "time" not in names else f"column{place + 1}")
    return tuple(names)
