"""Embeddings of attributes and behaviours.

An attribute is embedded by its form (`data.fields`): `ATTRIBUTE_EMBEDDINGS` has a module for each,
and wherever a model reads an attribute it may have any of them.

Letters: V item codes, F values of one attribute, W width of a vector beside the items, T tokens,
d_f width of a field.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sirec.config import check_numbers
from sirec.config.quantities import InitialDeviation, Width
from sirec.core.kernels.precision import Linear
from sirec.core.layers.by_field import ByField
from sirec.core.model import INIT_STD
from sirec.data.fields import PADDING, Field, FieldForm, Schema
from sirec.errors import SirecError

Pooling = Literal["sum", "mean"]
TINY = 1e-30


class ItemEmbedding(nn.Module, ABC):
    """AE(v): the vector of an item's attribute, whatever its form; 0 where nothing is known.

    Attributes:
        table: what is known of each item, [V, ·].
        width: d_f, the width of AE(v).
    """

    table: Tensor
    width: int

    @abstractmethod
    def reset(self) -> None:
        """Draw the weights anew, with this attribute's own standard deviation."""

    @abstractmethod
    def forward(self, items: Tensor) -> Tensor:
        """Item codes Long[T] -> Float[T, d_f]."""

    def of_all_items(self) -> Tensor:
        """Float[V, d_f]: the vectors of all items."""
        vectors: Tensor = self(torch.arange(len(self.table), device=self.table.device))
        return vectors

    def value_vectors(self) -> Tensor:
        """Float[A, d_f]: a vector for each value. Raises `SirecError` where there are no values."""
        raise SirecError("an attribute of vectors has no values, which an objective needs")


class AttributeEmbedding(ItemEmbedding):
    """AE(v) of values: their pooled vectors; 0 for an item without values.

    `trainable=False` with `std=1` is what the DIF-SR repository and the RecBole of its time did: no
    optimiser saw their tables.

    Args:
        field: the attribute, with the values Long[V, F] of each item.
        width: d_f, the width of a vector.
        pooling: `sum` or `mean` over an item's values.
        trainable: whether the vectors are trained.
        std: standard deviation of their initial values.
    """

    def __init__(
        self, field: Field, width: int, pooling: Pooling, *, trainable: bool, std: float
    ) -> None:
        super().__init__()
        self.register_buffer("table", field.values, persistent=False)  # Long[V, F]
        self.values = nn.Embedding(field.size, width, padding_idx=PADDING)
        self.values.weight.requires_grad_(trainable)
        self.width, self.pooling = width, pooling
        self.std = std

    def reset(self) -> None:
        """Draw the vectors anew, with this attribute's own standard deviation."""
        with torch.no_grad():
            self.values.weight.normal_(std=self.std)
            self.values.weight[PADDING].zero_()

    def forward(self, items: Tensor) -> Tensor:
        """Item codes Long[T] -> Float[T, d_f]."""
        values = self.table.index_select(0, items)  # [T, F]
        if torch.compiler.is_exporting():  # ONNX has no bags: they would become a loop over tokens
            return self._pooled(values)
        return F.embedding_bag(values, self.values.weight, mode=self.pooling, padding_idx=PADDING)

    def _pooled(self, values: Tensor) -> Tensor:
        """The same for values Long[T, F], by plain sums."""
        is_value = (values != PADDING)[..., None]
        total = (self.values(values) * is_value).sum(dim=1)
        return total if self.pooling == "sum" else total / is_value.sum(dim=1).clamp(min=1)

    def value_vectors(self) -> Tensor:
        """Float[A, d_f]: the raw table of the values."""
        return self.values.weight


class VectorEmbedding(ItemEmbedding):
    """AE(v) of vectors that lie beside the items, such as those of a text or an image encoder.

        AE(v) = M x_v / r,   r² = mean of |x_u|² over the items u that have a vector

    The vectors are frozen, and the map M without a bias is learned; 0 for an item without a vector.
    r makes the initial AE(v) as large as the vector of one value, whatever the encoder's scale.

    Args:
        field: the attribute, with the vectors Float[V, W] of the items.
        width: d_f, the width of an embedding.
        std: standard deviation of the initial values of M.
    """

    def __init__(self, field: Field, width: int, *, std: float) -> None:
        super().__init__()
        self.register_buffer("table", unit_scale(field.vectors), persistent=False)  # Float[V, W]
        self.map = Linear(field.size, width, bias=False)
        self.width, self.std = width, std

    def reset(self) -> None:
        """Draw the map anew."""
        with torch.no_grad():
            self.map.weight.normal_(std=self.std)

    def forward(self, items: Tensor) -> Tensor:
        """Item codes Long[T] -> Float[T, d_f]."""
        mapped: Tensor = self.map(self.table.index_select(0, items))
        return mapped


def unit_scale(vectors: Tensor) -> Tensor:
    """Vectors Float[V, W] divided by the root mean square of the lengths of those that are not
    0.
    """
    lengths = vectors.double().square().sum(dim=1)
    given = lengths[lengths > 0]
    return (vectors / given.mean().sqrt().clamp(min=TINY)).float() if len(given) else vectors


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
        attributes: Mapping[str, ItemEmbedding],
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

        Raises `SirecError` for an attribute that is not in use, or has no values.
        """
        if attribute not in self.attributes:
            raise SirecError(
                f"this model does not use the attribute {attribute}, which an objective needs"
            )
        return self.attributes[attribute].value_vectors()

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
    ) -> dict[str, ItemEmbedding]:
        """An embedding for each attribute, by its form, all of the same width.

        Args:
            fields: the attributes.
            item_width: d, the width of item vectors.
        """
        embeddings: dict[str, ItemEmbedding] = {}
        for field in fields:
            embed = ATTRIBUTE_EMBEDDINGS[field.form]
            embeddings[field.name] = embed(field, self, self.attribute_width or item_width)
        return embeddings


def _of_values(field: Field, config: AttributeTables, width: int) -> ItemEmbedding:
    return AttributeEmbedding(
        field,
        width,
        config.attribute_pooling,
        trainable=config.attribute_trainable,
        std=config.attribute_std,
    )


def _of_vectors(field: Field, config: AttributeTables, width: int) -> ItemEmbedding:
    return VectorEmbedding(field, width, std=config.attribute_std)


ATTRIBUTE_EMBEDDINGS: Mapping[FieldForm, Callable[[Field, AttributeTables, int], ItemEmbedding]] = {
    "values": _of_values,
    "vector": _of_vectors,
}


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
