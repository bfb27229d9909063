"""Groups of users, by covariates of their targets or histories: the same groups for every model.

Groups are bins that include their end: the ends 5 and 10 make the bins up to 5, 6 to 10, and above
10. A bin with too few users is merged with the smaller of its neighbours, and tables say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sirec.config import brief, check_number
from sirec.config.quantities import BinEnd, UserCount
from sirec.errors import SirecError, unknown

Users = npt.NDArray[np.bool_]
ENOUGH_USERS = 200


@dataclass(frozen=True)
class Grouping:
    """Bins over a covariate.

    Attributes:
        name: the name of the grouping.
        column: the covariate.
        axis: what the covariate counts, in words.
        ends: the last value of each bin but the last bin, which is open.
        lowest: the least value that there can be.
        names: names of the bins, where ranges of values would say nothing.

    Raises:
        SirecError: for bins that overlap or are empty.
    """

    name: str
    column: str
    axis: str
    ends: tuple[int, ...]
    lowest: int = 0
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that the bins do not overlap, and that each can hold a value."""
        for end in self.ends:
            check_number(f"an end of the bins of {self.name}", end, BinEnd)
        ascending = np.all(np.diff([self.lowest - 1, *self.ends]) > 0)
        if not self.ends or not ascending:
            given = ",".join(map(str, self.ends)) or "no ends"
            raise SirecError(
                f"bins of {self.name}: {given}: they overlap or hold nothing",
                "list the last value of each bin but the open last one, "
                f"rising from {self.lowest}: 5,10,20,50",
            )
        if self.names and len(self.names) != len(self.ends) + 1:
            raise SirecError(
                f"bins of {self.name}: these are {' and '.join(self.names)}, no numbers",
                "leave them as they are",
            )

    def label(self, first: int, last: int) -> str:
        """The label of several neighbouring bins as one: `6–10`, `>50`, `5`.

        Args:
            first: number of the first bin, from 0.
            last: number of the last bin.
        """
        if self.names:
            return " or ".join(self.names[first : last + 1])
        low = self.lowest if first == 0 else self.ends[first - 1] + 1
        if last == len(self.ends):
            return f">{low - 1:,}" if low > self.lowest else "all values"
        high = self.ends[last]
        return f"{low:,}" if low == high else f"{low:,}–{high:,}"


POPULARITY = Grouping(
    "popularity",
    "test_popularity",
    "occurrences of the target in the training part",
    (5, 10, 20, 50),
)
LENGTH = Grouping("length", "length", "interactions of the user", (4, 5, 7, 10, 20), lowest=1)
SEEN = Grouping(
    "seen",
    "test_seen",
    "whether the user had the target before",
    (0,),
    names=("new to the user", "had before"),
)
GROUPINGS: Mapping[str, Grouping] = {
    grouping.name: grouping for grouping in (POPULARITY, LENGTH, SEEN)
}


@dataclass(frozen=True, eq=False)
class UserGroup:
    """A bin and its users.

    Attributes:
        label: the range of values, as tables print it.
        users: Bool[U], without users who have no target.
    """

    label: str
    users: Users

    @property
    def size(self) -> int:
        """How many users the bin has."""
        return int(self.users.sum())


@dataclass(frozen=True, eq=False)
class Buckets:
    """The bins of a grouping that have users.

    Attributes:
        grouping: the grouping.
        buckets: the bins, in order.
        joined: in words, which of them are several bins that were merged.
    """

    grouping: Grouping
    buckets: tuple[UserGroup, ...]
    joined: tuple[str, ...] = ()


def fill(
    grouping: Grouping, values: npt.NDArray[np.integer], ranked: Users, minimum: int = ENOUGH_USERS
) -> Buckets:
    """Put users into bins; bins without users are left out.

    While a bin has fewer than `minimum` users, the smallest bin is merged with the smaller of its
    neighbours, with the left one if they are equal.

    Args:
        grouping: the bins.
        values: Int[U], the covariate of each user.
        ranked: Bool[U], the users who have a target.
        minimum: how many users a bin needs.

    Raises:
        SirecError: if the minimum is out of range.
    """
    check_number("minimum", minimum, UserCount)
    numbers = np.searchsorted(grouping.ends, values, side="left")  # right-closed
    sizes = np.bincount(numbers[ranked], minlength=len(grouping.ends) + 1)
    spans = [[number] for number in np.flatnonzero(sizes).tolist()]
    _merge_small(spans, sizes, minimum)
    buckets: list[UserGroup] = []
    joined: list[str] = []
    for span in spans:
        label = grouping.label(span[0], span[-1])
        buckets.append(UserGroup(label, np.isin(numbers, span) & ranked))
        if len(span) > 1:
            parts = [f"{grouping.label(each, each)} ({sizes[each]:,})" for each in span]
            joined.append(f"{' and '.join(parts)} are one bin")
    return Buckets(grouping, tuple(buckets), tuple(joined))


def _merge_small(spans: list[list[int]], sizes: npt.NDArray[np.int64], minimum: int) -> None:
    """Merge neighbouring spans of bins, in place, until each has `minimum` users or one is left."""

    def size(index: int) -> int:
        return int(sizes[spans[index]].sum())

    while len(spans) > 1:
        smallest = min(range(len(spans)), key=size)
        if size(smallest) >= minimum:
            return
        neighbours = [index for index in (smallest - 1, smallest + 1) if 0 <= index < len(spans)]
        left, right = sorted((smallest, min(neighbours, key=size)))
        spans[left : right + 1] = [spans[left] + spans[right]]


def with_ends(texts: Sequence[str], option: str = "--bins") -> dict[str, Grouping]:
    """The groupings by name, some of them with other bins.

    Args:
        texts: `NAME=5,10,20`, the ends of the bins of a grouping.
        option: the option that the texts come from, for messages.

    Raises:
        SirecError: for an unknown grouping, or for ends that are no numbers.
    """
    groupings = dict(GROUPINGS)
    for text in texts:
        name, _, ends = text.partition("=")
        if name not in groupings:
            raise unknown("grouping", name, groupings, option)
        try:
            numbers = tuple(map(int, ends.split(",")))
        except ValueError:
            message = (
                f"{option} {name}={brief(ends)}: expected whole numbers, "
                "the last value of each bin but the open last one"
            )
            raise SirecError(message, f"for example: {option} popularity=5,10,20,50") from None
        groupings[name] = replace(groupings[name], ends=numbers)
    return groupings
