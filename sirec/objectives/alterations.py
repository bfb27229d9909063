"""Altered behaviours for UPA (`order.py`): each function gives a row other codes in its real slots.

All of them read the prefixes P of a batch [P, L] and draw from torch's generator.

| mode | behaviours of an altered prefix |
|---|---|
| `permutation` | the same codes in another order, never the identity, one order for all fields |
| `derangement` | as `permutation`, and no slot keeps its own codes |
| `reversal` | the same codes from last to first |
| `uniform` | any code of the field, each slot and field for itself |
| `sorted` | an ascending sample without replacement of the field's codes |
| `other_user` | the codes of another row of the step, where both rows have that slot |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor

from sirec.data.fields import PADDING, Field
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.layout import to_device
from sirec.errors import SirecError

Mode = Literal["permutation", "derangement", "reversal", "uniform", "sorted", "other_user"]
FieldCodes = Mapping[str, Tensor]
Fields = Mapping[str, Field]


def permuted(lengths: Tensor, length: int, *, fixed_points: bool) -> Tensor:
    """A uniformly drawn permutation of the first slots of each row; later slots stay.

    It is never the identity, except in rows of one slot, which have no other permutation. Rejected
    draws are drawn anew, so that all permitted permutations are equally likely. Since the host has
    to know which draws are rejected, it draws them.

    Args:
        lengths: Long[P], on the host: how many slots of each row are permuted.
        length: L, the number of slots of a row.
        fixed_points: whether slots may stay where they are; otherwise a derangement is drawn.

    Returns:
        Long[P, L]: for each slot the slot whose content it gets.
    """
    slots = torch.arange(length).expand(len(lengths), length)
    real = slots < lengths[:, None]
    order = slots.clone()
    open_rows = (lengths > 1).nonzero().squeeze(1)
    while len(open_rows):
        open_slots, open_real = slots[open_rows], real[open_rows]
        keys = torch.rand(len(open_rows), length)
        drawn = keys.masked_fill(~open_real, 2.0).argsort(dim=1)
        order[open_rows] = torch.where(open_real, drawn, open_slots)
        same = (order[open_rows] == open_slots) & open_real
        is_rejected = (same == open_real).all(dim=1) if fixed_points else same.any(dim=1)
        open_rows = open_rows[is_rejected]
    return order


def _reorder(prefixes: Batch, order: Tensor) -> FieldCodes:
    return {name: codes.gather(1, order) for name, codes in prefixes.behaviours.items()}


def _drawn_order(prefixes: Batch, *, fixed_points: bool) -> Tensor:
    """Long[P, L], a drawn order of the slots of each prefix, on the batch's device."""
    lengths, length = torch.from_numpy(prefixes.lengths), prefixes.items.shape[1]
    order = permuted(lengths, length, fixed_points=fixed_points)
    return to_device(order.numpy(), prefixes.items.device)


def _permutation(prefixes: Batch, fields: Fields) -> FieldCodes:
    return _reorder(prefixes, _drawn_order(prefixes, fixed_points=True))


def _derangement(prefixes: Batch, fields: Fields) -> FieldCodes:
    return _reorder(prefixes, _drawn_order(prefixes, fixed_points=False))


def _reversal(prefixes: Batch, fields: Fields) -> FieldCodes:
    slots = torch.arange(prefixes.items.shape[1], device=prefixes.read.device)
    last = prefixes.read[:, None]
    return _reorder(prefixes, torch.where(slots <= last, last - slots, slots))


def _uniform(prefixes: Batch, fields: Fields) -> FieldCodes:
    real = prefixes.items != PADDING
    altered = {}
    for name, codes in prefixes.behaviours.items():
        drawn = torch.randint_like(codes, _first_code(fields[name]), fields[name].size)
        altered[name] = drawn.where(real, codes)
    return altered


def _sorted(prefixes: Batch, fields: Fields) -> FieldCodes:
    real = prefixes.items != PADDING
    altered = {}
    for name, codes in prefixes.behaviours.items():
        first, size, length = _first_code(fields[name]), fields[name].size, codes.shape[1]
        if size - first < length:
            raise SirecError(
                f"objective upa: mode sorted needs at least {length} codes, "
                f"{name} has {size - first}"
            )
        keys = torch.rand(len(codes), size - first, device=codes.device)
        drawn = keys.argsort(dim=1)[:, :length] + first
        ascending = drawn.masked_fill(~real, size).sort(dim=1).values
        altered[name] = ascending.where(real, codes)
    return altered


def _other_user(prefixes: Batch, fields: Fields) -> FieldCodes:
    real = prefixes.items != PADDING
    other = to_device(torch.randperm(len(real)).numpy(), real.device)
    both_real = real & real[other]
    altered = {}
    for name, codes in prefixes.behaviours.items():
        altered[name] = torch.where(both_real, codes[other], codes)
    return altered


def _first_code(field: Field) -> int:
    """The first code that is a value: 1 where code 0 pads."""
    return 1 if field.padded else 0


ALTERATIONS: Mapping[Mode, Callable[[Batch, Fields], FieldCodes]] = {
    "permutation": _permutation,
    "derangement": _derangement,
    "reversal": _reversal,
    "uniform": _uniform,
    "sorted": _sorted,
    "other_user": _other_user,
}
