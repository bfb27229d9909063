"""Recurrence over histories, on real tokens alone.

    r = σ(W_ir x + W_hr s),  u = σ(W_iu x + W_hu s),  c = tanh(W_ic x + r ∘ W_hc s),  s' = (1 − u) ∘ c + u ∘ s,  s_0 = 0

Rows are packed: step t of the recurrence holds the rows that have a slot t, so no step works on
padding, and everything that is done slot by slot before and after (look-up, dropout, maps) runs on
the T tokens in packed order. On ragged histories that is about twice as fast as a padded rectangle.

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
    """How wide and how deep; RecBole's are 64 and 128, COMIF's rows 128 and 128."""

    width: int = 128  # e, of items and of the states they are compared with
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
        """The layers for inputs of this width."""
        return Recurrence(inputs, self.hidden, self.layers)


class Recurrence(nn.Module):
    """Layers of gated recurrent units without biases, see the module's equations; drawn as torch
    draws them.
    """

    def __init__(self, inputs: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.units = nn.GRU(inputs, hidden, layers, bias=False, batch_first=True)

    def forward(self, vectors: Tensor, order: PackedSequence) -> Tensor:
        """[T, e] in the packed order of `order` -> [T, g] in the same order."""
        with torch.autocast(
            vectors.device.type, enabled=False
        ):  # gates of half the digits forget within a few steps
            return self.units(like(order, vectors.to(next(self.units.parameters()).dtype)))[0].data


def packed(batch: Batch) -> PackedSequence:
    """The item codes Long[T] of a batch in packed order, and that order."""
    return pack_padded_sequence(
        batch.items, torch.from_numpy(batch.lengths), batch_first=True, enforce_sorted=False
    )


def like(order: PackedSequence, values: Tensor) -> PackedSequence:
    """Other values [T, ...] in the same order."""
    return PackedSequence(values, order.batch_sizes, order.sorted_indices, order.unsorted_indices)


def unpacked(values: Tensor, order: PackedSequence, length: int) -> Tensor:
    """[T, ...] in packed order -> [B, L, ...], zeros where there is no token."""
    return pad_packed_sequence(like(order, values), batch_first=True, total_length=length)[0]
