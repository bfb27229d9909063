"""Cross-entropy of the next item over the whole catalogue: the main loss of most models.

    L = mean over targets of −log softmax_v(z_v) at v = target

z_v is the model's score of item v for the state at the target.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from sirec.core.kernels.softmax import cross_entropy
from sirec.core.model import SequentialModel
from sirec.data.fields import Schema
from sirec.objectives.base import EncoderPass, Objective, ObjectiveConfig

# The first item code that is a class: 1, or 0 where padding is a class.
FIRST_CLASS = {False: 1, True: 0}


@dataclass(frozen=True, kw_only=True)
class ItemCrossEntropy(ObjectiveConfig):
    """Cross-entropy over all items, mean over the targets of a step.

    Attributes:
        padding_class: keep code 0, the padding, among the classes, as RecBole and the repositories
            that build on it do.
    """

    name: ClassVar[str] = "item"
    padding_class: bool = False

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss, which has no parameters.

        Args:
            schema: fields of the data in use; not used.
            width: D, the width of a state; not used.
        """
        return _ItemLoss(FIRST_CLASS[self.padding_class])


class _ItemLoss(Objective):
    def __init__(self, first: int) -> None:
        super().__init__()
        self.first = first

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        return catalogue_cross_entropy(model, encoded.predicting, encoded, self.first)


def catalogue_cross_entropy(
    model: SequentialModel, states: Tensor, encoded: EncoderPass, first: int
) -> Tensor:
    """Mean over the targets of a step of −log softmax over items.

    Args:
        model: the model that scores items.
        states: [N, D], a state for each target.
        encoded: the pass that gives the targets and the item table.
        first: the first item code that is a class.

    Returns:
        A scalar.
    """
    queries, keys, bias = model.factors(states, encoded.table)
    class_bias = None if bias is None else bias[first:]
    return cross_entropy(queries, keys[first:], class_bias, encoded.batch.target_items - first)
