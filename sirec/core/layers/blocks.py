"""Transformer blocks: the post-norm block of BERT and RecBole, which most models share, and
LiGR's.
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
    """F(attributes…, item, behaviours…): the item stream fused with fields that join it (NOVA).

    Args:
        attributes: names of the attributes that join, in order.
        behaviours: names of the behaviours that join, in order.
        fusion: F.
    """

    def __init__(
        self, attributes: Sequence[str], behaviours: Sequence[str], fusion: VectorFusion
    ) -> None:
        super().__init__()
        self.attributes, self.behaviours = tuple(attributes), tuple(behaviours)
        self.fusion = fusion

    def forward(self, x: Tensor, side: Mapping[str, Tensor]) -> Tensor:
        """The fused stream.

        Args:
            x: the item stream, Float[T, d].
            side: vectors Float[T, w] of every field, by name.

        Returns:
            Float[T, d].
        """
        before = [side[name] for name in self.attributes]
        after = [side[name] for name in self.behaviours]
        fused: Tensor = self.fusion([*before, x, *after])
        return fused


def through(
    blocks: Iterable[nn.Module],
    x: Tensor,
    side: Mapping[str, Tensor],
    layout: TokenLayout,
    rows: Batch,
) -> Tensor:
    """Send tokens through a stack of blocks; the last block computes only the states that are read.

    Args:
        blocks: the blocks, first to last.
        x: Float[T, d], the input of the first block.
        side: vectors Float[T, w] of every field, by name.
        layout: where the T tokens lie in their rows.
        rows: the batch, which says what is visible and which states are read.

    Returns:
        Float[T, d], or Float[B, d] where only the last state of every row is read.
    """
    stack = [cast(Block, block) for block in blocks]
    for block in stack[:-1]:
        x = block(x, side, layout, rows.visible)
    for block in stack[-1:]:
        x = block(x, side, layout, rows.visible, rows.readout_in(layout))
    return x


class Block(nn.Module):
    """A post-norm block (DIF-SR eq. 2, as its code has it).

        Y = LN(X + Drop(Attention(X, sources))),   Z = LN(Y + Drop(FFN(Y)))

    Args:
        attention: the attention of the block.
        inner: width inside the feed-forward network FFN.
        dropout: probability of dropping a hidden value.
        query_key: fuses fields into what queries and keys are made of (NOVA); None for X itself.
    """

    normed_input: ClassVar[bool] = True  # whether the first block needs a normalised input

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
        mixed = self.attention(x, self.sources(x, side), layout, visible, readout=readout)
        y = self.attention_norm(at(x, readout) + self.dropout(mixed))
        z: Tensor = self.forward_norm(
            y + self.dropout(self.contract(self.activation(self.expand(y))))
        )
        return z

    def sources(self, x: Tensor, side: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What queries and keys are made of, by source.

        Args:
            x: the item stream, Float[T, d].
            side: vectors Float[T, w] of every field, by name.
        """
        joined = x if self.query_key is None else self.query_key(x, side)
        return {**side, ITEM: joined}


def at(x: Tensor, tokens: Tensor | None) -> Tensor:
    """Select tokens.

    Args:
        x: Float[T, ...].
        tokens: Long[B], or None for all.

    Returns:
        Float[B, ...], or `x` itself for None.
    """
    return x if tokens is None else x.index_select(0, tokens)


class LigrBlock(Block):
    """A pre-norm block with gated residuals (LiGR, arXiv:2502.03417).

        Y = X + σ(X G) ⊙ Drop(Attention(LN(X), sources)),   Z = Y + σ(Y G') ⊙ Drop(FFN(LN(Y)))
        FFN(x) = Drop(SiLU(x W1) ⊙ x W3) W2

    What a block adds to its input passes a gate that is computed from this input, and the sum is
    not normalised. FFN is SwiGLU without biases.

    Args:
        attention: the attention of the block.
        inner: width inside the feed-forward network FFN.
        dropout: probability of dropping a hidden value.
        query_key: fuses fields into what queries and keys are made of; None for LN(X) itself.
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
        self.attention_norm = nn.LayerNorm(width)  # ε = 1e-5, as RecTools has it
        self.forward_norm = nn.LayerNorm(width)
        self.expand = Linear(width, inner, bias=False)
        self.contract = Linear(inner, width, bias=False)
        self.scale = Linear(width, inner, bias=False)
        self.attention_gate, self.forward_gate = Linear(width, width), Linear(width, width)

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
        normed = self.attention_norm(x)
        mixed = self.attention(
            normed, super().sources(normed, side), layout, visible, readout=readout
        )
        x = at(x, readout)
        y = x + self.attention_gate(x).sigmoid() * self.dropout(mixed)
        normed = self.forward_norm(y)
        inner = self.dropout(F.silu(self.expand(normed)) * self.scale(normed))
        z: Tensor = y + self.forward_gate(y).sigmoid() * self.dropout(self.contract(inner))
        return z

    def sources(self, x: Tensor, side: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What queries and keys are made of, by source; the item stream is normalised first.

        Args:
            x: the item stream, Float[T, d].
            side: vectors Float[T, w] of every field, by name.
        """
        return super().sources(self.attention_norm(x), side)


BLOCKS: Mapping[BlockName, type[Block]] = {"post_norm": Block, "ligr": LigrBlock}


class ProjectionHead(nn.Module):
    """BERT4Rec's output layer (its eq. 7): z_v = LN(GELU(W x + c)) · e_v + b_v.

    The bias b is one more column of the item table, and the last coordinate of a state is 1, so
    that a score stays a dot product.

    Args:
        items: V, the number of item codes.
        width: d, the width of states before the layer; they are d + 1 wide behind it.
    """

    def __init__(self, items: int, width: int) -> None:
        super().__init__()
        self.width = width + 1
        self.map = Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.activation = nn.GELU()
        self.bias = nn.Parameter(torch.zeros(items))

    def forward(self, x: Tensor) -> Tensor:
        """Float[T, d] -> Float[T, d + 1]: states behind the layer."""
        y = self.norm(self.activation(self.map(x)))
        return torch.cat([y, y.new_ones(y.shape[0], 1)], dim=1)

    def with_biases(self, table: Tensor) -> Tensor:
        """Float[V, d] -> Float[V, d + 1]: item vectors with their biases as the last column."""
        return torch.cat([table, self.bias[:, None]], dim=1)
