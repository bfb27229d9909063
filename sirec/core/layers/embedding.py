"""Fields as vectors.

Letters: V item codes, F values of one attribute, T tokens, d_f width of a field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sirec.core.layers.by_field import ByField
from sirec.core.model import INIT_STD
from sirec.data.fields import PADDING, Field, Schema
from sirec.errors import SirecError

Pooling = Literal["sum", "mean"]


class AttributeEmbedding(nn.Module):
    """AE(v): the vectors of an item's values, pooled; an item without values has the vector 0.

    `trainable=False` with `std=1` is what the DIF-SR fork and the RecBole of its time did: their
    tables were no parameters and stayed as drawn.
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
        """Draw the table anew with this attribute's own deviation."""
        with torch.no_grad():
            self.values.weight.normal_(std=self.std)
            self.values.weight[PADDING].zero_()

    def forward(self, items: Tensor) -> Tensor:
        """Long[T] -> [T, d_f]."""
        values = self.table.index_select(0, items)  # [T, F]
        return F.embedding_bag(values, self.values.weight, mode=self.pooling, padding_idx=PADDING)

    def of_all_items(self) -> Tensor:
        """[V, d_f]: the whole catalogue at once."""
        return self(torch.arange(len(self.table), device=self.table.device))


class BehaviourEmbedding(nn.Module):
    """The vector of an interaction's behaviour code: a plain table."""

    def __init__(self, field: Field, width: int) -> None:
        super().__init__()
        self.values = nn.Embedding(field.size, width, padding_idx=PADDING if field.padded else None)

    def forward(self, codes: Tensor) -> Tensor:
        """Long[T] -> [T, d]."""
        vectors: Tensor = self.values(codes)
        return vectors


class SideEmbedding(nn.Module):
    """Every field a model uses, by name; attributes are read off items, behaviours off the
    batch.
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
        """Long[T] -> name: [T, d_f]."""
        return {name: part(items) for name, part in self.attributes.items()}

    def of_behaviours(self, codes: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Name -> Long[T] into name: [T, d]."""
        return {name: part(codes[name]) for name, part in self.behaviours.items()}

    def value_vectors(self, attribute: str) -> Tensor:
        """[A, d_f]: the raw table of an attribute's values. Raises `SirecError` for an attribute
        that is not in use.
        """
        if attribute not in self.attributes:
            raise SirecError(
                f"this model does not use the attribute {attribute}, which an objective asks for"
            )
        return self.attributes[attribute].values.weight

    def reset(self) -> None:
        """Draw the attribute tables with their own deviations (the rest is `initialise`'s)."""
        for part in self.attributes.values():
            part.reset()


@dataclass(frozen=True, kw_only=True)
class AttributeTables:
    """How a model that reads attributes embeds them."""

    attribute_width: int | None = None  # d_f; None: the width of items
    attribute_pooling: Pooling = "sum"
    attribute_trainable: bool = True
    attribute_std: float = INIT_STD

    def __post_init__(self) -> None:
        """Refuse a width below 1."""
        if self.attribute_width is not None and self.attribute_width < 1:
            raise SirecError(
                f"attribute_width {self.attribute_width} must be at least 1, or null for the width of items"
            )

    def attribute_embeddings(
        self, fields: Sequence[Field], item_width: int
    ) -> dict[str, AttributeEmbedding]:
        """One embedding an attribute, all of the same width."""
        width, trainable, std = (
            self.attribute_width or item_width,
            self.attribute_trainable,
            self.attribute_std,
        )
        return {
            f.name: AttributeEmbedding(
                f, width, self.attribute_pooling, trainable=trainable, std=std
            )
            for f in fields
        }


def needed_attributes(schema: Schema, model: str) -> tuple[Field, ...]:
    """The attributes in use, for a model that is nothing without one. Raises `SirecError` where
    there is none.
    """
    if not schema.attributes:
        raise SirecError(
            f"{model} needs an attribute, and none is in use",
            "add one, or use a model of items alone",
        )
    return schema.attributes
