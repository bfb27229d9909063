"""What a model may read and what it must predict, without work on padding.

Letters: B rows, L length, T real tokens (slots that hold an item).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from sirec.data.fields import PADDING

Visible = Literal["past", "all"]
PositionOrder = Literal["forward", "backward", "right"]  # see `Batch.counted`
SHORTEST_BUCKET = (
    8  # below this length a further bucket costs more in launches than it saves in padding
)


class _TakeDistinct(torch.autograd.Function):
    """`values[index]` for distinct indices: the gradient is copied into place, where a general
    gather has to add up.
    """

    @staticmethod
    def forward(context: Any, values: Tensor, index: Tensor) -> Tensor:
        context.save_for_backward(index)
        context.rows = len(values)
        return values.index_select(0, index)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        [gradient], [index] = gradients, context.saved_tensors
        return gradient.new_zeros(context.rows, *gradient.shape[1:]).index_copy_(
            0, index, gradient
        ), None


def placed(array: np.ndarray, device: torch.device) -> Tensor:
    """The array on a device. The host does not wait for an accelerator: the copy takes its turn
    behind what is under way.
    """
    values = torch.from_numpy(array)
    return values if device.type == "cpu" else values.pin_memory().to(device, non_blocking=True)


def take_distinct(values: Tensor, index: Tensor) -> Tensor:
    """Rows of `values` [M, ...] at `index` Long[N], no index twice -> [N, ...]."""
    taken: Tensor = _TakeDistinct.apply(values, index)  # type: ignore[no-untyped-call]
    return taken


@dataclass(frozen=True, eq=False)
class LengthBucket:
    """Rows of similar length: the tokens `first:first + len(kept)` of a layout as a rectangle [b,
    l] of slots.

    `real` Bool[b, l]: which slots may be read. `kept` Long[t]: the flat slots of this bucket's
    tokens, in their order.
    """

    first: int
    real: Tensor
    kept: Tensor

    def spread(self, values: Tensor) -> Tensor:
        """[t, ...] of this bucket's tokens -> [b, l, ...], zeros where there is none."""
        empty = values.new_zeros(self.real.numel(), *values.shape[1:])
        return empty.index_copy_(0, self.kept, values).unflatten(0, tuple(self.real.shape))

    def collect(self, values: Tensor) -> Tensor:
        """[b, l, ...] -> [t, ...]."""
        return take_distinct(values.flatten(0, 1), self.kept)


@dataclass(frozen=True, eq=False)
class TokenLayout:
    """Where the tokens of a rectangle [B, L] lie.

    Everything that works slot by slot (projections, feed-forward, norms, dropout) runs on the T
    tokens alone; attention, which needs rows, runs bucket by bucket. `slots` Long[T] are flat
    indices into [B * L]; tokens are ordered by bucket. `ends` Long[B] are the tokens that end the
    rows, in the order of the buckets' rows.
    """

    rows: int
    length: int
    slots: Tensor
    buckets: tuple[LengthBucket, ...]
    ends: Tensor

    def flatten(self, values: Tensor) -> Tensor:
        """[B, L, ...] -> [T, ...]."""
        return values.flatten(0, 1).index_select(0, self.slots)

    def split(self, values: Tensor) -> tuple[Tensor, ...]:
        """[T, ...] -> [t, ...] for each bucket."""
        return values.split([len(bucket.kept) for bucket in self.buckets])

    def split_ends(self, values: Tensor) -> tuple[Tensor, ...]:
        """[B, ...] of `ends` -> [b, ...] for each bucket."""
        return values.split([len(bucket.real) for bucket in self.buckets])

    def unflatten(self, values: Tensor, tokens: Tensor | None = None) -> Tensor:
        """[T, ...], or those of some `tokens` only, -> [B, L, ...], zeros elsewhere."""
        slots = self.slots if tokens is None else self.slots.index_select(0, tokens)
        empty = values.new_zeros(self.rows * self.length, *values.shape[1:])
        return empty.index_copy_(0, slots, values).view(self.rows, self.length, *values.shape[1:])


def ragged(lengths: np.ndarray, length: int, device: torch.device) -> TokenLayout:
    """The layout of left-aligned rows: only real slots are tokens, rows of similar length share a
    bucket.
    """
    if lengths.min() < 1:
        raise ValueError("a row without interactions has no state")
    order = np.argsort(-lengths, kind="stable")
    ordered = lengths[order]
    buckets, slots, ends, first_row, first_token = [], [], ordered.cumsum() - 1, 0, 0
    while first_row < len(order):
        longest = int(ordered[first_row])
        shorter = longest // 2 if longest > SHORTEST_BUCKET else 0
        last_row = int(np.searchsorted(-ordered, -shorter, side="left"))
        rows, sizes = order[first_row:last_row], ordered[first_row:last_row]
        real = np.arange(longest) < sizes[:, None]  # [b, l]
        kept = np.flatnonzero(real)
        slots.append((rows[:, None] * length + np.arange(longest))[real])
        buckets.append(LengthBucket(first_token, placed(real, device), placed(kept, device)))
        first_row, first_token = last_row, first_token + len(kept)
    return TokenLayout(
        len(lengths),
        length,
        placed(np.concatenate(slots), device),
        tuple(buckets),
        placed(ends, device),
    )


def whole(items: Tensor) -> TokenLayout:
    """The layout in which every slot is a token, padding too: one bucket, [B, L] as it stands.

    For operations that read padded columns (reference-form score fusion, whole-window filters).
    """
    rows, length = items.shape
    slots, real = torch.arange(rows * length, device=items.device), items != PADDING
    ends = torch.arange(rows, device=items.device) * length + real.sum(dim=1) - 1
    return TokenLayout(rows, length, slots, (LengthBucket(0, real, slots),), ends)


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of histories, left-aligned, padded on the right with 0.

    `users` Long[B]; `items` Long[B, L]; `lengths` int[B] (on the host: they decide shapes);
    `behaviours` name -> Long[B, L]; `targets` Long[B, L], 0 where nothing is predicted; `read`
    Long[B], the slot whose state predicts at evaluation; `views` are there where a task makes them
    (`segments`). `positions` is where codes of position are counted from: a task that counts them
    otherwise than from the first item has the last word. With `only_ends` nobody asks for states
    but those at the last items of rows: an encoder may leave all others 0.
    """

    users: Tensor
    items: Tensor
    lengths: np.ndarray
    behaviours: Mapping[str, Tensor]
    targets: Tensor
    read: Tensor
    visible: Visible = "past"
    views: Mapping[str, Batch] = field(default_factory=dict)
    positions: PositionOrder = "forward"
    only_ends: bool = False

    @cached_property
    def layout(self) -> TokenLayout:
        """The ragged layout of this batch's rows."""
        return ragged(self.lengths, self.items.shape[1], self.items.device)

    @property
    def asked(self) -> Tensor | None:
        """Long[B]: the tokens of `layout` whose states are asked for; None: all."""
        return self.asked_of(self.layout)

    def asked_of(self, layout: TokenLayout) -> Tensor | None:
        """Long[B]: the same in another layout of these rows."""
        return layout.ends if self.only_ends else None

    @cached_property
    def target_slots(self) -> Tensor:
        """Long[N]: flat indices into [B * L] of the slots that predict."""
        return self.targets.flatten().nonzero().squeeze(1)

    @property
    def target_items(self) -> Tensor:
        """Long[N]: what those slots must predict."""
        return self.targets.flatten().index_select(0, self.target_slots)

    def counted(self, how: PositionOrder, window: int) -> Batch:
        """The same rows with positions counted from elsewhere; only codes of real slots mean
        anything.

        `forward` from the first item (0), as they come; `backward` from the last (0); `right` as in
        a window of n = `window` slots whose rows end at its right edge: the last item of every row
        has n - 1. Rows that were counted stay as they are.
        """
        if how == "forward" or self.positions != "forward" or "position" not in self.behaviours:
            return self
        slots = self.behaviours["position"]
        lengths = placed(self.lengths, slots.device)[:, None]
        position = (
            (lengths - 1 - slots).clamp(min=0) if how == "backward" else (slots - lengths) % window
        )
        return replace(self, behaviours={**self.behaviours, "position": position}, positions=how)

    def asking(self, mask: int, window: int) -> Batch:
        """The same rows with a hidden item after the last and everything visible: what is next is
        asked as a gap to fill.

        A row that fills the `window` forgets its oldest item. `read` is the gap's slot; its other
        behaviours are 0.
        """
        device = self.items.device
        full = self.lengths >= window
        lengths = np.where(full, window, self.lengths + 1)
        length, by = int(lengths.max()), placed(full.astype(np.int64), device)
        gap = placed(lengths - 1, device)
        items = _shifted(self.items, by, length).scatter(1, gap[:, None], mask)
        behaviours = {
            name: _shifted(values, by, length) for name, values in self.behaviours.items()
        }
        if "position" in behaviours:
            behaviours["position"] = torch.arange(length, device=device).expand(len(items), -1)
        return Batch(
            self.users,
            items,
            lengths,
            behaviours,
            torch.zeros_like(items),
            gap,
            "all",
            only_ends=self.only_ends,
        )

    def padded(self, length: int) -> Batch:
        """The same rows with more empty slots on the right."""
        extra = length - self.items.shape[1]
        if extra <= 0:
            return self
        widen = torch.nn.functional.pad
        return replace(
            self,
            items=widen(self.items, (0, extra)),
            targets=widen(self.targets, (0, extra)),
            behaviours={
                name: _extend(name, values, extra) for name, values in self.behaviours.items()
            },
        )


def together(batches: Sequence[Batch]) -> Batch:
    """The rows of several batches of one length and one visibility, one after the other; views stay
    behind.
    """
    first = batches[0]
    return Batch(
        users=torch.cat([batch.users for batch in batches]),
        items=torch.cat([batch.items for batch in batches]),
        lengths=np.concatenate([batch.lengths for batch in batches]),
        behaviours={
            name: torch.cat([batch.behaviours[name] for batch in batches])
            for name in first.behaviours
        },
        targets=torch.cat([batch.targets for batch in batches]),
        read=torch.cat([batch.read for batch in batches]),
        visible=first.visible,
        positions=first.positions,
    )


def _shifted(values: Tensor, by: Tensor, length: int) -> Tensor:
    """[B, L] -> [B, length]: each row moved left by its own number of slots, 0 where nothing is
    left.
    """
    source = torch.arange(length, device=values.device) + by[:, None]
    wide = torch.nn.functional.pad(values, (0, max(0, int(source.max()) + 1 - values.shape[1])))
    return wide.gather(1, source)


def _extend(name: str, values: Tensor, extra: int) -> Tensor:
    """Position goes on counting in empty slots; other behaviours are 0 there."""
    if name != "position":
        return torch.nn.functional.pad(values, (0, extra))
    start = values.shape[1]
    more = torch.arange(start, start + extra, device=values.device).expand(len(values), extra)
    return torch.cat([values, more], dim=1)
