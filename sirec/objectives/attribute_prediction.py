"""AAP: the next item's attributes are predicted as well (DIF-SR eq. 14 and 16).

    L_j = mean over (targets, values a = 1..|A_j|) of BCE(σ(h Wj + bj)_a, [a ∈ A_j(target)])

h is what the last block gives: a layer between it and the scores of items (BERT4Rec's head) is
theirs alone. The paper prints a sum over values; its weights (5 to 25) only make sense with the
mean of its code, which is the default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch.nn.functional as F
from torch import Tensor

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
    """Binary cross-entropy of every attribute value of the next item; `weights` overrides the
    weight of single fields.

    `reduction` over the values of a field: `mean` as in the code, `sum` as printed (both: mean over
    targets).
    """

    name: ClassVar[str] = "aap"
    signal: ClassVar[SupervisionSignal | None] = "attribute"
    weight: float = 10.0
    attributes: tuple[str, ...] | None = None
    weights: Mapping[str, float] | None = None
    reduction: Reduction = "mean"

    def build(self, schema: Schema, width: int) -> Objective:
        """One head a field. Raises `SirecError` where the data have no attribute to predict, or not
        one that has a weight.
        """
        shares = self.shares(schema)
        return AttributePredictionLoss(
            [f for f in schema.attributes if f.name in shares], width, shares, self.reduction
        )

    def build_for(self, schema: Schema, model: SequentialModel) -> Objective:
        """The objective for this model's states before any output layer."""
        return self.build(schema, model.hidden_width)

    def shares(self, schema: Schema) -> dict[str, float]:
        """The weight of each chosen field relative to the objective's."""
        wanted = chosen_attributes(schema, self.attributes, self.name)
        for name in self.weights or {}:
            if name not in wanted:
                raise unknown("attribute", name, wanted, f"objective {self.name}: weights")
        return {name: (self.weights or {}).get(name, self.weight) / self.weight for name in wanted}


class AttributePredictionLoss(Objective):
    """Σ_j share_j · L_j, where share_j is field j's weight relative to the objective's."""

    def __init__(
        self, fields: Sequence[Field], width: int, shares: Mapping[str, float], reduction: Reduction
    ) -> None:
        super().__init__()
        self.heads = ByField({field.name: Linear(width, field.size) for field in fields})
        for field in fields:
            self.register_buffer(
                f"values_{without_dots(field.name)}", field.values, persistent=False
            )
        self.shares, self.reduction = dict(shares), reduction
        initialise(self)

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The loss of a step: labels are the target items' values, listed twice or not."""
        targets = encoded.batch.target_items
        losses = [
            self.shares[name] * self._of_field(name, self.logits(encoded, name), targets)
            for name in self.heads
        ]
        total: Tensor = sum(losses[1:], start=losses[0])
        return total

    def logits(self, encoded: EncoderPass, name: str) -> Tensor:
        """[N, A]: what is said of one field's values at each target."""
        logits: Tensor = self.heads[name](encoded.hidden)
        return logits

    def _of_field(self, name: str, logits: Tensor, targets: Tensor) -> Tensor:
        values = self.get_buffer(f"values_{without_dots(name)}").index_select(0, targets)  # [N, F]
        labels = logits.new_zeros(logits.shape).scatter_(1, values, 1.0)
        loss = F.binary_cross_entropy_with_logits(
            logits[:, 1:].float(), labels[:, 1:].float()
        )  # value 0 pads
        return loss if self.reduction == "mean" else loss * (logits.shape[1] - 1)
