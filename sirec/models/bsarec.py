"""BSARec: attention beside a low-pass filter that keeps some of what is high (Shin et al., AAAI
2024, arXiv:2312.10325).

Attention smooths a sequence; what changes fast in it is lost. A filter over the window brings that
back, with a weight β² >= 0 a channel that is learned:
    F(X) = LFC(X) + β² (X − LFC(X)),   LFC: the c lowest of the window's n frequencies
    Y    = α LN(X + Drop(F(X))) + (1 − α) LN(X + Drop(Attention(X)))
    X'   = LN(Y + Drop(FFN(Y))),   X_0 = Drop(LN(e + p)),   z_v = X_N[L−1] · e_v,   L = cross-entropy

LFC is a matrix, (1/n) Σ_{|j| <= c/2} cos(2π j (t − s) / n), the same wherever a row lies in the
window: left-aligned rows do what the authors' right-aligned ones do, once positions are counted as
theirs are. Where empty slots are 0 (`window: zeros`) only real slots need be looked at, and no
transform is taken. A filter reads the whole window, later slots too: states are not causal, each
prefix is an example of its own, and with α = 0 this is SASRec on such examples.

Departure: in the released code empty slots hold the padding item and a position, attend to all
slots, and reach the real ones through the filter: `window: tokens`. What they hold matters (a
reproduction, arXiv:2512.17442, gains more by that than by β). That code also trains on empty
histories and starts all blocks from one β; here neither.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from sirec.core.layers.attention import ITEM, SourceAttention, visibility
from sirec.core.layers.blocks import NORM_EPS, Block, at, through
from sirec.core.layers.by_field import ByField
from sirec.core.layers.dropout import Dropout
from sirec.core.layers.embedding import BehaviourEmbedding
from sirec.core.layers.fusion import SumScores
from sirec.core.model import BareItems, States, initialise
from sirec.core.shape import Shape
from sirec.data.fields import PADDING, Schema
from sirec.data.tasks.batch import Batch, PositionOrder, Visible
from sirec.data.tasks.layout import LengthBucket, TokenLayout, whole
from sirec.data.tasks.next_item import LastItem
from sirec.errors import SirecError
from sirec.models.declaration import Declaration
from sirec.objectives.stage import Stage

Window = Literal["zeros", "tokens"]


@dataclass(frozen=True, kw_only=True)
class BSARec(Shape, Declaration):
    """SASRec with a filter beside each attention; α and c are the authors' for Beauty."""

    name: ClassVar[str] = "bsarec"
    title: ClassVar[str] = "BSARec"
    source: ClassVar[str] = "Shin et al., AAAI 2024, arXiv:2312.10325"
    checked = "the authors' module (f21104b): scores to 5e-5 in fp32, where theirs rounds padded rows, to 6e-14 in fp64"
    attribute: ClassVar[str] = "none"
    behaviour: ClassVar[str] = "embedding"
    fusions = {"behaviour": "sum"}
    stages: ClassVar[tuple[Stage, ...]] = (Stage(task=LastItem()),)
    published: ClassVar[Mapping[str, object]] = {"padding_class": True, "model.window": "tokens"}

    inner: int = 512  # four times the width
    attention_dropout: float = 0.5
    alpha: float = 0.7  # α, the filter's share
    low_frequencies: int = 5  # c: the constant and pairs ±1, ±2, … of the window's n frequencies
    positions: PositionOrder = "right"
    window: Window = "zeros"  # what empty slots hold

    def __post_init__(self) -> None:
        """Refuse a share outside [0, 1] and half a pair of frequencies."""
        super().__post_init__()
        if not 0 <= self.alpha <= 1:
            raise SirecError(f"alpha {self.alpha} must lie in [0, 1]")
        if self.low_frequencies < 1 or self.low_frequencies % 2 == 0:
            raise SirecError(
                f"low_frequencies {self.low_frequencies} must be odd: the constant, and frequencies in pairs"
            )

    def build(self, schema: Schema) -> FilteredTransformer:
        """The model for these fields, freshly initialised."""
        return FilteredTransformer(self, schema)


class FilteredTransformer(BareItems):
    """See the module's equations."""

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
        """The state after each slot, [B, L, d]; see `SequentialModel.encode`."""
        rows = batch.padded(self.max_length) if self.window == "tokens" else batch
        layout = whole(rows.items) if self.window == "tokens" else rows.layout
        rows = rows.count_positions(self.positions, self.max_length)
        x = self.items(layout.flatten(rows.items))
        for name, part in self.behaviours.items():
            x = x + part(layout.flatten(rows.behaviours[name]))
        x = self.dropout(self.norm(x))
        x = through(self.blocks, x, {}, layout, rows)
        return States(layout.unflatten(x, rows.readout_in(layout))[:, : batch.items.shape[1]])


class FilteredBlock(Block):
    """The shared block with a filter beside its attention."""

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
    """SASRec's attention; an empty slot, where there is one, attends to the whole window."""

    def __init__(self, config: BSARec) -> None:
        scale = 1 / math.sqrt(config.width // config.heads)
        super().__init__(
            {ITEM: config.width}, config.heads, SumScores(), config.attention_dropout, scale
        )

    def mask(self, bucket: LengthBucket, visible: Visible) -> Tensor:
        """Bool[b, 1, l, l]: real slots see real ones of their past."""
        return visibility(bucket, visible) | ~bucket.real[:, None, :, None]


class RescaledFilter(nn.Module):
    """F(X) = LFC(X) + β² (X − LFC(X)) over a window whose slots that are no tokens hold 0. Letters:
    b rows of a bucket.
    """

    low: Tensor

    def __init__(self, width: int, window: int, components: int) -> None:
        super().__init__()
        self.register_buffer("low", low_pass(window, components), persistent=False)  # [n, n]
        self.beta = nn.Parameter(torch.randn(width))

    def forward(self, x: Tensor, layout: TokenLayout) -> Tensor:
        """[T, d] -> [T, d]."""
        parts = zip(layout.buckets, layout.split(x), strict=True)
        low = torch.cat(
            [bucket.collect(self._smooth(bucket.spread(part))) for bucket, part in parts]
        )
        return low + self.beta.square() * (x - low)

    def _smooth(self, rows: Tensor) -> Tensor:
        """[b, l, d] -> [b, l, d]."""
        length = rows.shape[1]
        return self.low[:length, :length] @ rows


def low_pass(window: int, components: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """[n, n]: the projection of a window on its lowest frequencies, a function of the distance of
    two slots alone.
    """
    slots = torch.arange(window, dtype=torch.float64)
    distance = slots[:, None] - slots
    pairs = range(1, components // 2 + 1)
    kept = [
        torch.cos(2 * math.pi * pair * distance / window) * _copies(pair, window) for pair in pairs
    ]
    return (torch.stack([torch.ones_like(distance), *kept]).sum(dim=0) / window).to(dtype)


def _copies(pair: int, window: int) -> int:
    """How often ±pair counts: twice, once where both are the same frequency, and not beyond it."""
    return 2 if 2 * pair < window else int(2 * pair == window)
