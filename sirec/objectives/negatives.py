"""Items drawn uniformly from those that a user or a row has not had, without rejected draws.

Let e_0 < e_1 < … be the items that an owner (a user, or a row) has had. Before e_j lie e_j − 1 − j
free items, so that the free item of rank r, counted from 0, is r + 1 + the number of j with
e_j − 1 − j ≤ r. That number is found by a search in one sorted table of all owners.

Letters: O owners, M pairs of owner and item, N draws, V item codes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class FreeItems:
    """For each of O owners the items that it has not had.

    Attributes:
        codes: V, the number of item codes, of which 0 is no item.
        starts: Long[O+1], where the entries of each owner begin in `before`.
        before: Long[M], owner · V + (e_j − 1 − j), ascending.
    """

    codes: int
    starts: Tensor
    before: Tensor

    @property
    def counts(self) -> Tensor:
        """Long[O]: how many items each owner has not had."""
        return self.codes - 1 - self.starts.diff()

    def draw(self, owners: Tensor) -> tuple[Tensor, Tensor]:
        """Draw an item for each entry of `owners` Long[N], with torch's generator.

        Returns:
            Long[N], the items, 0 for an owner that has had everything; and Bool[N], whether there
            was an item to draw.
        """
        chance = torch.rand(len(owners), dtype=torch.float64, device=owners.device)
        free = self.counts.index_select(0, owners)
        rank = (chance * free).long()
        place = torch.searchsorted(self.before, owners * self.codes + rank, right=True)
        had = place - self.starts.index_select(0, owners)
        return (rank + 1 + had) * (free > 0), free > 0


def free_items(owners: Tensor, items: Tensor, count: int, codes: int) -> FreeItems:
    """What each owner has not had, given pairs of owner and item.

    Args:
        owners: Long[M], owners from 0, in any order and with repetitions.
        items: Long[M], the item of each pair; code 0 is no item.
        count: O, the number of owners.
        codes: V, the number of item codes.
    """
    pairs = torch.unique(owners * codes + items)
    pairs = pairs[pairs % codes > 0]
    owner = pairs // codes
    starts = torch.searchsorted(owner, torch.arange(count + 1, device=owner.device))
    rank = torch.arange(len(pairs), device=owner.device) - starts.index_select(0, owner)
    return FreeItems(codes, starts, pairs - 1 - rank)
