"""The task of filling gaps: some items of a sequence are hidden behind MASK, and each must be told
from all the others.

What is hidden takes its interaction's behaviours with it, as the question about the next item does
(`Batch.append_mask`): only where the gap lies stays known. Targets sit at the gaps themselves, so every
state may read the whole row.

A budget counts interactions to learn from as other tasks do, not gaps: a slot of a whole sequence
counts one, a prefix example one, so that an epoch has as many steps as next-item training has and
shows every interaction once.

Letters: B rows, L length.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from sirec.data.dataset import Dataset
from sirec.data.tasks.base import Task
from sirec.data.tasks.batch import Batch, Visible
from sirec.data.tasks.layout import to_device
from sirec.data.tasks.rows import (
    Composition,
    SequenceRows,
    gather,
    predicting_spans,
    prefixes,
    windows,
)
from sirec.errors import SirecError


@dataclass(frozen=True, kw_only=True)
class Cloze(Task):
    """Each item is hidden with probability `mask_ratio`, at least one of a row; a share of rows
    hides its last item alone.

    Rows are whole training sequences, in half-overlapping windows where they are longer than the
    window. With `prefixes` they are the histories of prefix examples, which is what RecBole
    corrupts: the example's own target is neither hidden nor seen, so a user's last training item
    never is, and a row may have no gap (but no step is without one).
    """

    name: ClassVar[str] = "cloze"
    visible: ClassVar[Visible] = "all"
    every_position: ClassVar[bool] = False
    revision: ClassVar[int] = 1
    composition: Composition = "random"
    mask_ratio: float = 0.4
    last_ratio: float = 0.2
    prefixes: bool = False

    def __post_init__(self) -> None:
        """Refuse ratios under which nothing would be hidden, or that are none."""
        check_mask_ratio(self.mask_ratio)
        if not 0 <= self.last_ratio <= 1:
            raise SirecError(f"last_ratio {self.last_ratio} must lie in [0, 1]")

    def rows(self, data: Dataset, max_length: int) -> SequenceRows:
        """Rows in which every slot from `first` on may be hidden; every slot of the histories of
        prefix examples.
        """
        if self.prefixes:
            return prefixes(*predicting_spans(data), max_length)
        users, starts, ends = predicting_spans(data)
        return windows(users, starts, ends + 1, max_length, max(max_length // 2, 1))

    def batch(self, data: Dataset, rows: SequenceRows, max_length: int) -> Batch:
        """The rows with fresh gaps."""
        batch = without_targets(data, rows)
        may = real_slots(batch) if self.prefixes else counted_slots(batch, rows)
        draws = torch.rand(may.shape, device=may.device).masked_fill(~may, 1.0)
        gaps = draws < self.mask_ratio
        rescued = draws == draws.amin(dim=1, keepdim=True)  # a slot of each row, uniformly
        gaps |= rescued & ~gaps.any() if self.prefixes else rescued
        only_last = torch.rand(len(gaps), 1, device=gaps.device) < self.last_ratio
        return hide(batch, torch.where(only_last, last_slots(batch), gaps), data.item_codes)


def check_mask_ratio(ratio: float) -> None:
    """Raise `SirecError` for a ratio that hides nothing or is none."""
    if not 0 < ratio <= 1:
        raise SirecError(f"mask_ratio {ratio} must lie in (0, 1]")


def without_targets(data: Dataset, rows: SequenceRows) -> Batch:
    """What the rows read, and nothing to predict: held-out interactions are not even looked at."""
    return gather(data, SequenceRows(rows.user, rows.start, rows.stop, rows.stop), "all")


def real_slots(batch: Batch) -> Tensor:
    """Bool[B, L]: the slots that hold an interaction."""
    return torch.arange(batch.items.shape[1], device=batch.items.device) <= batch.read[:, None]


def counted_slots(batch: Batch, rows: SequenceRows) -> Tensor:
    """Bool[B, L]: the slots that count as targets, from each row's `first` on."""
    first = to_device(rows.first - rows.start, batch.items.device)
    return real_slots(batch) & (
        torch.arange(batch.items.shape[1], device=first.device) >= first[:, None]
    )


def last_slots(batch: Batch) -> Tensor:
    """Bool[B, L]: the last interaction of each row."""
    return torch.arange(batch.items.shape[1], device=batch.items.device) == batch.read[:, None]


def hide(batch: Batch, gaps: Tensor, mask: int) -> Batch:
    """The batch with the items at `gaps` Bool[B, L] behind the code `mask`, as its targets; of
    behaviours position stays.
    """
    behaviours = {
        name: codes if name == "position" else codes.masked_fill(gaps, 0)
        for name, codes in batch.behaviours.items()
    }
    return replace(
        batch,
        items=batch.items.masked_fill(gaps, mask),
        targets=batch.items * gaps,
        behaviours=behaviours,
    )
