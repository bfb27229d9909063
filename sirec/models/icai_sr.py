"""ICAI-SR: items made of their attributes, and a sequence model for each kind of them (Yuan et al.,
SIGIR 2021).

No code was published and the equations were not at hand: this is a reading of the abstract (doi
10.1145/3404835.3463060) and of DIF-SR's account, on SASRec as in DIF-SR's Table 2. Attributes join
an item by two attentions,
    c_j(v) = Σ_a softmax_a(e_v Wq_j · t_a Wk_j / √d) t_a Wv_j         over a ∈ A_j(v); no value, no vector    (inner type)
    ê_v    = Σ_x softmax_x(w · tanh(W x + b)) x                       over x ∈ {e_v, c_1(v), …, c_F(v)}       (across types)
and one encoder reads the items made so, another each type's vectors; all of them learn what comes
next:
    h   = SASRec(ê(v_1), …, ê(v_t)),   h_j = SASRec_j(c_j(v_1), …, c_j(v_t)),   z_v = h · ê_v
    L   = cross-entropy of h · ê_v + Σ_j cross-entropy of h_j · ê_v                                (`objectives/stream_item.py`)

The streams h_j are there for training; only h predicts. The original samples a fixed number of
values of each type, to be faster; here all are read. A type without values is a candidate x = 0.
Every encoder has its own positions, norm and blocks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from sirec.core.kernels.precision import Linear
from sirec.core.layers.attention import ITEM
from sirec.core.layers.blocks import NORM_EPS, through
from sirec.core.layers.by_field import ByField
from sirec.core.layers.dropout import Dropout
from sirec.core.layers.embedding import BehaviourEmbedding, SideEmbedding, needed_attributes
from sirec.core.layers.fusion import SumFusion
from sirec.core.model import SequentialModel, States, initialise
from sirec.core.shape import Shape
from sirec.data.fields import PADDING, Field, Schema
from sirec.data.tasks.batch import Batch
from sirec.models.declaration import Declaration
from sirec.objectives.item import ItemCrossEntropy
from sirec.objectives.stage import Stage
from sirec.objectives.stream_item import StreamItem


@dataclass(frozen=True, kw_only=True)
class ICAISR(Shape, Declaration):
    """Attributes by attention in the item and its table, and in streams that only training
    reads.
    """

    name: ClassVar[str] = "icai-sr"
    title: ClassVar[str] = "ICAI-SR"
    source: ClassVar[str] = "Yuan et al., SIGIR 2021; our reading, on SASRec"
    stages: ClassVar[tuple[Stage, ...]] = (Stage(objectives=(ItemCrossEntropy(), StreamItem())),)
    published = {
        "stages.train.task": {"name": "last_item"},
        "item.padding_class": True,
        "stream_item.padding_class": True,
    }
    checked = "no public code; a reading of the abstract, whose formulas it equals in plain loops"
    attribute: ClassVar[str] = "embedding, stream"
    behaviour: ClassVar[str] = "embedding"
    fusions = {"attribute": "attention", "behaviour": "sum"}
    candidates: ClassVar[str] = "fused"

    def build(self, schema: Schema) -> Aggregator:
        """The network for these fields, freshly initialised. Raises `SirecError` where the data
        have no attribute.
        """
        return Aggregator(self, schema)


class InnerType(nn.Module):
    """c_j: an item's values of one type, mixed by attention, which a type of single values does
    without.
    """

    table: Tensor

    def __init__(self, field: Field, width: int) -> None:
        super().__init__()
        self.register_buffer("table", field.values, persistent=False)  # Long[V, F]
        self.values = nn.Embedding(field.size, width, padding_idx=PADDING)
        self.value = Linear(width, width, bias=False)
        pairs = field.values.shape[1] > 1
        self.query, self.key = (
            (Linear(width, width, bias=False) if pairs else None) for _ in range(2)
        )

    def forward(self, items: Tensor, codes: Tensor) -> Tensor:
        """`items` [T, d], the vectors of the items `codes` Long[T] -> [T, d]; 0 where there is no
        value.

        Values are mapped once each, then looked up; the padding value has the vector 0, which is
        never trained.
        """
        values = self.table.index_select(0, codes)  # [T, F]
        mixed = nn.functional.embedding(
            values, self.value(self.values.weight), PADDING
        )  # [T, F, d]
        if self.query is None or self.key is None:
            return mixed.squeeze(1)
        keys = nn.functional.embedding(values, self.key(self.values.weight), PADDING)
        scores = (keys @ self.query(items)[:, :, None]).squeeze(-1) / math.sqrt(
            items.shape[-1]
        )  # [T, F]
        weights = scores.masked_fill(values == PADDING, torch.finfo(scores.dtype).min).softmax(
            dim=-1
        )
        return (weights[:, None, :] @ mixed).squeeze(1)


class AcrossTypes(nn.Module):
    """ê: Σ_x softmax_x(w · tanh(W x + b)) x of parts [T, d]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.energy = nn.Sequential(Linear(width, width), nn.Tanh(), Linear(width, 1, bias=False))

    def forward(self, parts: list[Tensor]) -> Tensor:
        """The weighted sum, [T, d]."""
        stacked = torch.stack(parts, dim=-2)  # [T, 1 + F, d]
        return (self.energy(stacked).softmax(dim=-2) * stacked).sum(dim=-2)


class VectorStream(nn.Module):
    """SASRec over vectors [T, d] of a batch's tokens: behaviours are added, then LN, dropout and
    blocks.
    """

    def __init__(self, config: ICAISR, behaviours: tuple[Field, ...]) -> None:
        super().__init__()
        self.side = SideEmbedding(
            {}, {field.name: BehaviourEmbedding(field, config.width) for field in behaviours}
        )
        self.norm = nn.LayerNorm(config.width, eps=NORM_EPS)
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(config.plain_blocks())

    def forward(self, vectors: Tensor, batch: Batch) -> Tensor:
        """The state after each slot, [B, L, d]."""
        codes = {
            name: batch.layout.flatten(batch.behaviours[name]) for name in self.side.behaviours
        }
        x = self.dropout(
            self.norm(SumFusion()([vectors, *self.side.of_behaviours(codes).values()]))
        )
        return batch.layout.unflatten(
            through(self.blocks, x, {}, batch.layout, batch), batch.readout
        )


class Aggregator(SequentialModel):
    """See the module's equations."""

    causal = single_pass = True

    def __init__(self, config: ICAISR, schema: Schema) -> None:
        super().__init__()
        self.state_width = config.width
        attributes = needed_attributes(schema, config.name)
        self.items = nn.Embedding(schema.items, config.width, padding_idx=PADDING)
        self.types = ByField({field.name: InnerType(field, config.width) for field in attributes})
        self.across = AcrossTypes(config.width)
        self.streams = ByField(
            {
                name: VectorStream(config, schema.behaviours)
                for name in (ITEM, *(f.name for f in attributes))
            }
        )
        self.stream_widths = dict.fromkeys([ITEM, *self.types], config.width)
        initialise(self)

    def encode(self, batch: Batch) -> States:
        """The state after each slot, [B, L, d], which is stream `item`, and the streams of
        attributes by name.
        """
        item, types = self.aggregate(batch.layout.flatten(batch.items))
        streams = {
            name: self.streams[name](vectors, batch)
            for name, vectors in {ITEM: item, **types}.items()
        }
        return States(streams[ITEM], streams)

    def aggregate(self, codes: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """ê [T, d] of items Long[T], and c_j [T, d] by the attribute's name."""
        items = self.items(codes)
        types = {name: part(items, codes) for name, part in self.types.items()}
        return self.across([items, *types.values()]), types

    def item_vectors(self) -> Tensor:
        """[V, d]: the raw item table."""
        return self.items.weight

    def item_table(self) -> Tensor:
        """[V, d]: every item with its attributes, as at the input."""
        return self.aggregate(
            torch.arange(self.items.num_embeddings, device=self.items.weight.device)
        )[0]

    def value_vectors(self, attribute: str) -> Tensor:
        """[A, d]: the raw table of an attribute's values."""
        if attribute not in self.types:
            return super().value_vectors(attribute)
        return self.types[attribute].values.weight
