"""The task of S3-Rec's pre-training stage: masked items, and a masked segment of each row.

Of each row of L >= 2 items a segment of uniform length 1..⌊L/2⌋ is drawn at a uniform position.
Three views of the row follow, all as long as the row:

    context     the row with its segment masked
    positive    the segment at its position, everything else masked
    negative    as many successive interactions from elsewhere at that position, everything else
                masked

A row of one item has no segment and no views. (The authors' code compares such a row with itself,
which adds the constant ln 2 to the loss.)

Behaviours of what is masked are masked too, as in `cloze.py`; those of a foreign segment come with
it. As targets count the rows, or the slots where rows are whole sequences.

Shapes: B rows, L slots a row, P interactions from which foreign segments are taken.

Source: Zhou et al., "S3-Rec: Self-Supervised Learning for Sequential Recommendation with Mutual
Information Maximization", CIKM 2020, section 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from sirec.config import check_numbers
from sirec.config.quantities import MaskRatio
from sirec.data.dataset import Dataset
from sirec.data.tasks.base import Task
from sirec.data.tasks.batch import Batch, PositionOrder, Visible
from sirec.data.tasks.cloze import (
    counted_slots,
    hide,
    last_slots,
    mask_items,
    real_slots,
    without_targets,
)
from sirec.data.tasks.layout import draw_uniform, to_device
from sirec.data.tasks.rows import Composition, SequenceRows
from sirec.data.tasks.spans import predicting_spans, prefixes, windows

Reads = Literal["prefixes", "examples", "sequences"]
Foreign = Literal["training", "everything", "batch"]
SHORTEST = 2  # items that a row must have to have a segment


@dataclass(frozen=True, kw_only=True)
class Segments(Task):
    """Masked items as in `cloze`, and the three views of a segment.

    Attributes:
        composition: how rows are dealt into steps (see `rows.deal`).
        reads: which rows are read: `prefixes`, every prefix of the training part (the authors'
            code); `examples`, the histories of prefix examples, which lack its last item (RecBole);
            `sequences`, whole sequences, which cost several times less.
        mask_ratio: probability with which an item is masked, in (0, 1].
        hide_last: whether the last item of each row is always masked (the authors' code does,
            RecBole does not).
        negatives: where foreign segments are taken from: `training`, all training parts end to
            end; `everything`, the whole sequences of all users, held-out interactions included (the
            authors' code); `batch`, the rows of the step (RecBole).
        counted: order in which positions are counted in this stage; `forward` leaves it to the
            model. RecBole counts from the right here and from the left in fine-tuning, so that the
            learned position embeddings do not fit.
    """

    name: ClassVar[str] = "segments"
    visible: ClassVar[Visible] = "all"
    every_position: ClassVar[bool] = False
    revision: ClassVar[int] = 1
    composition: Composition = "random"
    reads: Reads = "prefixes"
    mask_ratio: MaskRatio = 0.2
    hide_last: bool = True
    negatives: Foreign = "training"
    counted: PositionOrder = "forward"

    def __post_init__(self) -> None:
        """Refuse a ratio that is no probability or would mask nothing."""
        check_numbers(self)

    def rows(self, data: Dataset, max_length: int) -> SequenceRows:
        """Prefixes, each counted as one target, or windows of whole sequences.

        Args:
            data: the sequences.
            max_length: the longest history that the model reads, in interactions.

        Returns:
            Rows; the slots of a window from `first` on may be masked, of a prefix every slot.
        """
        users, starts, ends = predicting_spans(data)
        if self.reads == "sequences":
            return windows(users, starts, ends + 1, max_length, max(max_length // 2, 1))
        if self.reads == "prefixes":
            return prefixes(users, starts, ends + 1, max_length)
        return prefixes(users, starts, ends, max_length)

    def batch(self, data: Dataset, rows: SequenceRows, max_length: int) -> Batch:
        """The rows with newly drawn masked items, and the views of rows that have a segment.

        Args:
            data: the sequences.
            rows: the rows of the batch.
            max_length: the longest history that the model reads, in interactions.
        """
        batch = without_targets(data, rows)
        maskable = counted_slots(rows) if self.reads == "sequences" else real_slots(rows)
        masked = maskable & (draw_uniform(maskable.shape) < self.mask_ratio)
        if self.hide_last:
            masked |= last_slots(rows)
        with_masks = mask_items(batch, masked, data.item_codes)
        with_masks = with_masks.count_positions(self.counted, max_length)
        with_segment = np.flatnonzero(rows.lengths >= SHORTEST)
        if not len(with_segment):
            return with_masks
        views: dict[str, Batch] = {}
        unmasked = self._views(data, rows.take(with_segment), self._foreign(data, rows))
        for name, view in unmasked.items():
            views[name] = view.count_positions(self.counted, max_length)
        return with_masks.with_same_targets(views=views)

    def _views(self, data: Dataset, rows: SequenceRows, foreign: Tensor) -> Mapping[str, Batch]:
        """The views of rows that each have a segment, from interactions `foreign` Int64[P]."""
        batch = without_targets(data, rows)
        first, length = draw_segments(torch.from_numpy(rows.lengths))
        slots = torch.arange(batch.items.shape[1])
        inside = (slots >= first[:, None]) & (slots < (first + length)[:, None])
        outside = torch.from_numpy(real_slots(rows)) & ~inside
        foreign_first = draw_below(len(foreign) - length + 1)  # of each row's negative, in foreign
        device = batch.items.device
        places = to_device((((foreign_first - first)[:, None] + slots) * inside).numpy(), device)
        within = to_device(inside.numpy(), device)
        source = foreign[places]
        behaviours = dict(batch.behaviours)
        for name, codes in batch.behaviours.items():
            if name in data.behaviours:
                behaviours[name] = torch.where(within, data.behaviours[name][source], codes)
        items = torch.where(within, data.items[source], batch.items)
        with_foreign = batch.with_same_targets(items=items, behaviours=behaviours)
        return {
            "context": hide(batch, inside.numpy(), data.item_codes),
            "positive": hide(batch, outside.numpy(), data.item_codes),
            "negative": hide(with_foreign, outside.numpy(), data.item_codes),
        }

    def _foreign(self, data: Dataset, rows: SequenceRows) -> Tensor:
        """Int64[P], indices of the interactions from which negatives are taken, end to end."""
        if self.negatives == "training":
            return data.training_interactions
        if self.negatives == "everything":
            return torch.arange(len(data.items), device=data.items.device)
        spans = [np.arange(start, stop) for start, stop in zip(rows.start, rows.stop, strict=True)]
        return to_device(np.concatenate(spans), data.items.device)


def draw_segments(lengths: Tensor) -> tuple[Tensor, Tensor]:
    """(first slot, length) Int64[B] of a segment of each row, of `lengths` Int64[B] from 2 on."""
    length = 1 + draw_below(lengths // 2)
    return draw_below(lengths - length + 1), length


def draw_below(limits: Tensor) -> Tensor:
    """Int64[B]: uniformly from 0..limit-1 for each of `limits` Int64[B], from torch's generator.

    The limits are on the host, and so are the draws.
    """
    return (torch.rand(limits.shape, dtype=torch.float64) * limits).long()
