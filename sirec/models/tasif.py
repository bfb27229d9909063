"""TASIF: filtered streams of items and attributes, where attributes guide attention and are never
mixed into what it reads (Luo et al., WSDM 2026, arXiv:2512.24246).

    X_0 = Drop(LN(e + b)),   A_j0 = AE_j       b: the interval of the calendar (`--bins span=90d`)
    X̃  = Filter(X),   Ã_j = Filter(A_j)                        (`core/layers/filters.py`)
    X'  = TB with queries and keys from F(X̃, Ã_1, …, Ã_F, guides), values from X̃
    A_j' = TB'(Ã_j)                                            SASRec's block, one a stream
    z_v = (1 − w) h · e_v + w/F Σ_j c_j · AE_j(v),   h = X_N[L−1],   c_j = A_jN[L−1]
    L   = cross-entropy of each stream (`objectives/stream_catalogue.py`) + λ AAP + contrast

Guides are all behaviours that do not join the items: the position. A filter reads the whole window,
later slots too: states are not causal, and each prefix is an example of its own. The score z is not
trained, its parts are; w is a setting. The equations are those of the authors' code; the paper's
equation numbers are not known here.

Departures: attributes weigh the same in the score and in the losses, where the code learns weights
that are 1 for the one attribute of its released settings; empty slots hold 0 for the filters
(`window: zeros`), where the code has the padding item in them as a token (`tokens`); attribute
tables are trained; the gate averages over the parts, where the code's, by a mistaken axis, averages
over the slots of the window; blocks draw their own filters, where the code copies one draw.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from sirec.config.quantities import DropoutRate, MixingWeight
from sirec.core.layers.attention import ITEM, SourceAttention
from sirec.core.layers.blocks import NORM_EPS, Block, Joined
from sirec.core.layers.by_field import ByField
from sirec.core.layers.dropout import Dropout
from sirec.core.layers.embedding import (
    AttributeTables,
    BehaviourEmbedding,
    SideEmbedding,
    needed_attributes,
)
from sirec.core.layers.filters import GatedFilter, Window, embedding_for
from sirec.core.layers.fusion import FusionName, GateForm, SumScores, vector_fusion
from sirec.core.model import ITEM_PART, SequentialModel, initialise
from sirec.core.shape import Shape
from sirec.core.states import States, TokenStates
from sirec.data.fields import FieldKind, Schema, names
from sirec.data.tasks.batch import Batch, Visible
from sirec.data.tasks.layout import TokenLayout
from sirec.data.tasks.next_item import LastItem
from sirec.data.tasks.rectangular import whole
from sirec.errors import SirecError, unknown
from sirec.models.declaration import FROZEN_ATTRIBUTES, PREFIX_EXAMPLES, Declaration
from sirec.models.search_space import AAP_WEIGHTS, with_usual
from sirec.objectives.attribute_prediction import AttributePrediction
from sirec.objectives.item_attribute_contrast import ItemAttributeContrast
from sirec.objectives.stage import Stage
from sirec.objectives.stream_catalogue import StreamCatalogue


@dataclass(frozen=True, kw_only=True)
class TASIF(Shape, AttributeTables, Declaration):
    """Attributes guide the items' attention from streams of their own, and score beside them.

    The defaults of its own settings are the authors' for Beauty.
    """

    name: ClassVar[str] = "tasif"
    title: ClassVar[str] = "TASIF"
    source: ClassVar[str] = "Luo et al., WSDM 2026, arXiv:2512.24246"
    attribute: ClassVar[str] = "query_key, stream"
    behaviour: ClassVar[str] = "embedding, query_key"
    candidates: ClassVar[str] = "fused"
    stages: ClassVar[tuple[Stage, ...]] = (
        Stage(
            task=LastItem(),
            objectives=(
                StreamCatalogue(),
                AttributePrediction(weight=10.0),
                ItemAttributeContrast(),
            ),
        ),
    )
    search_space = with_usual(  # the paper's grids could not be read; these are ours
        {
            "model.attribute_share": (0.0, 0.1, 0.2, 0.3, 0.4),
            "model.filter_dropout": (0.0, 0.3, 0.6),
            "aap.weight": AAP_WEIGHTS,
        }
    )
    checked = (
        "the authors' module (327adbc), sum and concat, one attribute and two: scores to 2e-6 in "
        "fp32 and 1e-15 in fp64, losses alike"
    )
    published = {**PREFIX_EXAMPLES, **FROZEN_ATTRIBUTES, "model.window": "tokens"}

    query_key_fusion: FusionName = "sum"  # F
    gate_form: GateForm = "vector"
    joins: str = "span"  # the behaviour that is added to items; all others guide attention
    attribute_share: MixingWeight = 0.1  # w
    filter_dropout: DropoutRate = 0.6
    window: Window = "zeros"  # what empty slots hold

    def __post_init__(self) -> None:
        """Raise `SirecError` for settings that have no meaning together."""
        Shape.__post_init__(self)
        AttributeTables.__post_init__(self)
        if self.attribute_width not in (None, self.width):
            raise SirecError(
                f"attribute_width {self.attribute_width}: attributes are compared with items of "
                f"width {self.width}",
                "leave attribute_width out",
            )

    def fusion(self, kind: FieldKind) -> str:
        """How fields are fused where they guide attention; a behaviour that joins is added."""
        del kind  # both kinds guide alike
        return self.query_key_fusion

    def build(self, schema: Schema) -> GuidedStreams:
        """The model for the fields of `schema`, freshly initialised.

        Raises `SirecError` where the data have no attribute, and where `joins` names a behaviour
        that the run does not read. Without intervals of the calendar, which it names by default,
        nothing is added to items.
        """
        return GuidedStreams(self, schema)


class GuidedStreams(SequentialModel):
    """The encoder of the module's equations.

    Args:
        config: the declaration.
        schema: the items and fields of the data.
    """

    def __init__(self, config: TASIF, schema: Schema) -> None:
        super().__init__()
        d, self.max_length = config.width, schema.max_length
        attributes = names(needed_attributes(schema, config.name))
        behaviours = names(schema.behaviours)
        if config.joins != TASIF.joins and config.joins not in behaviours:
            raise unknown("behaviour", config.joins, behaviours, "joins")
        self.guides = [name for name in behaviours if name != config.joins]
        self.joining = [name for name in behaviours if name == config.joins]
        self.stream_widths = dict.fromkeys([ITEM, *attributes], d)
        self.state_width = d * len(self.stream_widths)
        self.shares = _shares(attributes, config.attribute_share)
        self.filters_empty_slots = config.window == "tokens"
        self.items = embedding_for(config.window, schema.items, d)
        self.side = SideEmbedding(
            config.attribute_embeddings(schema.attributes, d),
            {field.name: BehaviourEmbedding(field, d) for field in schema.behaviours},
        )
        self.norm = nn.LayerNorm(d, eps=NORM_EPS)
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            GuidedBlock(config, attributes, self.guides, self.max_length)
            for _ in range(config.layers)
        )
        initialise(self)
        self.side.reset()

    @property
    def hidden_width(self) -> int:
        """d: the width of one stream."""
        return self.items.embedding_dim

    def encode(self, batch: Batch) -> States:
        """The streams after each slot, Float[B, L, d] each; see `SequentialModel.encode`."""
        rows = batch.padded(self.max_length) if self.filters_empty_slots else batch
        layout = whole(rows.items) if self.filters_empty_slots else rows.layout
        codes = layout.flatten(rows.items)
        behaviours = self.side.of_behaviours(
            {name: layout.flatten(rows.behaviours[name]) for name in self.side.behaviours}
        )
        x = self.items(codes)
        for name in self.joining:
            x = x + behaviours[name]
        x = self.dropout(self.norm(x))
        attributes = self.side.of_items(codes)
        guides = {name: behaviours[name] for name in self.guides}
        readout = rows.readout_in(layout)
        for block in self.blocks:
            last = readout if block is self.blocks[-1] else None
            x, attributes = block(x, attributes, guides, layout, rows.visible, last)
        streams: dict[str, Tensor] = {}
        for name, part in {ITEM: x, **attributes}.items():
            streams[name] = part
        weighted = [self.shares[name] * part for name, part in streams.items()]
        return TokenStates(
            layout,
            torch.cat(weighted, dim=-1),
            streams=streams,
            hidden=streams[ITEM],
            readout=readout,
            length=batch.items.shape[1],
        )

    def item_vectors(self) -> Tensor:
        """Float[V, d]: the raw item table."""
        return self.items.weight

    def item_table(self) -> Tensor:
        """Float[V, D]: the raw item table beside the vectors of the items' attributes."""
        return torch.cat(list(self._parts().values()), dim=-1)

    def item_parts(self) -> dict[str, Tensor]:
        """Vectors Float[V, D] whose sum is the item table: of the items, and of each attribute."""
        parts = self._parts()
        whole_parts: dict[str, Tensor] = {}
        for number, name in enumerate(parts):
            before, after = number, len(parts) - number - 1
            d = self.hidden_width
            whole_parts[name] = nn.functional.pad(parts[name], (before * d, after * d))
        return whole_parts

    def attribute_vectors(self, items: Tensor) -> dict[str, Tensor]:
        """Item codes Long[M] -> Float[M, d] of every attribute, by name."""
        return self.side.of_items(items)

    def value_vectors(self, attribute: str) -> Tensor:
        """Float[A, d]: the raw table of an attribute's values."""
        return self.side.value_vectors(attribute)

    def _parts(self) -> dict[str, Tensor]:
        table = self.items.weight
        codes = torch.arange(len(table), device=table.device)
        return {ITEM_PART: table, **self.side.of_items(codes)}


class GuidedBlock(nn.Module):
    """A block of the item stream and of every attribute's stream.

    Args:
        config: the declaration.
        attributes: names of the attributes, in order.
        guides: names of the behaviours that guide attention, in order.
        max_length: n, the length of the window.
    """

    def __init__(
        self, config: TASIF, attributes: list[str], guides: list[str], max_length: int
    ) -> None:
        super().__init__()
        d = config.width
        new_filter = partial(GatedFilter, d, max_length, config.filter_dropout, NORM_EPS)
        self.item_filter = new_filter()
        self.attribute_filters = ByField({name: new_filter() for name in attributes})
        parts = 1 + len(attributes) + len(guides)
        fusion = vector_fusion(config.query_key_fusion, [d] * parts, d, config.gate_form)
        joined = Joined([], [*attributes, *guides], fusion)
        self.item = Block(_attention(config), config.inner, config.dropout, joined)
        self.attributes = ByField(
            {name: Block(_attention(config), config.inner, config.dropout) for name in attributes}
        )

    def forward(
        self,
        x: Tensor,
        attributes: Mapping[str, Tensor],
        guides: Mapping[str, Tensor],
        layout: TokenLayout,
        visible: Visible,
        readout: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The output of the block.

        Args:
            x: Float[T, d], the item stream.
            attributes: Float[T, d] of every attribute's stream, by name.
            guides: vectors Float[T, d] of the behaviours that guide attention, by name.
            layout: where the T tokens lie in their rows.
            visible: which slots a slot may read.
            readout: Long[B], the last token of every row, if only their states are needed.

        Returns:
            The streams, Float[T, d] each, or Float[B, d] for the tokens of `readout`.
        """
        x = self.item_filter(x, layout)
        filtered: dict[str, Tensor] = {}
        for name, attribute_filter in self.attribute_filters.items():
            filtered[name] = attribute_filter(attributes[name], layout)
        after: dict[str, Tensor] = {}
        for name, block in self.attributes.items():
            after[name] = block(filtered[name], {}, layout, visible, readout)
        return self.item(x, {**filtered, **guides}, layout, visible, readout), after


def _attention(config: TASIF) -> SourceAttention:
    """SASRec's attention, whose queries and keys a block may make of other vectors."""
    scale = 1 / math.sqrt(config.width // config.heads)
    return SourceAttention(
        {ITEM: config.width}, config.heads, SumScores(), config.attention_dropout, scale
    )


def _shares(attributes: list[str], share: float) -> dict[str, float]:
    """The weight of each stream in the score."""
    return {ITEM: 1 - share} | dict.fromkeys(attributes, share / len(attributes))
