"""Ranks of attention's score matrices, and what bounds them (DIF-SR Figure 1 and Theorem 4.1).

A matrix is what one block and head make of one history: all sources fused, before scaling and mask.
After mask and softmax every such matrix is a triangle with a positive diagonal, of full rank
whatever the model, so only raw scores can differ. Queries and keys are the model's own, in its
precision; products, fusion and singular values are 64-bit, because sources differ in scale by
orders of magnitude and 32-bit products already blur the weak one.

    padded    all n x n slots, as the authors' code has them at a fixed window: an empty slot holds item 0, the attribute
              vector of no value, and the position it would have; its query reads every real slot
    summed    the same with the sources added up, whatever the trained fusion: what the sources span, like with like
    real      the L x L slots of a history of L items, as fused
    visible   the same with scores of later keys at 0, a form that every fusion can be brought into

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
from sirec.data.tasks.layout import LengthBucket, whole

Matrix = Literal["padded", "summed", "real", "visible"]
POSITION = "position"


@dataclass(frozen=True, eq=False)
class BlockScores:
    """A block's scores [b, h, n, n] in 64 bits, before scaling and mask: as its fusion has them,
    and its sources' sum.
    """

    fused: Tensor
    summed: Tensor

    def select(self, lengths: Tensor, matrix: Matrix) -> Tensor:
        """[b, h, n, n] with all that is outside a history's matrix at 0, which adds singular values
        of 0 alone.
        """
        if matrix in ("padded", "summed"):
            return self.fused if matrix == "padded" else self.summed
        real = torch.arange(self.fused.shape[-1], device=lengths.device) < lengths[:, None]
        kept = self.fused * (real[:, None, :, None] & real[:, None, None, :])
        return kept.tril() if matrix == "visible" else kept


@torch.no_grad()
def block_scores(model: FusedTransformer, batch: Batch) -> Iterator[BlockScores]:
    """Each block's scores, empty slots computed like any other."""
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
    """As `SourceAttention.scores`, with queries and keys as they are, and products and fusion in 64
    bits.
    """
    of_sources = (attention.queries_of(sources), attention.keys_of(sources))
    queries, keys = (
        [bucket.spread(part.double()).transpose(1, 2) for part in parts] for parts in of_sources
    )
    fusion = copy.deepcopy(attention.fusion).double()
    alone = [query @ key.transpose(-1, -2) for query, key in zip(queries, keys, strict=True)]
    return BlockScores(fusion(alone, visibility(bucket, visible)), SumFusion()(alone))


def numerical_rank(singular: Tensor, tolerance: float) -> Tensor:
    """Long[...]: how many singular values [..., n], in descending order, exceed `tolerance` times
    the largest.
    """
    return (singular > tolerance * singular[..., :1]).sum(dim=-1)


def effective_rank(singular: Tensor) -> Tensor:
    """[...]: exp of the entropy of the singular values' shares: a count without a threshold,
    between 1 and n.
    """
    shares = singular / singular.sum(dim=-1, keepdim=True)
    return torch.special.entr(shares).sum(dim=-1).exp()


def rank_bound(model: FusedTransformer, block: int, length: int, matrix: Matrix) -> int | None:
    """The highest rank that weights of this shape can give in a block (counted from 0), or None if
    fusion sets no bound.

    A triangle of L slots can have rank L whatever it is made of. Factors of width w have rank w at
    most. Padded, sources that hold the same in every empty slot live together on the L + 1 distinct
    slots; where position joins a source, slots differ, and in later blocks it has reached the item
    stream.
    """
    if matrix == "visible":
        return length
    size = length if matrix == "real" else model.max_length
    distinct = min(size, length + 1)
    attention = model.layers[block].attention
    widths = {
        name: part.out_features // attention.heads for name, part in attention.queries.items()
    }
    alike = [width for name, width in widths.items() if not _knows_position(model, block, name)]
    unlike = [width for name, width in widths.items() if _knows_position(model, block, name)]
    bound = bound_of(SumScores() if matrix == "summed" else attention.fusion, alike, distinct)
    return None if bound is None else min(size, bound + sum(unlike))


@singledispatch
def bound_of(fusion: ScoreFusion, widths: Sequence[int], distinct: int) -> int | None:
    """The highest rank of the fused part of sources that all live on `distinct` slots; None: the
    fusion sets no bound.
    """
    raise TypeError(f"{type(fusion).__name__} is abstract")


@bound_of.register
def _(fusion: SumScores | GateScores, widths: Sequence[int], distinct: int) -> int | None:
    return (
        None if _hides(fusion) else min(distinct, sum(widths))
    )  # a gate scales rows, which span no more for it


@bound_of.register
def _(fusion: SourceAxisConcat | ConcatScores, widths: Sequence[int], distinct: int) -> int | None:
    return (
        None if _hides(fusion) else min(distinct, sum(widths) + 1)
    )  # the bias is one more column, the same in every slot


def _hides(fusion: ScoreFusion) -> bool:
    """Whether the mask enters before the fusion: a triangle has any rank, whatever the widths
    behind it.
    """
    return isinstance(fusion, RowFusion) and fusion.hides


def _knows_position(model: FusedTransformer, block: int, source: str) -> bool:
    """Whether a source differs between empty slots."""
    if source != ITEM:
        return source == POSITION
    joined = model.layers[block].query_key
    early = [*model.at_embedding["behaviour"], *(joined.behaviours if joined else ())]
    return POSITION in early or (block > 0 and POSITION in model.side.behaviours)
