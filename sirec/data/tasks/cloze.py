"""The cloze task: some items of a row are masked, and each is predicted from all other items.

The behaviours of a masked interaction are masked too, as they are when the next item is predicted
at an appended MASK (`Batch.append_mask`); only its position stays known. Targets are at the masked
slots themselves, so that every state may read the whole row.

The number of targets in a step counts the interactions to learn from, as in other tasks, and not
the masked items: each slot of a whole sequence counts as one, and each prefix example as one. An
epoch then has as many steps as one of next-item prediction and shows every interaction once.

Shapes: B rows, L slots a row.

Source: Sun et al., "BERT4Rec: Sequential Recommendation with Bidirectional Encoder Representations
from Transformer", CIKM 2019, section 3.6.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from torch import Tensor

from sirec.config import check_numbers
from sirec.config.quantities import MaskRatio, Probability
from sirec.data.dataset import Dataset
from sirec.data.tasks.base import Task
from sirec.data.tasks.batch import Batch, Visible, tell_predicting
from sirec.data.tasks.layout import draw_uniform, to_device
from sirec.data.tasks.rows import Composition, SequenceRows, gather
from sirec.data.tasks.spans import predicting_spans, prefixes, windows


@dataclass(frozen=True, kw_only=True)
class Cloze(Task):
    """Each item is masked with one probability; in a share of the rows only the last item is.

    Rows are whole training sequences, in half-overlapping windows where they are longer than the
    window, and each row has a masked item.

    Attributes:
        composition: how rows are dealt into steps (see `rows.deal`).
        mask_ratio: probability with which an item is masked, in (0, 1].
        last_ratio: probability with which only the last item of a row is masked, in [0, 1].
        prefixes: whether rows are the histories of prefix examples instead, which is what RecBole
            masks. The target of an example is then neither masked nor read, so that a user's last
            training item never is; a row may have no masked item, but a batch has at least one.
    """

    name: ClassVar[str] = "cloze"
    visible: ClassVar[Visible] = "all"
    every_position: ClassVar[bool] = False
    revision: ClassVar[int] = 1
    composition: Composition = "random"
    mask_ratio: MaskRatio = 0.4
    last_ratio: Probability = 0.2
    prefixes: bool = False

    def __post_init__(self) -> None:
        """Refuse ratios that are no probabilities, and a ratio that would mask nothing."""
        check_numbers(self)

    def rows(self, data: Dataset, max_length: int) -> SequenceRows:
        """Windows of whole training sequences, or the histories of prefix examples.

        Args:
            data: the sequences.
            max_length: the longest history that the model reads, in interactions.

        Returns:
            Rows whose slots from `first` on may be masked; of prefix examples every slot may be.
        """
        users, starts, ends = predicting_spans(data)
        if self.prefixes:
            return prefixes(users, starts, ends, max_length)
        return windows(users, starts, ends + 1, max_length, max(max_length // 2, 1))

    def batch(self, data: Dataset, rows: SequenceRows, max_length: int) -> Batch:
        """The rows with newly drawn masked items.

        Args:
            data: the sequences.
            rows: the rows of the batch.
            max_length: not used: the rows fit into the window already.
        """
        batch = without_targets(data, rows)
        maskable = real_slots(rows) if self.prefixes else counted_slots(rows)
        draws = np.where(maskable, draw_uniform(maskable.shape), 1.0)
        masked = draws < self.mask_ratio
        smallest_draw = draws == draws.min(axis=1, keepdims=True)  # one slot a row, uniformly
        if self.prefixes:
            masked |= smallest_draw & ~masked.any()
        else:
            masked |= smallest_draw
        only_last = draw_uniform((len(masked), 1)) < self.last_ratio
        masked = np.where(only_last, last_slots(rows), masked)
        return mask_items(batch, masked, data.item_codes)


def without_targets(data: Dataset, rows: SequenceRows) -> Batch:
    """Gather the interactions that rows read, with no targets.

    No interaction beyond a row's end is read, so that held-out interactions stay unseen.

    Args:
        data: the sequences.
        rows: the rows of the batch.
    """
    return gather(data, SequenceRows(rows.user, rows.start, rows.stop, rows.stop), "all")


def real_slots(rows: SequenceRows) -> np.ndarray:
    """bool[B, L], the slots that hold an interaction; L is the length of the longest row."""
    lengths = rows.lengths
    return np.arange(int(lengths.max())) < lengths[:, None]


def counted_slots(rows: SequenceRows) -> np.ndarray:
    """bool[B, L], the slots that count as targets: of each row from its `first` on."""
    real = real_slots(rows)
    return real & (np.arange(real.shape[1]) >= (rows.first - rows.start)[:, None])


def last_slots(rows: SequenceRows) -> np.ndarray:
    """bool[B, L], the slot of each row's last interaction."""
    lengths = rows.lengths
    return np.arange(int(lengths.max())) == lengths[:, None] - 1


def hide(batch: Batch, masked: np.ndarray, mask: int) -> Batch:
    """Put MASK in place of items; of their behaviours position stays. Targets do not change.

    Args:
        batch: the rows.
        masked: bool[B, L], the slots to mask.
        mask: code of MASK (`Schema.mask`).
    """
    hidden = to_device(masked, batch.items.device)
    behaviours: dict[str, Tensor] = {}
    for name, codes in batch.behaviours.items():
        behaviours[name] = codes if name == "position" else codes.masked_fill(hidden, 0)
    items = batch.items.masked_fill(hidden, mask)
    return batch.with_same_targets(items=items, behaviours=behaviours)


def mask_items(batch: Batch, masked: np.ndarray, mask: int) -> Batch:
    """Put MASK in place of items, which become the targets; of their behaviours position stays.

    Args:
        batch: rows without targets.
        masked: bool[B, L], the slots to mask.
        mask: code of MASK (`Schema.mask`).
    """
    targets = batch.items * to_device(masked, batch.items.device)
    return tell_predicting(replace(hide(batch, masked, mask), targets=targets), masked)
