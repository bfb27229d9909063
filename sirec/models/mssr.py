"""MSSR: every sequence asks every other (Lin et al., "Multi-Sequence Attentive User Representation
Learning", WSDM 2024).

Sources are the item stream H, each attribute's vectors A_f and each behaviour's P (position,
counted from the last item).
    S_xy = (X_x W_xy)(X_y Wk_y)ᵀ     every x asks every y;  item and behaviours ask one another by one map W_x
    H'   = TB with softmax(G_xy(ω_xy S_xy) / √d_h + M) and values from H,   (2 + F)² matrices, A_f as embedded
    C_f' = the same with values from C_f,   (1 + F)² matrices among attributes, C_g as they stand, and behaviours
    ω    = softmax(θ) over the matrices, one θ a stream for all blocks;  G gates whole rows (`core/layers/fusion.py`)
    z_v  = γ_0 h · e_v + Σ_f γ_f c_f · AE_f(v),   γ = softmax(Drop(W[h; c_1; …; c_F])),   H_0 = Drop(LN(e)), C_f0 = A_f
    L    = cross-entropy + λa AAP(h, c_f) + λc contrast(h, c_f)                                   (`objectives/streams.py`)

With one attribute γ is a sigmoid of one number. z is one dot product, of [γ_0 h; γ_f c_f] with [E;
AE_f]. Questions to the same keys are stacked, so a block costs 2 + 2F matrix products, not (2 + F)²
+ (1 + F)².

From the authors' code; the paper's equation numbers are not known here. Departures: scores are
masked before the gate; c_f is read from the last block, the code reads the first (`attr_layer:
first`; later blocks then need no attribute streams and have none); tables are trained. Several
behaviours, or none, are ours. Where position is counted from the end a state depends on its row's
length, so each target is trained as the last of its row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from sirec.core.layers.attention import ITEM
from sirec.core.layers.blocks import NORM_EPS, at
from sirec.core.layers.dropout import Dropout
from sirec.core.layers.embedding import AttributeTables, BehaviourEmbedding, Pooling, SideEmbedding
from sirec.core.layers.fusion import GateForm
from sirec.core.layers.stream_weights import StreamWeights
from sirec.core.model import SequentialModel, States, initialise
from sirec.core.shape import Shape
from sirec.data.fields import PADDING, Schema, names
from sirec.data.tasks.batch import Batch, PositionOrder
from sirec.data.tasks.layout import TokenLayout, whole
from sirec.data.tasks.next_item import LastItem
from sirec.errors import SirecError
from sirec.models.declaration import FROZEN_ATTRIBUTES, PREFIX_EXAMPLES, Declaration
from sirec.models.parts.source_pairs import PairBlock, Sources, Vectors
from sirec.objectives.item import ItemCrossEntropy
from sirec.objectives.stage import Stage
from sirec.objectives.streams import StreamAttributePrediction, StreamContrast


@dataclass(frozen=True, kw_only=True)
class MSSR(Shape, AttributeTables, Declaration):
    """All pairs of sources at the attention, a stream for every attribute, and both in the item
    table.
    """

    name: ClassVar[str] = "mssr"
    title: ClassVar[str] = "MSSR"
    source: ClassVar[str] = "Lin et al., WSDM 2024"
    attribute: ClassVar[str] = "attention, stream"
    behaviour: ClassVar[str] = "attention"
    fusions = {"attribute": "gate", "behaviour": "gate"}
    candidates: ClassVar[str] = "fused"
    stages: ClassVar[tuple[Stage, ...]] = (
        Stage(
            task=LastItem(),
            objectives=(ItemCrossEntropy(), StreamAttributePrediction(), StreamContrast()),
        ),
    )
    published = {
        **PREFIX_EXAMPLES,
        **FROZEN_ATTRIBUTES,
        "model.fusion_form": "reference",
        "model.attr_layer": "first",
    }

    checked = "the authors' code (6cf1786), one attribute and several: scores to 3e-6 in fp32 and 6e-15 in fp64, losses alike"

    layers: int = 3
    attribute_pooling: Pooling = "mean"  # as the authors' scripts
    fusion_form: Literal["masked", "reference"] = "masked"
    gate_form: GateForm = "two_layer"
    attr_layer: Literal["first", "last"] = "last"
    positions: PositionOrder = "backward"

    def __post_init__(self) -> None:
        """Refuse sizes that have no meaning."""
        Shape.__post_init__(self)
        AttributeTables.__post_init__(self)
        if (self.attribute_width or self.width) % self.heads:
            raise SirecError(
                f"attribute_width {self.attribute_width} is not a multiple of heads {self.heads}"
            )

    def build(self, schema: Schema) -> SequentialModel:
        """The encoder for these fields, freshly initialised."""
        return MultiSequenceEncoder(self, schema)


class MultiSequenceEncoder(SequentialModel):
    """See the module's equations."""

    remedies = {"causal": "fusion_form=masked"}

    def __init__(self, config: MSSR, schema: Schema) -> None:
        super().__init__()
        self.max_length, self.positions = schema.max_length, config.positions
        d, d_f = config.width, config.attribute_width or config.width
        sources = Sources(
            d, dict.fromkeys(names(schema.attributes), d_f), tuple(names(schema.behaviours))
        )
        self.stream_widths = {ITEM: d, **sources.own}
        self.state_width = sum(self.stream_widths.values())
        self.items = nn.Embedding(schema.items, d, padding_idx=PADDING)
        self.side = SideEmbedding(
            config.attribute_embeddings(schema.attributes, d),
            {f.name: BehaviourEmbedding(f, d) for f in schema.behaviours},
        )
        self.norm = nn.LayerNorm(d, eps=NORM_EPS)
        self.dropout = Dropout(config.dropout)
        reads_last = config.attr_layer == "last"
        self.blocks = nn.ModuleList(
            PairBlock(
                config,
                sources,
                config.fusion_form,
                config.gate_form,
                self.max_length,
                moves=reads_last or not layer,
            )
            for layer in range(config.layers)
        )
        self.item_pairs = nn.Parameter(torch.ones(len(sources.still) ** 2))  # θ; keys by questions
        self.attribute_pairs = nn.Parameter(torch.ones(len(sources.own), len(sources.moving) ** 2))
        self.shares = StreamWeights(self.stream_widths.values(), config.dropout)
        self.whole_window = config.fusion_form == "reference"
        self.causal = not self.whole_window
        self.single_pass = self.causal and (
            config.positions == "forward" or "position" not in sources.behaviours
        )
        self.reset()

    def reset(self) -> None:
        """Draw all weights anew from torch's generator; every pair of sources begins with the same
        weight.
        """
        initialise(self)
        self.side.reset()

    def encode(self, batch: Batch) -> States:
        """[B, L, D], and the streams that it is made of: `item` and each attribute's."""
        rows = batch.padded(self.max_length) if self.whole_window else batch
        layout = whole(rows.items) if self.whole_window else rows.layout
        rows = rows.count_positions(self.positions, self.max_length)
        x, moved, side = self.vectors(rows, layout)
        weights = [self.item_pairs.softmax(dim=0), *self.attribute_pairs.softmax(dim=1)]
        ends = rows.readout_in(layout)
        for block in self.blocks:
            asked = ends if block is self.blocks[-1] else None
            x, now = block(x, moved, side, weights, layout, rows.visible, asked)
            moved = now or {name: at(part, asked) for name, part in moved.items()}
        streams = {ITEM: x, **moved}
        shares = self.shares(streams.values())
        final = torch.cat(
            [share * part for share, part in zip(shares, streams.values(), strict=True)], dim=-1
        )
        wide = [
            layout.unflatten(part, ends)[:, : batch.items.shape[1]]
            for part in (final, *streams.values())
        ]
        return States(wide[0], dict(zip(streams, wide[1:], strict=True)))

    def vectors(self, rows: Batch, layout: TokenLayout) -> tuple[Tensor, Vectors, Vectors]:
        """The item stream [T, d] and the attribute streams as they begin, and every field by name,
        [T, w].
        """
        codes = layout.flatten(rows.items)
        attributes = self.side.of_items(codes)
        behaviours = {name: layout.flatten(rows.behaviours[name]) for name in self.side.behaviours}
        side = {**attributes, **self.side.of_behaviours(behaviours)}
        return self.dropout(self.norm(self.items(codes))), attributes, side

    def item_vectors(self) -> Tensor:
        """[V, d]: the raw item table."""
        return self.items.weight

    def value_vectors(self, attribute: str) -> Tensor:
        """[A, d_f]: the raw table of an attribute's values."""
        return self.side.value_vectors(attribute)

    def item_table(self) -> Tensor:
        """[V, D]: items and their attributes side by side, as the streams are in a state."""
        return torch.cat(
            [self.items.weight, *(part.of_all_items() for part in self.side.attributes.values())],
            dim=-1,
        )
