"""Embeddings of attributes and behaviours.

Letters: V item codes, F values of one attribute, T tokens, d_f width of a field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sirec.config import check_numbers
from sirec.config.quantities import InitialDeviation, Width
from sirec.core.layers.by_field import ByField
from sirec.core.model import INIT_STD
from sirec.data.fields import PADDING, Field, Schema
from sirec.errors import SirecError

Pooling = Literal["sum", "mean"]


class AttributeEmbedding(nn.Module):
    """AE(v): the pooled vectors of an item's values; 0 for an item without values.

    `trainable=False` with `std=1` is what the DIF-SR repository and the RecBole of its time did: no
    optimiser saw their tables.

    Args:
        field: the attribute, with the values Long[V, F] of each item.
        width: d_f, the width of a vector.
        pooling: `sum` or `mean` over an item's values.
        trainable: whether the vectors are trained.
        std: standard deviation of their initial values.
    """

    table: Tensor

    def __init__(
        self, field: Field, width: int, pooling: Pooling, *, trainable: bool, std: float
    ) -> None:
        super().__init__()
        self.register_buffer("table", field.values, persistent=False)  # Long[V, F]
        self.values = nn.Embedding(field.size, width, padding_idx=PADDING)
        self.values.weight.requires_grad_(trainable)
        self.pooling = pooling
        self.std = std

    def reset(self) -> None:
        """Draw the vectors anew, with this attribute's own standard deviation."""
        with torch.no_grad():
            self.values.weight.normal_(std=self.std)
            self.values.weight[PADDING].zero_()

    def forward(self, items: Tensor) -> Tensor:
        """Item codes Long[T] -> Float[T, d_f]."""
        values = self.table.index_select(0, items)  # [T, F]
        return F.embedding_bag(values, self.values.weight, mode=self.pooling, padding_idx=PADDING)

    def of_all_items(self) -> Tensor:
        """Float[V, d_f]: the vectors of all items."""
        return self(torch.arange(len(self.table), device=self.table.device))


class BehaviourEmbedding(nn.Module):
    """A table with a vector for each code of a behaviour.

    Args:
        field: the behaviour.
        width: d, the width of a vector.
    """

    def __init__(self, field: Field, width: int) -> None:
        super().__init__()
        self.values = nn.Embedding(field.size, width, padding_idx=PADDING if field.padded else None)

    def forward(self, codes: Tensor) -> Tensor:
        """Behaviour codes Long[T] -> Float[T, d]."""
        vectors: Tensor = self.values(codes)
        return vectors


class SideEmbedding(nn.Module):
    """The embeddings of every field of a model: attributes by item, behaviours by interaction.

    Args:
        attributes: embedding of each attribute, by name.
        behaviours: embedding of each behaviour, by name.
    """

    def __init__(
        self,
        attributes: Mapping[str, AttributeEmbedding],
        behaviours: Mapping[str, BehaviourEmbedding],
    ) -> None:
        super().__init__()
        self.attributes = ByField(attributes)
        self.behaviours = ByField(behaviours)

    def of_items(self, items: Tensor) -> dict[str, Tensor]:
        """Item codes Long[T] -> Float[T, d_f] of every attribute, by name."""
        return {name: part(items) for name, part in self.attributes.items()}

    def of_behaviours(self, codes: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Codes Long[T] of every behaviour -> Float[T, d], both by name."""
        return {name: part(codes[name]) for name, part in self.behaviours.items()}

    def value_vectors(self, attribute: str) -> Tensor:
        """Float[A, d_f]: a vector for each value of an attribute.

        Raises `SirecError` for an attribute that is not in use.
        """
        if attribute not in self.attributes:
            raise SirecError(
                f"this model does not use the attribute {attribute}, which an objective needs"
            )
        return self.attributes[attribute].values.weight

    def reset(self) -> None:
        """Draw the attributes' vectors with their own deviations; `initialise` draws the rest."""
        for part in self.attributes.values():
            part.reset()


@dataclass(frozen=True, kw_only=True)
class AttributeTables:
    """How a model embeds the attributes that it reads."""

    attribute_width: Width | None = None  # d_f; None: the width of items
    attribute_pooling: Pooling = "sum"
    attribute_trainable: bool = True
    attribute_std: InitialDeviation = INIT_STD

    def __post_init__(self) -> None:
        """Refuse sizes that have no meaning."""
        check_numbers(self)

    def attribute_embeddings(
        self, fields: Sequence[Field], item_width: int
    ) -> dict[str, AttributeEmbedding]:
        """An embedding for each attribute, all of the same width.

        Args:
            fields: the attributes.
            item_width: d, the width of item vectors.
        """
        embeddings: dict[str, AttributeEmbedding] = {}
        for field in fields:
            embeddings[field.name] = AttributeEmbedding(
                field,
                self.attribute_width or item_width,
                self.attribute_pooling,
                trainable=self.attribute_trainable,
                std=self.attribute_std,
            )
        return embeddings


def needed_attributes(schema: Schema, model: str) -> tuple[Field, ...]:
    """The attributes in use, for a model that needs one at least.

    Args:
        schema: the fields in use.
        model: name of the model, for the message.

    Raises:
        SirecError: if no attribute is in use.
    """
    if not schema.attributes:
        raise SirecError(
            f"{model} needs an attribute, and none is in use",
            "add one, or use a model of items alone",
        )
    return schema.attributes
