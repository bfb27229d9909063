"""Cross-entropy of the next item over the whole catalogue: the main loss of most models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from sirec.core.kernels.softmax import cross_entropy
from sirec.core.model import SequentialModel
from sirec.data.fields import Schema
from sirec.objectives.base import EncoderPass, Objective, ObjectiveConfig

FIRST = {False: 1, True: 0}  # the first code that is a class, without and with the padding class


@dataclass(frozen=True, kw_only=True)
class ItemCrossEntropy(ObjectiveConfig):
    """-log softmax over items at each target, mean over the step's targets.

    `padding_class` keeps code 0 among the classes, as the authors' code does.
    """

    name: ClassVar[str] = "item"
    padding_class: bool = False

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss; it has no parameters."""
        return _ItemLoss(FIRST[self.padding_class])


class _ItemLoss(Objective):
    def __init__(self, first: int) -> None:
        super().__init__()
        self.first = first

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        return catalogue_cross_entropy(model, encoded.predicting, encoded, self.first)


def catalogue_cross_entropy(
    model: SequentialModel, states: Tensor, encoded: EncoderPass, first: int
) -> Tensor:
    """Mean over the step's targets of -log softmax of `states` [N, D] against the items from code
    `first` on.
    """
    queries, keys, bias = model.factors(states, encoded.table)
    return cross_entropy(
        queries,
        keys[first:],
        None if bias is None else bias[first:],
        encoded.batch.target_items - first,
    )
