"""The layout in which every slot of the rows is a token, padding too.

Shapes: B rows, L slots a row; a bucket has b rows of l slots.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sirec.data.fields import PADDING
from sirec.data.tasks.layout import LengthBucket, TokenLayout


@dataclass(frozen=True, eq=False)
class WholeRows(LengthBucket):
    """Rows in which every slot is a token, so that tokens are slots and nothing is moved."""

    def spread(self, values: Tensor) -> Tensor:
        """[b · l, ...] -> [b, l, ...]."""
        return values.unflatten(0, tuple(self.real.shape))

    def collect(self, values: Tensor) -> Tensor:
        """[b, l, ...] -> [b · l, ...]."""
        return values.flatten(0, 1)


@dataclass(frozen=True, eq=False)
class RectangularLayout(TokenLayout):
    """The layout in which token t is slot t of the flattened rows, in one bucket.

    Its shapes follow from those of tensors, so that a graph can be traced through it.
    """

    @classmethod
    def of(cls, items: Tensor, kind: type[WholeRows] = WholeRows) -> RectangularLayout:
        """The layout of rows.

        Args:
            items: Int64[B, L], item codes.
            kind: how the bucket reads empty slots.
        """
        rows, length = items.shape
        real = items != PADDING
        slots = torch.arange(rows * length, device=items.device)
        last = torch.arange(rows, device=items.device) * length + real.sum(dim=1) - 1
        return cls(rows, length, slots, (kind(0, real, slots),), last)

    def flatten(self, values: Tensor) -> Tensor:
        """[B, L, ...] -> [B · L, ...]."""
        return values.flatten(0, 1)

    def split(self, values: Tensor) -> tuple[Tensor, ...]:
        """The values, which belong to one bucket."""
        return (values,)

    def split_last(self, values: Tensor) -> tuple[Tensor, ...]:
        """The values, which belong to one bucket."""
        return (values,)

    def unflatten(self, values: Tensor, tokens: Tensor | None = None) -> Tensor:
        """Put values of tokens back into slots.

        Args:
            values: [B · L, ...], or [N, ...] for N of the tokens.
            tokens: Int64[N], the tokens that `values` belong to; None means all.

        Returns:
            [B, L, ...]; where N tokens are named, zeros in all other slots.
        """
        if tokens is None:
            return self.buckets[0].spread(values)
        return super().unflatten(values, tokens)

    def tokens_at(self, slots: Tensor) -> Tensor:
        """The flat slots themselves, Int64[N]."""
        return slots


def whole(items: Tensor) -> TokenLayout:
    """The layout of `items` Int64[B, L] in which every slot is a token, padding too, in one bucket.

    Operations that read padded columns need it: score fusion in its reference form, and filters
    over the whole window.
    """
    return RectangularLayout.of(items)
