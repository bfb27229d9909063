"""Rows from spans of users' sequences: windows that cover a span, or all of its prefixes.

A span is a run `start:end` of one user's interactions. Which interactions are left to training is
the data set's split (`split.py`); of a user's training interactions each but the first is a target.

Shapes: U spans.
"""

from __future__ import annotations

import numpy as np

from sirec.data.dataset import Dataset
from sirec.data.tasks.rows import SequenceRows, concatenate


def predicting_spans(data: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The training interactions that predict a next one in training.

    Returns:
        (user, start, end) int[U'], of each of the U' users with a training target: the interactions
        `start:end` each predict the interaction after them.
    """
    offsets = data.offsets.cpu().numpy()
    starts = offsets[:-1]
    ends = data.held_out.train_stop.cpu().numpy() - 1
    with_target = ends > starts
    users = np.arange(1, len(offsets))
    return users[with_target], starts[with_target], ends[with_target]


def windows(
    users: np.ndarray, starts: np.ndarray, ends: np.ndarray, n: int, stride: int
) -> SequenceRows:
    """Make rows of at most n interactions that cover each span once.

    The first row of a span holds its first n interactions. Each further row moves on by `stride`
    interactions, and only the interactions that are new in it count as targets.

    Args:
        users: int[U], the user of each span.
        starts: int[U], the first interaction of each span.
        ends: int[U], the interaction after the last one of each span.
        n: the window: the longest row, in interactions.
        stride: how far a further row moves on, in interactions.
    """
    further: list[np.ndarray] = []
    for user, start, end in zip(users, starts, ends, strict=True):
        if end - start > n:
            first = np.arange(start + n, end, stride)
            stop = np.minimum(first + stride, end)
            further.append(np.stack([np.full_like(first, user), stop - n, stop, first]))
    beginning = SequenceRows(users, starts, np.minimum(ends, starts + n), starts)
    if not further:
        return beginning
    return concatenate([beginning, SequenceRows(*np.concatenate(further, axis=1))])


def prefixes(users: np.ndarray, starts: np.ndarray, ends: np.ndarray, n: int) -> SequenceRows:
    """Make a row for every prefix of each span; its last interaction counts as one target.

    Args:
        users: int[U], the user of each span.
        starts: int[U], the first interaction of each span.
        ends: int[U], the interaction after the last one of each span.
        n: the window: of a longer prefix only the last n interactions are read.
    """
    counts = ends - starts
    user = np.repeat(users, counts)
    start = np.repeat(starts, counts)
    stop = start + 1 + _count_up(counts)
    return SequenceRows(user, np.maximum(start, stop - n), stop, stop - 1)


def _count_up(counts: np.ndarray) -> np.ndarray:
    """0..c-1 for each c of `counts`, one after the other.

    >>> _count_up(np.array([2, 3]))
    array([0, 1, 0, 1, 2])
    """
    ends = counts.cumsum()
    total = counts.sum()
    return np.arange(total) - np.repeat(ends - counts, counts)
