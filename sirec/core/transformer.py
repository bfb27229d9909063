"""The one encoder behind SASRec, SASRecF, NOVA, DIF-SR and COMIF: fields join at the levels a declaration names.

    x   = Drop(LN(F_b(F_a(e, AE_1, …), R_1, …)))     F_a, F_b: attributes and behaviours at level `embedding`
    x   = Block_N(… Block_1(x))                      fields at level `query_key` join Q and K, at `attention` score alone
    z_v = x · e_v   or   x · F_a(e_v, AE_1(v), …)    `candidates`: id or fused

A candidate has had no interaction yet, so the item table cannot see a behaviour: that leak is impossible by construction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn

from sirec.core.attention import ITEM, SourceAttention
from sirec.core.blocks import NORM_EPS, Block, Joined
from sirec.core.embedding import BehaviourEmbedding, Pooling, SideEmbedding, attribute_embeddings
from sirec.core.fusion import FusionForm, FusionName, SumFusion, VectorFusion, score_fusion, vector_fusion
from sirec.core.model import INIT_STD, SequentialModel, States, initialise
from sirec.data.batch import Batch, Layout, whole
from sirec.data.fields import PADDING, Field, Kind, Schema, names
from sirec.errors import SirecError

Level = Literal["none", "embedding", "query_key", "attention"]


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """What a declaration may choose; defaults are SASRec's shape under protocol `comif`."""

    width: int = 128  # d
    layers: int = 2
    heads: int = 4
    inner: int = 256  # width inside the feed-forward
    dropout: float = 0.5  # hidden
    attention_dropout: float = 0.3  # on attention probabilities
    attribute: Level = "none"
    behaviour: Level = "embedding"
    attribute_fusion: FusionName = "sum"  # F_a, at the embedding level and in the item table
    behaviour_fusion: FusionName = "sum"  # F_b
    query_key_fusion: FusionName = "sum"
    score_fusion: FusionName = "sum"  # F, at the attention level
    fusion_form: FusionForm = "masked"  # how concat and gate treat invisible scores
    candidates: Literal["id", "fused"] = "id"
    attribute_width: int | None = None  # d_f; None: d
    attribute_pooling: Pooling = "sum"
    attribute_trainable: bool = True
    attribute_std: float = INIT_STD
    scale: Literal["head", "width"] = "head"  # scores are divided by √d_h or, as the papers print, by √d

    def __post_init__(self) -> None:
        """Refuse sizes and combinations that have no meaning."""
        if min(self.width, self.layers, self.heads, self.inner) < 1:
            raise SirecError("width, layers, heads and inner must be at least 1")
        if self.width % self.heads:
            raise SirecError(f"width {self.width} is not a multiple of heads {self.heads}")
        if not (0 <= self.dropout < 1 and 0 <= self.attention_dropout < 1):
            raise SirecError(f"dropout {self.dropout} and attention_dropout {self.attention_dropout} must lie in [0, 1)")
        if self.attribute_width is not None and self.attribute_width < 1:
            raise SirecError(f"attribute_width {self.attribute_width} must be at least 1, or null for the width of items")
        d_f = self.attribute_width or self.width
        fusion = {"embedding": self.attribute_fusion, "query_key": self.query_key_fusion}.get(self.attribute)
        if fusion in ("sum", "gate") and d_f != self.width:
            raise SirecError(
                f"attribute_width {d_f}: {fusion} at level {self.attribute} adds attributes to items of width {self.width}",
                "use concat, or leave attribute_width out",
            )
        if self.attribute == "attention" and d_f < self.heads:
            raise SirecError(f"attribute_width {d_f} leaves nothing for each of {self.heads} heads")
        if self.score_fusion == "gate" and self.fusion_form == "source_axis":
            raise SirecError("fusion_form source_axis does not go with score_fusion gate", "use concat, or form masked")

    def reads(self, kind: Kind) -> bool:
        """Whether fields of a kind enter the encoder."""
        return {"attribute": self.attribute, "behaviour": self.behaviour}[kind] != "none"

    def build(self, schema: Schema) -> FusedTransformer:
        """The encoder for these fields, freshly initialised."""
        return FusedTransformer(self, schema)


class FusedTransformer(SequentialModel):
    """See the module's equations; built from a `TransformerConfig`."""

    visibilities = frozenset({"past", "all"})

    def __init__(self, config: TransformerConfig, schema: Schema) -> None:
        super().__init__()
        self.max_length = schema.max_length
        self.state_width = config.width
        attributes = schema.attributes if config.attribute != "none" else ()
        behaviours = schema.behaviours if config.behaviour != "none" else ()
        d = config.width
        d_f = config.attribute_width or d
        self.widths = dict.fromkeys(names(attributes), d_f) | dict.fromkeys(names(behaviours), d)
        self.items = nn.Embedding(schema.items, d, padding_idx=PADDING)
        self.side = SideEmbedding(
            attribute_embeddings(
                attributes, d_f, config.attribute_pooling, trainable=config.attribute_trainable, std=config.attribute_std
            ),
            {f.name: BehaviourEmbedding(f, d) for f in behaviours},
        )
        self.at_embedding = {
            "attribute": names(attributes) if config.attribute == "embedding" else [],
            "behaviour": names(behaviours) if config.behaviour == "embedding" else [],
        }
        self.fuse_attributes = self._embedding_fusion(config.attribute_fusion, self.at_embedding["attribute"], d)
        self.fuse_behaviours = self._embedding_fusion(config.behaviour_fusion, self.at_embedding["behaviour"], d)
        self.candidates = config.candidates
        self.norm = nn.LayerNorm(d, eps=NORM_EPS)
        self.dropout = nn.Dropout(config.dropout)
        blocks = [self._block(config, attributes, behaviours) for _ in range(config.layers)]
        self.blocks = nn.ModuleList(blocks)
        self.whole_window = any(block.attention.fusion.reads_all_keys for block in blocks)
        self.single_pass = not self.whole_window
        self.reset()

    def reset(self) -> None:
        """Draw all weights anew from torch's generator."""
        initialise(self)
        self.side.reset()

    def encode(self, batch: Batch) -> States:
        """The state after each slot, [B, L, d]; see `SequentialModel.encode`."""
        rows = batch.padded(self.max_length) if self.whole_window else batch
        layout = whole(rows.items) if self.whole_window else rows.layout
        items, side = self.vectors(rows, layout)
        x = self.join(items, side)
        for block in self.blocks:
            x = block(x, side, layout, rows.visible)
        return States(layout.unflatten(x)[:, : batch.items.shape[1]])

    def vectors(self, rows: Batch, layout: Layout) -> tuple[Tensor, dict[str, Tensor]]:
        """The raw vectors of a layout's tokens: items [T, d], and every field by name, [T, w]."""
        items = layout.flatten(rows.items)
        side = self.side.of_items(items)
        side |= self.side.of_behaviours({name: layout.flatten(rows.behaviours[name]) for name in self.side.behaviours})
        return self.items(items), side

    def join(self, items: Tensor, side: Mapping[str, Tensor]) -> Tensor:
        """What the first block reads, [T, d]: items fused with the fields that join at the embedding, normed."""
        fused = self.fuse_attributes([items, *(side[name] for name in self.at_embedding["attribute"])])
        fused = self.fuse_behaviours([fused, *(side[name] for name in self.at_embedding["behaviour"])])
        x: Tensor = self.dropout(self.norm(fused))
        return x

    @property
    def layers(self) -> list[Block]:
        """The blocks, first to last."""
        return [cast(Block, block) for block in self.blocks]

    def item_vectors(self) -> Tensor:
        """[V, d]: the raw item table."""
        return self.items.weight

    def value_vectors(self, attribute: str) -> Tensor:
        """[A, d_f]: the raw table of an attribute's values."""
        if attribute not in self.side.attributes:
            raise SirecError(f"this model does not use the attribute {attribute}, which an objective asks for")
        weight: Tensor = self.side.attributes[attribute].get_parameter("values.weight")
        return weight

    def item_table(self) -> Tensor:
        """[V, d]: raw item vectors, or fused with their attributes as at the input (COMIF eq. 7)."""
        table = self.items.weight
        if self.candidates == "id" or not self.at_embedding["attribute"]:
            return table
        side = self.side.of_items(torch.arange(len(table), device=table.device))
        fused: Tensor = self.fuse_attributes([table, *(side[name] for name in self.at_embedding["attribute"])])
        return fused

    def _embedding_fusion(self, name: FusionName, joining: list[str], width: int) -> VectorFusion:
        if not joining:
            return SumFusion()
        return vector_fusion(name, [width, *(self.widths[field] for field in joining)], width)

    def _block(self, config: TransformerConfig, attributes: tuple[Field, ...], behaviours: tuple[Field, ...]) -> Block:
        level: Mapping[str, tuple[list[str], list[str]]] = {
            wanted: (
                names(attributes) if config.attribute == wanted else [],
                names(behaviours) if config.behaviour == wanted else [],
            )
            for wanted in ("query_key", "attention")
        }
        before, after = level["attention"]
        widths = {name: self.widths[name] for name in before} | {ITEM: config.width} | {n: self.widths[n] for n in after}
        fusion = score_fusion(config.score_fusion, config.fusion_form, len(widths), self.max_length)
        scale = 1 / math.sqrt(config.width if config.scale == "width" else config.width // config.heads)
        attention = SourceAttention(widths, config.heads, fusion, config.attention_dropout, scale)
        return Block(attention, config.inner, config.dropout, self._query_key(config, *level["query_key"]))

    def _query_key(self, config: TransformerConfig, before: list[str], after: list[str]) -> Joined | None:
        if not before and not after:
            return None
        widths = [*(self.widths[name] for name in before), config.width, *(self.widths[name] for name in after)]
        return Joined(before, after, vector_fusion(config.query_key_fusion, widths, config.width))
