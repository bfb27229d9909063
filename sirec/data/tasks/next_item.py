"""Next-item prediction: at every position of a sequence, or at the last slot of each prefix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from sirec.data.dataset import Dataset
from sirec.data.tasks.base import Task
from sirec.data.tasks.batch import Batch, Visible
from sirec.data.tasks.rows import Composition, SequenceRows, gather
from sirec.data.tasks.spans import predicting_spans, prefixes, windows


@dataclass(frozen=True, kw_only=True)
class NextItem(Task):
    """Every position predicts its next item, in one pass over the sequence.

    Attributes:
        composition: how rows are dealt into steps (see `rows.deal`).
        long_histories: what happens to a training sequence of more than n interactions, where n is
            the window. `exact` gives each further target a row of its own with the n items before
            it, as prefix augmentation does; `windows` lets half-overlapping windows share them, so
            that each of these targets is predicted from at least n/2 items.
    """

    name: ClassVar[str] = "next_item"
    visible: ClassVar[Visible] = "past"
    every_position: ClassVar[bool] = True
    revision: ClassVar[int] = 1
    composition: Composition = "random"
    long_histories: Literal["exact", "windows"] = "windows"

    def rows(self, data: Dataset, max_length: int) -> SequenceRows:
        """One row a user, and more for users whose training part exceeds the window.

        Args:
            data: the sequences.
            max_length: n, the longest history that the model reads, in interactions.
        """
        stride = 1 if self.long_histories == "exact" else max(max_length // 2, 1)
        users, starts, ends = predicting_spans(data)
        return windows(users, starts, ends, max_length, stride)

    def batch(self, data: Dataset, rows: SequenceRows, max_length: int) -> Batch:
        """The batch in which the slots of each row from `first` on predict their next items.

        Args:
            data: the sequences.
            rows: the rows of the batch.
            max_length: not used: the rows fit into the window already.
        """
        return gather(data, rows, self.visible)


@dataclass(frozen=True, kw_only=True)
class LastItem(Task):
    """Prefix augmentation: one row a target, with the items before it, predicted at the last slot.

    Attributes:
        composition: how rows are dealt into steps (see `rows.deal`).
    """

    name: ClassVar[str] = "last_item"
    visible: ClassVar[Visible] = "past"
    every_position: ClassVar[bool] = False
    revision: ClassVar[int] = 1
    composition: Composition = "random"

    def rows(self, data: Dataset, max_length: int) -> SequenceRows:
        """One row for every training target.

        Args:
            data: the sequences.
            max_length: the longest history that the model reads, in interactions.
        """
        users, starts, ends = predicting_spans(data)
        return prefixes(users, starts, ends, max_length)

    def batch(self, data: Dataset, rows: SequenceRows, max_length: int) -> Batch:
        """The batch in which the last slot of each row predicts the next item.

        Args:
            data: the sequences.
            rows: the rows of the batch.
            max_length: not used: the rows fit into the window already.
        """
        return gather(data, rows, self.visible, only_last=True)
