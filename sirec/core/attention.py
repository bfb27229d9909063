"""Attention over several sources: each scores on its own, one value is mixed.

    S_s = (X_s Wq_s)(X_s Wk_s)ᵀ          s = item and each source           (DIF-SR eq. 8, COMIF eq. 9)   [b, h, l, l]
    P   = softmax(F(S_1, …, S_S) / √d_h + M)                                (DIF-SR eq. 10)
    out = (P X_item Wv) Wo

With separable F (sum) the sources' heads are laid side by side and one product gives Σ_s q_s·k_s. Source order, which
matters to concatenation, is the authors': attributes, item, behaviours.

Letters: T tokens, h heads, b rows and l length of a bucket, w width of a head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from sirec.core.by_field import ByField
from sirec.core.dropout import Dropout
from sirec.core.fusion import ScoreFusion
from sirec.data.batch import Bucket, Layout, Visible

ITEM = "item"


def visibility(bucket: Bucket, visible: Visible) -> Tensor:
    """Bool[b, 1, l, l] (or broadcastable): which slot may read which; `past` includes the slot itself."""
    real = bucket.real[:, None, None, :]
    if visible == "all":
        return real
    length = bucket.real.shape[1]
    return real & torch.ones(length, length, dtype=torch.bool, device=real.device).tril()


class SourceAttention(nn.Module):
    """Multi-head attention with one (query, key) pair a source and one value.

    `sources` gives each source's width in order, `item` among them; a source of width w has heads of ⌊w/h⌋.
    """

    def __init__(self, sources: Mapping[str, int], heads: int, fusion: ScoreFusion, dropout: float, scale: float) -> None:
        super().__init__()
        width = sources[ITEM]
        self.heads, self.scale, self.fusion = heads, scale, fusion
        self.queries = ByField({name: nn.Linear(w, heads * (w // heads)) for name, w in sources.items()})
        self.keys = ByField({name: nn.Linear(w, heads * (w // heads)) for name, w in sources.items()})
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.dropout = Dropout(dropout)

    def forward(self, value: Tensor, sources: Mapping[str, Tensor], layout: Layout, visible: Visible) -> Tensor:
        """`value` [T, d] and each source [T, w_s] -> [T, d]."""
        pairs = self.pairs(sources)
        widths = [part.shape[-1] for part in (*pairs[0], *pairs[1])]
        together = torch.cat([*pairs[0], *pairs[1], self.split(self.value(value))], dim=-1)  # [T, h, Σw]
        parts = zip(layout.buckets, layout.split(together), strict=True)
        out: Tensor = self.out(torch.cat([self._attend(bucket, part, widths, visible) for bucket, part in parts]))
        return out

    def pairs(self, sources: Mapping[str, Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Queries and keys [T, h, w_s] of each source, in order; separable fusions get them side by side as one."""
        queries = [self.split(part(sources[name])) for name, part in self.queries.items()]
        keys = [self.split(part(sources[name])) for name, part in self.keys.items()]
        if self.fusion.separable and len(queries) > 1:
            return [torch.cat(queries, dim=-1)], [torch.cat(keys, dim=-1)]
        return queries, keys

    def scores(self, sources: Mapping[str, Tensor], bucket: Bucket, visible: Visible) -> Tensor:
        """[b, h, l, l]: fused scores of a bucket before scaling and mask."""
        queries, keys = self.pairs(sources)
        mine = slice(bucket.first, bucket.first + len(bucket.kept))
        rows = [bucket.spread(part[mine]).transpose(1, 2) for part in (*queries, *keys)]
        return self._fuse(rows[: len(queries)], rows[len(queries) :], self.mask(bucket, visible))

    def mask(self, bucket: Bucket, visible: Visible) -> Tensor:
        """Bool, broadcastable to [b, h, l, l]: which slot may read which; every slot must have one that it may read."""
        return visibility(bucket, visible)

    def split(self, vectors: Tensor) -> Tensor:
        """[T, h·w] -> [T, h, w]."""
        return vectors.unflatten(-1, (self.heads, -1))

    def _attend(self, bucket: Bucket, together: Tensor, widths: Sequence[int], visible: Visible) -> Tensor:
        rows = bucket.spread(together).transpose(1, 2)  # [b, h, l, Σw]
        *pairs, value = rows.split([*widths, rows.shape[-1] - sum(widths)], dim=-1)
        half = len(pairs) // 2
        mask = self.mask(bucket, visible)
        fused = self._fuse(pairs[:half], pairs[half:], mask) * self.scale  # [b, h, l, l]
        attention = self.dropout(fused.masked_fill(~mask, -torch.inf).softmax(dim=-1))
        return bucket.collect((attention @ value).transpose(1, 2).flatten(2))  # [t, h·w]

    def _fuse(self, queries: Sequence[Tensor], keys: Sequence[Tensor], mask: Tensor) -> Tensor:
        scores = [query @ key.transpose(-1, -2) for query, key in zip(queries, keys, strict=True)]
        fused: Tensor = self.fusion(scores, mask)
        return fused
