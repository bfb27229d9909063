"""Item transitions: the items that followed the last few items in all users' histories.

    T[a, b] = Σ over training pairs (a, then b, d ≤ 3 apart) 1/d
            + Σ over training pairs (b, then a, d ≤ 3 apart) 1/(2d)
    z_v     = Σ_{j=0..2} 2^-j T[h_{-1-j}, v]  +  popularity(v) / (1000 · max popularity)

This is a training-free baseline of item ids alone, without tuning. Its NDCG@10 is above every row
of DIF-SR's Table 2 on Beauty and Sports, so that a model which does not beat it has not been shown
to learn anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.sparse
import torch
from torch import Tensor

from sirec.core.model import Recommender
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.rows import training_items
from sirec.models.declaration import Declaration

REACH = 3  # largest distance of the items of a pair, and number of last items that are looked up
BACKWARD = 0.5  # weight of a pair in the reverse order
DECAY = 0.5  # weight of an item of the history relative to the one after it
POPULARITY = 1 / 1000  # orders the items that no pair connects with the history


@dataclass(frozen=True, kw_only=True)
class Transitions(Declaration):
    """Counts of neighbouring items; nothing is trained."""

    name: ClassVar[str] = "transitions"
    title: ClassVar[str] = "Item transitions"
    source: ClassVar[str] = "training-free baseline"
    is_training_free: ClassVar[bool] = True
    no_graph: ClassVar[str] = "it multiplies sparse matrices of SciPy"

    def build(self, schema: Schema) -> Recommender:
        """The baseline, before `fit_statistics`."""
        return TransitionRanker(schema.items)


class TransitionRanker(Recommender):
    """The module's equations; T is kept in buffers as a compressed sparse matrix."""

    starts: Tensor
    columns: Tensor
    weights: Tensor
    popularity: Tensor

    def __init__(self, items: int) -> None:
        super().__init__()
        self.items = items
        self.register_buffer("starts", torch.zeros(items + 1, dtype=torch.long))
        self.register_buffer("columns", torch.zeros(0, dtype=torch.long))
        self.register_buffer("weights", torch.zeros(0))
        self.register_buffer("popularity", torch.zeros(items))

    def fit_statistics(self, data: Dataset) -> None:
        """Count the pairs of the training part."""
        users, items = (values.cpu().numpy() for values in training_items(data))
        rows, columns, weights = [], [], []
        for distance in range(1, REACH + 1):
            same = users[distance:] == users[:-distance]
            before, after = items[:-distance][same], items[distance:][same]
            rows += [before, after]
            columns += [after, before]
            weights += [
                np.full(len(before), 1 / distance),
                np.full(len(before), BACKWARD / distance),
            ]
        triplets = (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns)))
        table = scipy.sparse.coo_array(triplets, shape=(self.items, self.items)).tocsr()
        self.starts = torch.from_numpy(table.indptr.astype(np.int64))
        self.columns = torch.from_numpy(table.indices.astype(np.int64))
        self.weights = torch.from_numpy(table.data.astype(np.float32))
        counts = np.bincount(items, minlength=self.items).astype(np.float32)
        self.popularity.copy_(torch.from_numpy(counts * np.float32(POPULARITY) / counts.max()))

    def scores(self, batch: Batch, prepared: Tensor | None = None) -> Tensor:
        """The weighted sum of the rows of T for the last items of each history, and popularity.

        Args:
            batch: B histories.
            prepared: not used.

        Returns:
            Float[B, V].
        """
        matrix = scipy.sparse.csr_array(
            (self.weights.cpu().numpy(), self.columns.cpu().numpy(), self.starts.cpu().numpy()),
            shape=(self.items, self.items),
        )
        items, read = batch.items.cpu().numpy(), batch.read.cpu().numpy()
        rows, columns, weights = [], [], []
        for back in range(REACH):
            some = np.flatnonzero(read >= back)
            rows.append(some)
            columns.append(items[some, read[some] - back])
            weights.append(np.full(len(some), DECAY**back, dtype=np.float32))
        triplets = (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns)))
        recent = scipy.sparse.coo_array(triplets, shape=(len(items), self.items)).tocsr()
        return (
            torch.from_numpy((recent @ matrix).toarray()).to(batch.items.device) + self.popularity
        )

    def _load_from_state_dict(
        self, state_dict: dict[str, Tensor], prefix: str, *rest: object
    ) -> None:
        """Take the saved shapes: the number of entries is the number of pairs in the data."""
        for name in ("columns", "weights"):
            setattr(self, name, torch.empty_like(state_dict[prefix + name]))
        super()._load_from_state_dict(state_dict, prefix, *rest)
