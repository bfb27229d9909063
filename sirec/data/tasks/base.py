"""What a task is: it turns training sequences into rows, and rows into batches.

A task is a frozen dataclass. Its fields are the settings of the task, which an experiment file
names; its class variables say what a model must be able to do. To add a task to `sirec`, put one
file with a subclass of `Task` into this package; another package adds it by an entry point of the
group `sirec.tasks`, or a file by `--plugin` (see `sirec/registry.py`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from sirec.data.dataset import Dataset
from sirec.data.tasks.batch import Batch, Visible
from sirec.data.tasks.rows import Composition, SequenceRows


class Task(ABC):
    """How training sequences become rows, and rows become batches.

    A step of training holds a given number of targets on average whatever the task is, so that a
    step means the same amount of optimisation. The rows are therefore listed once, with the number
    of their targets, and dealt into steps (`rows.deal`); only then are they gathered into batches.

    Attributes:
        name: what experiment files call the task.
        visible: which slots a state may read: `past` for its own and earlier slots, `all` for every
            slot, which is legal where the items to predict are masked.
        revision: raised whenever the same settings give other rows, batches or draws.
        every_position: whether several targets share one pass over a row, which is legal where no
            state reads later slots.
        composition: how rows are dealt into steps: a field that every task must have.
    """

    name: ClassVar[str]
    visible: ClassVar[Visible]
    revision: ClassVar[int] = 1
    every_position: ClassVar[bool]
    composition: Composition

    @abstractmethod
    def rows(self, data: Dataset, max_length: int) -> SequenceRows:
        """List rows that cover every training target once.

        Args:
            data: the sequences.
            max_length: the longest history that the model reads, in interactions.
        """

    @abstractmethod
    def batch(self, data: Dataset, rows: SequenceRows, max_length: int) -> Batch:
        """Gather some of the rows into a batch; random draws come from torch's generator.

        Args:
            data: the sequences.
            rows: the rows of one step, or of one process's share of it.
            max_length: the longest history that the model reads, in interactions.
        """
