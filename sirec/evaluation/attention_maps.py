"""Attention maps of one history: what each source of scores alone would attend to, and what is
attended to once they are fused (DIF-SR, Figure 7).

    P   = softmax(F(S_1, …, S_S) · scale + M)      the map of a block, as in `core/layers/attention`
    P_s = softmax(S_s · scale + M)                 the map of a source, if it were the only one

Both are means over heads. Letters: h heads, n window, L length of the history, w width of a head.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from sirec.core.layers.attention import SourceAttention
from sirec.core.transformer import FusedTransformer
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.layout import LengthBucket
from sirec.data.tasks.rectangular import whole
from sirec.evaluation.score_rank import exact_scores

FUSED = "fused"


@dataclass(frozen=True, eq=False)
class SourceMap:
    """One map.

    Attributes:
        block: number of the block, from 1.
        source: name of the source, or `FUSED`.
        weights: Float[L, L], of a slot (row) on each slot (column), whose rows add up to 1.
    """

    block: int
    source: str
    weights: Tensor


@torch.no_grad()
def attention_maps(model: FusedTransformer, batch: Batch) -> Iterator[SourceMap]:
    """The maps of every block: of each source, then fused; of one source alone, fused only.

    Args:
        model: the model, in evaluation mode.
        batch: one history.
    """
    length = int(batch.lengths[0])
    rows = batch.padded(model.max_length)
    layout = whole(rows.items)
    items, side = model.vectors(rows, layout)
    x = model.join(items, side)
    for number, block in enumerate(model.layers, start=1):
        attention, sources, bucket = block.attention, block.sources(x, side), layout.buckets[0]
        mask = attention.mask(bucket, rows.visible)
        names = list(attention.queries)
        for name in names if len(names) > 1 else ():
            scores = _scores_of(attention, name, sources[name], bucket)
            yield SourceMap(number, name, _mean_map(scores, mask, attention.scale, length))
        fused = exact_scores(attention, sources, bucket, rows.visible).fused
        yield SourceMap(number, FUSED, _mean_map(fused, mask, attention.scale, length))
        x = block(x, side, layout, rows.visible)


def _scores_of(
    attention: SourceAttention, name: str, source: Tensor, bucket: LengthBucket
) -> Tensor:
    """Float[1, h, n, n]: the scores of one source."""
    parts: list[Tensor] = []
    for projections in (attention.queries, attention.keys):
        vectors = attention.split(projections[name](source)).double()
        parts.append(bucket.spread(vectors).transpose(1, 2))
    queries, keys = parts
    return queries @ keys.transpose(-1, -2)


def _mean_map(scores: Tensor, mask: Tensor, scale: float, length: int) -> Tensor:
    """Float[L, L]: probabilities of the real slots, averaged over heads."""
    weights = (scores * scale).masked_fill(~mask, -torch.inf).softmax(dim=-1)
    return weights[0, :, :length, :length].mean(dim=0)
