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

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from sirec.data.tasks.batch import Batch
from sirec.errors import SirecError


@dataclass(frozen=True, kw_only=True)
class RecurrentShape:
    """Width and depth of a recurrent model; `width` and `hidden` are 64 and 128 in RecBole."""

    width: int = 128  # e, of item vectors and of the states that are compared with them
    hidden: int = 128  # g
    layers: int = 1
    dropout: float = 0.3  # on item vectors

    def __post_init__(self) -> None:
        """Refuse sizes that have no meaning."""
        if min(self.width, self.hidden, self.layers) < 1:
            raise SirecError("width, hidden and layers must be at least 1")
        if not 0 <= self.dropout < 1:
            raise SirecError(f"dropout {self.dropout} must lie in [0, 1)")

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

    def forward(self, vectors: Tensor, order: PackedSequence) -> Tensor:
        """States after each token.

        Args:
            vectors: Float[T, e], in packed order.
            order: the packed order.

        Returns:
            Float[T, g], in the same order.
        """
        # Under bf16 the gates would lose what they remember within a few steps.
        with torch.autocast(vectors.device.type, enabled=False):
            kind = next(self.units.parameters()).dtype
            return self.units(like(order, vectors.to(kind)))[0].data


def packed(batch: Batch) -> PackedSequence:
    """Item codes Long[T] of a batch in packed order, together with that order."""
    return pack_padded_sequence(
        batch.items, torch.from_numpy(batch.lengths), batch_first=True, enforce_sorted=False
    )


def like(order: PackedSequence, values: Tensor) -> PackedSequence:
    """Other `values` [T, ...] in the packed order of `order`."""
    return PackedSequence(values, order.batch_sizes, order.sorted_indices, order.unsorted_indices)


def unpacked(values: Tensor, order: PackedSequence, length: int) -> Tensor:
    """Undo packing.

    Args:
        values: [T, ...] in packed order.
        order: the packed order.
        length: L, the length of the rows.

    Returns:
        [B, L, ...], 0 where there is no token.
    """
    return pad_packed_sequence(like(order, values), batch_first=True, total_length=length)[0]
