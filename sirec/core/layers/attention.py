"""Attention over several sources: each scores on its own, one value is mixed.

    S_s = (X_s Wq_s)(X_s Wk_s)ᵀ          s = item and each source           (DIF-SR eq. 8-9, COMIF eq. 6)   [b, h, l, l]
    P   = softmax(F(S_1, …, S_S) / √d_h + M)                                (DIF-SR eq. 10, COMIF eq. 6)
    out = (P X_item Wv) Wo

With separable F (sum) the sources' heads are laid side by side and one product gives Σ_s q_s·k_s.
Source order, which matters to concatenation, is the authors': attributes, item, behaviours.

Letters: T tokens, h heads, b rows and l length of a bucket, w width of a head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from sirec.core.kernels.precision import Linear, small_products
from sirec.core.layers.by_field import ByField
from sirec.core.layers.dropout import Dropout
from sirec.core.layers.fusion import ScoreFusion
from sirec.data.tasks.batch import Visible
from sirec.data.tasks.layout import LengthBucket, TokenLayout

ITEM = "item"


def visibility(bucket: LengthBucket, visible: Visible) -> Tensor:
    """Bool[b, 1, l, l] (or broadcastable): which slot may read which; `past` includes the slot
    itself.
    """
    real = bucket.real[:, None, None, :]
    if visible == "all":
        return real
    length = bucket.real.shape[1]
    return real & torch.ones(length, length, dtype=torch.bool, device=real.device).tril()


class SourceAttention(nn.Module):
    """Multi-head attention with one (query, key) pair a source and one value.

    `sources` gives each source's width in order, `item` among them; a source of width w has heads
    of ⌊w/h⌋.
    """

    def __init__(
        self,
        sources: Mapping[str, int],
        heads: int,
        fusion: ScoreFusion,
        dropout: float,
        scale: float,
    ) -> None:
        super().__init__()
        width = sources[ITEM]
        self.heads, self.scale, self.fusion = heads, scale, fusion
        self.queries = ByField(
            {name: Linear(w, heads * (w // heads)) for name, w in sources.items()}
        )
        self.keys = ByField({name: Linear(w, heads * (w // heads)) for name, w in sources.items()})
        self.value = Linear(width, width)
        self.out = Linear(width, width)
        self.dropout = Dropout(dropout)

    def forward(
        self,
        value: Tensor,
        sources: Mapping[str, Tensor],
        layout: TokenLayout,
        visible: Visible,
        asked: Tensor | None = None,
    ) -> Tensor:
        """`value` [T, d] and each source [T, w_s] -> [T, d]; [B, d] if only `layout.last_tokens` are
        asked.
        """
        keys, values = self.keys_of(sources), self.split(self.value(value))
        if asked is None:
            mixed = self._mixed(self.queries_of(sources), keys, values, layout, visible)
        else:
            asking = {name: source.index_select(0, asked) for name, source in sources.items()}
            mixed = self._mixed_at_ends(self.queries_of(asking), keys, values, layout)
        out: Tensor = self.out(mixed)
        return out

    def queries_of(self, sources: Mapping[str, Tensor]) -> list[Tensor]:
        """[T, h, w_s] of each source, in order; separable fusions get them side by side as one."""
        return self._merged(
            [self.split(part(sources[name])) for name, part in self.queries.items()]
        )

    def keys_of(self, sources: Mapping[str, Tensor]) -> list[Tensor]:
        """As `queries_of`."""
        return self._merged([self.split(part(sources[name])) for name, part in self.keys.items()])

    def scores(
        self, sources: Mapping[str, Tensor], bucket: LengthBucket, visible: Visible
    ) -> Tensor:
        """[b, h, l, l]: fused scores of a bucket before scaling and mask."""
        mine = slice(bucket.first, bucket.first + len(bucket.kept))
        queries, keys = (
            [bucket.spread(part[mine]).transpose(1, 2) for part in parts]
            for parts in (self.queries_of(sources), self.keys_of(sources))
        )
        return self._fuse(queries, keys, self.mask(bucket, visible))

    def mask(self, bucket: LengthBucket, visible: Visible) -> Tensor:
        """Bool, broadcastable to [b, h, l, l]: which slot may read which; every slot must have one
        that it may read.
        """
        return visibility(bucket, visible)

    def split(self, vectors: Tensor) -> Tensor:
        """[T, h·w] -> [T, h, w]."""
        return vectors.unflatten(-1, (self.heads, -1))

    def _merged(self, parts: list[Tensor]) -> list[Tensor]:
        return [torch.cat(parts, dim=-1)] if self.fusion.separable and len(parts) > 1 else parts

    @small_products
    def _mixed(
        self,
        queries: list[Tensor],
        keys: list[Tensor],
        values: Tensor,
        layout: TokenLayout,
        visible: Visible,
    ) -> Tensor:
        """[T, d]: what every token mixes."""
        together, mixed = [*queries, *keys, values], []
        widths = [part.shape[-1] for part in together]
        for bucket, part in zip(
            layout.buckets, layout.split(torch.cat(together, dim=-1)), strict=True
        ):
            *pairs, value = (
                bucket.spread(part).transpose(1, 2).split(widths, dim=-1)
            )  # [b, h, l, w] each
            shares = self._shares(
                pairs[: len(queries)], pairs[len(queries) :], self.mask(bucket, visible)
            )
            mixed.append(bucket.collect((shares @ value).transpose(1, 2).flatten(2)))  # [t, h·w]
        return torch.cat(mixed)

    @small_products
    def _mixed_at_ends(
        self, queries: list[Tensor], keys: list[Tensor], values: Tensor, layout: TokenLayout
    ) -> Tensor:
        """[B, d]: what the last token of every row mixes, which may read the whole row."""
        together, mixed = [*keys, values], []
        widths, asking = (
            [part.shape[-1] for part in together],
            [layout.split_last(query[:, :, None]) for query in queries],
        )
        for number, (bucket, part) in enumerate(
            zip(layout.buckets, layout.split(torch.cat(together, dim=-1)), strict=True)
        ):
            *key, value = bucket.spread(part).transpose(1, 2).split(widths, dim=-1)
            shares = self._shares(
                [query[number] for query in asking], key, visibility(bucket, "all")
            )  # [b, h, 1, l]
            mixed.append((shares @ value).flatten(1))
        return torch.cat(mixed)

    def _shares(self, queries: Sequence[Tensor], keys: Sequence[Tensor], mask: Tensor) -> Tensor:
        """[b, h, q, l]: how q slots of each row divide their attention."""
        fused = self._fuse(queries, keys, mask) * self.scale
        shares: Tensor = self.dropout(fused.masked_fill(~mask, -torch.inf).softmax(dim=-1))
        return shares

    def _fuse(self, queries: Sequence[Tensor], keys: Sequence[Tensor], mask: Tensor) -> Tensor:
        scores = [query @ key.transpose(-1, -2) for query, key in zip(queries, keys, strict=True)]
        fused: Tensor = self.fusion(scores, mask)
        return fused
