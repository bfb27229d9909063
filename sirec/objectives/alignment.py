"""IAA, item-attribute alignment (COMIF, Choi et al. 2025, equation 9).

    L_IAA = E_{i ∈ I} [ −log softmax_a(e_i · t_a) at a ∈ A(i) ]

e_i is the vector of item i and t_a the vector of attribute value a, both from their tables, without
the encoder: an item's vector is trained to tell its own attribute values from all others. The
expectation is over the catalogue; items without a value are left out. Where an item holds several
values, `soft_label` gives each of them the label 1/|A(i)| (the loss is at least log |A(i)|), and
`multi_positive` takes their total probability. With several fields, the mean of their losses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from sirec.config.quantities import LossWeight, SampleSize
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
    chosen_fields,
)

Scope = Literal["catalogue", "batch_targets"]
MultiValue = Literal["soft_label", "multi_positive"]


@dataclass(frozen=True, kw_only=True)
class ItemAttributeAlignment(ObjectiveConfig):
    """IAA with its switches.

    Attributes:
        attributes: the fields to align with; None means all in use.
        scope: which items the loss is over, those of the `catalogue` or the `batch_targets`.
        multi_value: what several values of one item mean, see above.
        sample: how many items of the catalogue a step draws, uniformly and with replacement; None
            means all of them.
    """

    name: ClassVar[str] = "iaa"
    signal: ClassVar[SupervisionSignal | None] = "attribute"
    needs_values: ClassVar[bool] = True
    weight: LossWeight = 0.4
    attributes: tuple[str, ...] | None = None
    scope: Scope = "catalogue"
    multi_value: MultiValue = "soft_label"
    sample: SampleSize | None = 1024

    def indivisible(self) -> str | None:
        """Under `batch_targets` each field is a mean over other targets, so that one number of
        terms does not exist.
        """
        if self.scope == "batch_targets":
            return "each field has its own number of targets that hold a value"
        return None

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss, which has no parameters.

        Args:
            schema: fields of the data in use; their attributes are the labels.
            width: D, the width of a state; not used.

        Raises:
            SirecError: the data have no such attribute.
        """
        return AlignmentLoss(self, chosen_fields(schema, self.attributes, self.name))


class AlignmentLoss(Objective):
    """The loss of the module's equation.

    Args:
        config: the switches.
        fields: the attributes to align with.
    """

    def __init__(self, config: ItemAttributeAlignment, fields: Sequence[Field]) -> None:
        super().__init__()
        self.config = config
        self.fields = [field.name for field in fields]
        for field in fields:
            suffix = without_dots(field.name)
            holders = (field.values != PADDING).any(dim=1).nonzero().squeeze(1)
            self.register_buffer(f"values_{suffix}", field.values, persistent=False)
            self.register_buffer(f"holders_{suffix}", holders, persistent=False)

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The mean over fields of the loss on the items of this step.

        Args:
            model: the model whose item and value vectors are aligned.
            encoded: its pass, which gives the targets under `batch_targets`.
        """
        losses = []
        for name in self.fields:
            items = self._items(name, encoded)
            losses.append(self.field_loss(name, items, model))
        return torch.stack(losses).mean()

    def loss_term(self, model: SequentialModel, encoded: EncoderPass) -> LossTerm:
        """One term: the catalogue is the same for every row, and a sample of it is as large for few
        rows as for many.

        Args:
            model: the model in training.
            encoded: its pass over some rows of a step.
        """
        return LossTerm(self(model, encoded), 1)

    def field_loss(self, name: str, items: Tensor, model: SequentialModel) -> Tensor:
        """The loss of one field, a mean over items that hold a value of it; 0 if there are none.

        Args:
            name: the field.
            items: Long[M], items.
            model: the model whose item and value vectors are aligned.

        Raises:
            SirecError: items and values have vectors of different widths.
        """
        vectors = model.item_vectors().index_select(0, items)  # [M, D]
        table = model.value_vectors(name)[1:]  # [A-1, D], without padding
        if vectors.shape[1] != table.shape[1]:
            raise SirecError(
                f"objective iaa compares items of width {vectors.shape[1]} "
                f"with values of {name} of width {table.shape[1]}",
                "leave attribute_width out, or leave iaa out",
            )
        values = self._values(name).index_select(0, items)  # [M, F]
        held = values != PADDING
        holds_any = held.any(dim=1)
        # An item without a value counts 0 in the end, and has to be finite until then.
        counted = held | ~holds_any[:, None]
        log_shares = linear(vectors, table).float().log_softmax(dim=1)  # [M, A-1]
        log_probabilities = log_shares.gather(1, (values - 1).clamp(min=0))  # [M, F]
        if self.config.multi_value == "multi_positive":
            per_item = log_probabilities.masked_fill(~counted, -torch.inf).logsumexp(dim=1)
        else:
            per_item = (log_probabilities * held).sum(dim=1) / counted.sum(dim=1)
        return -(per_item * holds_any).sum() / holds_any.sum().clamp(min=1)

    def _values(self, name: str) -> Tensor:
        """Long[V, F]: the values that each item holds."""
        return self.get_buffer(f"values_{without_dots(name)}")

    def _items(self, name: str, encoded: EncoderPass) -> Tensor:
        """Long[M]: the items of this step; of the catalogue only those that hold a value."""
        if self.config.scope == "batch_targets":
            return encoded.batch.target_items
        holders = self.get_buffer(f"holders_{without_dots(name)}")
        if self.config.sample is None or self.config.sample >= len(holders):
            return holders
        return holders[torch.randint(len(holders), (self.config.sample,), device=holders.device)]
