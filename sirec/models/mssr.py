"""MSSR: every sequence has queries for the keys of every other (Lin et al., "Multi-Sequence
Attentive User Representation Learning", WSDM 2024).

Sources are the item stream H, the vectors A_f of each attribute and the vectors of each behaviour,
such as the position, counted from the last item.

    S_xy = (X_x W_xy)(X_y Wk_y)ᵀ                     query source x, key source y
    H'   = TB with softmax(G(ω_xy S_xy) / √d_h + M)  values from H, the (2 + F)² matrices
                                                     of items, A_f as embedded and position
    C_f' = TB with the same form                     values from C_f, the (1 + F)² matrices
                                                     of all C_g and position
    ω    = softmax(θ) over the matrices              one θ for each stream, the same in all blocks
    H_0  = Drop(LN(e)),   C_f0 = A_f
    γ    = softmax(Drop(W [h; c_1; …; c_F]))
    z_v  = γ_0 h · e_v + Σ_f γ_f c_f · AE_f(v)
    L    = cross-entropy + λa AAP(h, c_f) + λc contrast(h, c_f)    (`objectives/streams.py`)

Item and behaviours share one query projection W_x for each other's keys. G gates whole rows
(`core/layers/fusion.py`). With one attribute γ is the sigmoid of one number. The score z is one
inner product, of [γ_0 h; γ_f c_f] with [E; AE_f]. The queries for the same keys are stacked, so
that a block costs 2 + 2F matrix products instead of (2 + F)² + (1 + F)².

The equations are those of the authors' code; the paper's equation numbers are not known here.
Departures: scores are masked before the gate; c_f is the output of the last block, where the code
takes the first (`attr_layer: first`; later blocks then have no attribute streams); attribute tables
are trained; any number of behaviours is allowed. Where the position is counted from the end, a
state depends on the length of its row, so that each target is trained as the last of its row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sirec.config.quantities import LayerCount
from sirec.core.layers.attention import ITEM
from sirec.core.layers.blocks import NORM_EPS, at
from sirec.core.layers.dropout import Dropout
from sirec.core.layers.embedding import AttributeTables, BehaviourEmbedding, Pooling, SideEmbedding
from sirec.core.layers.fusion import GateForm
from sirec.core.layers.stream_weights import StreamWeights
from sirec.core.model import ITEM_PART, SequentialModel, initialise
from sirec.core.shape import Shape
from sirec.core.states import States, TokenStates
from sirec.data.fields import PADDING, Schema, names
from sirec.data.tasks.batch import Batch, PositionOrder
from sirec.data.tasks.layout import TokenLayout
from sirec.data.tasks.next_item import LastItem
from sirec.data.tasks.rectangular import whole
from sirec.errors import SirecError
from sirec.models.declaration import FROZEN_ATTRIBUTES, PREFIX_EXAMPLES, Declaration
from sirec.models.parts.pair_projections import Vectors
from sirec.models.parts.source_pairs import PairBlock
from sirec.models.parts.sources import Sources
from sirec.models.search_space import with_usual
from sirec.objectives.item import ItemCrossEntropy
from sirec.objectives.stage import Stage
from sirec.objectives.streams import StreamAttributePrediction, StreamContrast


@dataclass(frozen=True, kw_only=True)
class MSSR(Shape, AttributeTables, Declaration):
    """All pairs of sources at the attention, and a stream for every attribute.

    `attr_layer` names the block whose attribute streams are compared with the candidates.
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

    search_space = with_usual(
        {"stream_aap.weight": (1.0, 4.0, 10.0), "stream_contrast.weight": (0.01, 0.14, 0.5)}
    )
    checked = (
        "the authors' code (6cf1786), one attribute and several: scores to 3e-6 in fp32 and 6e-15 "
        "in fp64, losses alike"
    )

    layers: LayerCount = 3
    attribute_pooling: Pooling = "mean"  # as the authors' scripts
    fusion_form: Literal["masked", "reference"] = "masked"
    gate_form: GateForm = "two_layer"
    attr_layer: Literal["first", "last"] = "last"
    positions: PositionOrder = "backward"

    def __post_init__(self) -> None:
        """Raise `SirecError` for sizes that have no meaning."""
        Shape.__post_init__(self)
        AttributeTables.__post_init__(self)
        if (self.attribute_width or self.width) % self.heads:
            raise SirecError(
                f"attribute_width {self.attribute_width} is not a multiple of heads {self.heads}"
            )

    def build(self, schema: Schema) -> SequentialModel:
        """The encoder for the fields of `schema`, freshly initialised."""
        return MultiSequenceEncoder(self, schema)


class MultiSequenceEncoder(SequentialModel):
    """The encoder of the module's equations.

    Args:
        config: the declaration.
        schema: the items and fields of the data.
    """

    remedies = {"causal": "fusion_form=masked"}

    def __init__(self, config: MSSR, schema: Schema) -> None:
        super().__init__()
        self.max_length, self.positions = schema.max_length, config.positions
        d, d_f = config.width, config.attribute_width or config.width
        sources = Sources(
            d, dict.fromkeys(names(schema.attributes), d_f), tuple(names(schema.behaviours))
        )
        self.stream_widths = {ITEM: d, **sources.attribute_widths}
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
                has_attribute_streams=reads_last or layer == 0,
            )
            for layer in range(config.layers)
        )
        # θ of the item stream, [S²], and of each attribute stream, [F, P²]: key sources by queries
        self.item_pairs = nn.Parameter(torch.ones(len(sources.item_stream) ** 2))
        attribute_pairs = len(sources.attribute_stream) ** 2
        self.attribute_pairs = nn.Parameter(
            torch.ones(len(sources.attribute_widths), attribute_pairs)
        )
        self.shares = StreamWeights(self.stream_widths.values(), config.dropout)
        self.whole_window = config.fusion_form == "reference"
        self.causal = not self.whole_window
        self.single_pass = self.causal and (
            config.positions == "forward" or "position" not in sources.behaviours
        )
        self.reset()

    def reset(self) -> None:
        """Draw all weights again from torch's generator; all pairs of sources weigh the same."""
        initialise(self)
        self.side.reset()

    def encode(self, batch: Batch) -> States:
        """The state after each slot, and the streams that it is made of.

        Args:
            batch: B rows of L slots.

        Returns:
            Float[B, L, D], and the streams: `item`, and one for each attribute.
        """
        rows = batch.padded(self.max_length) if self.whole_window else batch
        layout = whole(rows.items) if self.whole_window else rows.layout
        rows = rows.count_positions(self.positions, self.max_length)
        x, attributes, fields = self.vectors(rows, layout)
        weights = [self.item_pairs.softmax(dim=0), *self.attribute_pairs.softmax(dim=1)]
        last = rows.readout_in(layout)
        for block in self.blocks:
            readout = last if block is self.blocks[-1] else None
            x, after = block(x, attributes, fields, weights, layout, rows.visible, readout)
            attributes = after or {name: at(part, readout) for name, part in attributes.items()}
        streams = {ITEM: x, **attributes}
        weighted = []
        for share, part in zip(self.shares(streams.values()), streams.values(), strict=True):
            weighted.append(share * part)
        final = torch.cat(weighted, dim=-1)
        length = batch.items.shape[1]
        return TokenStates(layout, final, streams=streams, readout=last, length=length)

    def vectors(self, rows: Batch, layout: TokenLayout) -> tuple[Tensor, Vectors, Vectors]:
        """The vectors before the first block.

        Args:
            rows: the rows of the batch, positions counted as the model does.
            layout: where their T tokens lie.

        Returns:
            The item stream Float[T, d]; the attribute streams Float[T, w]; every field Float[T, w],
            by name.
        """
        codes = layout.flatten(rows.items)
        attributes = self.side.of_items(codes)
        behaviours = {name: layout.flatten(rows.behaviours[name]) for name in self.side.behaviours}
        fields = {**attributes, **self.side.of_behaviours(behaviours)}
        return self.dropout(self.norm(self.items(codes))), attributes, fields

    def item_vectors(self) -> Tensor:
        """Float[V, d]: the raw item table."""
        return self.items.weight

    def attribute_vectors(self, items: Tensor) -> dict[str, Tensor]:
        """Item codes Long[M] -> Float[M, d_f] of every attribute, by name."""
        return self.side.of_items(items)

    def value_vectors(self, attribute: str) -> Tensor:
        """Float[A, d_f]: the raw table of an attribute's values."""
        return self.side.value_vectors(attribute)

    def item_table(self) -> Tensor:
        """Float[V, D]: [e_v; AE_1(v); …; AE_F(v)], in the order of a state's streams."""
        parts = [self.items.weight]
        for part in self.side.attributes.values():
            parts.append(part.of_all_items())
        return torch.cat(parts, dim=-1)

    def item_parts(self) -> dict[str, Tensor]:
        """Vectors Float[V, D] whose sum is the item table: each is 0 in the others' columns."""
        parts = {ITEM_PART: self.items.weight}
        for name, embedding in self.side.attributes.items():
            parts[name] = embedding.of_all_items()
        first, width = 0, sum(part.shape[1] for part in parts.values())
        padded: dict[str, Tensor] = {}
        for name, part in parts.items():
            behind = width - first - part.shape[1]
            padded[name] = F.pad(part, (first, behind))
            first += part.shape[1]
        return padded
