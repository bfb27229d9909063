"""Each stream of a state is compared with its own part of all items (TASIF, Luo et al., WSDM 2026).

    L = CE(h · e_v) + w/F Σ_j CE(c_j · AE_j(v))          over all items v, mean over targets

h is the item stream and e_v the raw vector of an item; c_j is the stream of attribute j and AE_j(v)
the vector of the item's attribute. Items with the same attribute are indistinguishable to c_j, so
that its term does not fall below the mean logarithm of their number. The score by which a model
ranks, such as a weighted sum of these products, is not trained itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from sirec.config.quantities import PartWeight
from sirec.core.kernels.softmax import cross_entropy
from sirec.core.layers.attention import ITEM
from sirec.core.model import SequentialModel
from sirec.data.fields import Schema
from sirec.errors import SirecError
from sirec.objectives.base import EncoderPass, Objective, ObjectiveConfig, chosen_attributes
from sirec.objectives.item import FIRST_CLASS


@dataclass(frozen=True, kw_only=True)
class StreamCatalogue(ObjectiveConfig):
    """Cross-entropy of the next item from the item stream and from every attribute's stream.

    Attributes:
        attributes: the attributes whose streams are trained; None means all in use.
        attribute_weight: w, the weight of the attributes' terms together.
        padding_class: keep code 0, the padding, among the classes.
    """

    name: ClassVar[str] = "stream_catalogue"
    attributes: tuple[str, ...] | None = None
    attribute_weight: PartWeight = 1.0
    padding_class: bool = False

    def build(self, schema: Schema, width: int) -> Objective:
        """The loss, which has no parameters.

        Args:
            schema: fields of the data in use; the streams are those of its attributes.
            width: D, the width of a state; not used.

        Raises:
            SirecError: the data have no such attribute.
        """
        names = chosen_attributes(schema, self.attributes, self.name, needs_values=False)
        return StreamCatalogueLoss(names, self.attribute_weight, FIRST_CLASS[self.padding_class])

    def build_for(self, schema: Schema, model: SequentialModel) -> Objective:
        """The loss for this model.

        Args:
            schema: fields of the data in use.
            model: the model that will be trained.

        Raises:
            SirecError: the data have no such attribute, or the model no stream of it.
        """
        names = chosen_attributes(schema, self.attributes, self.name, needs_values=False)
        for name in (ITEM, *names):
            if name not in model.stream_widths:
                raise SirecError(
                    f"objective {self.name} reads the stream of {name}, and {model.name} has none",
                    f"use a model with streams, or leave {self.name} out",
                )
        return self.build(schema, model.state_width)


class StreamCatalogueLoss(Objective):
    """The loss of the module's equation.

    Args:
        attributes: names of the attributes' streams.
        weight: w.
        first: the first item code that is a class.
    """

    def __init__(self, attributes: list[str], weight: float, first: int) -> None:
        super().__init__()
        self.attributes, self.weight, self.first = attributes, weight, first

    def forward(self, model: SequentialModel, encoded: EncoderPass) -> Tensor:
        """The weighted sum of the terms of all streams.

        Args:
            model: the model, which has the vectors of items and of their attributes.
            encoded: its pass over the rows of the step.
        """
        items = model.item_vectors()
        total = self._term(encoded, ITEM, items)
        if not self.weight:
            return total
        vectors = model.attribute_vectors(torch.arange(len(items), device=items.device))
        terms = [self._term(encoded, name, vectors[name]) for name in self.attributes]
        return total + self.weight * torch.stack(terms).mean()

    def _term(self, encoded: EncoderPass, stream: str, table: Tensor) -> Tensor:
        """The cross-entropy of one stream among the rows Float[V, w] of a table."""
        states = encoded.states.stream_at(stream, encoded.batch.target_slots)
        targets = encoded.batch.target_items - self.first
        return cross_entropy(states, table[self.first :], None, targets)
