"""Items drawn from those that somebody has not had, each with the same probability, without drawing
twice.

Let e_0 < e_1 < … be the items that an owner had. e_j − 1 − j free items lie before e_j, so the free
item of rank r (from 0) is r + 1 + the number of j with e_j − 1 − j <= r: a search in one sorted
table, whatever the catalogue.

Letters: M pairs of owner and item, N draws, V item codes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class FreeItems:
    """For owners 0..O-1: `starts` Long[O+1] into `before` Long[M], which holds owner · V + (e_j − 1
    − j), ascending.
    """

    codes: int
    starts: Tensor
    before: Tensor

    @property
    def counts(self) -> Tensor:
        """Long[O]: how many items each owner has not had."""
        return self.codes - 1 - self.starts.diff()

    def draw(self, owners: Tensor) -> tuple[Tensor, Tensor]:
        """Long[N] -> Long[N], Bool[N]: an item for each, from torch's generator, and whether there
        was one to draw.
        """
        chance = torch.rand(len(owners), dtype=torch.float64, device=owners.device)
        free = self.counts.index_select(0, owners)
        rank = (chance * free).long()
        had = torch.searchsorted(
            self.before, owners * self.codes + rank, right=True
        ) - self.starts.index_select(0, owners)
        return (rank + 1 + had) * (free > 0), free > 0


def free_items(owners: Tensor, items: Tensor, count: int, codes: int) -> FreeItems:
    """What `count` owners have left after these pairs Long[M], in any order and with repetitions;
    code 0 is no item.
    """
    pairs = torch.unique(owners * codes + items)
    pairs = pairs[pairs % codes > 0]
    owner = pairs // codes
    starts = torch.searchsorted(owner, torch.arange(count + 1, device=owner.device))
    rank = torch.arange(len(pairs), device=owner.device) - starts.index_select(0, owner)
    return FreeItems(codes, starts, pairs - 1 - rank)
