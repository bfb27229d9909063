"""AAP, attribute prediction: the state predicts the next item's attributes, too (DIF-SR, Xie et
al., SIGIR 2022, equations 14 and 16).

    L_j = mean over targets and values a = 1..|A_j| of BCE(σ(h W_j + b_j)_a, [a ∈ A_j(target)])

h is the state that the last block gives; a layer between it and the scores of items (BERT4Rec's
head) is not used. The paper prints a sum over values. Its weights (5 to 25) only make sense with
the mean that its code computes, which is the default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch.nn.functional as F
from torch import Tensor

from sirec.config.quantities import LossWeight, PartWeight
from sirec.core.kernels.precision import Linear
from sirec.core.layers.by_field import ByField, without_dots
from sirec.core.model import SequentialModel, initialise
from sirec.data.fields import Field, Schema
from sirec.errors import unknown
from sirec.objectives.base import (
    EncoderPass,
    Objective,
    ObjectiveConfig,
    SupervisionSignal,
    chosen_attributes,
)

Reduction = Literal["mean", "sum"]


@dataclass(frozen=True, kw_only=True)
class AttributePrediction(ObjectiveConfig):
    """Binary cross-entropy of every attribute value of the next item.

    Attributes:
        attributes: the fields to predict; None means all in use.
        weights: weights of single fields, where they differ from `weight`.
        reduction: over the values of a field, `mean` as in the code or `sum` as printed; over
            targets it is always the mean.
    """

    name: ClassVar[str] = "aap"
    signal: ClassVar[SupervisionSignal | None] = "attribute"
    needs_values: ClassVar[bool] = True
    weight: LossWeight = 10.0
    attributes: tuple[str, ...] | None = None
    weights: Mapping[str, PartWeight] | None = None
    reduction: Reduction = "mean"

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss, with an output layer for each field.

        Args:
            schema: fields of the data in use; their attributes are the labels.
            width: d, the width of the states before any output layer of the model.

        Raises:
            SirecError: the data have no such attribute, or none of a name in `weights`.
        """
        shares = self.shares(schema)
        fields = [field for field in schema.attributes if field.name in shares]
        return AttributePredictionLoss(fields, width, shares, self.reduction)

    def build_for(self, schema: Schema, model: SequentialModel) -> Objective:
        """The loss for this model's states before any output layer.

        Args:
            schema: fields of the data in use.
            model: the model that will be trained.

        Raises:
            SirecError: as `build`.
        """
        return self.build(schema, model.hidden_width)

    def shares(self, schema: Schema) -> dict[str, float]:
        """The weight of each chosen field, divided by `weight`."""
        wanted = chosen_attributes(schema, self.attributes, self.name)
        weights = self.weights or {}
        for name in weights:
            if name not in wanted:
                raise unknown("attribute", name, wanted, f"objective {self.name}: weights")
        return {name: weights.get(name, self.weight) / self.weight for name in wanted}


class AttributePredictionLoss(Objective):
    """Σ_j share_j · L_j, where share_j is the weight of field j relative to the objective's.

    Args:
        fields: the attributes to predict.
        width: d, the width of the states.
        shares: field name -> share.
        reduction: over the values of a field.
    """

    def __init__(
        self, fields: Sequence[Field], width: int, shares: Mapping[str, float], reduction: Reduction
    ) -> None:
        super().__init__()
        self.heads = ByField({field.name: Linear(width, field.size) for field in fields})
        for field in fields:
            suffix = without_dots(field.name)
            self.register_buffer(f"values_{suffix}", field.values, persistent=False)
        self.shares, self.reduction = dict(shares), reduction
        initialise(self)

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The loss of a step. A value that an item lists twice is one label.

        Args:
            model: the model in training; not used.
            encoded: its pass, with the targets.
        """
        targets = encoded.batch.target_items
        losses = []
        for name in self.heads:
            loss = self._field_loss(name, self.logits(encoded, name), targets)
            losses.append(self.shares[name] * loss)
        total: Tensor = sum(losses[1:], start=losses[0])
        return total

    def logits(self, encoded: EncoderPass, name: str) -> Tensor:
        """[N, A]: logits of every value of a field at each target.

        Args:
            encoded: the pass of the encoder.
            name: the field.
        """
        logits: Tensor = self.heads[name](encoded.hidden)
        return logits

    def _field_loss(self, name: str, logits: Tensor, targets: Tensor) -> Tensor:
        """L_j of one field, with its reduction over values."""
        table = self.get_buffer(f"values_{without_dots(name)}")
        values = table.index_select(0, targets)  # [N, F]
        labels = logits.new_zeros(logits.shape).scatter_(1, values, 1.0)
        # Value 0 pads and is no class.
        loss = F.binary_cross_entropy_with_logits(logits[:, 1:].float(), labels[:, 1:].float())
        return loss if self.reduction == "mean" else loss * (logits.shape[1] - 1)
