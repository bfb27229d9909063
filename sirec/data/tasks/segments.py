"""The task of S3-Rec's first stage: a row with gaps, and the row's segment as a second riddle.

Of each row of L >= 2 items a segment of uniform length 1..⌊L/2⌋ is chosen at a uniform place. Three
views follow, all as long as the row:
    context     the row with its segment hidden
    positive    the segment at its place, everything else hidden
    negative    as many successive interactions from elsewhere in that place, everything else hidden
A row of one item has no segment and no views (the authors' code compares it with itself, which is
the constant ln 2).

Behaviours of what is hidden are hidden too, as in `cloze.py`; those of a foreign segment come with
it. A budget counts rows, or slots where rows are whole sequences.

Letters: B rows, L length, P interactions to take foreign segments from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from sirec.data.dataset import Dataset
from sirec.data.tasks.base import Task
from sirec.data.tasks.batch import Batch, PositionOrder, Visible
from sirec.data.tasks.cloze import (
    check_mask_ratio,
    counted_slots,
    hide,
    last_slots,
    real_slots,
    without_targets,
)
from sirec.data.tasks.layout import to_device
from sirec.data.tasks.rows import (
    Composition,
    SequenceRows,
    in_training,
    predicting_spans,
    prefixes,
    windows,
)

Reads = Literal["prefixes", "examples", "sequences"]
Foreign = Literal["training", "everything", "batch"]
SHORTEST = 2  # items that a row with a segment has at least


@dataclass(frozen=True, kw_only=True)
class Segments(Task):
    """Gaps as in `cloze`, and views.

    `reads`: every prefix of the training part (the authors' code), the histories of prefix
    examples, which lack its last item (RecBole's), or whole sequences, which is several times
    cheaper. `hide_last` hides each row's last item always (the authors'; not RecBole's).
    `negatives` are cut from all training parts end to end, from everybody's whole sequences with
    what is held out (the authors'), or from the rows of the step (RecBole's). `counted` is where
    positions are counted from in this stage, if not where the model counts from; RecBole counts
    from the right here and from the left in fine-tuning, so that learned positions do not fit.
    """

    name: ClassVar[str] = "segments"
    visible: ClassVar[Visible] = "all"
    every_position: ClassVar[bool] = False
    revision: ClassVar[int] = 1
    composition: Composition = "random"
    reads: Reads = "prefixes"
    mask_ratio: float = 0.2
    hide_last: bool = True
    negatives: Foreign = "training"
    counted: PositionOrder = "forward"

    def __post_init__(self) -> None:
        """Refuse a ratio that hides nothing or is none."""
        check_mask_ratio(self.mask_ratio)

    def rows(self, data: Dataset, max_length: int) -> SequenceRows:
        """Prefixes, each counted as one target, or windows of sequences, whose slots from `first`
        on may be hidden.
        """
        users, starts, ends = predicting_spans(data)
        if self.reads == "sequences":
            return windows(users, starts, ends + 1, max_length, max(max_length // 2, 1))
        return prefixes(users, starts, ends + 1 if self.reads == "prefixes" else ends, max_length)

    def batch(self, data: Dataset, rows: SequenceRows, max_length: int) -> Batch:
        """The rows with fresh gaps, and the views of those that have a segment."""
        batch = without_targets(data, rows)
        may = counted_slots(batch, rows) if self.reads == "sequences" else real_slots(batch)
        gaps = may & (torch.rand(may.shape, device=may.device) < self.mask_ratio)
        if self.hide_last:
            gaps |= last_slots(batch)
        hidden = hide(batch, gaps, data.item_codes).count_positions(self.counted, max_length)
        long = np.flatnonzero(rows.lengths >= SHORTEST)
        if not len(long):
            return hidden
        views = self._views(data, without_targets(data, rows.take(long)), self._foreign(data, rows))
        return replace(
            hidden,
            views={
                name: view.count_positions(self.counted, max_length) for name, view in views.items()
            },
        )

    def _views(self, data: Dataset, batch: Batch, foreign: Tensor) -> Mapping[str, Batch]:
        first, length = draw_segments(batch.read + 1)
        slots = torch.arange(batch.items.shape[1], device=first.device)
        inside = (slots >= first[:, None]) & (slots < (first + length)[:, None])
        outside = real_slots(batch) & ~inside
        place = draw_below(
            len(foreign) - length + 1
        )  # where in `foreign` each row's negative begins
        source = foreign[((place - first)[:, None] + slots) * inside]
        drawn = {
            name: torch.where(inside, data.behaviours[name][source], codes)
            for name, codes in _stored(batch, data)
        }
        other = replace(
            batch,
            items=torch.where(inside, data.items[source], batch.items),
            behaviours={**batch.behaviours, **drawn},
        )
        views = {
            "context": (batch, inside),
            "positive": (batch, outside),
            "negative": (other, outside),
        }
        asked = {name: hide(view, gaps, data.item_codes) for name, (view, gaps) in views.items()}
        return {
            name: replace(view, targets=torch.zeros_like(view.targets))
            for name, view in asked.items()
        }

    def _foreign(self, data: Dataset, rows: SequenceRows) -> Tensor:
        """Long[P]: indices of interactions, end to end."""
        if self.negatives == "training":
            return in_training(data).nonzero().squeeze(1)
        if self.negatives == "everything":
            return torch.arange(len(data.items), device=data.items.device)
        spans = [np.arange(start, stop) for start, stop in zip(rows.start, rows.stop, strict=True)]
        return to_device(np.concatenate(spans), data.items.device)


def draw_segments(lengths: Tensor) -> tuple[Tensor, Tensor]:
    """(first slot, length) Long[B] of a segment of each row of at least two items."""
    length = 1 + draw_below(lengths // 2)
    return draw_below(lengths - length + 1), length


def draw_below(limits: Tensor) -> Tensor:
    """Long[B]: uniformly from 0..limit-1 for each of `limits` Long[B], from torch's generator."""
    return (torch.rand(limits.shape, dtype=torch.float64, device=limits.device) * limits).long()


def _stored(batch: Batch, data: Dataset) -> list[tuple[str, Tensor]]:
    return [(name, codes) for name, codes in batch.behaviours.items() if name in data.behaviours]
