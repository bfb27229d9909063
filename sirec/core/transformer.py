"""The encoder that most models share: fields join where a declaration says.

Over it are declared SASRec, eSASRec, SASRecF, NOVA, DIF-SR, COMIF, BERT4Rec, DIF-BERT4Rec and
S3-Rec.

    x   = Drop(LN(F_b(F_a(e, AE_1, …), R_1, …)))     F_a, F_b: attributes and behaviours at level `embedding`
    x   = Block_N(… Block_1(x))                      fields at level `query_key` join Q and K, at `attention` score alone
    z_v = x · e_v   or   x · F_a(e_v, AE_1(v), …)    `candidates`: id or fused

At level `objective` an attribute joins nothing: its vectors are there for losses alone. An item may
be hidden behind a MASK, and its attributes with it. A candidate has had no interaction yet, so the
item table cannot see a behaviour: that leak is impossible by construction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, cast

import torch
from torch import Tensor, nn

from sirec.core.layers.attention import ITEM, SourceAttention
from sirec.core.layers.blocks import (
    BLOCKS,
    NORM_EPS,
    Block,
    BlockName,
    Joined,
    ProjectionHead,
    through,
)
from sirec.core.layers.dropout import Dropout
from sirec.core.layers.embedding import AttributeTables, BehaviourEmbedding, SideEmbedding
from sirec.core.layers.fusion import (
    FusionForm,
    FusionName,
    GateForm,
    SumFusion,
    VectorFusion,
    score_fusion,
    vector_fusion,
)
from sirec.core.model import SequentialModel, States, initialise
from sirec.core.shape import Shape
from sirec.data.fields import PADDING, Field, FieldKind, Schema, names
from sirec.data.tasks.batch import Batch, PositionOrder
from sirec.data.tasks.layout import TokenLayout, whole
from sirec.errors import SirecError

FusionLevel = Literal["none", "objective", "embedding", "query_key", "attention"]
Readout = Literal["last", "mask", "before_mask"]


@dataclass(frozen=True, kw_only=True)
class TransformerConfig(Shape, AttributeTables):
    """What a declaration may choose.

    `question` is the state that predicts: that of the last item, of a MASK appended to it, or (what
    the RecBole of the papers' time did by mistake) of the last item with the MASK after it.
    """

    attribute: FusionLevel = "none"
    behaviour: FusionLevel = "embedding"
    attribute_fusion: FusionName = "sum"  # F_a, at the embedding level and in the item table
    behaviour_fusion: FusionName = "sum"  # F_b
    query_key_fusion: FusionName = "sum"
    score_fusion: FusionName = "sum"  # F, at the attention level
    fusion_form: FusionForm = "masked"  # how concat and gate treat invisible scores
    gate_form: GateForm = "two_layer"  # what every gate reads a part's weight off with
    candidates: Literal["id", "fused"] = "id"
    scale: Literal["head", "width"] = (
        "head"  # scores are divided by √d_h or, as the papers print, by √d
    )
    mask_token: bool = False  # whether items can be hidden
    question: Readout = "last"
    block: BlockName = "post_norm"  # `ligr` norms what a block reads instead, and not the input
    positions: PositionOrder = "forward"  # where positions are counted from; see `Batch.counted`
    head: bool = False  # whether states pass a `ProjectionHead` before they are compared with items

    def __post_init__(self) -> None:
        """Refuse sizes and combinations that have no meaning."""
        Shape.__post_init__(self)
        AttributeTables.__post_init__(self)
        if self.behaviour == "objective":
            raise SirecError(
                "behaviour objective: no loss reads a behaviour's vectors", "use level none"
            )
        if self.question != "last" and not self.mask_token:
            raise SirecError(
                f"question {self.question} needs mask_token: true",
                "or ask the last item: question last",
            )
        d_f = self.attribute_width or self.width
        fusion = {"embedding": self.attribute_fusion, "query_key": self.query_key_fusion}.get(
            self.attribute
        )
        if fusion in ("sum", "gate") and d_f != self.width:
            raise SirecError(
                f"attribute_width {d_f}: {fusion} at level {self.attribute} adds attributes to items of width {self.width}",
                "use concat, or leave attribute_width out",
            )
        if self.attribute == "attention" and d_f < self.heads:
            raise SirecError(f"attribute_width {d_f} leaves nothing for each of {self.heads} heads")
        if self.score_fusion == "gate" and self.fusion_form == "source_axis":
            raise SirecError(
                "fusion_form source_axis does not go with score_fusion gate",
                "use concat, or form masked",
            )

    def fusion(self, kind: FieldKind) -> str | None:
        """The function that fuses fields of a kind where they enter; None where nothing is
        fused.
        """
        embedding = {"attribute": self.attribute_fusion, "behaviour": self.behaviour_fusion}[kind]
        at = {
            "embedding": embedding,
            "query_key": self.query_key_fusion,
            "attention": self.score_fusion,
        }
        return at.get({"attribute": self.attribute, "behaviour": self.behaviour}[kind])

    def at_candidates(self, kind: FieldKind) -> bool:
        """Whether fields of a kind join the item table: attributes can, with what fuses them at the
        embedding.
        """
        return kind == "attribute" and self.attribute == "embedding" and self.candidates == "fused"

    def build(self, schema: Schema) -> FusedTransformer:
        """The encoder for these fields, freshly initialised."""
        return FusedTransformer(self, schema)


class FusedTransformer(SequentialModel):
    """See the module's equations; built from a `TransformerConfig`."""

    remedies = {
        "causal": "fusion_form=masked",
        "gaps": "mask_token=true",
        "attributes": "attribute=objective",
    }

    def __init__(self, config: TransformerConfig, schema: Schema) -> None:
        super().__init__()
        self.max_length = schema.max_length
        attributes = schema.attributes if config.attribute != "none" else ()
        behaviours = schema.behaviours if config.behaviour != "none" else ()
        d = config.width
        d_f = config.attribute_width or d
        self.widths = dict.fromkeys(names(attributes), d_f) | dict.fromkeys(names(behaviours), d)
        self.items = nn.Embedding(schema.items, d, padding_idx=PADDING)
        self.mask, self.mask_code = (nn.Embedding(1, d) if config.mask_token else None), schema.mask
        self.asks = config.question
        self.visibilities = frozenset({"past", "all"}) if config.mask_token else frozenset({"past"})
        self.side = SideEmbedding(
            config.attribute_embeddings(attributes, d),
            {f.name: BehaviourEmbedding(f, d) for f in behaviours},
        )
        self.reads_attributes = config.attribute != "objective"
        self.at_embedding = {
            "attribute": names(attributes) if config.attribute == "embedding" else [],
            "behaviour": names(behaviours) if config.behaviour == "embedding" else [],
        }
        self.fuse_attributes = self._embedding_fusion(
            config, config.attribute_fusion, self.at_embedding["attribute"]
        )
        self.fuse_behaviours = self._embedding_fusion(
            config, config.behaviour_fusion, self.at_embedding["behaviour"]
        )
        self.candidates = config.candidates
        self.norm = (
            nn.LayerNorm(d, eps=NORM_EPS) if BLOCKS[config.block].normed_input else nn.Identity()
        )
        self.dropout = Dropout(config.dropout)
        blocks = [self._block(config, attributes, behaviours) for _ in range(config.layers)]
        self.blocks = nn.ModuleList(blocks)
        self.whole_window = any(block.attention.fusion.reads_all_keys for block in blocks)
        self.positions = config.positions
        self.causal = not self.whole_window
        self.single_pass = self.causal and (
            config.positions == "forward" or "position" not in names(behaviours)
        )
        self.head = ProjectionHead(schema.items, d) if config.head else None
        self.state_width = d if self.head is None else self.head.width
        self.reset()

    def reset(self) -> None:
        """Draw all weights anew from torch's generator."""
        initialise(self)
        self.side.reset()
        if self.head is not None:
            nn.init.zeros_(self.head.bias)

    def question(self, batch: Batch) -> Batch:
        """The rows with a MASK after the last item, if that is how the model is asked."""
        if self.asks == "last":
            return batch
        asking = batch.append_mask(self.mask_code, self.max_length)
        return (
            asking
            if self.asks == "mask"
            else replace(asking, read=(asking.read - 1).clamp(min=0), only_last=False)
        )

    def encode(self, batch: Batch) -> States:
        """The state after each slot, [B, L, d]; see `SequentialModel.encode`."""
        rows = batch.padded(self.max_length) if self.whole_window else batch
        layout = whole(rows.items) if self.whole_window else rows.layout
        items, side = self.vectors(rows, layout)
        x = through(self.blocks, self.join(items, side), side, layout, rows)
        length, asked = batch.items.shape[1], rows.readout_in(layout)
        hidden = layout.unflatten(x, asked)[:, :length]
        if self.head is None:
            return States(hidden)
        return States(layout.unflatten(self.head(x), asked)[:, :length], hidden=hidden)

    def vectors(self, rows: Batch, layout: TokenLayout) -> tuple[Tensor, dict[str, Tensor]]:
        """The raw vectors of a layout's tokens: items [T, d], and every field by name, [T, w]."""
        rows = rows.count_positions(self.positions, self.max_length)
        codes = layout.flatten(rows.items)
        known = codes if self.mask is None else codes.masked_fill(codes == self.mask_code, PADDING)
        side = self.side.of_items(known) if self.reads_attributes else {}
        side |= self.side.of_behaviours(
            {name: layout.flatten(rows.behaviours[name]) for name in self.side.behaviours}
        )
        items = self.items(known)
        if self.mask is not None:
            items = torch.where((codes == self.mask_code)[:, None], self.mask.weight, items)
        return items, side

    def join(self, items: Tensor, side: Mapping[str, Tensor]) -> Tensor:
        """What the first block reads, [T, d]: items fused with the fields that join at the
        embedding, normed.
        """
        fused = self.fuse_attributes(
            [items, *(side[name] for name in self.at_embedding["attribute"])]
        )
        fused = self.fuse_behaviours(
            [fused, *(side[name] for name in self.at_embedding["behaviour"])]
        )
        x: Tensor = self.dropout(self.norm(fused))
        return x

    @property
    def hidden_width(self) -> int:
        """The width of items, which a head widens."""
        return self.items.embedding_dim

    @property
    def layers(self) -> list[Block]:
        """The blocks, first to last."""
        return [cast(Block, block) for block in self.blocks]

    def item_vectors(self) -> Tensor:
        """[V, d]: the raw item table."""
        return self.items.weight

    def value_vectors(self, attribute: str) -> Tensor:
        """[A, d_f]: the raw table of an attribute's values."""
        return (
            self.side.value_vectors(attribute)
            if [*self.side.attributes]
            else super().value_vectors(attribute)
        )

    def item_table(self) -> Tensor:
        """[V, D]: raw item vectors, or fused with their attributes as at the input (COMIF eq.
        7).
        """
        table = self.items.weight
        if self.candidates == "fused" and self.at_embedding["attribute"]:
            side = self.side.of_items(torch.arange(len(table), device=table.device))
            table = self.fuse_attributes(
                [table, *(side[name] for name in self.at_embedding["attribute"])]
            )
        return table if self.head is None else self.head.beside(table)

    def _embedding_fusion(
        self, config: TransformerConfig, name: FusionName, joining: list[str]
    ) -> VectorFusion:
        if not joining:
            return SumFusion()
        widths = [config.width, *(self.widths[field] for field in joining)]
        return vector_fusion(name, widths, config.width, config.gate_form)

    def _block(
        self,
        config: TransformerConfig,
        attributes: tuple[Field, ...],
        behaviours: tuple[Field, ...],
    ) -> Block:
        level: Mapping[str, tuple[list[str], list[str]]] = {
            wanted: (
                names(attributes) if config.attribute == wanted else [],
                names(behaviours) if config.behaviour == wanted else [],
            )
            for wanted in ("query_key", "attention")
        }
        before, after = level["attention"]
        widths = (
            {name: self.widths[name] for name in before}
            | {ITEM: config.width}
            | {n: self.widths[n] for n in after}
        )
        fusion = score_fusion(
            config.score_fusion, config.fusion_form, len(widths), self.max_length, config.gate_form
        )
        scale = 1 / math.sqrt(
            config.width if config.scale == "width" else config.width // config.heads
        )
        attention = SourceAttention(widths, config.heads, fusion, config.attention_dropout, scale)
        return BLOCKS[config.block](
            attention, config.inner, config.dropout, self._query_key(config, *level["query_key"])
        )

    def _query_key(
        self, config: TransformerConfig, before: list[str], after: list[str]
    ) -> Joined | None:
        if not before and not after:
            return None
        widths = [
            *(self.widths[name] for name in before),
            config.width,
            *(self.widths[name] for name in after),
        ]
        return Joined(
            before,
            after,
            vector_fusion(config.query_key_fusion, widths, config.width, config.gate_form),
        )
