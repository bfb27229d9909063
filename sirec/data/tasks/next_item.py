"""Next-item prediction: at every position of a sequence, or at the last slot of each prefix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from sirec.data.dataset import Dataset
from sirec.data.tasks.base import Task
from sirec.data.tasks.batch import Batch, Visible
from sirec.data.tasks.rows import (
    Composition,
    SequenceRows,
    gather,
    predicting_spans,
    prefixes,
    windows,
)


@dataclass(frozen=True, kw_only=True)
class NextItem(Task):
    """Every position predicts its next item, in one pass over the sequence.

    Histories beyond the window: `exact` gives each further target a row of its own with the n items
    before it, as prefix augmentation does; `windows` lets half-overlapping windows share them (each
    target then reads at least n/2 items).
    """

    name: ClassVar[str] = "next_item"
    visible: ClassVar[Visible] = "past"
    every_position: ClassVar[bool] = True
    revision: ClassVar[int] = 1
    composition: Composition = "random"
    long_histories: Literal["exact", "windows"] = "windows"

    def rows(self, data: Dataset, max_length: int) -> SequenceRows:
        """One row a user, and more for those whose training part exceeds the window."""
        stride = 1 if self.long_histories == "exact" else max(max_length // 2, 1)
        return windows(*predicting_spans(data), max_length, stride)

    def batch(self, data: Dataset, rows: SequenceRows, max_length: int) -> Batch:
        """The rows as they are."""
        return gather(data, rows, self.visible)


@dataclass(frozen=True, kw_only=True)
class LastItem(Task):
    """One row a target: the items before it, and a prediction at the last slot only (prefix
    augmentation).
    """

    name: ClassVar[str] = "last_item"
    visible: ClassVar[Visible] = "past"
    every_position: ClassVar[bool] = False
    revision: ClassVar[int] = 1
    composition: Composition = "random"

    def rows(self, data: Dataset, max_length: int) -> SequenceRows:
        """One row for every training target."""
        return prefixes(*predicting_spans(data), max_length)

    def batch(self, data: Dataset, rows: SequenceRows, max_length: int) -> Batch:
        """The rows as they are, asked at their ends."""
        return gather(data, rows, self.visible, only_last=True)
