"""What is known about items, users and interactions, and what a model is built for.

A field has a *kind*, which decides how it may enter a model, and a *form*, which decides how its
values are kept, permuted, stored and embedded:

    kind        form          values                                    carried by
    attribute   values        codes Long[V, F], one or several an item  the item
    attribute   vector        Float[V, W], one vector an item           the item
    behaviour   values        one code an interaction                   the interaction
    behaviour   user          one code a user, the same in all his      the user
                              interactions

What a form needs elsewhere is a table by form there (`core.layers.embedding`, `data.placebo`,
`data.store.tables`), so that models and objectives ask for no form.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from sirec.errors import SirecError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

PADDING = 0
UNKNOWN = "unknown"  # the value of a behaviour that may be missing, where it is
POSITION = "position"
FieldKind = Literal["attribute", "behaviour"]
FieldForm = Literal["values", "vector", "user"]


@dataclass(frozen=True, eq=False)
class Field:
    """An attribute (a function of the item) or a behaviour (a function of the interaction).

    `size` counts codes, padding included. An attribute carries `table` Long[V, F]: each item's
    values, 0 where it has no more; row 0 (the padding item) is all 0. A behaviour's codes travel in
    the batch. Position is a behaviour that nobody stores: its codes are the slots 0..n-1, all of
    them real (`padded` is false).

    The table of an attribute of form `vector` is Float[V, W], all 0 for the padding item and for
    items without a vector; `size` is W. A behaviour of form `user` has code 0 where nothing is
    known of a user.
    """

    name: str
    kind: FieldKind
    size: int
    table: Tensor | None = None
    padded: bool = True
    form: FieldForm = "values"

    @property
    def values(self) -> Tensor:
        """Long[V, F] of an attribute of values."""
        if self.table is None:
            raise ValueError(f"{self.name} is a behaviour: its values travel in the batch")
        if self.form == "vector":
            raise SirecError(
                f"{self.name} has vectors, and what would read it needs values",
                f"leave {self.name} out: name other fields with --fields",
            )
        return self.table

    @property
    def vectors(self) -> Tensor:
        """Float[V, W] of an attribute of vectors."""
        if self.table is None or self.form != "vector":
            raise ValueError(f"{self.name} has no vectors")
        return self.table

    def to(self, device: torch.device) -> Field:
        """The same field with its table on another device."""
        table = None if self.table is None else self.table.to(device)
        return replace(self, table=table)


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
    def with_values(self) -> tuple[Field, ...]:
        """The attributes whose values can be told apart and predicted: all but vectors."""
        return tuple(field for field in self.attributes if field.form == "values")

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
