"""A batch: what a model may read, and which items it must predict.

Shapes: B rows, L slots a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from sirec.data.tasks.layout import TokenLayout, ragged, to_device

Visible = Literal["past", "all"]
PositionOrder = Literal["forward", "backward", "right"]  # see `Batch.count_positions`


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of histories, left-aligned and padded on the right with 0.

    Attributes:
        users: Int64[B], codes of the users.
        items: Int64[B, L], codes of the items.
        lengths: int[B], interactions a row. They are on the host because they decide shapes.
        behaviours: name -> Int64[B, L], codes of each behaviour.
        targets: Int64[B, L], the item that each slot must predict; 0 where it predicts nothing.
        read: Int64[B], the slot whose state predicts the next item at evaluation.
        visible: `past` if a state may read its own and earlier slots only, `all` for every slot.
        views: further batches of the same rows, where a task makes them (`segments`).
        positions: order in which positions are counted. Once a task has counted them otherwise
            than `forward`, a model's own order no longer applies.
        only_last: whether only the states of the rows' last items are read out. An encoder may
            then leave all other states 0.
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
    only_last: bool = False

    @cached_property
    def layout(self) -> TokenLayout:
        """The ragged layout of this batch's rows."""
        return ragged(self.lengths, self.items.shape[1], self.items.device)

    @property
    def readout(self) -> Tensor | None:
        """Int64[B], the tokens of `layout` whose states are read out; None means all tokens."""
        return self.readout_in(self.layout)

    def readout_in(self, layout: TokenLayout) -> Tensor | None:
        """Int64[B], the tokens of another layout of these rows whose states are read out."""
        return layout.last_tokens if self.only_last else None

    @cached_property
    def target_slots(self) -> Tensor:
        """Int64[N], flat indices into [B * L] of the slots that predict an item."""
        return self.targets.flatten().nonzero().squeeze(1)

    @property
    def target_items(self) -> Tensor:
        """Int64[N], the items that `target_slots` must predict."""
        return self.targets.flatten().index_select(0, self.target_slots)

    def count_positions(self, order: PositionOrder, window: int) -> Batch:
        """The same rows with their positions counted in another order.

        Only positions of real slots have a meaning. Rows whose positions were already counted in
        another order than `forward`, and rows without positions, stay as they are.

        Args:
            order: `forward` counts from the first item, which is 0; `backward` counts from the last
                item, which is 0; `right` counts as if the rows ended at the right edge of the
                window, so that the last item of every row is at `window - 1`.
            window: n, the longest history that the model reads, in interactions.
        """
        already_counted = self.positions != "forward" or "position" not in self.behaviours
        if order == "forward" or already_counted:
            return self
        slots = self.behaviours["position"]
        lengths = to_device(self.lengths, slots.device)[:, None]
        if order == "backward":
            position = (lengths - 1 - slots).clamp(min=0)
        else:
            position = (slots - lengths) % window
        return replace(self, behaviours={**self.behaviours, "position": position}, positions=order)

    def append_mask(self, mask: int, window: int) -> Batch:
        """The same rows with MASK after their last item, whose state then predicts the next item.

        All slots are visible. A row that fills the window loses its oldest item. `read` is the slot
        of MASK, and its behaviours other than position are 0.

        Args:
            mask: code of MASK (`Schema.mask`).
            window: n, the longest history that the model reads, in interactions.
        """
        device = self.items.device
        full = self.lengths >= window
        lengths = np.where(full, window, self.lengths + 1)
        length = int(lengths.max())
        shift = to_device(full.astype(np.int64), device)
        mask_slot = to_device(lengths - 1, device)
        items = _shift_left(self.items, shift, length).scatter(1, mask_slot[:, None], mask)
        behaviours: dict[str, Tensor] = {}
        for name, values in self.behaviours.items():
            behaviours[name] = _shift_left(values, shift, length)
        if "position" in behaviours:
            behaviours["position"] = torch.arange(length, device=device).expand(len(items), -1)
        return Batch(
            users=self.users,
            items=items,
            lengths=lengths,
            behaviours=behaviours,
            targets=torch.zeros_like(items),
            read=mask_slot,
            visible="all",
            only_last=self.only_last,
        )

    def padded(self, length: int) -> Batch:
        """The same rows with empty slots on the right, so that L is at least `length`."""
        extra = length - self.items.shape[1]
        if extra <= 0:
            return self
        behaviours: dict[str, Tensor] = {}
        for name, values in self.behaviours.items():
            behaviours[name] = _extend(name, values, extra)
        return replace(
            self,
            items=torch.nn.functional.pad(self.items, (0, extra)),
            targets=torch.nn.functional.pad(self.targets, (0, extra)),
            behaviours=behaviours,
        )


def concatenate_batches(batches: Sequence[Batch]) -> Batch:
    """The rows of several batches of one length and one visibility in one batch, without views."""
    first = batches[0]
    behaviours: dict[str, Tensor] = {}
    for name in first.behaviours:
        behaviours[name] = torch.cat([batch.behaviours[name] for batch in batches])
    return Batch(
        users=torch.cat([batch.users for batch in batches]),
        items=torch.cat([batch.items for batch in batches]),
        lengths=np.concatenate([batch.lengths for batch in batches]),
        behaviours=behaviours,
        targets=torch.cat([batch.targets for batch in batches]),
        read=torch.cat([batch.read for batch in batches]),
        visible=first.visible,
        positions=first.positions,
    )


def _shift_left(values: Tensor, shift: Tensor, length: int) -> Tensor:
    """[B, L] -> [B, length]: row b moved left by `shift[b]` slots, 0 where no value is left."""
    source = torch.arange(length, device=values.device) + shift[:, None]
    missing = max(0, int(source.max()) + 1 - values.shape[1])
    return torch.nn.functional.pad(values, (0, missing)).gather(1, source)


def _extend(name: str, values: Tensor, extra: int) -> Tensor:
    """[B, L] -> [B, L + extra]: position goes on counting, other behaviours are 0 there."""
    if name != "position":
        return torch.nn.functional.pad(values, (0, extra))
    start = values.shape[1]
    more = torch.arange(start, start + extra, device=values.device).expand(len(values), extra)
    return torch.cat([values, more], dim=1)
