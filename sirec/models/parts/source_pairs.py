"""Attention in which every source has queries for the keys of every other source (MSSR).

    S_xy = (X_x W_xy)(X_y Wk_y)ᵀ            one score matrix for query source x and key source y
    P    = softmax(G(ω_xy S_xy) / √d_h + M)  G gates the matrices row by row, M hides later slots

The item stream attends with the matrices of the *item-stream sources*: items, attributes as
embedded, behaviours. Attribute streams attend with the matrices of the *attribute-stream sources*:
behaviours and the attribute streams themselves. The declaration is `models/mssr.py`.

Letters: T tokens, h heads, b rows and l length of a bucket, q query slots (l, or 1 for the last
slot of each row), w width of a source or of its head, S item-stream sources, P attribute-stream
sources, X query sources of one key source, F attributes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from sirec.core.kernels.precision import small_products
from sirec.core.layers.attention import visibility
from sirec.core.layers.blocks import at
from sirec.core.layers.by_field import ByField
from sirec.core.layers.dropout import Dropout
from sirec.core.layers.fusion import FusionForm, GateForm, GateScores
from sirec.core.shape import Shape
from sirec.data.tasks.batch import Visible
from sirec.data.tasks.layout import LengthBucket, TokenLayout
from sirec.models.parts.pair_projections import PairProjections, Vectors
from sirec.models.parts.pair_stream import PairStream
from sirec.models.parts.sources import Sources


class PairBlock(PairProjections):
    """One block: the scores of all pairs of sources, their gate, and the streams after it.

    Args:
        shape: heads, inner width and dropout rates.
        sources: the sources and their widths.
        form: whether scores are masked before the gate (`masked`) or after it (`reference`).
        gate: the form of the gate.
        max_length: n, the length of the window.
        has_attribute_streams: whether the block computes attribute streams, or the item stream
            alone.
    """

    def __init__(
        self,
        shape: Shape,
        sources: Sources,
        form: FusionForm,
        gate: GateForm,
        max_length: int,
        *,
        has_attribute_streams: bool,
    ) -> None:
        super().__init__(sources, shape.heads, has_attribute_streams=has_attribute_streams)
        self.scale = 1 / math.sqrt(sources.model_width // shape.heads)
        self.gate = GateScores(form, max_length, gate)
        self.item = PairStream(sources.model_width, shape)
        attribute_streams = {}
        for name in self.streams:
            attribute_streams[name] = PairStream(sources.width(name), shape)
        self.moved = ByField(attribute_streams)  # weights are saved under this name
        self.dropout = Dropout(shape.attention_dropout)

    def forward(
        self,
        x: Tensor,
        streams: Vectors,
        fields: Vectors,
        weights: Sequence[Tensor],
        layout: TokenLayout,
        visible: Visible,
        readout: Tensor | None = None,
    ) -> tuple[Tensor, Vectors]:
        """Both kinds of streams after the block.

        Args:
            x: Float[T, d], the item stream.
            streams: Float[T, w] of every attribute stream, by attribute.
            fields: Float[T, w] of every attribute and behaviour as embedded, by name.
            weights: ω of the item stream, Float[S²], then of each attribute stream, Float[P²].
            layout: where the T tokens lie in their rows.
            visible: which slots a slot may read.
            readout: Long[B], the last token of every row, if only their states are needed.

        Returns:
            The item stream and the attribute streams that this block has, Float[T, ·], or
            Float[B, ·] for the tokens of `readout`.
        """
        values = [self.item.value(x)]
        for name, stream in self.moved.items():
            values.append(stream.value(streams[name]))
        read = list(map(self.split, (*values, *self.key_sets(x, streams, fields))))
        widths = [part.shape[-1] for part in read]
        queries = torch.cat(
            self.query_sets(at(x, readout), _at(streams, readout), _at(fields, readout)), dim=-1
        )
        own = layout.split(queries) if readout is None else layout.split_last(queries)
        mixed = []
        parts = zip(layout.buckets, layout.split(torch.cat(read, dim=-1)), own, strict=True)
        for bucket, part, bucket_queries in parts:
            pieces = bucket.spread(part).transpose(1, 2).split(widths, dim=-1)  # each [b, h, l, ·]
            if readout is None:
                mixed.append(self._attend_all(bucket, pieces, bucket_queries, weights, visible))
            else:
                mixed.append(self._attend_last(bucket, pieces, bucket_queries, weights))
        item, *others = map(torch.cat, zip(*mixed, strict=True))
        after = self.item(at(x, readout), item)
        moved = {}
        for (name, stream), other in zip(self.moved.items(), others, strict=True):
            moved[name] = stream(at(streams[name], readout), other)
        return after, moved

    def _attend_all(
        self,
        bucket: LengthBucket,
        pieces: Sequence[Tensor],
        queries: Tensor,
        weights: Sequence[Tensor],
        visible: Visible,
    ) -> list[Tensor]:
        """The mixed values of all tokens of a bucket, Float[·, w] for each stream."""
        spread = bucket.spread(queries).transpose(1, 2)
        mixed = self._attend(pieces, spread, weights, visibility(bucket, visible))
        return list(map(bucket.collect, mixed))

    def _attend_last(
        self,
        bucket: LengthBucket,
        pieces: Sequence[Tensor],
        queries: Tensor,
        weights: Sequence[Tensor],
    ) -> list[Tensor]:
        """The mixed values of the last token of each row of a bucket, Float[b, w] a stream."""
        mixed = self._attend(pieces, queries[:, :, None], weights, visibility(bucket, "all"))
        return [piece[:, 0] for piece in mixed]

    @small_products
    def _attend(
        self, pieces: Sequence[Tensor], queries: Tensor, weights: Sequence[Tensor], mask: Tensor
    ) -> list[Tensor]:
        """Mix the values of each stream.

        Args:
            pieces: values of each stream, then keys of each set, Float[b, h, l, ·].
            queries: Float[b, h, q, ·], the queries of all sets beside each other.
            weights: ω of each stream.
            mask: Bool, broadcastable to [b, h, q, l]: which keys a query may read.

        Returns:
            Float[b, q, w] for each stream.
        """
        streams = 1 + len(self.streams)
        values, keys = pieces[:streams], pieces[streams:]
        widths = [self.query_count(index) * part.shape[-1] for index, part in enumerate(keys)]
        scores = []
        for key, own in zip(keys, queries.split(widths, dim=-1), strict=True):
            scores.append(_scores(key, own))
        mixed = []
        # A block without attribute streams has one stack of scores, and reads one ω.
        parts = zip(values, self._stacks(scores), weights, strict=False)
        for value, stack, weight in parts:
            fused = self.gate.weighted(stack, weight, mask) * self.scale
            attention = self.dropout(fused.masked_fill(~mask, -torch.inf).softmax(dim=-1))
            mixed.append((attention @ value).transpose(1, 2).flatten(2))
        return mixed

    def _stacks(self, scores: Sequence[Tensor]) -> list[Tensor]:
        """The score matrices of each stream, from those of each set of keys Float[b, h, q, X, l].

        Returns:
            Float[b, h, q, S², l] for the item stream, Float[b, h, q, P², l] for each attribute
            stream.
        """
        sources = self.sources
        item_sources, attribute_sources = len(sources.item_stream), len(sources.attribute_stream)
        first_queries = [score[..., :item_sources, :] for score in scores[:item_sources]]
        stacks = [torch.cat(first_queries, dim=-2)]
        if self.streams:
            shared = 1 + len(sources.attribute_widths)  # the first set whose keys both streams read
            last_queries = [score[..., -attribute_sources:, :] for score in scores[shared:]]
            stacks += [torch.cat(last_queries, dim=-2)] * len(self.streams)
        return stacks


def _scores(keys: Tensor, queries: Tensor) -> Tensor:
    """The scores of X queries of each slot, as one matrix product.

    Args:
        keys: Float[b, h, l, w].
        queries: Float[b, h, q, X·w].

    Returns:
        Float[b, h, q, X, l].
    """
    slots, width = queries.shape[-2], keys.shape[-1]
    stacked = queries.unflatten(-1, (-1, width)).flatten(2, 3)  # [b, h, q·X, w]
    return (stacked @ keys.transpose(-1, -2)).unflatten(2, (slots, -1))


def _at(vectors: Vectors, tokens: Tensor | None) -> Vectors:
    """`blocks.at` for every entry."""
    return {name: at(x, tokens) for name, x in vectors.items()}
