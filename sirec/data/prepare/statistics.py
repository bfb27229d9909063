"""Statistics that describe a data set."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sirec.data.fields import PADDING, Field
from sirec.data.prepare.item_order import ItemOrder, item_order
from sirec.data.times import Times

if TYPE_CHECKING:
    from torch import Tensor

    from sirec.data.dataset import Dataset


@dataclass(frozen=True)
class Coverage:
    """How many items an attribute describes.

    Attributes:
        name: the attribute.
        values: how many distinct values it has; 0 if it is of vectors.
        items: how many items have one at least.
        mean: values of an item, on average over items that have any.
    """

    name: str
    values: int
    items: int
    mean: float


@dataclass(frozen=True)
class Statistics:
    """Sizes of a data set.

    Attributes:
        users: how many users.
        items: how many items.
        interactions: how many interactions, repeats included.
        mean_per_user: interactions of a user, on average.
        mean_per_item: interactions of an item, on average.
        median_length: the median of interactions of a user.
        sparsity: 1 − interactions / (users · items).
        training_examples: how many training targets the split leaves.
        tied_last_pairs: the share of users whose last two interactions have the same time, so that
            the order of the file decides which is the last; None without times.
        attributes: how many items each attribute describes.
        valid_targets: how many users have a validation target; None in older folders.
        test_targets: how many users have a test target; None in older folders.
        item_order: how often neighbours that no time orders ascend by item; None in older folders,
            and where there are no raw ids.
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
    item_order: ItemOrder | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for YAML and JSON."""
        attributes = list(map(dataclasses.asdict, self.attributes))
        return dataclasses.asdict(self) | {"attributes": attributes}


def describe(dataset: Dataset, timestamps: Times | None = None) -> Statistics:
    """The statistics of a data set.

    Args:
        dataset: the data set.
        timestamps: the time of each interaction, ascending within a user; or None.
    """
    held_out = dataset.held_out
    users, items, interactions = dataset.user_count, dataset.item_count, len(dataset.items)
    attributes = [field for field in dataset.fields if field.kind == "attribute"]
    coverage = [_coverage(field) for field in attributes]
    tied: float | None = None
    if timestamps is not None:
        tied = round(_tied_last_pairs(dataset.offsets, timestamps.ticks), 4)
    return Statistics(
        users=users,
        items=items,
        interactions=interactions,
        mean_per_user=round(interactions / users, 4),
        mean_per_item=round(interactions / items, 4),
        median_length=float(np.median(dataset.lengths.numpy())),
        sparsity=round(1 - interactions / (users * items), 6),
        training_examples=int((held_out.train_stop - dataset.offsets[:-1] - 1).clamp(min=0).sum()),
        tied_last_pairs=tied,
        attributes=tuple(coverage),
        valid_targets=held_out.count("valid"),
        test_targets=held_out.count("test"),
        item_order=_item_order(dataset, timestamps),
    )


def _item_order(dataset: Dataset, timestamps: Times | None) -> ItemOrder | None:
    if not dataset.item_names:
        return None
    users = np.repeat(np.arange(dataset.user_count), dataset.lengths.numpy())
    times = None if timestamps is None else timestamps.numpy()
    return item_order(users, dataset.items.numpy(), times, dataset.item_names)


def _tied_last_pairs(offsets: Tensor, ticks: Tensor) -> float:
    last = offsets[1:][offsets.diff() > 1] - 1
    return float((ticks[last] == ticks[last - 1]).double().mean())


def _coverage(field: Field) -> Coverage:
    if field.form == "vector":
        described = int(field.vectors.any(dim=1).sum())
        return Coverage(field.name, 0, described, float(described > 0))
    name, size = field.name, field.size
    per_item = (field.values[1:] != PADDING).sum(dim=1)
    with_any = int((per_item > 0).sum())
    return Coverage(name, size - 1, with_any, round(int(per_item.sum()) / max(with_any, 1), 4))
