"""Users in bins, by what their targets or their histories are like: the same bins for every model.

A bin is right-closed: ends 5, 10 make up to 5, 6 to 10, above 10. Where a bin holds too few users
to say anything it joins the smaller of its neighbours, and that is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sirec.errors import SirecError, unknown

Users = npt.NDArray[np.bool_]
ENOUGH_USERS = 200


@dataclass(frozen=True)
class Grouping:
    """Bins over a column of the covariates, `ends` being the last value of each bin but the last
    one, which is open.

    `axis` says in words what is counted, `lowest` is the least value there can be, and `names`
    stand for ranges of values where those would say nothing. Raises `SirecError` for bins that
    overlap or are empty.
    """

    name: str
    column: str
    axis: str
    ends: tuple[int, ...]
    lowest: int = 0
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse bins that are none."""
        rises = all(
            low < high for low, high in zip((self.lowest - 1, *self.ends), self.ends, strict=False)
        )
        if not self.ends or not rises:
            given = ",".join(map(str, self.ends)) or "no ends"
            raise SirecError(
                f"bins of {self.name}: {given}: they overlap or hold nothing",
                f"list the last value of each bin but the open last one, rising from {self.lowest}: 5,10,20,50",
            )
        if self.names and len(self.names) != len(self.ends) + 1:
            raise SirecError(
                f"bins of {self.name}: these are {' and '.join(self.names)}, no numbers",
                "leave them as they are",
            )

    def label(self, first: int, last: int) -> str:
        """The bins number `first` to `last`, counted from 0, as one: `6–10`, `>50`, `5`."""
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
    """A bin with its users: `users` Bool[U], without those who have no target."""

    label: str
    users: Users

    @property
    def size(self) -> int:
        """How many users it holds."""
        return int(self.users.sum())


@dataclass(frozen=True, eq=False)
class Buckets:
    """The bins of a grouping that hold users, in order; `joined` says in words which are several
    bins in one.
    """

    grouping: Grouping
    buckets: tuple[UserGroup, ...]
    joined: tuple[str, ...] = ()


def fill(
    grouping: Grouping, values: npt.NDArray[np.integer], ranked: Users, minimum: int = ENOUGH_USERS
) -> Buckets:
    """Put the ranked users (Bool[U]) into bins by their values Int[U]; a bin without users is left
    out.

    While a bin has fewer than `minimum` users, the smallest one joins the smaller of its
    neighbours, the left one if they are equal. Raises `SirecError` if the minimum is below 1.
    """
    if minimum < 1:
        raise SirecError(
            f"--minimum {minimum}: a bin needs at least one user", "200 is the default"
        )
    numbers = np.searchsorted(grouping.ends, values, side="left")  # right-closed
    sizes = np.bincount(numbers[ranked], minlength=len(grouping.ends) + 1)
    spans = [[number] for number in np.flatnonzero(sizes).tolist()]
    while len(spans) > 1 and min(sizes[span].sum() for span in spans) < minimum:
        smallest = min(range(len(spans)), key=lambda place: int(sizes[spans[place]].sum()))
        neighbours = [place for place in (smallest - 1, smallest + 1) if 0 <= place < len(spans)]
        left, right = sorted(
            (smallest, min(neighbours, key=lambda place: int(sizes[spans[place]].sum())))
        )
        spans[left : right + 1] = [spans[left] + spans[right]]
    buckets = tuple(
        UserGroup(grouping.label(span[0], span[-1]), np.isin(numbers, span) & ranked)
        for span in spans
    )
    joined = [
        f"{' and '.join(f'{grouping.label(number, number)} ({sizes[number]:,})' for number in span)} are one bin"
        for span in spans
        if len(span) > 1
    ]
    return Buckets(grouping, buckets, tuple(joined))


def with_ends(texts: Sequence[str], option: str = "--bins") -> dict[str, Grouping]:
    """The groupings by name, with other bins where `NAME=5,10,20` says so. Raises `SirecError` for
    what is no such text.
    """
    groupings = dict(GROUPINGS)
    for text in texts:
        name, _, ends = text.partition("=")
        if name not in groupings:
            raise unknown("grouping", name, groupings, option)
        try:
            numbers = tuple(int(end) for end in ends.split(","))
        except ValueError:
            message = f"{option} {text}: expected whole numbers, the last value of each bin but the open last one"
            raise SirecError(message, f"for example: {option} popularity=5,10,20,50") from None
        groupings[name] = replace(groupings[name], ends=numbers)
    return groupings
