"""A batch: what a model may read, and which items it must predict.

Shapes: B rows, L slots a row.
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

    @property
    def row_lengths(self) -> Tensor:
        """Int64[B], interactions a row, on the batch's device."""
        return to_device(self.lengths, self.items.device)

    @cached_property
    def predicting(self) -> np.ndarray:
        """bool[B, L], on the host: the slots that predict an item.

        Whoever makes a batch knows these slots and says so (`tell_predicting`). Otherwise they are
        looked up in `targets`, for which the host has to wait if these are on an accelerator.
        """
        return (self.targets != PADDING).cpu().numpy()

    @cached_property
    def target_slots(self) -> Tensor:
        """Int64[N], flat indices into [B * L] of the slots that predict an item."""
        return to_device(np.flatnonzero(self.predicting), self.items.device)

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
        lengths = self.row_lengths[:, None]
        if order == "backward":
            position = (lengths - 1 - slots).clamp(min=0)
        else:
            position = (slots - lengths) % window
        behaviours = {**self.behaviours, "position": position}
        return self.with_same_targets(behaviours=behaviours, positions=order)

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
        slots = np.arange(length) + full.astype(np.int64)[:, None]
        source = to_device(slots, device)
        missing = max(0, int(slots.max()) + 1 - self.items.shape[1])
        mask_slot = to_device(lengths - 1, device)
        items = _pad_right(self.items, missing).gather(1, source)
        items = items.scatter(1, mask_slot[:, None], mask)
        behaviours: dict[str, Tensor] = {}
        for name, values in self.behaviours.items():
            behaviours[name] = _pad_right(values, missing).gather(1, source)
        if "position" in behaviours:
            behaviours["position"] = torch.arange(length, device=device).expand(len(items), -1)
        masked = Batch(
            users=self.users,
            items=items,
            lengths=lengths,
            behaviours=behaviours,
            targets=torch.zeros_like(items),
            read=mask_slot,
            visible="all",
            only_last=self.only_last,
        )
        return tell_predicting(masked, np.zeros(slots.shape, dtype=np.bool_))

    def padded(self, length: int) -> Batch:
        """The same rows with empty slots on the right, so that L is at least `length`."""
        extra = length - self.items.shape[1]
        if extra <= 0:
            return self
        behaviours: dict[str, Tensor] = {}
        for name, values in self.behaviours.items():
            behaviours[name] = _extend(name, values, extra)
        longer = replace(
            self,
            items=_pad_right(self.items, extra),
            targets=_pad_right(self.targets, extra),
            behaviours=behaviours,
        )
        return tell_predicting(longer, np.pad(self.predicting, ((0, 0), (0, extra))))

    def with_static_length(self) -> Batch:
        """The same rows; where a graph is traced through a model, with as many slots as its window.

        A model asks for them where the number of its operations depends on the number of slots.
        """
        return self

    def with_same_targets(self, **columns: Any) -> Batch:
        """The same rows with other columns, but for the targets: the host still knows these.

        Args:
            columns: new values of attributes other than `targets`.
        """
        changed = replace(self, **columns)
        if "predicting" in vars(self):
            tell_predicting(changed, self.predicting)
        return changed


def tell_predicting(batch: Batch, predicting: np.ndarray) -> Batch:
    """Tell a new batch which of its slots predict an item, so that it need not look them up.

    A batch that is made from it by `replace` does not know them, because it may have other targets;
    one that is made by `Batch.with_same_targets` does.

    Args:
        batch: the batch, which is changed.
        predicting: bool[B, L].

    Returns:
        The same batch.
    """
    vars(batch)["predicting"] = predicting
    return batch


def concatenate_batches(batches: Sequence[Batch]) -> Batch:
    """The rows of several batches of one length and one visibility in one batch, without views."""
    first = batches[0]
    behaviours: dict[str, Tensor] = {}
    for name in first.behaviours:
        behaviours[name] = torch.cat([batch.behaviours[name] for batch in batches])
    joined = Batch(
        users=torch.cat([batch.users for batch in batches]),
        items=torch.cat([batch.items for batch in batches]),
        lengths=np.concatenate([batch.lengths for batch in batches]),
        behaviours=behaviours,
        targets=torch.cat([batch.targets for batch in batches]),
        read=torch.cat([batch.read for batch in batches]),
        visible=first.visible,
        positions=first.positions,
    )
    return tell_predicting(joined, np.concatenate([batch.predicting for batch in batches]))


def _pad_right(values: Tensor, extra: int) -> Tensor:
    """[B, L] -> [B, L + extra], with zeros in the new slots."""
    return torch.nn.functional.pad(values, (0, extra))


def _extend(name: str, values: Tensor, extra: int) -> Tensor:
    """[B, L] -> [B, L + extra]: position goes on counting, other behaviours are 0 there."""
    if name != "position":
        return _pad_right(values, extra)
    start = values.shape[1]
    more = torch.arange(start, start + extra, device=values.device).expand(len(values), extra)
    return torch.cat([values, more], dim=1)
