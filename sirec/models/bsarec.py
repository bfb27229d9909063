"""BSARec: attention next to a low-pass filter with rescaled high frequencies (Shin et al., AAAI
2024, arXiv:2312.10325).

Attention smooths a sequence and loses what changes fast. A filter over the window restores some of
it, with a learned weight β² ≥ 0 for each channel:

    F(X) = LFC(X) + β² (X − LFC(X))          LFC: the c lowest of the window's n frequencies
    Y    = α LN(X + Drop(F(X))) + (1 − α) LN(X + Drop(Attention(X)))
    X'   = LN(Y + Drop(FFN(Y))),   X_0 = Drop(LN(e + p))
    z_v  = X_N[L−1] · e_v,   L = cross-entropy

LFC is the matrix (1/n) Σ_{|j| ≤ c/2} cos(2π j (t − s) / n). It depends on the distance of two slots
alone, so that left-aligned rows give the result of the authors' right-aligned ones, if positions
are counted as theirs are. Where empty slots are 0 (`window: zeros`), only real slots are computed,
and no Fourier transform is needed. A filter reads the whole window, later slots too: states are not
causal, and each prefix is an example of its own. With α = 0 this is SASRec on such examples.

Departure: in the released code empty slots hold the padding item and a position, attend to all
slots, and reach the real ones through the filter; `window: tokens` does this. The content of empty
slots matters (a reproduction, arXiv:2512.17442, gains more from it than from β). That code also
trains on empty histories and starts all blocks from one draw of β; neither is done here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from sirec.config.quantities import DropoutRate, FrequencyCount, MixingWeight, Width
from sirec.core.layers.attention import ITEM, SourceAttention, visibility
from sirec.core.layers.blocks import NORM_EPS, Block, at, through
from sirec.core.layers.by_field import ByField
from sirec.core.layers.dropout import Dropout
from sirec.core.layers.embedding import BehaviourEmbedding
from sirec.core.layers.filters import RescaledFilter, Window, check_odd
from sirec.core.layers.fusion import SumScores
from sirec.core.model import BareItems, initialise
from sirec.core.shape import Shape
from sirec.core.states import States, TokenStates
from sirec.data.fields import PADDING, Schema
from sirec.data.tasks.batch import Batch, PositionOrder, Visible
from sirec.data.tasks.layout import LengthBucket, TokenLayout
from sirec.data.tasks.next_item import LastItem
from sirec.data.tasks.rectangular import whole
from sirec.models.declaration import Declaration
from sirec.models.search_space import with_usual
from sirec.objectives.stage import Stage


@dataclass(frozen=True, kw_only=True)
class BSARec(Shape, Declaration):
    """SASRec with a filter next to each attention; α and c are the authors' values for Beauty."""

    name: ClassVar[str] = "bsarec"
    title: ClassVar[str] = "BSARec"
    source: ClassVar[str] = "Shin et al., AAAI 2024, arXiv:2312.10325"
    search_space = with_usual(
        {"model.alpha": (0.1, 0.3, 0.5, 0.7, 0.9), "model.low_frequencies": (3, 5, 7, 9)}
    )
    checked = (
        "the authors' module (f21104b): scores to 5e-5 in fp32, where theirs rounds padded rows, "
        "to 6e-14 in fp64"
    )
    attribute: ClassVar[str] = "none"
    behaviour: ClassVar[str] = "embedding"
    fusions = {"behaviour": "sum"}
    stages: ClassVar[tuple[Stage, ...]] = (Stage(task=LastItem()),)
    published: ClassVar[Mapping[str, object]] = {"padding_class": True, "model.window": "tokens"}

    inner: Width = 512  # four times the width
    attention_dropout: DropoutRate = 0.5
    alpha: MixingWeight = 0.7  # α, the weight of the filter
    low_frequencies: FrequencyCount = (
        5  # c: the constant and pairs ±1, ±2, … of the window's n frequencies
    )
    positions: PositionOrder = "right"
    window: Window = "zeros"  # what empty slots hold

    def __post_init__(self) -> None:
        """Raise `SirecError` for half a pair of frequencies."""
        super().__post_init__()
        check_odd(self.low_frequencies)

    def build(self, schema: Schema) -> FilteredTransformer:
        """The model for the fields of `schema`, freshly initialised."""
        return FilteredTransformer(self, schema)


class FilteredTransformer(BareItems):
    """The encoder of the module's equations.

    Args:
        config: the declaration.
        schema: the items and fields of the data.
    """

    def __init__(self, config: BSARec, schema: Schema) -> None:
        super().__init__()
        d, self.max_length = config.width, schema.max_length
        self.state_width, self.positions, self.window = d, config.positions, config.window
        self.items = nn.Embedding(schema.items, d, padding_idx=PADDING)
        self.behaviours = ByField({f.name: BehaviourEmbedding(f, d) for f in schema.behaviours})
        self.norm = nn.LayerNorm(d, eps=NORM_EPS)
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            FilteredBlock(config, schema.max_length) for _ in range(config.layers)
        )
        initialise(self)

    def encode(self, batch: Batch) -> States:
        """The state after each slot, Float[B, L, d]; see `SequentialModel.encode`."""
        rows = batch.padded(self.max_length) if self.window == "tokens" else batch
        layout = whole(rows.items) if self.window == "tokens" else rows.layout
        rows = rows.count_positions(self.positions, self.max_length)
        x = self.items(layout.flatten(rows.items))
        for name, part in self.behaviours.items():
            x = x + part(layout.flatten(rows.behaviours[name]))
        x = self.dropout(self.norm(x))
        x = through(self.blocks, x, {}, layout, rows)
        length = batch.items.shape[1]
        return TokenStates(layout, x, readout=rows.readout_in(layout), length=length)


class FilteredBlock(Block):
    """The post-norm block with a filter next to its attention.

    Args:
        config: the declaration.
        max_length: n, the length of the window.
    """

    def __init__(self, config: BSARec, max_length: int) -> None:
        super().__init__(WindowAttention(config), config.inner, config.dropout)
        self.alpha = config.alpha
        self.filter = RescaledFilter(config.width, max_length, config.low_frequencies)
        self.filter_norm = nn.LayerNorm(config.width, eps=NORM_EPS)

    def forward(
        self,
        x: Tensor,
        side: Mapping[str, Tensor],
        layout: TokenLayout,
        visible: Visible,
        readout: Tensor | None = None,
    ) -> Tensor:
        """The output of the block.

        Args:
            x: Float[T, d], the states before the block.
            side: vectors Float[T, w] of every field, by name.
            layout: where the T tokens lie in their rows.
            visible: which slots a slot may read.
            readout: Long[B], the last token of every row, if only their states are needed.

        Returns:
            Float[T, d], or Float[B, d] for the tokens of `readout`.
        """
        low = at(self.filter(x, layout), readout)
        mixed = self.attention(x, self.sources(x, side), layout, visible, readout=readout)
        x = at(x, readout)
        filtered = self.filter_norm(x + self.dropout(low))
        attended = self.attention_norm(x + self.dropout(mixed))
        y = self.alpha * filtered + (1 - self.alpha) * attended
        z: Tensor = self.forward_norm(
            y + self.dropout(self.contract(self.activation(self.expand(y))))
        )
        return z


class WindowAttention(SourceAttention):
    """SASRec's attention; under `window: tokens` an empty slot attends to the whole window."""

    def __init__(self, config: BSARec) -> None:
        scale = 1 / math.sqrt(config.width // config.heads)
        super().__init__(
            {ITEM: config.width}, config.heads, SumScores(), config.attention_dropout, scale
        )

    def mask(self, bucket: LengthBucket, visible: Visible) -> Tensor:
        """Which slots may be read.

        Args:
            bucket: the rows, and which of their slots are real.
            visible: which slots a real slot may read.

        Returns:
            Bool[b, 1, l, l].
        """
        return visibility(bucket, visible) | ~bucket.real[:, None, :, None]
