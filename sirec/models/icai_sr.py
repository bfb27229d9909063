"""ICAI-SR: item vectors aggregated from attributes, and an encoder for each attribute type (Yuan et
al., SIGIR 2021).

No code was published and the equations were not available: this is a reading of the abstract (doi
10.1145/3404835.3463060) and of DIF-SR's description, on SASRec as in DIF-SR's Table 2. Two
attentions aggregate the attributes of an item,

    c_j(v) = Σ_a softmax_a(e_v Wq_j · t_a Wk_j / √d) t_a Wv_j    over a ∈ A_j(v); 0 without values
    ê_v    = Σ_x softmax_x(w · tanh(W x + b)) x                  over x ∈ {e_v, c_1(v), …, c_F(v)}

(within a type, across types). One encoder reads the aggregated items, another the vectors of each
type, and all learn to predict the next item:

    h   = SASRec(ê(v_1), …, ê(v_t)),   h_j = SASRec_j(c_j(v_1), …, c_j(v_t))
    z_v = h · ê_v
    L   = cross-entropy of h · ê_v + Σ_j cross-entropy of h_j · ê_v    (`objectives/stream_item.py`)

The streams h_j are for training; only h predicts. The original samples a fixed number of values of
each type for speed; all are read here. A type without values enters ê as x = 0, which takes a share
of the weights; `missing: left_out` takes it out of the softmax across types. Every encoder has
positions, a norm and blocks of its own.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from sirec.core.kernels.precision import Linear
from sirec.core.layers.attention import ITEM
from sirec.core.layers.blocks import NORM_EPS, through
from sirec.core.layers.by_field import ByField
from sirec.core.layers.dropout import Dropout
from sirec.core.layers.embedding import (
    BehaviourEmbedding,
    SideEmbedding,
    VectorEmbedding,
    needed_attributes,
)
from sirec.core.layers.fusion import SumFusion
from sirec.core.model import INIT_STD, SequentialModel, initialise
from sirec.core.shape import Shape
from sirec.core.states import States, TokenStates
from sirec.data.fields import PADDING, Field, FieldForm, Schema
from sirec.data.tasks.batch import Batch
from sirec.errors import SirecError
from sirec.models.declaration import Declaration
from sirec.models.search_space import with_usual
from sirec.objectives.item import ItemCrossEntropy
from sirec.objectives.stage import Stage
from sirec.objectives.stream_item import StreamItem


@dataclass(frozen=True, kw_only=True)
class ICAISR(Shape, Declaration):
    """Attributes enter items and candidates by attention, and streams that only training reads."""

    name: ClassVar[str] = "icai-sr"
    title: ClassVar[str] = "ICAI-SR"
    source: ClassVar[str] = "Yuan et al., SIGIR 2021; our reading, on SASRec"
    stages: ClassVar[tuple[Stage, ...]] = (Stage(objectives=(ItemCrossEntropy(), StreamItem())),)
    published = {
        "stages.train.task": {"name": "last_item"},
        "item.padding_class": True,
        "stream_item.padding_class": True,
    }
    search_space = with_usual({"stream_item.weight": (0.1, 0.3, 1.0)})
    checked = "no public code; a reading of the abstract, whose formulas it equals in plain loops"
    attribute: ClassVar[str] = "embedding, stream"
    behaviour: ClassVar[str] = "embedding"
    fusions = {"attribute": "attention", "behaviour": "sum"}
    candidates: ClassVar[str] = "fused"

    missing: Literal["zero", "left_out"] = "zero"  # how a type without values enters ê

    def build(self, schema: Schema) -> Aggregator:
        """The network for the fields of `schema`, freshly initialised.

        Raises `SirecError` where the data have no attribute.
        """
        return Aggregator(self, schema)


class AttributeType(nn.Module, ABC):
    """c_j(v): what one attribute says of an item."""

    @abstractmethod
    def forward(self, items: Tensor, codes: Tensor) -> Tensor:
        """The vector c_j of each item; 0 where nothing is known.

        Args:
            items: Float[T, d], the vectors of the items.
            codes: Long[T], their codes.

        Returns:
            Float[T, d].
        """

    @abstractmethod
    def is_known(self, codes: Tensor) -> Tensor:
        """Bool[T]: whether anything is known of each item, Long[T]."""

    def value_vectors(self) -> Tensor:
        """Float[A, d]: a vector for each value. Raises `SirecError` where there are no values."""
        raise SirecError("an attribute of vectors has no values, which an objective needs")


class VectorType(AttributeType):
    """c_j of vectors beside the items: there is one for each item, and nothing to weight.

    Args:
        field: the attribute, with the vectors Float[V, W] of the items.
        width: d, the width of items.
    """

    def __init__(self, field: Field, width: int) -> None:
        super().__init__()
        self.embedding = VectorEmbedding(field, width, std=INIT_STD)

    def forward(self, items: Tensor, codes: Tensor) -> Tensor:
        """The mapped vector of each item, Float[T, d]; see `AttributeType.forward`.

        Args:
            items: Float[T, d], not read.
            codes: Long[T], the codes of the items.
        """
        vectors: Tensor = self.embedding(codes)
        return vectors

    def is_known(self, codes: Tensor) -> Tensor:
        """Bool[T]: whether each item, Long[T], has a vector that is not 0."""
        return (self.embedding.table.index_select(0, codes) != 0).any(dim=-1)


class InnerType(AttributeType):
    """c_j: the values of one attribute type, weighted by attention.

    A type with one value for each item needs no attention weights.

    Args:
        field: the attribute.
        width: d, the width of items and values.
    """

    table: Tensor

    def __init__(self, field: Field, width: int) -> None:
        super().__init__()
        self.register_buffer("table", field.values, persistent=False)  # Long[V, F]
        self.values = nn.Embedding(field.size, width, padding_idx=PADDING)
        self.value = Linear(width, width, bias=False)
        has_several = field.values.shape[1] > 1
        self.query = Linear(width, width, bias=False) if has_several else None
        self.key = Linear(width, width, bias=False) if has_several else None

    def forward(self, items: Tensor, codes: Tensor) -> Tensor:
        """The vector c_j of each item; 0 where an item has no value.

        Each value is projected once, then looked up. The padding value has the vector 0, which is
        never trained.

        Args:
            items: Float[T, d], the vectors of the items.
            codes: Long[T], their codes.

        Returns:
            Float[T, d].
        """
        values = self.table.index_select(0, codes)  # [T, F]
        projected = self.value(self.values.weight)
        mixed = nn.functional.embedding(values, projected, PADDING)  # [T, F, d]
        if self.query is None or self.key is None:
            return mixed.squeeze(1)
        keys = nn.functional.embedding(values, self.key(self.values.weight), PADDING)
        products = (keys @ self.query(items)[:, :, None]).squeeze(-1)
        scores = products / math.sqrt(items.shape[-1])  # [T, F]
        lowest = torch.finfo(scores.dtype).min
        weights = scores.masked_fill(values == PADDING, lowest).softmax(dim=-1)
        return (weights[:, None, :] @ mixed).squeeze(1)

    def is_known(self, codes: Tensor) -> Tensor:
        """Bool[T]: whether each item, Long[T], has a value."""
        return (self.table.index_select(0, codes) != PADDING).any(dim=-1)

    def value_vectors(self) -> Tensor:
        """Float[A, d]: the raw table of the values."""
        return self.values.weight


TYPES: Mapping[FieldForm, Callable[[Field, int], AttributeType]] = {
    "values": InnerType,
    "vector": VectorType,
}


class AcrossTypes(nn.Module):
    """ê = Σ_x softmax_x(w · tanh(W x + b)) x."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.energy = nn.Sequential(Linear(width, width), nn.Tanh(), Linear(width, 1, bias=False))

    def forward(self, parts: list[Tensor], known: list[Tensor] | None = None) -> Tensor:
        """The weighted sum Float[T, d] of 1 + F parts.

        Args:
            parts: Float[T, d] each, the item first.
            known: Bool[T] for each of the F types; a part that is not known has the weight 0.
                Without it all parts have weights.
        """
        stacked = torch.stack(parts, dim=-2)  # [T, 1 + F, d]
        energies = self.energy(stacked)  # [T, 1 + F, 1]
        if known is not None:
            is_part = torch.stack([torch.ones_like(known[0]), *known], dim=-1)[..., None]
            energies = energies.masked_fill(~is_part, torch.finfo(energies.dtype).min)
        return (energies.softmax(dim=-2) * stacked).sum(dim=-2)


class VectorStream(nn.Module):
    """SASRec over vectors of tokens: behaviours are added, then LN, dropout and blocks.

    Args:
        config: the declaration.
        behaviours: the behaviours of the data.
    """

    def __init__(self, config: ICAISR, behaviours: tuple[Field, ...]) -> None:
        super().__init__()
        tables = {field.name: BehaviourEmbedding(field, config.width) for field in behaviours}
        self.side = SideEmbedding({}, tables)
        self.norm = nn.LayerNorm(config.width, eps=NORM_EPS)
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(config.plain_blocks())

    def forward(self, vectors: Tensor, batch: Batch) -> Tensor:
        """The state after each slot.

        Args:
            vectors: Float[T, d], one for each token.
            batch: the rows of the tokens.

        Returns:
            Float[T, d], or Float[B, d] where only the last state of every row is read.
        """
        codes = {
            name: batch.layout.flatten(batch.behaviours[name]) for name in self.side.behaviours
        }
        added = SumFusion()([vectors, *self.side.of_behaviours(codes).values()])
        x = self.dropout(self.norm(added))
        return through(self.blocks, x, {}, batch.layout, batch)


class Aggregator(SequentialModel):
    """The encoder of the module's equations.

    Args:
        config: the declaration.
        schema: the items and fields of the data.
    """

    causal = single_pass = True

    def __init__(self, config: ICAISR, schema: Schema) -> None:
        super().__init__()
        self.state_width = config.width
        attributes = needed_attributes(schema, config.name)
        self.items = nn.Embedding(schema.items, config.width, padding_idx=PADDING)
        self.types = ByField(
            {field.name: TYPES[field.form](field, config.width) for field in attributes}
        )
        self.across = AcrossTypes(config.width)
        self.leaves_out = config.missing == "left_out"
        streams = {ITEM: VectorStream(config, schema.behaviours)}
        for field in attributes:
            streams[field.name] = VectorStream(config, schema.behaviours)
        self.streams = ByField(streams)
        self.stream_widths = dict.fromkeys([ITEM, *self.types], config.width)
        initialise(self)

    def encode(self, batch: Batch) -> States:
        """The state after each slot, Float[B, L, d], and the streams: `item`, and each attribute.

        The state is the stream `item`.
        """
        item, types = self.aggregate(batch.layout.flatten(batch.items))
        streams = {}
        for name, vectors in {ITEM: item, **types}.items():
            streams[name] = self.streams[name](vectors, batch)
        return TokenStates(batch.layout, streams[ITEM], streams=streams, readout=batch.readout)

    def aggregate(self, codes: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """ê Float[T, d] of items Long[T], and c_j Float[T, d] by the name of the attribute."""
        items = self.items(codes)
        types = {name: part(items, codes) for name, part in self.types.items()}
        known: list[Tensor] | None = None
        if self.leaves_out:
            known = [part.is_known(codes) for part in self.types.values()]
        return self.across([items, *types.values()], known), types

    def item_vectors(self) -> Tensor:
        """Float[V, d]: the raw item table."""
        return self.items.weight

    def item_table(self) -> Tensor:
        """Float[V, d]: every item with its attributes, as at the input."""
        table = self.items.weight
        aggregated, _ = self.aggregate(torch.arange(len(table), device=table.device))
        return aggregated

    def value_vectors(self, attribute: str) -> Tensor:
        """Float[A, d]: the raw table of an attribute's values."""
        if attribute not in self.types:
            return super().value_vectors(attribute)
        return self.types[attribute].value_vectors()
