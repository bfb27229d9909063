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


def draw_absent(read: Tensor, rows: Tensor, codes: int) -> tuple[Tensor, Tensor]:
    """Draw an item that a row does not hold, with torch's generator.

    The shape of every step of it follows from the shapes of its arguments, so that it runs on an
    accelerator without making the host wait. A draw gives the same item as `FreeItems` would.

    Args:
        read: Long[B, S], the items of each row, in any order and with repetitions; 0 is no item.
        rows: Long[N], the row of each draw.
        codes: V, the number of item codes.

    Returns:
        Long[N], the items, 0 for a row that holds every item; and Bool[N], whether there was an
        item to draw.
    """
    ordered = read.sort(dim=1).values
    is_repeated = torch.zeros_like(ordered, dtype=torch.bool)
    is_repeated[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    is_item = (ordered > 0) & ~is_repeated
    # Each row's distinct items in ascending order, and then the code V, which no item has.
    distinct = torch.where(is_item, ordered, codes).sort(dim=1).values
    place = torch.arange(read.shape[1], device=read.device)
    free_before = torch.where(distinct < codes, distinct - 1 - place, codes)  # [B, S]
    free = (codes - 1 - is_item.sum(dim=1)).index_select(0, rows)  # [N]
    chance = torch.rand(len(rows), dtype=torch.float64, device=rows.device)
    rank = (chance * free).long()
    of_rows = free_before.index_select(0, rows)  # [N, S]
    had = torch.searchsorted(of_rows, rank[:, None], right=True).squeeze(1)
    return (rank + 1 + had) * (free > 0), free > 0
