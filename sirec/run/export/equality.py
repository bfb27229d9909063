"""Whether an exported graph gives the scores of its model.

Letters: B histories, L slots, n the window, V item codes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sirec.data.tasks.batch import Batch
from sirec.data.tasks.rows import SequenceRows, gather
from sirec.errors import SirecError
from sirec.run.build import BuiltModel
from sirec.run.export.graph import ScoringGraph

TOLERANCE = 1e-4  # of a score, relative to the largest one
MOST_HISTORIES = 64
BLOCK = 16  # histories that are scored together
COUNT = 10  # items of the lists that are compared


@dataclass(frozen=True)
class ScoreEquality:
    """How the scores of a graph and of its model compare.

    Attributes:
        histories: how many histories were scored.
        difference: the largest difference of two scores.
        largest: the largest score, in absolute value.
        equal_lists: for how many histories the first `count` items are the same, in order.
        count: how many items of a list were compared.
    """

    histories: int
    difference: float
    largest: float
    equal_lists: int
    count: int

    @property
    def is_equal(self) -> bool:
        """Whether all scores are equal, up to the rounding of 32-bit numbers."""
        return self.difference <= TOLERANCE * max(1.0, self.largest)


def compare_scores(built: BuiltModel, graph: ScoringGraph, path: Path) -> ScoreEquality:
    """Score histories with a graph, under onnxruntime, and with its model.

    The histories are those of up to `MOST_HISTORIES` users, from the shortest to the longest,
    among them a single item, and a history that fills the window.

    Args:
        built: the model, and the data that it reads.
        graph: the graph, whose file may lack inputs that nothing reads.
        path: the file of the graph.

    Raises:
        SirecError: if the scores differ by more than rounding does.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    inputs = set(map(attrgetter("name"), session.get_inputs()))
    prepared = built.model.prepared()
    histories, equal, difference, largest = 0, 0, 0.0, 0.0
    for batch in _batches(built):
        [theirs] = session.run(None, feed_of(batch, graph, inputs))
        with torch.no_grad():
            ours = built.model.scores(batch, prepared).float().numpy()
        difference = max(difference, float(np.abs(ours[:, 1:] - theirs[:, 1:]).max()))
        largest = max(largest, float(np.abs(ours[:, 1:]).max()))
        equal += int((_best(ours) == _best(theirs)).all(axis=1).sum())
        histories += len(ours)
    found = ScoreEquality(histories, difference, largest, equal, min(COUNT, ours.shape[1] - 1))
    if not found.is_equal:
        raise SirecError(
            f"{built.model.name}: onnxruntime gives other scores than the model: they differ by "
            f"{difference:.1e}, and the largest is {largest:.1e}",
            "please report this with the model's settings: nothing was written",
        )
    return found


def feed_of(
    batch: Batch, graph: ScoringGraph, inputs: Collection[str]
) -> Mapping[str, np.ndarray[Any, Any]]:
    """The inputs of a graph for a batch, by name.

    Args:
        batch: B histories of L slots.
        graph: the graph.
        inputs: names of the inputs that its file has.
    """
    values = [batch.items, batch.users, *map(batch.behaviours.__getitem__, graph.behaviours)]
    feed: dict[str, np.ndarray[Any, Any]] = {}
    for name, tensor in zip(graph.inputs, values, strict=True):
        if name in inputs:
            feed[name] = tensor.cpu().numpy()
    return feed


def _batches(built: BuiltModel) -> Iterator[Batch]:
    """Batches of histories: of one item, then all of several users."""
    data, window = built.data, built.schema.max_length
    offsets = data.offsets.cpu().numpy()
    order = np.argsort(np.diff(offsets), kind="stable") + 1
    users = order[np.unique(np.linspace(0, len(order) - 1, MOST_HISTORIES).astype(np.int64))]
    first, stop = offsets[users - 1], offsets[users]
    one = SequenceRows(users[:1], first[:1], first[:1] + 1, first[:1])
    yield gather(data, one)
    start = np.maximum(first, stop - window)
    rows = SequenceRows(users, start, stop, stop)
    for block in range(0, len(users), BLOCK):
        yield gather(data, rows.take(np.arange(block, min(block + BLOCK, len(users)))))


def _best(scores: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """int[B, K]: the first items of each history."""
    count = min(COUNT, scores.shape[1] - 1)
    return np.argsort(-scores[:, 1:], axis=1, kind="stable")[:, :count] + 1
