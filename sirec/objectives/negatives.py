"""Items drawn from those that somebody has not had, each with the same probability, without drawing twice.

Let e_0 < e_1 < … be the items that an owner had. e_j − 1 − j free items lie before e_j, so the free item of rank r (from 0) is
r + 1 + the number of j with e_j − 1 − j <= r: a search in one sorted table, whatever the catalogue.

Letters: M pairs of owner and item, N draws, V item codes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sirec.errors import SirecError


@dataclass(frozen=True, eq=False)
class FreeItems:
    """For owners 0..O-1: `starts` Long[O+1] into `before` Long[M], which holds owner · V + (e_j − 1 − j), ascending."""

    codes: int
    starts: Tensor
    before: Tensor

    @property
    def counts(self) -> Tensor:
        """Long[O]: how many items each owner has not had."""
        return self.codes - 1 - self.starts.diff()

    def draw(self, owners: Tensor) -> Tensor:
        """Long[N] -> Long[N]: an item for each, from torch's generator; each owner must have a free item."""
        chance = torch.rand(len(owners), dtype=torch.float64, device=owners.device)
        rank = (chance * self.counts.index_select(0, owners)).long()
        had = torch.searchsorted(self.before, owners * self.codes + rank, right=True)
        return rank + 1 + had - self.starts.index_select(0, owners)


def free_items(owners: Tensor, items: Tensor, count: int, codes: int) -> FreeItems:
    """What `count` owners have left after these pairs Long[M], in any order and with repetitions; code 0 is no item."""
    pairs = torch.unique(owners * codes + items)
    pairs = pairs[pairs % codes > 0]
    owner = pairs // codes
    starts = torch.searchsorted(owner, torch.arange(count + 1, device=owner.device))
    rank = torch.arange(len(pairs), device=owner.device) - starts.index_select(0, owner)
    return FreeItems(codes, starts, pairs - 1 - rank)


def refuse_full(free: FreeItems, what: str) -> None:
    """Raise `SirecError` where an owner has had every item, so that none can be drawn."""
    if int(free.counts.min()) < 1:
        raise SirecError(
            f"{what} draws items that a user has not had, and user {int(free.counts.argmin())} had all {free.codes - 1}",
            "use objective item, which draws none",
        )
