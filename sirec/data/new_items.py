"""Items that a data set does not have yet: hidden ones, to judge with, and ones from a table.

Hidden items get the last codes, so that data without them are data with smaller tables, and a model
of those data has no row, no bias and no negative sample of a hidden item. Added items get the codes
behind all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from sirec.data.dataset import Dataset
from sirec.data.fields import Field
from sirec.data.split import NO_TARGET, PARTS, HeldOut
from sirec.data.tasks.rows import in_training, owners
from sirec.errors import SirecError

FEWEST_KNOWN = 2  # items that must stay


def hidden_count(data: Dataset, share: float) -> int:
    """How many items a share of a data set's items is, at least one.

    Args:
        data: the data set.
        share: the share.
    """
    return max(1, round(share * data.item_count))


@dataclass(frozen=True, eq=False)
class ItemHoldout:
    """A data set of which some items are hidden.

    Attributes:
        data: the whole data set, in which hidden items have the last codes.
        known: the number of item codes that are not hidden, padding included.
    """

    data: Dataset
    known: int

    @classmethod
    def draw(cls, data: Dataset, share: float, seed: int) -> ItemHoldout:
        """Hide items at random, each with the same probability.

        Args:
            data: the data set.
            share: the share of items to hide; at least one is hidden.
            seed: of the draw.

        Raises:
            SirecError: if nearly nothing would be left.
        """
        hidden = hidden_count(data, share)
        if data.item_count - hidden < FEWEST_KNOWN:
            raise SirecError(f"{data.name}: {share:g} of its {data.item_count:,} items cannot hide")
        drawn = np.random.default_rng(seed).permutation(data.item_count) + 1
        order = np.concatenate([[0], np.sort(drawn[hidden:]), np.sort(drawn[:hidden])])
        return cls(_reordered(data, order), data.item_codes - hidden)

    def without_hidden(self) -> Dataset:
        """The training part without the interactions of hidden items; nothing is held out."""
        data = self.data
        kept = (data.items < self.known) & in_training(data)
        counts = torch.bincount(owners(data)[kept] - 1, minlength=data.user_count)
        offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        targets = {part: torch.full_like(offsets[1:], NO_TARGET) for part in PARTS}
        return replace(
            data,
            offsets=offsets,
            items=data.items[kept],
            behaviours={name: values[kept] for name, values in data.behaviours.items()},
            fields=tuple(_with_rows(field, slice(self.known)) for field in data.fields),
            item_names=data.item_names[: self.known],
            titles=None if data.titles is None else data.titles[: self.known],
            cut=HeldOut(data.held_out.split, offsets[1:], targets),
        )


@dataclass(frozen=True, eq=False)
class NewItems:
    """Items from a table.

    Attributes:
        names: raw ids.
        titles: titles, empty texts where there are none.
        tables: by attribute the rows of its table, Long[N, F] or Float[N, W].
    """

    names: Sequence[str]
    titles: Sequence[str]
    tables: Mapping[str, Tensor]

    def added_to(self, data: Dataset) -> Dataset:
        """The same interactions with more items.

        Args:
            data: the data set that lacks them.
        """
        fields: list[Field] = []
        for field in data.fields:
            if field.table is not None:
                field = replace(field, table=_stacked(field.table, self.tables[field.name]))
            fields.append(field)
        titles = None if data.titles is None else [*data.titles, *self.titles]
        names = [*data.item_names, *self.names]
        return replace(data, fields=tuple(fields), item_names=names, titles=titles)


def _stacked(table: Tensor, rows: Tensor) -> Tensor:
    """A table with more rows; the narrower of the two is filled with 0."""
    width = max(table.shape[1], rows.shape[1])
    stacked = table.new_zeros(len(table) + len(rows), width)
    stacked[: len(table), : table.shape[1]] = table
    stacked[len(table) :, : rows.shape[1]] = rows.to(table)
    return stacked


def _reordered(data: Dataset, order: np.ndarray) -> Dataset:
    """The data set in which the item with the old code order[i] has the code i."""
    index = torch.from_numpy(order).to(data.items.device)
    codes = torch.empty_like(index)
    codes[index] = torch.arange(len(order), device=index.device)
    titles = data.titles
    return replace(
        data,
        items=codes[data.items],
        fields=tuple(_with_rows(field, index) for field in data.fields),
        item_names=[data.item_names[code] for code in order] if data.item_names else (),
        titles=None if titles is None else [titles[code] for code in order],
    )


def _with_rows(field: Field, rows: Tensor | slice) -> Field:
    """A field with some of the rows of its table, in another order."""
    return field if field.table is None else replace(field, table=field.table[rows])
