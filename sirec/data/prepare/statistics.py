"""The figures that describe a data set."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from sirec.data.dataset import Dataset
from sirec.data.fields import PADDING


@dataclass(frozen=True)
class Coverage:
    """How much an attribute says: `values` distinct values, `items` with at least one, `mean`
    values per item with any.
    """

    name: str
    values: int
    items: int
    mean: float


@dataclass(frozen=True)
class Statistics:
    """Sizes of a data set.

    `sparsity` is 1 - interactions / (users · items), repeats counted as interactions.
    `training_examples` are the prefixes with a target that the split leaves to training;
    `valid_targets` and `test_targets` count the users with a target there, which under
    leave-one-out is everybody (unknown in older folders). `tied_last_pairs` is the share of users
    with two interactions or more whose last two have the same timestamp, so that file order decides
    which is the last; unknown without times.
    """

    users: int
    items: int
    interactions: int
    mean_per_user: float
    mean_per_item: float
    median_length: float
    sparsity: float
    training_examples: int
    tied_last_pairs: float | None = None
    attributes: tuple[Coverage, ...] = ()
    valid_targets: int | None = None
    test_targets: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for YAML and JSON."""
        return dataclasses.asdict(self) | {
            "attributes": [dataclasses.asdict(entry) for entry in self.attributes]
        }


def describe(dataset: Dataset, timestamps: Tensor | None = None) -> Statistics:
    """Count a data set; `timestamps` is Long[N]."""
    held_out = dataset.held_out
    users, items, interactions = dataset.user_count, dataset.item_count, len(dataset.items)
    tables = {field.name: field for field in dataset.fields if field.kind == "attribute"}
    return Statistics(
        users=users,
        items=items,
        interactions=interactions,
        mean_per_user=round(interactions / users, 4),
        mean_per_item=round(interactions / items, 4),
        median_length=float(np.median(dataset.lengths.numpy())),
        sparsity=round(1 - interactions / (users * items), 6),
        training_examples=int((held_out.train_stop - dataset.offsets[:-1] - 1).clamp(min=0).sum()),
        tied_last_pairs=None
        if timestamps is None
        else round(_tied_last_pairs(dataset.offsets, timestamps), 4),
        attributes=tuple(
            _coverage(name, field.size, field.values) for name, field in tables.items()
        ),
        valid_targets=held_out.count("valid"),
        test_targets=held_out.count("test"),
    )


def _tied_last_pairs(offsets: Tensor, timestamps: Tensor) -> float:
    last = offsets[1:][offsets.diff() > 1] - 1
    return float((timestamps[last] == timestamps[last - 1]).double().mean())


def _coverage(name: str, size: int, table: Tensor) -> Coverage:
    per_item = (table[1:] != PADDING).sum(dim=1)
    with_any = int((per_item > 0).sum())
    return Coverage(name, size - 1, with_any, round(int(per_item.sum()) / max(with_any, 1), 4))
