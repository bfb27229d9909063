"""Attention in which every source asks every other: one score matrix a pair, gated row by row (MSSR; see `models/mssr.py`).

Letters: T tokens, h heads, b rows and l length of a bucket, w width of a source or its head, X sources that ask the same keys,
S sources that the item stream reads, P those that attribute streams read, F attributes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sirec.core.attention import ITEM, visibility
from sirec.core.blocks import NORM_EPS
from sirec.core.by_field import ByField
from sirec.core.dropout import Dropout
from sirec.core.fusion import FusionForm, GateScores
from sirec.core.shape import Shape
from sirec.data.batch import Bucket, Layout, Visible

Vectors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Sources:
    """The widths of the sources by name: items `wide`, attributes `own` widths, behaviours `wide` again."""

    wide: int
    own: Mapping[str, int]
    behaviours: tuple[str, ...]

    @property
    def still(self) -> tuple[str, ...]:
        """S names: whom the item stream reads, items first and behaviours last."""
        return (ITEM, *self.own, *self.behaviours)

    @property
    def moving(self) -> tuple[str, ...]:
        """P names: whom the attribute streams read."""
        return (*self.behaviours, *self.own)

    def width(self, name: str) -> int:
        """Of one source."""
        return self.own.get(name, self.wide)

    def map(self, asker: str, asked: str) -> str:
        """Which of an asker's maps its question takes: between wide sources it has but one, called after itself."""
        return asked if asker in self.own or asked in self.own else asker


class Stream(nn.Module):
    """What a stream makes of its attention: Y = LN(X + Drop(P X Wv Wo)), Z = LN(Y + Drop(FFN(Y)))."""

    def __init__(self, width: int, config: Shape) -> None:
        super().__init__()
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.attention_norm, self.forward_norm = (nn.LayerNorm(width, eps=NORM_EPS) for _ in range(2))
        self.feed = nn.Sequential(nn.Linear(width, config.inner), nn.GELU(), nn.Linear(config.inner, width))
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, mixed: Tensor) -> Tensor:
        """`x`, `mixed` values [T, w] -> [T, w]."""
        y = self.attention_norm(x + self.dropout(self.out(mixed)))
        z: Tensor = self.forward_norm(y + self.dropout(self.feed(y)))
        return z


class PairBlock(nn.Module):
    """One block: all pairs' scores, their gate, and what the streams make of it; attribute streams only if `moves`."""

    def __init__(self, shape: Shape, sources: Sources, form: FusionForm, max_length: int, *, moves: bool) -> None:
        super().__init__()
        self.sources, self.heads = sources, shape.heads
        self.scale = 1 / math.sqrt(sources.wide // shape.heads)
        width = sources.width
        self.queries = ByField(
            {x: ByField({sources.map(x, y): nn.Linear(width(x), width(y)) for y in sources.still}) for x in sources.still}
        )
        self.keys = ByField({x: nn.Linear(width(x), width(x)) for x in sources.still})
        self.gate = GateScores(form, max_length)
        self.item = Stream(sources.wide, shape)
        self.moving = tuple(sources.own) if moves else ()
        self.moved = ByField({name: Stream(sources.own[name], shape) for name in self.moving})
        self.dropout = Dropout(shape.attention_dropout)

    def forward(
        self, x: Tensor, moved: Vectors, side: Vectors, weights: Sequence[Tensor], layout: Layout, visible: Visible
    ) -> tuple[Tensor, Vectors]:
        """Item stream [T, d], attribute streams and raw fields [T, w] by name, ω [S²] and F times [P²] -> both streams."""
        values = [self.item.value(x), *(part.value(moved[name]) for name, part in self.moved.items())]
        tensors = [self.split(part) for part in (*values, *self.pairs(x, moved, side))]
        parts = layout.split(torch.cat(tensors, dim=-1))
        widths = [tensor.shape[-1] for tensor in tensors]
        mixed = [
            self._attend(bucket, part, widths, weights, visibility(bucket, visible))
            for bucket, part in zip(layout.buckets, parts, strict=True)
        ]
        item, *others = (torch.cat(pieces) for pieces in zip(*mixed, strict=True))
        streams = zip(self.moved.items(), others, strict=True)
        return self.item(x, item), {name: part(moved[name], other) for (name, part), other in streams}

    def pairs(self, x: Tensor, moved: Vectors, side: Vectors) -> list[Tensor]:
        """For each set of keys the keys [T, w] and all questions to them, head by head [T, h·X·w / h], in turn."""
        still, names = {ITEM: x, **side}, self.sources
        first = {name: self._questions(name, still[name], names.still) for name in names.still}
        again = {name: self._questions(name, moved[name], names.moving) for name in self.moving}
        among, wanted = {**first, **again}, []
        for asked in names.still:
            asks = [first[name][names.map(name, asked)] for name in names.still]
            if asked in names.behaviours:  # they ask each other among these already
                asks += [again[name][asked] for name in self.moving]
            wanted += [self.keys[asked](still[asked]), torch.cat(asks, dim=-1).flatten(1)]
        for asked in self.moving:
            asks = [among[name][names.map(name, asked)] for name in names.moving]
            wanted += [self.keys[asked](moved[asked]), torch.cat(asks, dim=-1).flatten(1)]
        return wanted

    def split(self, vectors: Tensor) -> Tensor:
        """[T, h·w] -> [T, h, w]."""
        return vectors.unflatten(-1, (self.heads, -1))

    def _questions(self, asker: str, vectors: Tensor, asked: Sequence[str]) -> dict[str, Tensor]:
        """By map, what a source asks the named ones: [T, h, w] each."""
        maps = dict.fromkeys(self.sources.map(asker, name) for name in asked)
        return {name: self.split(self.queries[asker][name](vectors)) for name in maps}

    def _attend(
        self, bucket: Bucket, part: Tensor, widths: Sequence[int], weights: Sequence[Tensor], mask: Tensor
    ) -> list[Tensor]:
        pieces = bucket.spread(part).transpose(1, 2).split(widths, dim=-1)  # each [b, h, l, ·]
        streams = 1 + len(self.moving)
        values, pairs = pieces[:streams], pieces[streams:]
        scores = [_stacked(keys, questions) for keys, questions in zip(pairs[::2], pairs[1::2], strict=True)]
        still, shared = len(self.sources.still), 1 + len(self.sources.own)
        rows = [torch.cat([score[..., :still, :] for score in scores[:still]], dim=-2)]  # [b, h, l, S², l]
        if self.moving:
            among = [score[..., -len(self.sources.moving) :, :] for score in scores[shared:]]
            rows += [torch.cat(among, dim=-2)] * len(self.moving)  # [b, h, l, P², l]
        mixed = []
        for value, row, weight in zip(values, rows, weights, strict=False):  # a block without attribute streams needs one ω
            fused = self.gate.weighted(row, weight, mask) * self.scale
            attention = self.dropout(fused.masked_fill(~mask, -torch.inf).softmax(dim=-1))
            mixed.append(bucket.collect((attention @ value).transpose(1, 2).flatten(2)))
        return mixed


def _stacked(keys: Tensor, questions: Tensor) -> Tensor:
    """[b, h, l, w] and X questions to them a slot [b, h, l, X·w] -> scores [b, h, l, X, l], by one product."""
    length, width = keys.shape[-2:]
    together = questions.unflatten(-1, (-1, width)).flatten(2, 3)  # [b, h, l·X, w]
    return (together @ keys.transpose(-1, -2)).unflatten(2, (length, -1))
