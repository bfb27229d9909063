"""Whether interactions that no time orders stand in the order of their items.

A file that is sorted by user and item leaves equal times in ascending order of the item. Sorted by
time they are then a pattern that says nothing about the user: half of neighbours with equal times
ascend by chance, and nearly all do in such a file. Without times the same is asked of all
neighbours in a history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sirec.data.prepare.order import has_number, ranks_of_ids

CONFIDENCE = 0.99
HALF = 0.5
SORTED = 0.9  # at least so large a share, by its interval, is no mere tendency
PARTLY = 0.6


@dataclass(frozen=True)
class ItemOrder:
    """How many neighbours ascend by their item's raw id.

    In a history, neighbours are an interaction and the next one, with equal times and different
    items; without times, all neighbours with different items.

    Attributes:
        neighbours: how many there are.
        ascending: of how many the later item has the larger id.
        low: lower end of the interval of the share, 0 to 1, by Wilson at 99 %. By chance the share
            is half; the interval is then too wide rather than too narrow.
        high: its upper end.
    """

    neighbours: int
    ascending: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The share that ascends, 0 to 1; half where there are no neighbours."""
        return self.ascending / self.neighbours if self.neighbours else HALF

    @property
    def is_chance(self) -> bool:
        """Whether chance alone may give such a share."""
        return self.low <= HALF <= self.high

    @property
    def is_sorted(self) -> bool:
        """Whether nearly all ascend, or nearly all descend."""
        return self.low >= SORTED or self.high <= 1 - SORTED

    @property
    def is_partly_sorted(self) -> bool:
        """Whether clearly more than by chance ascend, or descend."""
        is_far = not 1 - PARTLY < self.share < PARTLY
        return is_far and not self.is_chance

    def in_words(self, *, has_times: bool) -> str:
        """What was counted: `98.1 % of 12,345 tied neighbours ascend by item (half by chance)`.

        Args:
            has_times: whether the neighbours are those with equal times.
        """
        ascends = self.share >= HALF
        share = self.share if ascends else 1 - self.share
        tied = "tied neighbours" if has_times else "neighbours"
        verb = "ascend" if ascends else "descend"
        return f"{100 * share:.1f} % of {self.neighbours:,} {tied} {verb} by item (half by chance)"

    def warning(self, *, has_times: bool) -> str | None:
        """What to tell a person, or None where nothing is amiss.

        Args:
            has_times: whether the neighbours are those with equal times.
        """
        found = self.in_words(has_times=has_times)
        if self.is_sorted and has_times:
            return f"{found}: the file is sorted by item, ties are no order; --ties random"
        if self.is_sorted:
            wrong = "the file is sorted by item, and there is no order in it"
            return f"{found}: {wrong}; give times, or --ties random"
        if self.is_partly_sorted and has_times:
            return f"{found}: part of the order of ties may be that of the items; --ties random"
        return None


def item_order(
    users: NDArray[np.int64],
    items: NDArray[np.int64],
    times: NDArray[np.int64] | None,
    names: Sequence[str],
) -> ItemOrder:
    """Count the neighbours that ascend by item.

    Whole numbers are compared by their value and as texts, as files are sorted either way; what is
    further from half counts.

    Args:
        users: Int[N], ascending.
        items: Int[N], codes into `names`.
        times: Int[N], ascending within a user; None without times.
        names: raw id of each code.
    """
    tied = (users[1:] == users[:-1]) & (items[1:] != items[:-1])
    if times is not None:
        tied &= times[1:] == times[:-1]
    earlier, later = items[:-1][tied], items[1:][tied]
    orders = [ranks_of_ids(names)] if len(later) else []
    if orders and has_number(names):
        orders.append(ranks_of_ids(names, as_texts=True))
    ascending = 0
    for ranks in orders:
        count = int((ranks[later] > ranks[earlier]).sum())
        if ranks is orders[0] or abs(2 * count - len(later)) > abs(2 * ascending - len(later)):
            ascending = count
    if not len(later):
        return ItemOrder(0, 0, 0.0, 1.0)
    from scipy.stats import binomtest  # half a second; only preparing data needs it

    interval = binomtest(ascending, len(later)).proportion_ci(CONFIDENCE, method="wilson")
    low, high = round(float(interval.low), 4), round(float(interval.high), 4)
    return ItemOrder(len(later), ascending, low, high)
