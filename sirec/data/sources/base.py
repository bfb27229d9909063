"""What a source hands over: raw interactions in file order, and what is known of the items."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pandas as pd

from sirec.data.reading.context import ReadingContext
from sirec.errors import SirecError

if TYPE_CHECKING:
    from sirec.data.download.fetch import Remote

KEYS = ("user", "item", "timestamp")


def check_behaviours(names: Iterable[str]) -> None:
    """Raise `SirecError` for a behaviour that is called as a column of all interactions is."""
    for name in names:
        if name in KEYS:
            raise SirecError(
                f"a behaviour cannot be called '{name}'", f"reserved: {', '.join(KEYS)}"
            )


def written_options(source: object) -> dict[str, str]:
    """The options of a source that were given, as the text that `dataset.yaml` keeps; mappings as
    `name=column, …`.
    """
    given = {option.name: getattr(source, option.name) for option in fields(source)}  # type: ignore[arg-type]
    return {name: _written(value) for name, value in given.items() if value not in (None, (), {})}


def _written(value: object) -> str:
    pairs = (
        [f"{name}={column}" for name, column in value.items()]
        if isinstance(value, Mapping)
        else value
    )
    return ", ".join(pairs) if isinstance(pairs, list | tuple) else str(pairs)


@dataclass(frozen=True, eq=False)
class RawData:
    """Raw data of any format in one shape.

    `interactions` has the columns `user` and `item` (text, or categories of text), seconds since
    1970 UTC in `timestamp` if times are known, and one column per behaviour; its order is the order
    of the files and decides ties. `attributes` maps a name to the columns `item` and `value` (both
    text, one line per value, an item may have any number). `titles` has `item` and `title`, an item
    at most once. `source` says which source with which options, and `files` what it read: both end
    up in `dataset.yaml`.
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


class Source(ABC):
    """A raw format, as a frozen dataclass whose fields are its options.

    A subclass declares `name` (what `--source` calls it) and `needs_files` (false where it
    generates its data).
    """

    name: ClassVar[str]
    needs_files: ClassVar[bool]

    def remotes(self) -> tuple[Remote, ...]:
        """Files that a public address offers; none where a person has to fetch or owns them."""
        return ()

    @abstractmethod
    def instructions(self) -> str:
        """One sentence that says which files are expected, and where a person finds them."""

    def home(self) -> str:
        """The folder below `raw/` for its files and downloads; sources that read the same files
        share it.
        """
        return self.name

    @abstractmethod
    def read(self, place: Path | None = None, reading: ReadingContext | None = None) -> RawData:
        """Read the raw files.

        Args:
            place: a folder or an archive that holds them; None for a source that needs no files.
            reading: whom to tell how far it is, and how many bad lines may be skipped.

        Raises:
            SirecError: naming file and line of the first mistake.

        """
