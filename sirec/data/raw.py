"""What a source hands over: raw interactions in file order, and what is known of the items."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

import pandas as pd

Progress = Callable[[str, int, int], None]
"""Called with the name of a stage, the amount done and the total (0 where it is not known)."""

KEYS = ("user", "item", "timestamp")


@dataclass(frozen=True, eq=False)
class RawData:
    """Raw data of any format in one shape.

    `interactions` has the text columns `user` and `item`, seconds since 1970 UTC in `timestamp` if times are known, and one
    column per behaviour; its order is the order of the files and decides ties. `attributes` maps a name to the columns
    `item` and `value` (both text, one line per value, an item may have any number). `titles` has `item` and `title`.
    `source` says which source with which options, and `files` what it read: both end up in `dataset.yaml`.
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
    """A raw format. Its fields are its options; `read` turns files (or nothing, if it generates) into `RawData`."""

    name: ClassVar[str]
    needs_files: ClassVar[bool]

    def read(self, folder: Path | None = None, progress: Progress | None = None) -> RawData:
        """Read the raw files in `folder`. Raises `SirecError` naming the file and line of the first mistake."""
        ...
