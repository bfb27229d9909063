"""MAP and AAP of S3-Rec (Zhou et al., CIKM 2020): an item's attributes are
predicted from the state at its slot, where the item is masked (MAP) or shown (AAP).

    L = 1/B Σ over slots and values a = 1..|A| of BCE(σ(h M · t_a), [a ∈ A(item)])

MAP is over masked slots, AAP over real slots that are not masked. h is the state, M a matrix of the
loss, t_a the model's own vector of value a: an encoder that reads no attributes (level `objective`)
still trains them. Several fields share M and their losses are added up, as if they were one field
with the values of all. This AAP is about the item in the slot, where DIF-SR's (`aap`) is about the
target. `masked_item.py` says why the sums are divided by the number of rows B alone.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from sirec.config.quantities import LossWeight
from sirec.core.kernels.precision import Linear
from sirec.core.kernels.products import linear
from sirec.core.layers.by_field import without_dots
from sirec.core.model import SequentialModel, initialise
from sirec.data.fields import Field, Schema
from sirec.data.tasks.layout import to_device
from sirec.errors import SirecError
from sirec.objectives.base import (
    EncoderPass,
    LossTerm,
    Objective,
    ObjectiveConfig,
    SupervisionSignal,
    chosen_fields,
)


@dataclass(frozen=True, kw_only=True)
class MaskedAttribute(ObjectiveConfig):
    """MAP, the attributes of masked items.

    Attributes:
        attributes: the fields to predict; None means all in use.
    """

    name: ClassVar[str] = "masked_attribute"
    tasks: ClassVar[tuple[str, ...]] = ("cloze", "segments")
    signal: ClassVar[SupervisionSignal | None] = "attribute"
    needs_values: ClassVar[bool] = True
    attributes: tuple[str, ...] | None = None

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss with its matrix M.

        Args:
            schema: fields of the data in use; their attributes are the labels.
            width: D, the width of a state.

        Raises:
            SirecError: the data have no such attribute.
        """
        fields = chosen_fields(schema, self.attributes, self.name)
        return MaskedSlotAttributes(fields, width, self.name)


@dataclass(frozen=True, kw_only=True)
class AssociatedAttribute(ObjectiveConfig):
    """AAP as S3-Rec defines it, the attributes of shown items.

    Attributes:
        attributes: the fields to predict; None means all in use.
    """

    name: ClassVar[str] = "associated_attribute"
    tasks: ClassVar[tuple[str, ...]] = ("cloze", "segments")
    signal: ClassVar[SupervisionSignal | None] = "attribute"
    needs_values: ClassVar[bool] = True
    weight: LossWeight = 0.2
    attributes: tuple[str, ...] | None = None

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss with its matrix M.

        Args:
            schema: fields of the data in use; their attributes are the labels.
            width: D, the width of a state.

        Raises:
            SirecError: the data have no such attribute.
        """
        fields = chosen_fields(schema, self.attributes, self.name)
        return ShownSlotAttributes(fields, width, self.name)


class SlotAttributes(Objective):
    """The loss of the module's equation; a subclass says over which slots.

    Args:
        fields: the attributes to predict.
        width: D, the width of a state and of M.
        name: the objective's name, for messages.
    """

    def __init__(self, fields: Sequence[Field], width: int, name: str) -> None:
        super().__init__()
        self.map = Linear(width, width)
        self.fields, self.name = [field.name for field in fields], name
        for field in fields:
            suffix = without_dots(field.name)
            self.register_buffer(f"values_{suffix}", field.values, persistent=False)
        initialise(self)

    @abstractmethod
    def chosen(self, encoded: EncoderPass) -> tuple[Tensor, Tensor]:
        """(states [M, D], items Long[M]) at the slots that the loss is over."""

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The sum over slots, fields and values, divided by the number of rows.

        Args:
            model: the model whose value vectors are trained.
            encoded: its pass over the rows of the step.
        """
        states, items = self.chosen(encoded)
        mapped = self.map(states)
        losses = []
        for name in self.fields:
            losses.append(self._field_loss(name, model.value_vectors(name), mapped, items))
        total: Tensor = sum(losses[1:], start=losses[0]) / len(encoded.batch.items)
        return total

    def loss_term(self, model: SequentialModel, encoded: EncoderPass) -> LossTerm:
        """One term for each row.

        Args:
            model: the model in training.
            encoded: its pass over some rows of a step.
        """
        return LossTerm(self(model, encoded), len(encoded.batch.items))

    def _field_loss(self, name: str, vectors: Tensor, mapped: Tensor, items: Tensor) -> Tensor:
        """The sum over slots and values of one field, with value vectors [A, D]."""
        if vectors.shape[1] != mapped.shape[1]:
            raise SirecError(
                f"objective {self.name} compares states of width {mapped.shape[1]} "
                f"with values of {name} of width {vectors.shape[1]}",
                f"leave attribute_width out, or leave {self.name} out",
            )
        logits = linear(mapped, vectors)  # [M, A]
        values = self.get_buffer(f"values_{without_dots(name)}").index_select(0, items)  # [M, F]
        labels = logits.new_zeros(logits.shape).scatter_(1, values, 1.0)
        # Value 0 pads and is no class.
        return F.binary_cross_entropy_with_logits(
            logits[:, 1:].float(), labels[:, 1:].float(), reduction="sum"
        )


class MaskedSlotAttributes(SlotAttributes):
    """MAP: the loss over masked slots."""

    def chosen(self, encoded: EncoderPass) -> tuple[Tensor, Tensor]:
        """States and items at the masked slots."""
        return encoded.predicting, encoded.batch.target_items


class ShownSlotAttributes(SlotAttributes):
    """AAP: the loss over slots that show their item."""

    def chosen(self, encoded: EncoderPass) -> tuple[Tensor, Tensor]:
        """States and items at the real slots that are not masked."""
        batch = encoded.batch
        is_real = np.arange(batch.items.shape[1]) < batch.lengths[:, None]
        is_shown = is_real & ~batch.predicting
        slots = to_device(np.flatnonzero(is_shown), batch.items.device)
        return encoded.states.at(slots), batch.items.flatten().index_select(0, slots)
