r"""What the checks of a source need to know of it: how its raw files are written.

def write_plays(folder: Path, interactions: Sequence[SampleInteraction]) -> Path:
path = folder / "plays.csv"
lines = ["user,track,played_at"]
for each in interactions:
lines.append(f"{each.user},{each.item},{each.nanoseconds // NANOSECONDS}")
path.write_text("\n".join(lines) + "\n", encoding="utf-8")
return path

SourceExample(ListeningSource(), write_plays, bad_line="1", without_item="1,,1600000000")
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from sirec.data.sources.base import Source

NANOSECONDS = 10**9
DAY = 86_400 * NANOSECONDS
START = 1_600_000_000 * NANOSECONDS  # 2020-09-13 12:26:40 UTC

ODD_IDS = ("nan", "NULL", "None", "N/A", "0007", "7", "7.0", "1e5", "TRUE", "12345678901234567890")
"""Ids that programs like to turn into something else: into nothing, or into another number."""


@dataclass(frozen=True)
class SampleInteraction:
    """An interaction as a source has to read it.

    Attributes:
        user: raw id of the user.
        item: raw id of the item.
        nanoseconds: the time since 1970, UTC, in nanoseconds.
        rating: a whole number from 1 to 5, for formats that have one.
    """

    user: str
    item: str
    nanoseconds: int
    rating: int = 3


WriteFiles = Callable[[Path, Sequence[SampleInteraction]], Path]


@dataclass(frozen=True, eq=False)
class SourceExample:
    """A source, and how its raw files are written.

    Attributes:
        source: the source, with its options.
        write: writes all raw files with these interactions, in this order, into an empty folder,
            and returns the path of the file with the interactions, in which they come one after
            another. None if the source makes its data up.
        unit: nanoseconds of the unit in which the format has times, such as 1 second; None if it
            has no times.
        bad_line: a line that is no interaction; None where there are no lines, as in Parquet.
        without_item: a line of an interaction without an item; None where there can be none.
        header_lines: lines before the first interaction.
        has_text_ids: whether ids may be any texts, and not only whole numbers.
        may_be_gzipped: whether the file may be compressed by gzip.
        is_grouped: whether a user has a line, with all interactions; they are in its order.
    """

    source: Source
    write: WriteFiles | None = None
    unit: int | None = NANOSECONDS
    bad_line: str | None = None
    without_item: str | None = None
    header_lines: int = 0
    has_text_ids: bool = True
    may_be_gzipped: bool = True
    is_grouped: bool = False

    def expected(self, interactions: Sequence[SampleInteraction]) -> list[SampleInteraction]:
        """The interactions in the order in which the source has to read them.

        Args:
            interactions: the interactions as they were written.
        """
        if not self.is_grouped:
            return list(interactions)
        of_user: dict[str, list[SampleInteraction]] = {}
        for each in interactions:
            of_user.setdefault(each.user, []).append(each)
        return list(chain.from_iterable(of_user.values()))


def sample() -> list[SampleInteraction]:
    """Four users and five items; neither users nor times are sorted, and times are tied.

    All users and items have appeared after the first `INTRODUCED` interactions.
    """
    rows: list[SampleInteraction] = []
    for place, (user, item, day) in enumerate(ROWS):
        rows.append(SampleInteraction(user, item, START + day * DAY, 1 + place % 5))
    return rows


INTRODUCED = 5
ROWS = (
    ("3", "12", 5), ("1", "11", 2), ("2", "13", 1), ("4", "14", 3), ("3", "15", 2),
    ("1", "12", 2), ("1", "13", 1), ("2", "11", 4), ("2", "12", 4), ("4", "11", 0),
    ("4", "15", 3), ("3", "11", 2), ("3", "14", 7), ("1", "14", 9), ("2", "15", 0),
)  # fmt: skip
