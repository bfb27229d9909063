"""Attention in which every source asks every other: one score matrix a pair, gated row by row
(MSSR; see `models/mssr.py`).

Letters: T tokens, h heads, b rows and l length of a bucket, w width of a source or its head, X
sources that ask the same keys, S sources that the item stream reads, P those that attribute streams
read, F attributes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sirec.core.kernels.precision import Linear, small_products
from sirec.core.layers.attention import ITEM, visibility
from sirec.core.layers.blocks import NORM_EPS, at
from sirec.core.layers.by_field import ByField
from sirec.core.layers.dropout import Dropout
from sirec.core.layers.fusion import FusionForm, GateForm, GateScores
from sirec.core.shape import Shape
from sirec.data.tasks.batch import Visible
from sirec.data.tasks.layout import TokenLayout

Vectors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Sources:
    """The widths of the sources by name: items `wide`, attributes `own` widths, behaviours `wide`
    again.
    """

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
        """Which of an asker's maps its question takes: between wide sources it has but one, called
        after itself.
        """
        return asked if asker in self.own or asked in self.own else asker


class PairStream(nn.Module):
    """What a stream makes of its attention: Y = LN(X + Drop(P X Wv Wo)), Z = LN(Y +
    Drop(FFN(Y))).
    """

    def __init__(self, width: int, config: Shape) -> None:
        super().__init__()
        self.value, self.out = Linear(width, width), Linear(width, width)
        self.attention_norm, self.forward_norm = (
            nn.LayerNorm(width, eps=NORM_EPS) for _ in range(2)
        )
        self.feed = nn.Sequential(
            Linear(width, config.inner), nn.GELU(), Linear(config.inner, width)
        )
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, mixed: Tensor) -> Tensor:
        """`x`, `mixed` values [T, w] -> [T, w]."""
        y = self.attention_norm(x + self.dropout(self.out(mixed)))
        z: Tensor = self.forward_norm(y + self.dropout(self.feed(y)))
        return z


class PairBlock(nn.Module):
    """One block: all pairs' scores, their gate, and what the streams make of it; attribute streams
    only if `moves`.
    """

    def __init__(
        self,
        shape: Shape,
        sources: Sources,
        form: FusionForm,
        gate: GateForm,
        max_length: int,
        *,
        moves: bool,
    ) -> None:
        super().__init__()
        self.sources, self.heads = sources, shape.heads
        self.scale = 1 / math.sqrt(sources.wide // shape.heads)
        width = sources.width
        self.queries = ByField(
            {
                x: ByField({sources.map(x, y): Linear(width(x), width(y)) for y in sources.still})
                for x in sources.still
            }
        )
        self.keys = ByField({x: Linear(width(x), width(x)) for x in sources.still})
        self.gate = GateScores(form, max_length, gate)
        self.item = PairStream(sources.wide, shape)
        self.moving = tuple(sources.own) if moves else ()
        self.moved = ByField({name: PairStream(sources.own[name], shape) for name in self.moving})
        self.dropout = Dropout(shape.attention_dropout)

    def forward(
        self,
        x: Tensor,
        moved: Vectors,
        side: Vectors,
        weights: Sequence[Tensor],
        layout: TokenLayout,
        visible: Visible,
        ends: Tensor | None = None,
    ) -> tuple[Tensor, Vectors]:
        """Item stream [T, d], attribute streams and raw fields [T, w] by name, ω [S²] and F times
        [P²] -> both streams.

        With `ends`, which are those of the layout, only they ask: streams [B, ·].
        """
        values = [
            self.item.value(x),
            *(part.value(moved[name]) for name, part in self.moved.items()),
        ]
        read = [self.split(part) for part in (*values, *self.asked_keys(x, moved, side))]
        widths = [part.shape[-1] for part in read]
        asks = torch.cat(self.questions(at(x, ends), _at(moved, ends), _at(side, ends)), dim=-1)
        asking = layout.split(asks) if ends is None else layout.split_last(asks)
        mixed = []
        for bucket, part, mine in zip(
            layout.buckets, layout.split(torch.cat(read, dim=-1)), asking, strict=True
        ):
            pieces = bucket.spread(part).transpose(1, 2).split(widths, dim=-1)  # each [b, h, l, ·]
            if ends is None:
                spread, mask = bucket.spread(mine).transpose(1, 2), visibility(bucket, visible)
                mixed.append(
                    [bucket.collect(piece) for piece in self._attend(pieces, spread, weights, mask)]
                )
            else:
                spread, mask = mine[:, :, None], visibility(bucket, "all")
                mixed.append([piece[:, 0] for piece in self._attend(pieces, spread, weights, mask)])
        item, *others = (torch.cat(pieces) for pieces in zip(*mixed, strict=True))
        streams = zip(self.moved.items(), others, strict=True)
        return self.item(at(x, ends), item), {
            name: part(at(moved[name], ends), other) for (name, part), other in streams
        }

    def asked_keys(self, x: Tensor, moved: Vectors, side: Vectors) -> list[Tensor]:
        """The sets of keys [T, w]: of what stands still, then of what moves."""
        still = {ITEM: x, **side}
        keys = [self.keys[name](still[name]) for name in self.sources.still]
        return keys + [self.keys[name](moved[name]) for name in self.moving]

    def questions(self, x: Tensor, moved: Vectors, side: Vectors) -> list[Tensor]:
        """For each of those sets all questions to it side by side, [T, h, X·w]."""
        still, names = {ITEM: x, **side}, self.sources
        first = {name: self._questions(name, still[name], names.still) for name in names.still}
        again = {name: self._questions(name, moved[name], names.moving) for name in self.moving}
        among, wanted = {**first, **again}, []
        for asked in names.still:
            asks = [first[name][names.map(name, asked)] for name in names.still]
            if asked in names.behaviours:  # they ask each other among these already
                asks += [again[name][asked] for name in self.moving]
            wanted.append(torch.cat(asks, dim=-1))
        for asked in self.moving:
            wanted.append(
                torch.cat([among[name][names.map(name, asked)] for name in names.moving], dim=-1)
            )
        return wanted

    def split(self, vectors: Tensor) -> Tensor:
        """[T, h·w] -> [T, h, w]."""
        return vectors.unflatten(-1, (self.heads, -1))

    def _questions(self, asker: str, vectors: Tensor, asked: Sequence[str]) -> dict[str, Tensor]:
        """By map, what a source asks the named ones: [T, h, w] each."""
        maps = dict.fromkeys(self.sources.map(asker, name) for name in asked)
        return {name: self.split(self.queries[asker][name](vectors)) for name in maps}

    @small_products
    def _attend(
        self, pieces: Sequence[Tensor], asks: Tensor, weights: Sequence[Tensor], mask: Tensor
    ) -> list[Tensor]:
        """Values and keys [b, h, l, ·] of a bucket, all questions to them [b, h, q, ·] -> what each
        stream mixes, [b, q, w].
        """
        streams = 1 + len(self.moving)
        values, keys = pieces[:streams], pieces[streams:]
        questions = asks.split(
            [self._asks(number) * part.shape[-1] for number, part in enumerate(keys)], dim=-1
        )
        scores = [_stacked(key, question) for key, question in zip(keys, questions, strict=True)]
        still, shared = len(self.sources.still), 1 + len(self.sources.own)
        rows = [
            torch.cat([score[..., :still, :] for score in scores[:still]], dim=-2)
        ]  # [b, h, l, S², l]
        if self.moving:
            among = [score[..., -len(self.sources.moving) :, :] for score in scores[shared:]]
            rows += [torch.cat(among, dim=-2)] * len(self.moving)  # [b, h, l, P², l]
        mixed = []
        for value, row, weight in zip(
            values, rows, weights, strict=False
        ):  # a block without attribute streams needs one ω
            fused = self.gate.weighted(row, weight, mask) * self.scale
            attention = self.dropout(fused.masked_fill(~mask, -torch.inf).softmax(dim=-1))
            mixed.append((attention @ value).transpose(1, 2).flatten(2))
        return mixed

    def _asks(self, number: int) -> int:
        """X: how many sources ask the keys of that number."""
        still, names = len(self.sources.still), self.sources
        if number >= still:
            return len(names.moving)
        return still + (len(self.moving) if names.still[number] in names.behaviours else 0)


def _stacked(keys: Tensor, questions: Tensor) -> Tensor:
    """[b, h, l, w] and X questions to them from each of q slots [b, h, q, X·w] -> scores [b, h, q,
    X, l], by one product.
    """
    slots, width = questions.shape[-2], keys.shape[-1]
    together = questions.unflatten(-1, (-1, width)).flatten(2, 3)  # [b, h, q·X, w]
    return (together @ keys.transpose(-1, -2)).unflatten(2, (slots, -1))


def _at(vectors: Vectors, tokens: Tensor | None) -> Vectors:
    return {name: at(x, tokens) for name, x in vectors.items()}
