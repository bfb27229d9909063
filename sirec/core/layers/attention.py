"""Attention with several sources of scores and one source of values.

    S_s = (X_s Wq_s)(X_s Wk_s)ᵀ, s = item and each field      (DIF-SR eq. 8-9, COMIF eq. 6)
    P   = softmax(F(S_1, …, S_S) / √d_h + M)                  (DIF-SR eq. 10, COMIF eq. 6)
    out = (P X_item Wv) Wo

S_s are matrices [b, h, l, l]. Where F is a sum, the heads of all sources are concatenated, so that
one product gives Σ_s q_s·k_s. The order of the sources matters to concatenation; it is the
authors': attributes, item, behaviours.

Letters: T tokens of a batch, h heads, b rows and l slots of a length bucket, w width of a head.
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
    """Which slot may read which other slot.

    Args:
        bucket: rows of similar length.
        visible: `past`, where a slot reads itself and what precedes it, or `all`.

    Returns:
        Bool, broadcastable to [b, h, l, l]: whether the slot of the third axis reads the fourth's.
    """
    real = bucket.real[:, None, None, :]
    if visible == "all":
        return real
    length = bucket.real.shape[1]
    return real & torch.ones(length, length, dtype=torch.bool, device=real.device).tril()


class SourceAttention(nn.Module):
    """Multi-head attention with queries and keys of every source, and values of the item.

    Args:
        sources: width of each source, in order, `item` among them; heads of a source of width w
            are ⌊w/h⌋ wide.
        heads: h, how many heads.
        fusion: F, which makes one score matrix of those of all sources.
        dropout: probability of dropping an attention probability.
        scale: the factor on fused scores, for example 1/√d_h.
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
        self.queries = ByField(_projections(sources, heads))
        self.keys = ByField(_projections(sources, heads))
        self.value = Linear(width, width)
        self.out = Linear(width, width)
        self.dropout = Dropout(dropout)

    def forward(
        self,
        value: Tensor,
        sources: Mapping[str, Tensor],
        layout: TokenLayout,
        visible: Visible,
        readout: Tensor | None = None,
    ) -> Tensor:
        """The output of attention.

        Args:
            value: Float[T, d], what values are made of.
            sources: Float[T, w] of each source, what queries and keys are made of.
            layout: where the T tokens lie in their rows.
            visible: which slots a slot may read.
            readout: Long[B], the last token of every row, if only their outputs are needed.

        Returns:
            Float[T, d], or Float[B, d] for the tokens of `readout`.
        """
        keys, values = self.keys_of(sources), self.split(self.value(value))
        if readout is None:
            mixed = self._mixed(self.queries_of(sources), keys, values, layout, visible)
        else:
            last = {name: source.index_select(0, readout) for name, source in sources.items()}
            mixed = self._mixed_at_last(self.queries_of(last), keys, values, layout)
        out: Tensor = self.out(mixed)
        return out

    def queries_of(self, sources: Mapping[str, Tensor]) -> list[Tensor]:
        """Queries Float[T, h, w] of each source, in order; concatenated where fusion is a sum."""
        return self._projected(self.queries, sources)

    def keys_of(self, sources: Mapping[str, Tensor]) -> list[Tensor]:
        """Keys Float[T, h, w] of each source, in order; concatenated where fusion is a sum."""
        return self._projected(self.keys, sources)

    def scores(
        self, sources: Mapping[str, Tensor], bucket: LengthBucket, visible: Visible
    ) -> Tensor:
        """Fused scores before scaling and mask.

        Args:
            sources: Float[T, w] of each source.
            bucket: the rows whose scores are wanted.
            visible: which slots a slot may read.

        Returns:
            Float[b, h, l, l]; queries on the third axis, keys on the fourth.
        """
        tokens = slice(bucket.first, bucket.first + len(bucket.kept))
        queries = [bucket.spread(part[tokens]).transpose(1, 2) for part in self.queries_of(sources)]
        keys = [bucket.spread(part[tokens]).transpose(1, 2) for part in self.keys_of(sources)]
        return self._fuse(queries, keys, self.mask(bucket, visible))

    def mask(self, bucket: LengthBucket, visible: Visible) -> Tensor:
        """Which slot may read which other slot; every slot must have one that it may read.

        Args:
            bucket: rows of similar length.
            visible: `past` or `all`.

        Returns:
            Bool, broadcastable to [b, h, l, l].
        """
        return visibility(bucket, visible)

    def split(self, vectors: Tensor) -> Tensor:
        """[T, h·w] -> [T, h, w]."""
        return vectors.unflatten(-1, (self.heads, -1))

    def _projected(
        self, projections: ByField[Linear], sources: Mapping[str, Tensor]
    ) -> list[Tensor]:
        parts = [self.split(each(sources[name])) for name, each in projections.items()]
        if self.fusion.separable and len(parts) > 1:
            return [torch.cat(parts, dim=-1)]
        return parts

    @small_products
    def _mixed(
        self,
        queries: list[Tensor],
        keys: list[Tensor],
        values: Tensor,
        layout: TokenLayout,
        visible: Visible,
    ) -> Tensor:
        """Float[T, d]: the attention-weighted values of every token."""
        together, mixed = [*queries, *keys, values], []
        widths = [part.shape[-1] for part in together]
        for bucket, part in zip(
            layout.buckets, layout.split(torch.cat(together, dim=-1)), strict=True
        ):
            # Each of these is [b, h, l, w].
            *pairs, value = bucket.spread(part).transpose(1, 2).split(widths, dim=-1)
            probabilities = self._probabilities(
                pairs[: len(queries)], pairs[len(queries) :], self.mask(bucket, visible)
            )
            out = (probabilities @ value).transpose(1, 2).flatten(2)  # [b, l, h·w]
            mixed.append(bucket.collect(out))  # [t, h·w]
        return torch.cat(mixed)

    @small_products
    def _mixed_at_last(
        self, queries: list[Tensor], keys: list[Tensor], values: Tensor, layout: TokenLayout
    ) -> Tensor:
        """Float[B, d]: the weighted values of each row's last token, which may read the whole
        row.
        """
        together, mixed = [*keys, values], []
        widths = [part.shape[-1] for part in together]
        by_bucket = [layout.split_last(query[:, :, None]) for query in queries]
        for number, (bucket, part) in enumerate(
            zip(layout.buckets, layout.split(torch.cat(together, dim=-1)), strict=True)
        ):
            *key, value = bucket.spread(part).transpose(1, 2).split(widths, dim=-1)
            query = [part[number] for part in by_bucket]
            probabilities = self._probabilities(query, key, visibility(bucket, "all"))
            mixed.append((probabilities @ value).flatten(1))  # of [b, h, 1, w]
        return torch.cat(mixed)

    def _probabilities(
        self, queries: Sequence[Tensor], keys: Sequence[Tensor], mask: Tensor
    ) -> Tensor:
        """Float[b, h, q, l]: the attention of q slots of each row on its l slots, with dropout."""
        fused = self._fuse(queries, keys, mask) * self.scale
        probabilities = fused.masked_fill(~mask, -torch.inf).softmax(dim=-1)
        dropped: Tensor = self.dropout(probabilities)
        return dropped

    def _fuse(self, queries: Sequence[Tensor], keys: Sequence[Tensor], mask: Tensor) -> Tensor:
        scores = [query @ key.transpose(-1, -2) for query, key in zip(queries, keys, strict=True)]
        fused: Tensor = self.fusion(scores, mask)
        return fused


def _projections(sources: Mapping[str, int], heads: int) -> dict[str, Linear]:
    """One linear map a source, to h heads of ⌊w/h⌋."""
    return {name: Linear(width, heads * (width // heads)) for name, width in sources.items()}
