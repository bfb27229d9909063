"""DIFF: filters in front of two encoders that share a feed-forward network (Kim et al., "Dual
Side-Information Filtering and Fusion", SIGIR 2025, arXiv:2505.13974).

One encoder, X, reads items and lets side information guide its attention, as DIF-SR does; the
other, G, reads items that are fused with all side information before. In front of both, and in
front of each attribute, a filter (`core/layers/filters.py`) weakens what changes fast.

    X_0 = Drop(LN(e)),   G_0 = F_e(X_0, AE_1, …, AE_F, behaviours)
    X̃ = Filter(X),   G̃ = Filter(G),   Ã_j = Filter(AE_j)    own filters, AE_j anew in each block
    Y   = LN(X̃ + Drop(Attention(scores F(Ã_1, …, X̃, behaviours), values X̃)))
    H   = LN(G̃ + Drop(Attention(G̃)))
    X'  = LN(Y + Drop(FFN(Y))),   G' = LN(H + Drop(FFN(H)))      the same FFN and the same LN
    z_v = (α X_N + (1 − α) G_N)[L−1] · e_v
    L   = cross-entropy + λ alignment of items and attributes    (`objectives/window_alignment.py`)

A filter reads the whole window, later slots too: states are not causal, and each prefix is an
example of its own. The equations are those of the authors' code; the paper's equation numbers are
not known here.

Departures: empty slots hold 0 for the filters (`window: zeros`), where the code has the padding
item, with a vector of its own, in them as a token (`tokens`); scores are masked before their fusion
(`fusion_form`); attribute tables are trained; blocks draw their own filters, where the code copies
one draw. An item without a value has the vector 0, where the code has a frozen random one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from sirec.config.quantities import FrequencyCount, HeadCount, MixingWeight
from sirec.core.kernels.precision import Linear
from sirec.core.layers.attention import ITEM, SourceAttention
from sirec.core.layers.blocks import NORM_EPS, at
from sirec.core.layers.by_field import ByField
from sirec.core.layers.dropout import Dropout
from sirec.core.layers.embedding import AttributeTables, BehaviourEmbedding, SideEmbedding
from sirec.core.layers.filters import ResidualFilter, Window, check_odd, embedding_for
from sirec.core.layers.fusion import FusionName, SumScores, score_fusion, vector_fusion
from sirec.core.model import BareItems, initialise
from sirec.core.shape import Shape
from sirec.core.states import States, TokenStates
from sirec.data.fields import PADDING, FieldKind, Schema, names
from sirec.data.tasks.batch import Batch, Visible
from sirec.data.tasks.layout import TokenLayout
from sirec.data.tasks.next_item import LastItem
from sirec.data.tasks.rectangular import whole
from sirec.errors import SirecError
from sirec.models.declaration import FROZEN_ATTRIBUTES, PREFIX_EXAMPLES, Declaration
from sirec.models.search_space import with_usual
from sirec.objectives.item import ItemCrossEntropy
from sirec.objectives.stage import Stage
from sirec.objectives.window_alignment import WindowAlignment


@dataclass(frozen=True, kw_only=True)
class DIFF(Shape, AttributeTables, Declaration):
    """Filtered items with guided attention, beside filtered items fused with their attributes.

    The defaults of its own settings are the authors' for Beauty.
    """

    name: ClassVar[str] = "diff"
    title: ClassVar[str] = "DIFF"
    source: ClassVar[str] = "Kim et al., SIGIR 2025, arXiv:2505.13974"
    attribute: ClassVar[str] = "embedding, attention"
    behaviour: ClassVar[str] = "embedding, attention"
    stages: ClassVar[tuple[Stage, ...]] = (
        Stage(task=LastItem(), objectives=(ItemCrossEntropy(), WindowAlignment())),
    )
    published = {
        **PREFIX_EXAMPLES,
        **FROZEN_ATTRIBUTES,
        "model.window": "tokens",
        "model.fusion_form": "reference",
        "window_alignment.columns": "window",
    }
    search_space = with_usual(  # the paper's grids could not be read; these are ours
        {
            "model.alpha": (0.1, 0.3, 0.5, 0.7, 0.9),
            "model.low_frequencies": (1, 3, 5, 7, 9),
            "window_alignment.weight": (0.4, 1.0, 2.0),
        }
    )
    checked = (
        "the authors' module (ef6283a), every fusion, one attribute and two: scores to 6e-7 in "
        "fp32 and 7e-16 in fp64, the alignment to 2e-7"
    )

    heads: HeadCount = 2
    early_fusion: FusionName = "concat"  # F_e
    score_fusion: FusionName = "concat"  # F
    fusion_form: Literal["masked", "reference"] = "masked"  # how invisible scores are treated
    alpha: MixingWeight = 0.3  # α, the weight of X
    low_frequencies: FrequencyCount = 5  # c of the window's n frequencies
    window: Window = "zeros"  # what empty slots hold

    def __post_init__(self) -> None:
        """Raise `SirecError` for settings that have no meaning together."""
        Shape.__post_init__(self)
        AttributeTables.__post_init__(self)
        check_odd(self.low_frequencies)
        if self.attribute_width not in (None, self.width):
            raise SirecError(
                f"attribute_width {self.attribute_width}: attributes are fused with items of "
                f"width {self.width}",
                "leave attribute_width out",
            )

    def fusion(self, kind: FieldKind) -> str:
        """The functions that fuse fields before the second encoder, and at the first's scores."""
        del kind  # both kinds are fused alike
        both = dict.fromkeys([self.early_fusion, self.score_fusion])
        return ", ".join(both)

    def build(self, schema: Schema) -> DualEncoder:
        """The model for the fields of `schema`, freshly initialised."""
        return DualEncoder(self, schema)


class DualEncoder(BareItems):
    """The two encoders of the module's equations.

    Args:
        config: the declaration.
        schema: the items and fields of the data.
    """

    def __init__(self, config: DIFF, schema: Schema) -> None:
        super().__init__()
        d, self.max_length = config.width, schema.max_length
        self.state_width, self.alpha = d, config.alpha
        self.filters_empty_slots = config.window == "tokens"
        self.items = embedding_for(config.window, schema.items, d)
        self.side = SideEmbedding(
            config.attribute_embeddings(schema.attributes, d),
            {field.name: BehaviourEmbedding(field, d) for field in schema.behaviours},
        )
        self.norm = nn.LayerNorm(d, eps=NORM_EPS)
        self.dropout = Dropout(config.dropout)
        self.attributes, self.behaviours = names(schema.attributes), names(schema.behaviours)
        parts = 1 + len(self.attributes) + len(self.behaviours)
        self.fuse = vector_fusion(config.early_fusion, [d] * parts, d)
        blocks = [
            DualBlock(config, self.attributes, self.behaviours, self.max_length)
            for _ in range(config.layers)
        ]
        self.blocks = nn.ModuleList(blocks)
        reads_all_keys = any(block.guided.fusion.reads_all_keys for block in blocks)
        self.whole_window = self.filters_empty_slots or reads_all_keys
        initialise(self)
        self.side.reset()

    def encode(self, batch: Batch) -> States:
        """The state after each slot, Float[B, L, d]; see `SequentialModel.encode`."""
        rows = batch.padded(self.max_length) if self.whole_window else batch
        layout = whole(rows.items) if self.whole_window else rows.layout
        codes = layout.flatten(rows.items)
        hides = self.whole_window and not self.filters_empty_slots
        filtered = (codes != PADDING)[:, None] if hides else None
        x = self.dropout(self.norm(self.items(codes)))
        of_items = self.side.of_items(codes)
        of_behaviours = self.side.of_behaviours(
            {name: layout.flatten(rows.behaviours[name]) for name in self.behaviours}
        )
        g = self.fuse([x, *of_items.values(), *of_behaviours.values()])
        readout = rows.readout_in(layout)
        for block in self.blocks:
            last = readout if block is self.blocks[-1] else None
            side = {**of_items, **of_behaviours}
            x, g = block(x, g, side, layout, rows.visible, readout=last, filtered=filtered)
        mixed = self.alpha * x + (1 - self.alpha) * g
        return TokenStates(layout, mixed, readout=readout, length=batch.items.shape[1])

    def attribute_vectors(self, items: Tensor) -> dict[str, Tensor]:
        """Item codes Long[M] -> Float[M, d] of every attribute, by name."""
        return self.side.of_items(items)

    def value_vectors(self, attribute: str) -> Tensor:
        """Float[A, d]: the raw table of an attribute's values."""
        return self.side.value_vectors(attribute)


class DualBlock(nn.Module):
    """A block of both encoders.

    Args:
        config: the declaration.
        attributes: names of the attributes, in order.
        behaviours: names of the behaviours, in order.
        max_length: n, the length of the window.
    """

    def __init__(
        self, config: DIFF, attributes: list[str], behaviours: list[str], max_length: int
    ) -> None:
        super().__init__()
        d = config.width
        scale = 1 / math.sqrt(d // config.heads)
        sources = dict.fromkeys([*attributes, ITEM, *behaviours], d)
        fusion = score_fusion(config.score_fusion, config.fusion_form, len(sources), max_length)
        self.guided = SourceAttention(
            sources, config.heads, fusion, config.attention_dropout, scale
        )
        self.plain = SourceAttention(
            {ITEM: d}, config.heads, SumScores(), config.attention_dropout, scale
        )
        self.item_filter = _residual_filter(config, max_length)
        self.fused_filter = _residual_filter(config, max_length)
        self.attribute_filters = ByField(
            {name: _residual_filter(config, max_length) for name in attributes}
        )
        self.guided_norm = nn.LayerNorm(d, eps=NORM_EPS)
        self.plain_norm = nn.LayerNorm(d, eps=NORM_EPS)
        self.expand, self.contract = Linear(d, config.inner), Linear(config.inner, d)
        self.forward_norm = nn.LayerNorm(d, eps=NORM_EPS)
        self.dropout = Dropout(config.dropout)
        self.activation = nn.GELU()

    def forward(
        self,
        x: Tensor,
        g: Tensor,
        side: Mapping[str, Tensor],
        layout: TokenLayout,
        visible: Visible,
        readout: Tensor | None = None,
        filtered: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The output of the block.

        Args:
            x: Float[T, d], the states of items with guided attention.
            g: Float[T, d], the states of items fused with side information.
            side: raw vectors Float[T, d] of every field, by name.
            layout: where the T tokens lie in their rows.
            visible: which slots a slot may read.
            readout: Long[B], the last token of every row, if only their states are needed.
            filtered: Bool[T, 1], the tokens that are not 0 to the filters; None for all.

        Returns:
            Both states, Float[T, d], or Float[B, d] for the tokens of `readout`.
        """
        shown = partial(torch.mul, filtered) if filtered is not None else _as_it_is
        x, g = self.item_filter(shown(x), layout), self.fused_filter(shown(g), layout)
        guides = {**side, ITEM: x}
        for name, attribute_filter in self.attribute_filters.items():
            guides[name] = attribute_filter(shown(side[name]), layout)
        guided = self.guided(x, guides, layout, visible, readout=readout)
        plain = self.plain(g, {ITEM: g}, layout, visible, readout=readout)
        y = self.guided_norm(at(x, readout) + self.dropout(guided))
        h = self.plain_norm(at(g, readout) + self.dropout(plain))
        return self._forward_network(y), self._forward_network(h)

    def _forward_network(self, y: Tensor) -> Tensor:
        """LN(Y + Drop(FFN(Y))), which both encoders share."""
        inner = self.activation(self.expand(y))
        z: Tensor = self.forward_norm(y + self.dropout(self.contract(inner)))
        return z


def _as_it_is(x: Tensor) -> Tensor:
    return x


def _residual_filter(config: DIFF, max_length: int) -> ResidualFilter:
    return ResidualFilter(
        config.width, max_length, config.low_frequencies, config.dropout, NORM_EPS
    )
