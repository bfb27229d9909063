"""Where the real tokens of padded rows lie, so that no work is spent on padding.

Shapes: B rows, L slots a row, T tokens (slots that hold an item). A layout sorts the rows by length
into buckets; a bucket has b rows of l slots with t tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

# Below this length one more bucket costs more in kernel launches than it saves in padding.
SHORTEST_BUCKET = 8


class _TakeDistinct(torch.autograd.Function):
    """`values[index]` for distinct indices, whose gradient is a copy instead of a sum."""

    @staticmethod
    def forward(context: Any, values: Tensor, index: Tensor) -> Tensor:
        context.save_for_backward(index)
        context.rows = len(values)
        return values.index_select(0, index)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        [gradient] = gradients
        [index] = context.saved_tensors
        empty = gradient.new_zeros(context.rows, *gradient.shape[1:])
        return empty.index_copy_(0, index, gradient), None


def take_distinct(values: Tensor, index: Tensor) -> Tensor:
    """Select rows by indices of which none occurs twice.

    The gradient is copied into place, where a general gather has to add up.

    Args:
        values: rows to select from, [M, ...].
        index: distinct row numbers, Int64[N].

    Returns:
        The selected rows, [N, ...].
    """
    if not torch.is_grad_enabled():
        return values.index_select(0, index)
    taken: Tensor = _TakeDistinct.apply(values, index)  # type: ignore[no-untyped-call]
    return taken


def to_device(array: np.ndarray, device: torch.device) -> Tensor:
    """Copy an array to a device without making the host wait for an accelerator.

    Args:
        array: values on the host.
        device: where the tensor is wanted. For an accelerator the copy is queued behind the work
            that is already under way.

    Returns:
        A tensor with the array's shape and values.
    """
    values = torch.from_numpy(array)
    if device.type == "cpu":
        return values
    if device.type == "cuda":  # only a copy from pinned memory is queued there
        values = values.pin_memory()
    return values.to(device, non_blocking=True)


def draw_uniform(shape: tuple[int, ...]) -> np.ndarray:
    """float32[shape] in [0, 1), drawn on the host from torch's generator.

    For draws that decide the shapes of what follows: the host has to know them, and would wait for
    an accelerator that draws.
    """
    return torch.rand(shape).numpy()


@dataclass(frozen=True, eq=False)
class LengthBucket:
    """Rows of similar length as a rectangle [b, l] of slots.

    Attributes:
        first: number of the bucket's first token; its tokens are `first:first + len(kept)` of the
            layout.
        real: Bool[b, l], the slots that may be read.
        kept: Int64[t], the flat slots of the bucket's tokens, in the order of the tokens.
    """

    first: int
    real: Tensor
    kept: Tensor

    def spread(self, values: Tensor) -> Tensor:
        """[t, ...] of this bucket's tokens -> [b, l, ...], zeros in slots without a token."""
        empty = values.new_zeros(self.real.numel(), *values.shape[1:])
        return empty.index_copy_(0, self.kept, values).unflatten(0, tuple(self.real.shape))

    def collect(self, values: Tensor) -> Tensor:
        """[b, l, ...] of this bucket's slots -> [t, ...] of its tokens."""
        return take_distinct(values.flatten(0, 1), self.kept)


@dataclass(frozen=True, eq=False)
class TokenLayout:
    """Where the tokens of a rectangle [B, L] of slots lie.

    Everything that works slot by slot (projections, feed-forward layers, norms, dropout) runs on
    the T tokens alone; attention, which needs rows, runs bucket by bucket.

    Attributes:
        rows: B.
        length: L.
        slots: Int64[T], flat indices into [B * L]; tokens are ordered by bucket.
        buckets: the buckets, longest rows first.
        last_tokens: Int64[B], the last token of each row, in the order of the buckets' rows.
    """

    rows: int
    length: int
    slots: Tensor
    buckets: tuple[LengthBucket, ...]
    last_tokens: Tensor

    def flatten(self, values: Tensor) -> Tensor:
        """[B, L, ...] -> [T, ...]."""
        return values.flatten(0, 1).index_select(0, self.slots)

    def split(self, values: Tensor) -> tuple[Tensor, ...]:
        """[T, ...] -> [t, ...] for each bucket."""
        sizes = [len(bucket.kept) for bucket in self.buckets]
        return values.split(sizes)

    def split_last(self, values: Tensor) -> tuple[Tensor, ...]:
        """[B, ...] of `last_tokens` -> [b, ...] for each bucket."""
        sizes = [len(bucket.real) for bucket in self.buckets]
        return values.split(sizes)

    def unflatten(self, values: Tensor, tokens: Tensor | None = None) -> Tensor:
        """Put values of tokens back into slots.

        Args:
            values: [T, ...], or [N, ...] for N of the tokens.
            tokens: Int64[N], the tokens that `values` belong to; None means all T.

        Returns:
            [B, L, ...], zeros in all other slots.
        """
        slots = self.slots if tokens is None else self.slots.index_select(0, tokens)
        empty = values.new_zeros(self.rows * self.length, *values.shape[1:])
        return empty.index_copy_(0, slots, values).view(self.rows, self.length, *values.shape[1:])

    def tokens_at(self, slots: Tensor) -> Tensor:
        """Int64[N]: the tokens in flat slots Int64[N] of [B * L]; −1 where there is none."""
        return self._token_of_slot.index_select(0, slots)

    @cached_property
    def _token_of_slot(self) -> Tensor:
        """Int64[B * L]: the token of each slot; −1 where there is none."""
        tokens = torch.arange(self.slots.shape[0], device=self.slots.device)
        empty = torch.full((self.rows * self.length,), -1, device=self.slots.device)
        return empty.index_copy_(0, self.slots, tokens)


def ragged(lengths: np.ndarray, length: int, device: torch.device) -> TokenLayout:
    """Make the layout of left-aligned rows in which only real slots are tokens.

    Rows share a bucket if the shortest is longer than half of the longest.

    Args:
        lengths: int[B], interactions a row, at least 1.
        length: L, slots a row.
        device: where the layout's tensors are wanted.
    """
    if lengths.min() < 1:
        raise ValueError("a row without interactions has no state")
    order = np.argsort(-lengths, kind="stable")
    ordered = lengths[order]
    last_tokens = ordered.cumsum() - 1
    buckets: list[LengthBucket] = []
    slots: list[np.ndarray] = []
    first_row = first_token = 0
    while first_row < len(order):
        longest = int(ordered[first_row])
        shorter = longest // 2 if longest > SHORTEST_BUCKET else 0
        last_row = int(np.searchsorted(-ordered, -shorter, side="left"))
        rows = order[first_row:last_row]
        real = np.arange(longest) < ordered[first_row:last_row, None]  # [b, l]
        kept = np.flatnonzero(real)
        slots.append((rows[:, None] * length + np.arange(longest))[real])
        buckets.append(LengthBucket(first_token, to_device(real, device), to_device(kept, device)))
        first_row = last_row
        first_token += len(kept)
    return TokenLayout(
        rows=len(lengths),
        length=length,
        slots=to_device(np.concatenate(slots), device),
        buckets=tuple(buckets),
        last_tokens=to_device(last_tokens, device),
    )
