"""Ranks of attention's score matrices, and their upper bounds (DIF-SR Figure 1 and Theorem 4.1).

A matrix holds the scores of one block, head and history: all sources fused, before scaling and
mask. After mask and softmax every such matrix is triangular with a positive diagonal, and so of
full rank whatever the model is; only raw scores can differ. Queries and keys are the model's own,
in its precision; products, fusion and singular values have 64 bits, because sources differ in scale
by orders of magnitude, and products in 32 bits lose the weak source.

    padded    all n × n slots, as in the authors' code with a fixed window: an empty slot holds item
              0, the attribute vector of no value, and its position; its query reads every real slot
    summed    the same with the sources summed, whatever the trained fusion is, so that models are
              compared alike
    real      the L × L slots of a history of L items, as fused
    visible   the same with scores of later keys at 0, a form that exists for every fusion

Letters: b rows, h heads, n window, L length of a history, w width of a head, S sources.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Literal

import torch
from torch import Tensor

from sirec.core.layers.attention import ITEM, SourceAttention, visibility
from sirec.core.layers.fusion import (
    ConcatScores,
    GateScores,
    RowFusion,
    ScoreFusion,
    SourceAxisConcat,
    SumFusion,
    SumScores,
)
from sirec.core.transformer import FusedTransformer
from sirec.data.tasks.batch import Batch, Visible
from sirec.data.tasks.layout import LengthBucket
from sirec.data.tasks.rectangular import whole

Matrix = Literal["padded", "summed", "real", "visible"]
POSITION = "position"


@dataclass(frozen=True, eq=False)
class BlockScores:
    """Scores of a block in 64 bits, before scaling and mask.

    Attributes:
        fused: Float[b, h, n, n], as the block's fusion gives them.
        summed: Float[b, h, n, n], the sum over sources.
    """

    fused: Tensor
    summed: Tensor

    def select(self, lengths: Tensor, matrix: Matrix) -> Tensor:
        """One kind of matrix; slots outside of it are 0, which adds only singular values of 0.

        Args:
            lengths: Long[b], lengths of the histories.
            matrix: which kind.

        Returns:
            Float[b, h, n, n].
        """
        if matrix == "padded":
            return self.fused
        if matrix == "summed":
            return self.summed
        real = torch.arange(self.fused.shape[-1], device=lengths.device) < lengths[:, None]
        kept = self.fused * (real[:, None, :, None] & real[:, None, None, :])
        return kept.tril() if matrix == "visible" else kept


@torch.no_grad()
def block_scores(model: FusedTransformer, batch: Batch) -> Iterator[BlockScores]:
    """Scores of each block, with empty slots computed like any other slot.

    Args:
        model: the model, in evaluation mode.
        batch: b histories.
    """
    rows = batch.padded(model.max_length)
    layout = whole(rows.items)
    items, side = model.vectors(rows, layout)
    x = model.join(items, side)
    for block in model.layers:
        yield exact_scores(block.attention, block.sources(x, side), layout.buckets[0], rows.visible)
        x = block(x, side, layout, rows.visible)


def exact_scores(
    attention: SourceAttention,
    sources: Mapping[str, Tensor],
    bucket: LengthBucket,
    visible: Visible,
) -> BlockScores:
    """`SourceAttention.scores` with products and fusion in 64 bits.

    Args:
        attention: the attention of a block.
        sources: Float[T, w] of each source.
        bucket: the rows whose scores are wanted.
        visible: which slots a slot may read.
    """
    queries = _in_64_bits(attention.queries_of(sources), bucket)
    keys = _in_64_bits(attention.keys_of(sources), bucket)
    fusion = copy.deepcopy(attention.fusion).double()
    alone = [query @ key.transpose(-1, -2) for query, key in zip(queries, keys, strict=True)]
    return BlockScores(fusion(alone, visibility(bucket, visible)), SumFusion()(alone))


def numerical_rank(singular: Tensor, tolerance: float) -> Tensor:
    """Long[...]: how many singular values exceed a fraction of the largest one.

    Args:
        singular: Float[..., n], singular values in descending order.
        tolerance: the fraction.
    """
    return (singular > tolerance * singular[..., :1]).sum(dim=-1)


def effective_rank(singular: Tensor) -> Tensor:
    """Float[...], between 1 and n: exp of the entropy of normalised singular values Float[..., n].

    It counts dimensions without a threshold.
    """
    shares = singular / singular.sum(dim=-1, keepdim=True)
    return torch.special.entr(shares).sum(dim=-1).exp()


def rank_bound(model: FusedTransformer, block: int, length: int, matrix: Matrix) -> int | None:
    """Upper bound of the rank of a score matrix, over all weights of this architecture.

    A triangular matrix of L slots can have rank L, whatever it is made of. A product of factors of
    width w has rank w at most. With padding, sources that have the same value in every empty slot
    together have L + 1 distinct slots; where the position enters a source, all slots differ, and in
    later blocks the position has entered the item stream.

    Args:
        model: the model.
        block: number of the block, from 0.
        length: L, length of the history.
        matrix: which kind of matrix.

    Returns:
        The bound; None where the fusion sets none.
    """
    if matrix == "visible":
        return length
    size = length if matrix == "real" else model.max_length
    distinct = min(size, length + 1)
    attention = model.layers[block].attention
    alike: list[int] = []  # widths of sources that have the same value in every empty slot
    unlike: list[int] = []
    for name, part in attention.queries.items():
        widths = unlike if _knows_position(model, block, name) else alike
        widths.append(part.out_features // attention.heads)
    fusion = SumScores() if matrix == "summed" else attention.fusion
    bound = bound_of(fusion, alike, distinct)
    return None if bound is None else min(size, bound + sum(unlike))


@singledispatch
def bound_of(fusion: ScoreFusion, widths: Sequence[int], distinct: int) -> int | None:
    """Upper bound of the rank of fused scores of sources with few distinct slots.

    Args:
        fusion: the fusion.
        widths: width of a head of each source.
        distinct: how many distinct slots the sources have.

    Returns:
        The bound; None where the fusion sets none.
    """
    raise TypeError(f"{type(fusion).__name__} is abstract")


@bound_of.register
def _(fusion: SumScores | GateScores, widths: Sequence[int], distinct: int) -> int | None:
    # A gate scales rows, which does not raise the rank.
    return None if _hides(fusion) else min(distinct, sum(widths))


@bound_of.register
def _(fusion: SourceAxisConcat | ConcatScores, widths: Sequence[int], distinct: int) -> int | None:
    # The bias is one more column, which is the same in every slot.
    return None if _hides(fusion) else min(distinct, sum(widths) + 1)


def _in_64_bits(parts: Sequence[Tensor], bucket: LengthBucket) -> list[Tensor]:
    """Queries or keys Float[T, h, w] as Float[b, h, l, w] in 64 bits."""
    return [bucket.spread(part.double()).transpose(1, 2) for part in parts]


def _hides(fusion: ScoreFusion) -> bool:
    """Whether scores are masked before the fusion: a triangular matrix can have any rank."""
    return isinstance(fusion, RowFusion) and fusion.hides


def _knows_position(model: FusedTransformer, block: int, source: str) -> bool:
    """Whether a source has different values in different empty slots."""
    if source != ITEM:
        return source == POSITION
    joined = model.layers[block].query_key
    early = [*model.at_embedding["behaviour"], *(joined.behaviours if joined else ())]
    return POSITION in early or (block > 0 and POSITION in model.side.behaviours)
