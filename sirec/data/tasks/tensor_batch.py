"""A batch whose shapes follow from tensors alone, so that a graph can be traced through a model.

In training the host knows the lengths of rows and lays tokens out by them (`layout.ragged`). A
traced graph must serve rows of any lengths: here every slot is a token, and what stands in empty
slots is set to 0 wherever a layout would have left it out. Scores are the same up to rounding.

Letters: B rows, L slots a row, n the window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import numpy as np
import torch
from torch import Tensor

from sirec.data.fields import PADDING, POSITION
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.layout import TokenLayout
from sirec.data.tasks.rectangular import RectangularLayout, WholeRows


@dataclass(frozen=True, eq=False)
class MaskedRows(WholeRows):
    """All rows as one rectangle, in which empty slots are tokens, too, but are read as 0."""

    def spread(self, values: Tensor) -> Tensor:
        """[B · L, ...] -> [B, L, ...], zeros in empty slots."""
        rows = super().spread(values)
        real = self.real.view(*self.real.shape, *[1] * (values.dim() - 1))
        return torch.where(real, rows, torch.zeros((), dtype=rows.dtype, device=rows.device))


@dataclass(frozen=True, eq=False)
class TensorBatch(Batch):
    """A batch whose `lengths` are a tensor Int64[B]; see the module.

    Attributes:
        window: n, the longest history that the model reads.
    """

    window: int = 0

    @classmethod
    def of(
        cls,
        items: Tensor,
        behaviours: Mapping[str, Tensor],
        users: Tensor,
        *,
        window: int,
        with_position: bool,
    ) -> TensorBatch:
        """A batch of histories.

        Args:
            items: Int64[B, L], codes of items, oldest first, padded on the right with 0.
            behaviours: name -> Int64[B, L], codes of each stored behaviour.
            users: Int64[B], codes of users; 0 for somebody new.
            window: n, the longest history that the model reads; L is not more.
            with_position: whether `position` is among the behaviours.
        """
        lengths = (items != PADDING).sum(dim=1)
        read = dict(behaviours)
        if with_position:
            read[POSITION] = _positions(items, items.shape[1])
        return cls(
            users=users,
            items=items,
            lengths=cast(np.ndarray, lengths),
            behaviours=read,
            targets=torch.zeros_like(items),
            read=lengths - 1,
            window=window,
        )

    @cached_property
    def layout(self) -> TokenLayout:
        """The layout in which every slot is a token, and empty ones are read as 0."""
        return RectangularLayout.of(self.items, MaskedRows)

    @property
    def row_lengths(self) -> Tensor:
        """Int64[B], interactions a row."""
        return cast(Tensor, self.lengths)

    def append_mask(self, mask: int, window: int) -> TensorBatch:
        """The same rows with MASK behind their last item; see `Batch.append_mask`.

        Args:
            mask: code of MASK (`Schema.mask`).
            window: n, the longest history that the model reads, in interactions.

        Returns:
            Rows of n slots, all visible.
        """
        wider = self.padded(window + 1)
        is_full = self.row_lengths >= window
        source = torch.arange(window, device=self.items.device) + is_full.long()[:, None]
        lengths = (self.row_lengths + 1).clamp(max=window)
        items = wider.items.gather(1, source).scatter(1, lengths[:, None] - 1, mask)
        behaviours: dict[str, Tensor] = {}
        for name, values in wider.behaviours.items():
            behaviours[name] = values.gather(1, source)
        if POSITION in behaviours:
            behaviours[POSITION] = _positions(items, window)
        return replace(
            self,
            items=items,
            lengths=cast(np.ndarray, lengths),
            behaviours=behaviours,
            targets=torch.zeros_like(items),
            read=lengths - 1,
            visible="all",
        )

    def padded(self, length: int) -> TensorBatch:
        """The same rows with empty slots on the right.

        Args:
            length: how many slots rows have then, not less than now.
        """
        extra = length - self.items.shape[1]
        behaviours: dict[str, Tensor] = {}
        for name, values in self.behaviours.items():
            behaviours[name] = torch.nn.functional.pad(values, (0, extra))
        items = torch.nn.functional.pad(self.items, (0, extra))
        if POSITION in behaviours:
            behaviours[POSITION] = _positions(items, length)
        targets = torch.zeros_like(items)
        return replace(self, items=items, targets=targets, behaviours=behaviours)

    def with_static_length(self) -> TensorBatch:
        """The same rows with as many slots as the window."""
        return self.padded(self.window)


def _positions(items: Tensor, length: int) -> Tensor:
    """Int64[B, length]: the slots, counted from 0."""
    return torch.arange(length, device=items.device).expand(items.shape[0], length)
