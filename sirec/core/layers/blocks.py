"""The transformer blocks: post-norm with GELU and two norms (as in BERT and RecBole), which most
models share, and LiGR's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sirec.core.kernels.precision import Linear
from sirec.core.layers.attention import ITEM, SourceAttention
from sirec.core.layers.dropout import Dropout
from sirec.core.layers.fusion import VectorFusion
from sirec.data.tasks.batch import Batch, Visible
from sirec.data.tasks.layout import TokenLayout

NORM_EPS = 1e-12
BlockName = Literal["post_norm", "ligr"]


class Joined(nn.Module):
    """The item stream fused with fields that join it: F(attributes…, item, behaviours…), the
    authors' order.
    """

    def __init__(
        self, attributes: Sequence[str], behaviours: Sequence[str], fusion: VectorFusion
    ) -> None:
        super().__init__()
        self.attributes, self.behaviours = tuple(attributes), tuple(behaviours)
        self.fusion = fusion

    def forward(self, x: Tensor, side: Mapping[str, Tensor]) -> Tensor:
        """`x` [T, d], `side` name -> [T, w] -> [T, d]."""
        before, after = (
            [side[name] for name in self.attributes],
            [side[name] for name in self.behaviours],
        )
        fused: Tensor = self.fusion([*before, x, *after])
        return fused


def through(
    blocks: Iterable[nn.Module],
    x: Tensor,
    side: Mapping[str, Tensor],
    layout: TokenLayout,
    rows: Batch,
) -> Tensor:
    """`x` [T, d] through a stack of blocks -> [T, d]; the last computes only what the rows are
    asked for, [B, d].
    """
    stack = [cast(Block, block) for block in blocks]
    for block in stack:
        x = block(
            x, side, layout, rows.visible, rows.readout_in(layout) if block is stack[-1] else None
        )
    return x


class Block(nn.Module):
    """Y = LN(X + Drop(Attention(X, sources))), Z = LN(Y + Drop(FFN(Y))) (DIF-SR eq. 2 as its code
    has it).

    `query_key` joins fields to queries and keys only (NOVA); without it X is its own query.
    """

    normed_input: ClassVar[bool] = True  # whether the first block expects a norm before it

    def __init__(
        self,
        attention: SourceAttention,
        inner: int,
        dropout: float,
        query_key: Joined | None = None,
    ) -> None:
        super().__init__()
        width = attention.out.out_features
        self.attention = attention
        self.query_key = query_key
        self.attention_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.expand = Linear(width, inner)
        self.contract = Linear(inner, width)
        self.forward_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.dropout = Dropout(dropout)
        self.activation = nn.GELU()

    def forward(
        self,
        x: Tensor,
        side: Mapping[str, Tensor],
        layout: TokenLayout,
        visible: Visible,
        asked: Tensor | None = None,
    ) -> Tensor:
        """`x` [T, d]; `side` name -> [T, w], the vectors of every field -> [T, d]; [B, d] if only
        `layout.last_tokens` are asked.
        """
        mixed = self.attention(x, self.sources(x, side), layout, visible, asked=asked)
        y = self.attention_norm(at(x, asked) + self.dropout(mixed))
        z: Tensor = self.forward_norm(
            y + self.dropout(self.contract(self.activation(self.expand(y))))
        )
        return z

    def sources(self, x: Tensor, side: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What attention reads, by name: every field, and the item stream with what joins it."""
        return {**side, ITEM: x if self.query_key is None else self.query_key(x, side)}


def at(x: Tensor, tokens: Tensor | None) -> Tensor:
    """[T, ...] -> the rows of some tokens; all of them for None."""
    return x if tokens is None else x.index_select(0, tokens)


class LigrBlock(Block):
    """Y = X + σ(X G) ⊙ Drop(Attention(LN(X), sources)), Z = Y + σ(Y G') ⊙ Drop(FFN(LN(Y))) (LiGR,
    arXiv:2502.03417).

    What a block adds passes a gate read off what it is added to, and nothing norms the sum. FFN is
    SwiGLU without biases: FFN(x) = Drop(SiLU(x W1) ⊙ x W3) W2.
    """

    normed_input = False

    def __init__(
        self,
        attention: SourceAttention,
        inner: int,
        dropout: float,
        query_key: Joined | None = None,
    ) -> None:
        super().__init__(attention, inner, dropout, query_key)
        width = attention.out.out_features
        self.attention_norm, self.forward_norm = (
            nn.LayerNorm(width),
            nn.LayerNorm(width),
        )  # ε = 1e-5, as RecTools has it
        self.expand, self.contract = (
            Linear(width, inner, bias=False),
            Linear(inner, width, bias=False),
        )
        self.scale = Linear(width, inner, bias=False)
        self.attention_gate, self.forward_gate = Linear(width, width), Linear(width, width)

    def forward(
        self,
        x: Tensor,
        side: Mapping[str, Tensor],
        layout: TokenLayout,
        visible: Visible,
        asked: Tensor | None = None,
    ) -> Tensor:
        """`x` [T, d]; `side` name -> [T, w], the vectors of every field -> [T, d]; [B, d] if only
        `layout.last_tokens` are asked.
        """
        normed = self.attention_norm(x)
        mixed = self.attention(normed, super().sources(normed, side), layout, visible, asked=asked)
        x = at(x, asked)
        y = x + self.attention_gate(x).sigmoid() * self.dropout(mixed)
        normed = self.forward_norm(y)
        inner = self.dropout(F.silu(self.expand(normed)) * self.scale(normed))
        z: Tensor = y + self.forward_gate(y).sigmoid() * self.dropout(self.contract(inner))
        return z

    def sources(self, x: Tensor, side: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What attention reads, by name: the item stream is normed first."""
        return super().sources(self.attention_norm(x), side)


BLOCKS: Mapping[BlockName, type[Block]] = {"post_norm": Block, "ligr": LigrBlock}


class ProjectionHead(nn.Module):
    """BERT4Rec's output layer: z_v = LN(GELU(W x + c)) · e_v + b_v, the bias b as one more column
    of the item table.

    States are one wider than what they come from, and that last coordinate is 1, so that a score
    stays a dot product.
    """

    def __init__(self, items: int, width: int) -> None:
        super().__init__()
        self.width = width + 1
        self.map = Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.activation = nn.GELU()
        self.bias = nn.Parameter(torch.zeros(items))

    def forward(self, x: Tensor) -> Tensor:
        """[T, d] -> [T, d + 1]."""
        y = self.norm(self.activation(self.map(x)))
        return torch.cat([y, y.new_ones(len(y), 1)], dim=1)

    def beside(self, table: Tensor) -> Tensor:
        """[V, d] -> [V, d + 1]: each item's bias beside its vector."""
        return torch.cat([table, self.bias[:, None]], dim=1)
