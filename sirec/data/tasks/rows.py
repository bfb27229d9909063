"""Rows: pieces of users' sequences, how they are dealt into steps and gathered into batches.

Shapes: R rows, U users, N interactions of the data set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from sirec.data.dataset import Dataset
from sirec.data.split import NO_TARGET, HeldOutPart
from sirec.data.tasks.batch import Batch, Visible, tell_predicting
from sirec.data.tasks.layout import to_device

Composition = Literal["random", "pools"]  # see `deal`
POOL_STEPS = 16  # steps whose rows are sorted by length together under `pools`


@dataclass(frozen=True, eq=False)
class SequenceRows:
    """Pieces of sequences, as arrays of indices into the data set's compressed interactions.

    Row r reads the interactions `start[r]:stop[r]`, and its slots from `first[r]` on each count as
    one target. What they predict is the task's: the next interaction, or the masked one.

    Attributes:
        user: int[R], codes of the users.
        start: int[R], the first interaction that is read.
        stop: int[R], the interaction after the last one that is read.
        first: int[R], the first interaction that counts as a target.
    """

    user: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    first: np.ndarray

    def __len__(self) -> int:
        """R, the number of rows."""
        return len(self.user)

    @property
    def lengths(self) -> np.ndarray:
        """int[R], interactions that are read."""
        return self.stop - self.start

    @property
    def target_counts(self) -> np.ndarray:
        """int[R], interactions that count as targets."""
        return self.stop - self.first

    def take(self, index: np.ndarray) -> SequenceRows:
        """The rows at `index` int[K], in that order."""
        return SequenceRows(
            user=self.user[index],
            start=self.start[index],
            stop=self.stop[index],
            first=self.first[index],
        )


def concatenate(parts: list[SequenceRows]) -> SequenceRows:
    """Several lists of rows as one."""
    return SequenceRows(
        user=np.concatenate([part.user for part in parts]),
        start=np.concatenate([part.start for part in parts]),
        stop=np.concatenate([part.stop for part in parts]),
        first=np.concatenate([part.first for part in parts]),
    )


def owners(data: Dataset) -> Tensor:
    """Int64[N], the user of each interaction."""
    users = torch.arange(1, data.user_count + 1, device=data.items.device)
    return torch.repeat_interleave(users, data.lengths)


def in_training(data: Dataset) -> Tensor:
    """Bool[N], whether an interaction belongs to the training part, as a target or as a first."""
    interactions = torch.arange(len(data.items), device=data.items.device)
    return interactions < data.held_out.train_stop[owners(data) - 1]


def training_items(data: Dataset) -> tuple[Tensor, Tensor]:
    """(users, items) Int64[M], of the M interactions of the training part, in order."""
    training = in_training(data)
    return owners(data)[training], data.items[training]


def evaluation_rows(data: Dataset, part: HeldOutPart, max_length: int) -> SequenceRows:
    """Make a row for every user with a held-out target, which the last slot predicts.

    Args:
        data: the sequences.
        part: which of the held-out targets: `valid` or `test`.
        max_length: the longest history that the model reads, in interactions.

    Returns:
        Rows with the last `max_length` interactions before each target, in the order of users.
    """
    offsets = data.offsets.cpu().numpy()
    stop = data.held_out.targets[part].cpu().numpy()
    with_target = np.flatnonzero(stop != NO_TARGET)
    stop = stop[with_target]
    start = np.maximum(offsets[with_target], stop - max_length)
    return SequenceRows(user=with_target + 1, start=start, stop=stop, first=stop - 1)


def deal(
    rows: SequenceRows,
    targets_per_step: int,
    composition: Composition,
    rng: np.random.Generator,
) -> Iterator[np.ndarray]:
    """Divide the rows among the steps of one epoch, each row into one step.

    Args:
        rows: all rows of the task.
        targets_per_step: how many targets a step has on average.
        composition: `random` shuffles the rows; `pools` sorts shuffled pools of rows by length
            before it divides them, and then shuffles the steps, which saves padding.
        rng: source of the shuffles.

    Yields:
        The row numbers of each step, int[K].
    """
    order = rng.permutation(len(rows))
    steps = max(1, int(np.ceil(rows.target_counts.sum() / targets_per_step)))
    if composition == "pools":
        sorted_pools: list[np.ndarray] = []
        for pool in np.array_split(order, max(1, steps // POOL_STEPS)):
            sorted_pools.append(pool[np.argsort(rows.lengths[pool], kind="stable")])
        order = np.concatenate(sorted_pools)
    targets_so_far = rows.target_counts[order].cumsum()
    limits = targets_per_step * np.arange(1, steps)
    boundaries = np.searchsorted(targets_so_far, limits, side="left") + 1
    pieces = [piece for piece in np.split(order, boundaries) if len(piece)]
    if composition == "pools":
        shuffled = rng.permutation(len(pieces))
        pieces = [pieces[number] for number in shuffled]
    yield from pieces


def gather(
    data: Dataset,
    rows: SequenceRows,
    visible: Visible = "past",
    *,
    with_position: bool = True,
    only_last: bool = False,
) -> Batch:
    """Gather a batch, on the data set's device, in which rows predict their next interactions.

    Args:
        data: the sequences.
        rows: the B rows of the batch; each slot from `first` on predicts the next interaction.
        visible: `past` if a state may read its own and earlier slots only, `all` for every slot.
        with_position: whether `position` (0 for the first slot) is among the behaviours.
        only_last: whether only the states of the rows' last items are read out.
    """
    device = data.items.device
    lengths = rows.lengths
    slots = np.arange(int(lengths.max()))
    filled = slots < lengths[:, None]  # [B, L]
    predicting = filled & (slots >= (rows.first - rows.start)[:, None])
    source = to_device(np.where(filled, rows.start[:, None] + slots, 0), device)
    real = to_device(filled, device)
    predicts = to_device(predicting, device)
    behaviours = {name: values[source] * real for name, values in data.behaviours.items()}
    if with_position:
        behaviours["position"] = torch.arange(len(slots), device=device).expand(len(rows), -1)
    batch = Batch(
        to_device(rows.user, device),
        items=data.items[source] * real,
        lengths=lengths,
        behaviours=behaviours,
        targets=data.items[(source + 1) * predicts] * predicts,
        read=to_device(lengths - 1, device),
        visible=visible,
        only_last=only_last,
    )
    return tell_predicting(batch, predicting)
