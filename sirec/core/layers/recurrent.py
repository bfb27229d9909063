"""Gated recurrence over histories, on real tokens alone.

    r  = σ(W_ir x + W_hr s),   u = σ(W_iu x + W_hu s)
    c  = tanh(W_ic x + r ∘ W_hc s)
    s' = (1 − u) ∘ c + u ∘ s,   s_0 = 0

Rows are packed: step t of the recurrence holds the rows that have a slot t, so that no step works
on padding. Everything that is computed slot by slot before and after it (embedding, dropout, linear
maps) runs on the T tokens in packed order. With histories of different lengths this is about twice
as fast as a padded rectangle.

Letters: B rows, L length, T real tokens, e width of an input, g width of a recurrent state.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from sirec.config import check_numbers
from sirec.config.quantities import DropoutRate, LayerCount, Width
from sirec.core.kernels.devices import without_autocast
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.layout import to_device
from sirec.data.tasks.tensor_batch import TensorBatch


@dataclass(frozen=True, kw_only=True)
class RecurrentShape:
    """Width and depth of a recurrent model; `width` and `hidden` are 64 and 128 in RecBole."""

    width: Width = 128  # e, of item vectors and of the states that are compared with them
    hidden: Width = 128  # g
    layers: LayerCount = 1
    dropout: DropoutRate = 0.3  # on item vectors

    def __post_init__(self) -> None:
        """Refuse sizes that have no meaning."""
        check_numbers(self)

    def recurrence(self, inputs: int) -> Recurrence:
        """The layers, for inputs of a given width."""
        return Recurrence(inputs, self.hidden, self.layers)


class Recurrence(nn.Module):
    """Layers of gated recurrent units without biases; see the module's equations.

    Args:
        inputs: e, width of the input.
        hidden: g, width of a state.
        layers: how many layers.
    """

    def __init__(self, inputs: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.units = nn.GRU(inputs, hidden, layers, bias=False, batch_first=True)

    def forward(self, vectors: Tensor, order: PackedRows | RectangularRows) -> Tensor:
        """States after each token.

        Args:
            vectors: Float[T, e], in packed order.
            order: the packed order.

        Returns:
            Float[T, g], in the same order.
        """
        # Under bf16 the gates would lose what they remember within a few steps.
        with without_autocast(vectors.device):
            kind = next(self.units.parameters()).dtype
            return order.through(self.units, vectors.to(kind))


@dataclass(frozen=True, eq=False)
class RectangularRows:
    """The slots of a batch in their own order, for batches whose lengths are a tensor.

    The recurrence runs on through the empty slots behind a row; nobody reads their states.

    Attributes:
        items: Long[B · n], the item codes.
        rows: B.
        window: n, slots that are computed.
        length: L, slots that are wanted.
    """

    items: Tensor
    rows: int
    window: int
    length: int

    def through(self, units: nn.GRU, values: Tensor) -> Tensor:
        """The states of recurrent units after each slot.

        Args:
            units: the units.
            values: their input Float[B · n, e].

        Returns:
            Float[B · n, g].
        """
        states: Tensor = units(values.unflatten(0, (self.rows, self.window)))[0]
        return states.flatten(0, 1)

    def unpack(self, values: Tensor) -> Tensor:
        """[B · n, ...] -> [B, L, ...]."""
        return values.unflatten(0, (self.rows, self.window))[:, : self.length]


def order_of(batch: Batch) -> PackedRows | RectangularRows:
    """The order in which a recurrence reads the tokens of a batch."""
    if isinstance(batch, TensorBatch):
        items = batch.with_static_length().items  # a graph has a fixed number of steps
        return RectangularRows(items.flatten(), items.shape[0], batch.window, batch.items.shape[1])
    return PackedRows.of(batch)


@dataclass(frozen=True, eq=False)
class PackedRows:
    """The tokens of a batch in packed order: by slot, and within a slot from the longest row on.

    The order is computed on the host, which knows the lengths, and copied to the batch's device
    without waiting for it. (torch's own packing copies it back.)

    Attributes:
        slots: Long[T], where each token stands in the flattened rows [B · L].
        sequence: torch's form of the order, with the item codes Long[T] as its data.
        rows: B.
        length: L.
    """

    slots: Tensor
    sequence: PackedSequence
    rows: int
    length: int

    @classmethod
    def of(cls, batch: Batch) -> PackedRows:
        """The packed order of a batch."""
        lengths, (rows, length), device = batch.lengths, batch.items.shape, batch.items.device
        by_length = torch.sort(torch.from_numpy(lengths), descending=True).indices.numpy()
        steps = np.arange(int(lengths.max()))[:, None]
        has_slot = steps < lengths[by_length]  # [longest row, B]
        slots = to_device((by_length * length + steps)[has_slot], device)
        restoring = np.empty_like(by_length)
        restoring[by_length] = np.arange(rows)
        sequence = PackedSequence(
            batch.items.flatten().index_select(0, slots),
            torch.from_numpy(has_slot.sum(axis=1)),
            to_device(by_length, device),
            to_device(restoring, device),
        )
        return cls(slots, sequence, rows, length)

    @property
    def items(self) -> Tensor:
        """Long[T], the item codes."""
        return self.sequence.data

    def carrying(self, values: Tensor) -> PackedSequence:
        """Other `values` [T, ...] in this order."""
        order = self.sequence
        return PackedSequence(
            values, order.batch_sizes, order.sorted_indices, order.unsorted_indices
        )

    def through(self, units: nn.GRU, values: Tensor) -> Tensor:
        """The states of recurrent units after each token.

        Args:
            units: the units.
            values: their input Float[T, e], in this order.

        Returns:
            Float[T, g], in this order.
        """
        states: Tensor = units(self.carrying(values))[0].data
        return states

    def unpack(self, values: Tensor) -> Tensor:
        """Undo packing.

        Args:
            values: [T, ...] in packed order.

        Returns:
            [B, L, ...], 0 where there is no token.
        """
        empty = values.new_zeros(self.rows * self.length, *values.shape[1:])
        placed = empty.index_copy_(0, self.slots, values)
        return placed.unflatten(0, (self.rows, self.length))
