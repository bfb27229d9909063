"""Cross-entropy of the next item over the whole catalogue: the main loss of both papers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from sirec.core.model import SequentialModel
from sirec.data.fields import Schema
from sirec.objectives.base import Objective, ObjectiveConfig, Pass


@dataclass(frozen=True, kw_only=True)
class ItemCrossEntropy(ObjectiveConfig):
    """-log softmax over items at each target, mean over the step's targets.

    `padding_class` keeps code 0 among the classes, as the authors' code does.
    """

    name: ClassVar[str] = "item"
    padding_class: bool = False

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss; it has no parameters."""
        return _ItemLoss(0 if self.padding_class else 1)


class _ItemLoss(Objective):
    def __init__(self, first: int) -> None:
        super().__init__()
        self.first = first

    def forward(self, model: SequentialModel, done: Pass) -> Tensor:
        logits = model.score(done.predicting, done.table[self.first :])  # [N, V-1]
        return F.cross_entropy(logits.float(), done.batch.target_items - self.first)
