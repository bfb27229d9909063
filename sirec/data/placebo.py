"""Placebos: fields whose values are permuted, so that they have the same sizes and mean nothing.

What a model gains from a field has two causes: what the field says, and that a model with it is
another model, with more parameters and more terms in its loss. A placebo has the second and not the
first:

    attribute         item i gets the values or the vector of item π(i), its whole list, or none if
                      π(i) has none
    behaviour         interaction n gets the value of interaction π(n)
    of users          user u has the value of user π(u) in all interactions

π is drawn uniformly, once for each seed and field; items and interactions stay as they are. The
permutation acts on the data and not on a model, so that every model can be trained on placebos.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from sirec.data.dataset import Dataset
from sirec.data.fields import PADDING, Field
from sirec.errors import unknown

KEY_BYTES = 8


def with_placebos(data: Dataset, names: Sequence[str], seed: int) -> Dataset:
    """The same interactions, where the values of some fields are permuted.

    A field's permutation depends on the seed and on its name alone, and not on what else is
    permuted or read.

    Args:
        data: a data set on the CPU.
        names: names of its attributes or stored behaviours.
        seed: of the permutations.

    Raises:
        SirecError: for a name that no stored field has.
    """
    if not names:
        return data
    known = [field.name for field in data.fields]
    for name in names:
        if name not in known:
            raise unknown("field", name, known, f"{data.name}: data.placebo")
    fields: list[Field] = []
    behaviours = dict(data.behaviours)
    for field in data.fields:
        if field.name not in names:
            fields.append(field)
            continue
        rng = np.random.default_rng([seed, *_key(field.name)])
        if field.table is not None:
            fields.append(replace(field, table=_permuted(field.table, PADDING + 1, rng)))
            continue
        values = behaviours[field.name]
        among = _among_users if field.form == "user" else _among_interactions
        behaviours[field.name] = among(values, data, rng)
        fields.append(field)
    return replace(data, fields=tuple(fields), behaviours=behaviours)


def _among_interactions(values: Tensor, data: Dataset, rng: np.random.Generator) -> Tensor:
    """Long[N], the values of a behaviour in another order."""
    return _permuted(values, 0, rng)


def _among_users(values: Tensor, data: Dataset, rng: np.random.Generator) -> Tensor:
    """Long[N], where each user has the value of another one in all interactions."""
    of_users = _permuted(values[data.offsets[:-1]], 0, rng)
    return torch.repeat_interleave(of_users, data.lengths)


def _permuted(values: Tensor, first: int, rng: np.random.Generator) -> Tensor:
    """Values with their rows in another order; the rows before `first` stay where they are."""
    order = np.arange(len(values))
    order[first:] = rng.permutation(order[first:])
    return values[torch.from_numpy(order)]


def _key(name: str) -> list[int]:
    """Numbers that stand for a name in the seed of a generator, the same on every machine."""
    digest = hashlib.sha256(name.encode()).digest()
    return list(digest[:KEY_BYTES])
