"""What is known about items and about interactions, and what a model is built for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

PADDING = 0
POSITION = "position"
FieldKind = Literal["attribute", "behaviour"]


@dataclass(frozen=True, eq=False)
class Field:
    """An attribute (a function of the item) or a behaviour (a function of the interaction).

    `size` counts codes, padding included. An attribute carries `table` Long[V, F]: each item's
    values, 0 where it has no more; row 0 (the padding item) is all 0. A behaviour's codes travel in
    the batch. Position is a behaviour that nobody stores: its codes are the slots 0..n-1, all of
    them real (`padded` is false).
    """

    name: str
    kind: FieldKind
    size: int
    table: Tensor | None = None
    padded: bool = True

    @property
    def values(self) -> Tensor:
        """Long[V, F] of an attribute."""
        if self.table is None:
            raise ValueError(f"{self.name} is a behaviour: its values travel in the batch")
        return self.table

    def to(self, device: torch.device) -> Field:
        """The same field with its table on another device."""
        table = None if self.table is None else self.table.to(device)
        return Field(self.name, self.kind, self.size, table, self.padded)


@dataclass(frozen=True, eq=False)
class Schema:
    """What a model needs to know of the data to be built: sizes and fields, no interactions.

    `items` is V, the number of item codes, padding included; `users` the same of users, where 1
    means that nobody is known. `max_length` is n, the longest history a model reads.
    """

    items: int
    max_length: int
    fields: tuple[Field, ...] = ()
    users: int = 1

    @property
    def mask(self) -> int:
        """The code of a hidden item: the one after the last, so that no table of items has a row
        for it.
        """
        return self.items

    @property
    def attributes(self) -> tuple[Field, ...]:
        """The fields that are functions of the item."""
        return tuple(field for field in self.fields if field.kind == "attribute")

    @property
    def behaviours(self) -> tuple[Field, ...]:
        """The fields that are functions of the interaction."""
        return tuple(field for field in self.fields if field.kind == "behaviour")


def position(max_length: int) -> Field:
    """Position in the window, counted from its start."""
    return Field(POSITION, "behaviour", max_length, padded=False)


def names(fields: Iterable[Field]) -> list[str]:
    """The names of fields, in order."""
    return [field.name for field in fields]
