"""What a source hands over: raw interactions in file order, and what is known of the items."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

import pandas as pd

from sirec.errors import SirecError

if TYPE_CHECKING:
    from sirec.data.download import Remote

Progress = Callable[[str, int, int], None]
"""Called with the name of a stage, the amount done and the total (0 where it is not known)."""

KEYS = ("user", "item", "timestamp")
SHOWN = 80  # characters of a bad line that an error quotes


def check_behaviours(names: Iterable[str]) -> None:
    """Raise `SirecError` for a behaviour that is called as a column of all interactions is."""
    for name in names:
        if name in KEYS:
            raise SirecError(f"a behaviour cannot be called '{name}'", f"reserved: {', '.join(KEYS)}")


def written_options(source: object) -> dict[str, str]:
    """The options of a source that were given, as the text that `dataset.yaml` keeps; mappings as `name=column, …`."""
    given = {option.name: getattr(source, option.name) for option in fields(source)}  # type: ignore[arg-type]
    return {name: _written(value) for name, value in given.items() if value not in (None, (), {})}


def _written(value: object) -> str:
    pairs = [f"{name}={column}" for name, column in value.items()] if isinstance(value, Mapping) else value
    return ", ".join(pairs) if isinstance(pairs, list | tuple) else str(pairs)


class BadLines:
    """How many bad lines of raw files may be skipped, and which were.

    `messages` says what was wrong with each, in the order of the files.
    """

    def __init__(self, tolerated: int = 0) -> None:
        self.tolerated = tolerated
        self.messages: list[str] = []

    def add(self, where: str, problem: str, line: str = "") -> None:
        """Count a bad line. Raises `SirecError` if that is one more than is tolerated."""
        printable = line[:SHOWN].encode("utf-8", "replace").decode()
        quoted = f": '{printable}'" if line else ""
        message = f"{where}: {problem}{quoted}"
        if len(self.messages) == self.tolerated:
            before = f" ({self.tolerated} bad lines were skipped before it)" if self.tolerated else ""
            raise SirecError(f"{message}{before}", f"--skip-bad-lines {max(10, 10 * self.tolerated)} skips up to that many")
        self.messages.append(message)


@dataclass(frozen=True, eq=False)
class Reading:
    """What accompanies a source while it reads: whom to tell how far it is, and what to do with bad lines."""

    progress: Progress = lambda stage, done, total: None
    bad_lines: BadLines = field(default_factory=BadLines)


@dataclass(frozen=True, eq=False)
class RawData:
    """Raw data of any format in one shape.

    `interactions` has the columns `user` and `item` (text, or categories of text), seconds since 1970 UTC in `timestamp` if
    times are known, and one column per behaviour; its order is the order of the files and decides ties. `attributes` maps a
    name to the columns `item` and `value` (both text, one line per value, an item may have any number). `titles` has `item`
    and `title`, an item at most once. `source` says which source with which options, and `files` what it read: both end up in
    `dataset.yaml`.
    """

    interactions: pd.DataFrame
    attributes: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    titles: pd.DataFrame | None = None
    source: Mapping[str, str] = field(default_factory=dict)
    files: tuple[Path, ...] = ()

    @property
    def behaviours(self) -> tuple[str, ...]:
        """Names of the behaviours, in column order."""
        return tuple(str(name) for name in self.interactions.columns if name not in KEYS)


class Source(Protocol):
    """A raw format, as a frozen dataclass whose fields are its options.

    A source either generates its data (`needs_files` is false) or reads files. `remotes` are the files that a public address
    offers, none where a person has to fetch or owns them; `instructions` says in one sentence what to put where.
    """

    name: ClassVar[str]
    needs_files: ClassVar[bool]

    def remotes(self) -> tuple[Remote, ...]:
        """Files that can be downloaded."""
        ...

    def instructions(self) -> str:
        """What files are expected, and where a person finds them."""
        ...

    def home(self) -> str:
        """The folder below `raw/` in which its files are looked for and downloads go, shared by all that read the same."""
        ...

    def read(self, place: Path | None = None, reading: Reading | None = None) -> RawData:
        """Read the raw files in a folder or an archive. Raises `SirecError` naming file and line of the first mistake."""
        ...
