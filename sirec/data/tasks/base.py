"""What every task declares: how the training sequences become rows, and rows become a batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from sirec.data.dataset import Dataset
from sirec.data.tasks.batch import Batch, Visible
from sirec.data.tasks.rows import Composition, SequenceRows


class Task(ABC):
    """How training sequences become rows, as a frozen dataclass of the task's hyper-parameters.

    A subclass declares `name`; `visible`, the slots that a state may read (`all` where the items to
    predict are hidden behind MASK); `every_position`, whether several targets share one pass, which
    is legal where no state reads later slots; and `revision`, raised whenever the same
    configuration gives other rows or steps.
    """

    name: ClassVar[str]
    visible: ClassVar[Visible]
    revision: ClassVar[int] = 1
    every_position: ClassVar[bool]
    composition: Composition

    @abstractmethod
    def rows(self, data: Dataset, max_length: int) -> SequenceRows:
        """Rows that cover every training target once.

        Args:
            data: the sequences.
            max_length: the longest history that a model reads, in interactions.

        """

    @abstractmethod
    def batch(self, data: Dataset, rows: SequenceRows, max_length: int) -> Batch:
        """The batch of some of the rows; what is drawn for it comes from torch's generator.

        Args:
            data: the sequences.
            rows: the rows of one step, or of one process's share of it.
            max_length: the longest history that a model reads, in interactions.

        """
