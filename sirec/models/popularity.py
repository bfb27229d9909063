"""Popularity: every user is offered what most interactions were with. The lower of the two
floors.
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
    """Counts of the training interactions; nothing is trained."""

    name: ClassVar[str] = "popularity"
    title: ClassVar[str] = "Popularity"
    source: ClassVar[str] = "training-free floor"
    is_training_free: ClassVar[bool] = True

    def build(self, schema: Schema) -> Recommender:
        """The floor, before it has counted anything."""
        return PopularityRanker(schema.items)


class PopularityRanker(Recommender):
    """z_v = number of training interactions with v."""

    counts: Tensor
    single_pass = True

    def __init__(self, items: int) -> None:
        super().__init__()
        self.register_buffer("counts", torch.zeros(items))

    def fit_statistics(self, data: Dataset) -> None:
        """Count the training part."""
        self.counts.copy_(torch.bincount(training_items(data)[1], minlength=len(self.counts)))

    def scores(self, batch: Batch, prepared: Tensor | None = None) -> Tensor:
        """[B, V], the same row for everybody."""
        return self.counts.expand(len(batch.items), -1)
