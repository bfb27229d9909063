"""Popularity: every user is offered the items with the most interactions.

    z_v = number of training interactions with v

It is the lower of the two training-free baselines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from sirec.core.model import Recommender
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.rows import training_items
from sirec.models.declaration import Declaration


@dataclass(frozen=True, kw_only=True)
class Popularity(Declaration):
    """Counts of training interactions; nothing is trained."""

    name: ClassVar[str] = "popularity"
    title: ClassVar[str] = "Popularity"
    source: ClassVar[str] = "training-free baseline"
    is_training_free: ClassVar[bool] = True

    def build(self, schema: Schema) -> Recommender:
        """The baseline, before `fit_statistics`."""
        return PopularityRanker(schema.items)


class PopularityRanker(Recommender):
    """z_v = number of training interactions with v."""

    counts: Tensor
    single_pass = True

    def __init__(self, items: int) -> None:
        super().__init__()
        self.register_buffer("counts", torch.zeros(items))

    def fit_statistics(self, data: Dataset) -> None:
        """Count the interactions of the training part."""
        self.counts.copy_(torch.bincount(training_items(data)[1], minlength=len(self.counts)))

    def scores(self, batch: Batch, prepared: Tensor | None = None) -> Tensor:
        """The counts, the same for every row.

        Args:
            batch: B histories.
            prepared: not used.

        Returns:
            Float[B, V].
        """
        return self.counts.expand(batch.items.shape[0], -1)
