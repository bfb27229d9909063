"""MAP and AAP of S3-Rec: an item's attributes from the state at its slot, where it is hidden (MAP)
or shown (AAP).

    L = 1/B Σ over slots, values a = 1..|A| of BCE(σ(h M · t_a), [a ∈ A(item)])        MAP: gaps;  AAP: real slots that are none

t_a are the model's own vectors of the values: an encoder that reads no attributes (level
`objective`) learns from them all the same. Several attributes share M and add up, as one attribute
with the values of all does. This AAP is about what the slot shows, where DIF-SR's (`aap`) is about
the target. Why sums are divided by rows B alone: see `masked_item.py`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from sirec.core.kernels.precision import Linear
from sirec.core.kernels.products import linear
from sirec.core.layers.by_field import without_dots
from sirec.core.model import SequentialModel, initialise
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


@dataclass(frozen=True, kw_only=True)
class MaskedAttribute(ObjectiveConfig):
    """MAP: attributes of hidden items. `attributes: null` means all that are in use."""

    name: ClassVar[str] = "masked_attribute"
    tasks: ClassVar[tuple[str, ...]] = ("cloze", "segments")
    signal: ClassVar[SupervisionSignal | None] = "attribute"
    attributes: tuple[str, ...] | None = None

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss with its map M. Raises `SirecError` where the data have no attribute to
        predict.
        """
        return HiddenAttributes(_fields(self, self.attributes, schema), width, self.name)


@dataclass(frozen=True, kw_only=True)
class AssociatedAttribute(ObjectiveConfig):
    """AAP as S3-Rec has it: attributes of shown items. `attributes: null` means all that are in
    use.
    """

    name: ClassVar[str] = "associated_attribute"
    tasks: ClassVar[tuple[str, ...]] = ("cloze", "segments")
    signal: ClassVar[SupervisionSignal | None] = "attribute"
    weight: float = 0.2
    attributes: tuple[str, ...] | None = None

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss with its map M. Raises `SirecError` where the data have no attribute to
        predict.
        """
        return ShownAttributes(_fields(self, self.attributes, schema), width, self.name)


def _fields(
    config: ObjectiveConfig, attributes: Sequence[str] | None, schema: Schema
) -> list[Field]:
    wanted = chosen_attributes(schema, attributes, config.name)
    return [field for field in schema.attributes if field.name in wanted]


class SlotAttributes(Objective):
    """See the module's equation; which slots it is about is for the two below to say."""

    def __init__(self, fields: Sequence[Field], width: int, name: str) -> None:
        super().__init__()
        self.map = Linear(width, width)
        self.fields, self.name = [field.name for field in fields], name
        for field in fields:
            self.register_buffer(
                f"values_{without_dots(field.name)}", field.values, persistent=False
            )
        initialise(self)

    @abstractmethod
    def chosen(self, encoded: EncoderPass) -> tuple[Tensor, Tensor]:
        """(states [M, D], items Long[M]) at the slots this is about."""

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The slots' losses over all fields and values, added up, a row of the step."""
        states, items = self.chosen(encoded)
        mapped = self.map(states)
        losses = [
            self._of_field(name, model.value_vectors(name), mapped, items) for name in self.fields
        ]
        total: Tensor = sum(losses[1:], start=losses[0]) / len(encoded.batch.items)
        return total

    def loss_term(self, model: SequentialModel, encoded: EncoderPass) -> LossTerm:
        """A term a row."""
        return LossTerm(self(model, encoded), len(encoded.batch.items))

    def _of_field(self, name: str, vectors: Tensor, mapped: Tensor, items: Tensor) -> Tensor:
        if vectors.shape[1] != mapped.shape[1]:
            raise SirecError(
                f"objective {self.name} compares states of width {mapped.shape[1]} with values of {name} of width "
                f"{vectors.shape[1]}",
                f"leave attribute_width out, or leave {self.name} out",
            )
        logits = linear(mapped, vectors)  # [M, A]
        values = self.get_buffer(f"values_{without_dots(name)}").index_select(0, items)  # [M, F]
        labels = logits.new_zeros(logits.shape).scatter_(1, values, 1.0)
        return F.binary_cross_entropy_with_logits(
            logits[:, 1:].float(), labels[:, 1:].float(), reduction="sum"
        )  # 0 pads


class HiddenAttributes(SlotAttributes):
    """MAP."""

    def chosen(self, encoded: EncoderPass) -> tuple[Tensor, Tensor]:
        """States and items at the gaps."""
        return encoded.predicting, encoded.batch.target_items


class ShownAttributes(SlotAttributes):
    """AAP."""

    def chosen(self, encoded: EncoderPass) -> tuple[Tensor, Tensor]:
        """States and items at the real slots that are no gaps."""
        items = encoded.batch.items.flatten()
        slots = (
            ((items != PADDING) & (encoded.batch.targets.flatten() == PADDING)).nonzero().squeeze(1)
        )
        return encoded.states.at(slots), items.index_select(0, slots)
