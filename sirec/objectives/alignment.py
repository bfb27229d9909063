"""IAA: an item's vector must tell its own attribute values from all others (COMIF eq. 9).

    L_IAA = E_{i ∈ I} [ −log softmax_a(e_i · t_a) at a ∈ A(i) ]          raw item and value vectors, no encoder

The expectation is over the catalogue, items without a value left out. Several values: `soft_label`
gives each of them 1/|A(i)| (lower bound log |A(i)|), `multi_positive` asks for their total
probability. Several fields: the mean of their losses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from sirec.core.kernels.products import linear
from sirec.core.layers.by_field import without_dots
from sirec.core.model import SequentialModel
from sirec.data.fields import PADDING, Field, Schema
from sirec.errors import SirecError
from sirec.objectives.base import (
    EncoderPass,
    LossTerm,
    Objective,
    ObjectiveConfig,
    SupervisionSignal,
    chosen_attributes,
)

Scope = Literal["catalogue", "batch_targets"]
MultiValue = Literal["soft_label", "multi_positive"]


@dataclass(frozen=True, kw_only=True)
class ItemAttributeAlignment(ObjectiveConfig):
    """IAA with its switches. `sample`: how many catalogue items a step draws, uniformly (None: all
    of them, exactly).
    """

    name: ClassVar[str] = "iaa"
    signal: ClassVar[SupervisionSignal | None] = "attribute"
    weight: float = 0.4
    attributes: tuple[str, ...] | None = None
    scope: Scope = "catalogue"
    multi_value: MultiValue = "soft_label"
    sample: int | None = 1024

    def __post_init__(self) -> None:
        """Refuse a sample of nothing."""
        super().__post_init__()
        if self.sample is not None and self.sample < 1:
            raise SirecError(
                f"sample {self.sample} must be at least 1, or null for the whole catalogue"
            )

    def indivisible(self) -> str | None:
        """Under `batch_targets` each field's mean is over other targets, so there is no one number
        of terms.
        """
        return (
            "each field has its own number of targets that hold a value"
            if self.scope == "batch_targets"
            else None
        )

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss; it has no parameters. Raises `SirecError` where the data have no attribute to
        align with.
        """
        wanted = chosen_attributes(schema, self.attributes, self.name)
        return AlignmentLoss(self, [f for f in schema.attributes if f.name in wanted])


class AlignmentLoss(Objective):
    """See the module's equation."""

    def __init__(self, config: ItemAttributeAlignment, fields: Sequence[Field]) -> None:
        super().__init__()
        self.config = config
        self.fields = [field.name for field in fields]
        for field in fields:
            self.register_buffer(
                f"values_{without_dots(field.name)}", field.values, persistent=False
            )
            holders = (field.values != PADDING).any(dim=1).nonzero().squeeze(1)
            self.register_buffer(f"holders_{without_dots(field.name)}", holders, persistent=False)

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """Mean over fields of the field's loss on the items of this step."""
        losses = [self.of_field(name, self._items(name, encoded), model) for name in self.fields]
        return torch.stack(losses).mean()

    def loss_term(self, model: SequentialModel, encoded: EncoderPass) -> LossTerm:
        """One term: the catalogue is the same for every row, and as large a sample of it is drawn
        for few rows as for many.
        """
        return LossTerm(self(model, encoded), 1)

    def of_field(self, name: str, items: Tensor, model: SequentialModel) -> Tensor:
        """Mean over `items` Long[M], each of which holds a value, of the loss of one field; 0 if
        there are none.
        """
        vectors, table = model.item_vectors().index_select(0, items), model.value_vectors(name)[1:]
        if vectors.shape[1] != table.shape[1]:
            raise SirecError(
                f"objective iaa compares items of width {vectors.shape[1]} with values of {name} of width {table.shape[1]}",
                "leave attribute_width out, or leave iaa out",
            )
        logits = linear(vectors, table)  # [M, A-1]
        values = self.get_buffer(f"values_{without_dots(name)}").index_select(0, items)  # [M, F]
        held = values != PADDING
        log_probabilities = (
            logits.float().log_softmax(dim=1).gather(1, (values - 1).clamp(min=0))
        )  # [M, F]
        if self.config.multi_value == "multi_positive":
            per_item = log_probabilities.masked_fill(~held, -torch.inf).logsumexp(dim=1)
        else:
            per_item = (log_probabilities * held).sum(dim=1) / held.sum(dim=1)
        return -per_item.sum() / max(len(items), 1)

    def _items(self, name: str, encoded: EncoderPass) -> Tensor:
        holders = self.get_buffer(f"holders_{without_dots(name)}")
        if self.config.scope == "batch_targets":
            targets = encoded.batch.target_items
            return targets[
                (self.get_buffer(f"values_{without_dots(name)}")[targets] != PADDING).any(dim=1)
            ]
        if self.config.sample is None or self.config.sample >= len(holders):
            return holders
        return holders[torch.randint(len(holders), (self.config.sample,), device=holders.device)]
