"""The encoder that most models share: fields join where a declaration says.

SASRec, eSASRec, SASRecF, NOVA, DIF-SR, COMIF, BERT4Rec, DIF-BERT4Rec and S3-Rec are declarations of
this encoder.

    x   = Drop(LN(F_b(F_a(e, AE_1, …), R_1, …)))
    x   = Block_N(… Block_1(x))
    z_v = x · e_v   or   x · F_a(e_v, AE_1(v), …)

F_a and F_b fuse the attributes AE_i and the behaviours R_i that enter at level `embedding`. Fields
at level `query_key` join queries and keys of every block; fields at level `attention` have scores
of their own. z_v scores item v with its own vector (`candidates: id`) or fused with its attributes
(`candidates: fused`).

At level `objective` an attribute enters nowhere: only losses use its vectors. An item may be hidden
behind a MASK, and its attributes are hidden with it. A candidate item has had no interaction yet,
so that the item table cannot contain a behaviour.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, cast

import torch
import torch.nn.functional as F
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
from sirec.core.model import (
    CONSTANT_PART,
    INITIAL,
    ITEM_PART,
    SequentialModel,
)
from sirec.core.shape import Shape
from sirec.core.states import States, TokenStates
from sirec.data.fields import PADDING, Field, FieldKind, Schema, names
from sirec.data.tasks.batch import Batch, PositionOrder
from sirec.data.tasks.layout import TokenLayout
from sirec.data.tasks.rectangular import whole
from sirec.errors import SirecError
from sirec.shell import arguments

FusionLevel = Literal["none", "objective", "embedding", "query_key", "attention"]
Readout = Literal["last", "mask", "before_mask"]


@dataclass(frozen=True, kw_only=True)
class TransformerConfig(Shape, AttributeTables):
    """What a declaration of the encoder may choose.

    The key `question` names the readout, the state that predicts the next item: `last` is the state
    of the last item; `mask` the state of a MASK that is appended to the row; `before_mask` the
    state of the last item while the MASK stands behind it, as RecBole did at the time of the
    papers.
    """

    attribute: FusionLevel = "none"
    behaviour: FusionLevel = "embedding"
    attribute_fusion: FusionName = "sum"  # F_a, at the embedding level and in the item table
    behaviour_fusion: FusionName = "sum"  # F_b
    query_key_fusion: FusionName = "sum"
    score_fusion: FusionName = "sum"  # F, at the attention level
    fusion_form: FusionForm = "masked"  # how concat and gate treat invisible scores
    gate_form: GateForm = "two_layer"  # how every gate computes the weight of a part
    candidates: Literal["id", "fused"] = "id"
    # Scores are divided by √d_h or, as the papers print it, by √d.
    scale: Literal["head", "width"] = "head"
    mask_token: bool = False  # whether items can be hidden
    question: Readout = "last"
    block: BlockName = "post_norm"  # `ligr` normalises the input of each block instead
    positions: PositionOrder = "forward"  # where positions are counted from; see `Batch.counted`
    initial: Literal["normal", "xavier"] = "normal"  # how weights are drawn, but for attributes
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
                "or read the state of the last item: question last",
            )
        d_f = self.attribute_width or self.width
        fusion = {"embedding": self.attribute_fusion, "query_key": self.query_key_fusion}.get(
            self.attribute
        )
        if fusion in ("sum", "gate") and d_f != self.width:
            raise SirecError(
                f"attribute_width {d_f}: {fusion} at level {self.attribute} adds attributes to "
                f"items of width {self.width}",
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
        """Name of the function that fuses fields of a kind where they enter, or None."""
        embedding = {"attribute": self.attribute_fusion, "behaviour": self.behaviour_fusion}[kind]
        at = {
            "embedding": embedding,
            "query_key": self.query_key_fusion,
            "attention": self.score_fusion,
        }
        return at.get({"attribute": self.attribute, "behaviour": self.behaviour}[kind])

    def at_candidates(self, kind: FieldKind) -> bool:
        """Whether fields of a kind are fused into the item table; only attributes can be."""
        return kind == "attribute" and self.attribute == "embedding" and self.candidates == "fused"

    def build(self, schema: Schema) -> FusedTransformer:
        """The encoder for these fields, freshly initialised."""
        return FusedTransformer(self, schema)


def _read_attributes(config: TransformerConfig, schema: Schema) -> tuple[Field, ...]:
    """The attributes that have vectors in the model.

    Raises:
        SirecError: where only losses read them, and some have no values that a loss could read.
    """
    if config.attribute == "none":
        return ()
    vectors = [field.name for field in schema.attributes if field not in schema.with_values]
    if config.attribute == "objective" and vectors:
        setting = f"data.attributes=[{', '.join(names(schema.with_values))}]"
        raise SirecError(
            f"only losses read attributes here (attribute: objective), and {vectors[0]} has "
            "vectors and no values to predict",
            f"read only the others: {arguments('--set', setting)}"
            if schema.with_values
            else "use a model that embeds attributes, such as sasrecf",
        )
    return schema.attributes


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
        attributes = _read_attributes(config, schema)
        behaviours = schema.behaviours if config.behaviour != "none" else ()
        d = config.width
        d_f = config.attribute_width or d
        self.widths = dict.fromkeys(names(attributes), d_f) | dict.fromkeys(names(behaviours), d)
        self.items = nn.Embedding(schema.items, d, padding_idx=PADDING)
        self.mask, self.mask_code = (nn.Embedding(1, d) if config.mask_token else None), schema.mask
        self.readout = config.question
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
        is_normed = BLOCKS[config.block].normed_input
        self.norm = nn.LayerNorm(d, eps=NORM_EPS) if is_normed else nn.Identity()
        self.dropout = Dropout(config.dropout)
        blocks = [self._block(config, attributes, behaviours) for _ in range(config.layers)]
        self.blocks = nn.ModuleList(blocks)
        self.whole_window = any(block.attention.fusion.reads_all_keys for block in blocks)
        self.positions = config.positions
        self.causal = not self.whole_window
        counts_back = config.positions != "forward" and "position" in names(behaviours)
        self.single_pass = self.causal and not counts_back
        self.head = ProjectionHead(schema.items, d) if config.head else None
        self.initial = config.initial
        self.state_width = d if self.head is None else self.head.width
        self.reset()

    def reset(self) -> None:
        """Draw all weights anew from torch's generator."""
        INITIAL[self.initial](self)
        self.side.reset()
        if self.head is not None:
            nn.init.zeros_(self.head.bias)

    def question(self, batch: Batch) -> Batch:
        """The rows with a MASK behind the last item, if the readout needs one."""
        if self.readout == "last":
            return batch
        masked = batch.append_mask(self.mask_code, self.max_length)
        if self.readout == "mask":
            return masked
        return replace(masked, read=(masked.read - 1).clamp(min=0), only_last=False)

    def encode(self, batch: Batch) -> States:
        """The state after each slot, [B, L, d]; see `SequentialModel.encode`."""
        rows = batch.padded(self.max_length) if self.whole_window else batch
        layout = whole(rows.items) if self.whole_window else rows.layout
        items, side = self.vectors(rows, layout)
        x = through(self.blocks, self.join(items, side), side, layout, rows)
        length, tokens = batch.items.shape[1], rows.readout_in(layout)
        if self.head is None:
            return TokenStates(layout, x, readout=tokens, length=length)
        final = self.head(x)
        return TokenStates(layout, final, hidden=x, readout=tokens, length=length)

    def vectors(self, rows: Batch, layout: TokenLayout) -> tuple[Tensor, dict[str, Tensor]]:
        """Raw vectors of the tokens of a batch.

        Args:
            rows: the batch.
            layout: its T tokens.

        Returns:
            Item vectors Float[T, d], and by name the vectors Float[T, w] of every field.
        """
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
        """The input of the first block: items fused with the fields at level `embedding`.

        Args:
            items: item vectors Float[T, d].
            side: vectors Float[T, w] of every field, by name.

        Returns:
            Float[T, d], normalised unless the blocks do that themselves.
        """
        attributes = [side[name] for name in self.at_embedding["attribute"]]
        behaviours = [side[name] for name in self.at_embedding["behaviour"]]
        fused = self.fuse_attributes([items, *attributes])
        fused = self.fuse_behaviours([fused, *behaviours])
        x: Tensor = self.dropout(self.norm(fused))
        return x

    @property
    def hidden_width(self) -> int:
        """d: the width of item vectors; a head makes states wider."""
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
        if not list(self.side.attributes):
            return super().value_vectors(attribute)
        return self.side.value_vectors(attribute)

    def attribute_vectors(self, items: Tensor) -> dict[str, Tensor]:
        """Item codes Long[M] -> Float[M, d_f] of every attribute, by name."""
        return self.side.of_items(items)

    def item_table(self) -> Tensor:
        """[V, D]: raw item vectors, or fused with attributes as at the input (COMIF eq. 7)."""
        table = self.items.weight
        if self.candidates == "fused" and self.at_embedding["attribute"]:
            side = self.side.of_items(torch.arange(len(table), device=table.device))
            attributes = [side[name] for name in self.at_embedding["attribute"]]
            table = self.fuse_attributes([table, *attributes])
        return table if self.head is None else self.head.with_biases(table)

    def item_parts(self) -> dict[str, Tensor]:
        """Vectors Float[V, D] whose sum is the item table: of the items, and of their attributes.

        Where gates weigh the parts, each one is weighed as it is in the table.
        """
        table = self.items.weight
        parts = {ITEM_PART: table}
        if self.candidates == "fused" and self.at_embedding["attribute"]:
            side = self.side.of_items(torch.arange(len(table), device=table.device))
            joining = {ITEM_PART: table} | {n: side[n] for n in self.at_embedding["attribute"]}
            maps, constant = self.fuse_attributes.linearised(list(joining.values()))
            for (name, part), through_map in zip(joining.items(), maps, strict=True):
                parts[name] = through_map(part)
            if constant.ndim:
                parts[CONSTANT_PART] = constant.expand_as(table)
        if self.head is None:
            return parts
        biases = F.pad(self.head.bias[:, None], (table.shape[1], 0))
        parts = {name: F.pad(part, (0, 1)) for name, part in parts.items()}
        parts[CONSTANT_PART] = parts.get(CONSTANT_PART, 0) + biases
        return parts

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
        sources = self._sources(config, attributes, behaviours)
        fusion = score_fusion(
            config.score_fusion, config.fusion_form, len(sources), self.max_length, config.gate_form
        )
        scaled_by = config.width if config.scale == "width" else config.width // config.heads
        scale = 1 / math.sqrt(scaled_by)
        attention = SourceAttention(sources, config.heads, fusion, config.attention_dropout, scale)
        query_key = self._query_key(
            config,
            names(attributes) if config.attribute == "query_key" else [],
            names(behaviours) if config.behaviour == "query_key" else [],
        )
        return BLOCKS[config.block](attention, config.inner, config.dropout, query_key)

    def _sources(
        self,
        config: TransformerConfig,
        attributes: tuple[Field, ...],
        behaviours: tuple[Field, ...],
    ) -> dict[str, int]:
        """Width of each source of attention, in the authors' order: attributes, item,
        behaviours.
        """
        sources: dict[str, int] = {}
        if config.attribute == "attention":
            for name in names(attributes):
                sources[name] = self.widths[name]
        sources[ITEM] = config.width
        if config.behaviour == "attention":
            for name in names(behaviours):
                sources[name] = self.widths[name]
        return sources

    def _query_key(
        self, config: TransformerConfig, before: list[str], after: list[str]
    ) -> Joined | None:
        if not before and not after:
            return None
        widths_before = [self.widths[name] for name in before]
        widths_after = [self.widths[name] for name in after]
        widths = [*widths_before, config.width, *widths_after]
        fusion = vector_fusion(config.query_key_fusion, widths, config.width, config.gate_form)
        return Joined(before, after, fusion)
