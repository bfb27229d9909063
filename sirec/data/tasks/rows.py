"""Tasks: sequences into batches.

A task lists *rows*, pieces of users' sequences with the targets to predict in them, and deals them
into steps. What is left to training, and what is predicted instead, is the data set's split
(`split.py`): of a user's training interactions each but the first is a target. A step holds
`budget` targets on average whatever the task, so that a step means the same optimisation.
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
from sirec.data.tasks.batch import Batch, Visible
from sirec.data.tasks.layout import to_device

Composition = Literal["random", "pools"]
POOL_STEPS = 16  # how many steps' worth of rows are sorted by length together under `pools`


@dataclass(frozen=True, eq=False)
class SequenceRows:
    """Pieces of sequences, as int arrays [R] of indices into the data set's compressed rows.

    A row reads the interactions `start:stop`; its slots from `first` on (an index like start) each
    count as one target. What they predict is the task's: the next interaction, or what is hidden.
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
        """int[R]: slots read."""
        return self.stop - self.start

    @property
    def target_counts(self) -> np.ndarray:
        """int[R]: targets predicted."""
        return self.stop - self.first

    def take(self, index: np.ndarray) -> SequenceRows:
        """Some of the rows, in the given order."""
        return SequenceRows(
            self.user[index], self.start[index], self.stop[index], self.first[index]
        )


def concatenate(parts: list[SequenceRows]) -> SequenceRows:
    """Several lists of rows as one."""
    return SequenceRows(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("user", "start", "stop", "first")
        )
    )


def owners(data: Dataset) -> Tensor:
    """Long[N]: the user of each interaction."""
    return torch.repeat_interleave(
        torch.arange(1, data.user_count + 1, device=data.items.device), data.lengths
    )


def in_training(data: Dataset) -> Tensor:
    """Bool[N]: whether an interaction belongs to the training part, targets and first items
    alike.
    """
    return (
        torch.arange(len(data.items), device=data.items.device)
        < data.held_out.train_stop[owners(data) - 1]
    )


def training_items(data: Dataset) -> tuple[Tensor, Tensor]:
    """(users, items) Long[M]: the training part's interactions in order."""
    training = in_training(data)
    return owners(data)[training], data.items[training]


def evaluation_rows(data: Dataset, part: HeldOutPart, max_length: int) -> SequenceRows:
    """One row for every user with a target: the last `max_length` interactions before it, which
    predict it at the last slot.
    """
    offsets, stop = data.offsets.cpu().numpy(), data.held_out.targets[part].cpu().numpy()
    some = np.flatnonzero(stop != NO_TARGET)
    start = np.maximum(offsets[some], stop[some] - max_length)
    return SequenceRows(some + 1, start, stop[some], stop[some] - 1)


def deal(
    rows: SequenceRows, budget: int, composition: Composition, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Row indices of each step of an epoch: every row once, `budget` targets a step on average.

    `random` shuffles rows; `pools` sorts shuffled pools by length before it cuts steps, then
    shuffles the steps.
    """
    order = rng.permutation(len(rows))
    steps = max(1, int(np.ceil(rows.target_counts.sum() / budget)))
    if composition == "pools":
        pools = np.array_split(order, max(1, steps // POOL_STEPS))
        order = np.concatenate(
            [pool[np.argsort(rows.lengths[pool], kind="stable")] for pool in pools]
        )
    ends = rows.target_counts[order].cumsum()
    cuts = np.searchsorted(ends, budget * np.arange(1, steps), side="left") + 1
    pieces = [piece for piece in np.split(order, cuts) if len(piece)]
    for index in rng.permutation(len(pieces)) if composition == "pools" else range(len(pieces)):
        yield pieces[index]


def gather(
    data: Dataset,
    rows: SequenceRows,
    visible: Visible = "past",
    *,
    with_position: bool = True,
    only_last: bool = False,
) -> Batch:
    """The batch of these rows, from the data set's compressed arrays (on its device)."""
    device = data.items.device
    lengths = rows.lengths
    slots = np.arange(int(lengths.max()))
    filled = slots < lengths[:, None]  # [B, L]
    asks = filled & (slots >= (rows.first - rows.start)[:, None])
    source = to_device(np.where(filled, rows.start[:, None] + slots, 0), device)
    real, predicts = to_device(filled, device), to_device(asks, device)
    behaviours = {name: values[source] * real for name, values in data.behaviours.items()}
    if with_position:
        behaviours["position"] = torch.arange(len(slots), device=device).expand(len(rows), -1)
    batch = Batch(
        users=to_device(rows.user, device),
        items=data.items[source] * real,
        lengths=lengths,
        behaviours=behaviours,
        targets=data.items[(source + 1) * predicts] * predicts,
        read=to_device(lengths - 1, device),
        visible=visible,
        only_last=only_last,
    )
    vars(batch)["target_slots"] = to_device(
        np.flatnonzero(asks), device
    )  # known here; a changed copy asks its own device
    return batch


def predicting_spans(data: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(user, start, end) of each user with a training target: the interactions `start:end` each
    predict their next.
    """
    offsets = data.offsets.cpu().numpy()
    starts, ends = offsets[:-1], data.held_out.train_stop.cpu().numpy() - 1
    some = ends > starts
    return np.arange(1, len(offsets))[some], starts[some], ends[some]


def windows(
    users: np.ndarray, starts: np.ndarray, ends: np.ndarray, n: int, stride: int
) -> SequenceRows:
    """Rows of at most n interactions whose targets cover each span `start:end` once.

    The first holds the first n; each further one moves on by `stride`, and only what is new in it
    counts as targets.
    """
    parts = []
    for user, start, end in zip(users, starts, ends, strict=True):
        if end - start > n:
            first = np.arange(start + n, end, stride)
            stop = np.minimum(first + stride, end)
            parts.append(np.stack([np.full_like(first, user), stop - n, stop, first]))
    beyond = SequenceRows(
        *(np.concatenate(parts, axis=1) if parts else np.zeros((4, 0), dtype=np.int64))
    )
    return concatenate([SequenceRows(users, starts, np.minimum(ends, starts + n), starts), beyond])


def prefixes(users: np.ndarray, starts: np.ndarray, ends: np.ndarray, n: int) -> SequenceRows:
    """A row for each interaction of a span `start:end`: those up to and with it, the last n of
    them, counted as one target.
    """
    counts = ends - starts
    user, start = np.repeat(users, counts), np.repeat(starts, counts)
    stop = start + 1 + _ramp(counts)
    return SequenceRows(user, np.maximum(start, stop - n), stop, stop - 1)


def _ramp(counts: np.ndarray) -> np.ndarray:
    """0..c-1 for each c of `counts`, one after the other.

    >>> _ramp(np.array([2, 3]))
    array([0, 1, 0, 1, 2])
    """
    ends = counts.cumsum()
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
