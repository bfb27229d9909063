"""What a check of the values is, and what it looks at.

How to write a check of your own
--------------------------------
A check is an instance of `ValueCheck`: a name, and a function from the values to findings. Its file
may lie in this package, or in another one that declares an entry point in the group
`sirec.value_checks`:

    def find_shouting(values: ReadValues) -> Iterator[ValueFinding]:
        for field in values.of_role("attribute"):
            loud = np.array([text.isupper() for text in field.texts])
            if loud.any():
                count = field.count(loud)
                what = f"{count:,} of {field.total:,} items shout"
                yield ValueFinding("shouting", field.name, count, what, field.samples(loud))

    SHOUTING = ValueCheck("shouting", find_shouting)

Checks see the distinct values of a field with their counts, and not the rows: seven million
interactions have some hundred thousand distinct values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sirec.data.prepare.findings import ValueFinding

Role = Literal["user", "item", "attribute", "behaviour", "title"]
Mask = NDArray[np.bool_]
SAMPLES = 5
LONGEST_TEXT = 80  # characters that are kept of a sample


@dataclass(frozen=True, eq=False)
class FieldValues:
    """The distinct values of a field.

    Attributes:
        name: the field.
        role: what it is.
        texts: the distinct values [D].
        counts: Int[D], how many interactions (of users, items and behaviours) or items (of
            attributes and titles) have each.
        total: how many interactions or items there are.
        is_number: whether the values were read as numbers, so that `texts` are their names.
        is_name: whether the values are declared to be names, also where they look like numbers.
        described: for an attribute, how many items (or users) have a value.
        alone: for an attribute, how many items (or users) have no value that another one has, too.
        is_of_users: whether it is an attribute of users, and not of items.
    """

    name: str
    role: Role
    texts: Sequence[str]
    counts: NDArray[np.int64]
    total: int
    is_number: bool = False
    is_name: bool = False
    described: int = 0
    alone: int = 0
    is_of_users: bool = False

    @property
    def is_described(self) -> bool:
        """Whether `counts` count items or users, and not interactions."""
        return self.role in ("attribute", "title")

    @property
    def unit(self) -> str:
        """What `counts` count: `item`, `user` or `interaction`."""
        if self.is_of_users:
            return "user"
        return "item" if self.is_described else "interaction"

    def count(self, mask: Mask) -> int:
        """How many interactions or items have one of the values; one with several counts again.

        Args:
            mask: Bool[D], the values.
        """
        return int(self.counts[mask].sum())

    def samples(self, mask: Mask) -> tuple[str, ...]:
        """The beginnings of the commonest of some values.

        Args:
            mask: Bool[D], the values.
        """
        chosen = np.flatnonzero(mask)
        order = chosen[np.argsort(-self.counts[chosen], kind="stable")][:SAMPLES]
        return tuple(self.texts[index][:LONGEST_TEXT] for index in order.tolist())


@dataclass(frozen=True, eq=False)
class ItemTable:
    """Which items the interactions and the table of items have.

    Attributes:
        name: what the table of items is called.
        missing: distinct items of the remaining interactions that have no row in the table.
        remaining: how many distinct items remain.
        unused: distinct items of the table without an interaction before the filters.
        rows: how many distinct items the table has.
        is_whole: whether the source says which rows it had; else they are those with a value.
    """

    name: str
    missing: Sequence[str]
    remaining: int
    unused: Sequence[str]
    rows: int
    is_whole: bool


@dataclass(frozen=True, eq=False)
class ReadValues:
    """What the checks look at.

    Attributes:
        fields: users, items, titles, attributes and behaviours that remain after the filters.
        raw: users and items as they were read, before the filters.
        items: how the table of items fits the interactions; None if there is no such table.
        raw_rows: for a field of the interactions, how many raw rows have one of some values; a
            person who leaves them out needs that number.
        skipped_lines: how many bad lines were skipped already, which count towards the same limit.
    """

    fields: Sequence[FieldValues]
    raw: Sequence[FieldValues] = ()
    items: ItemTable | None = None
    raw_rows: Callable[[str, Iterable[str]], int] = lambda name, texts: 0
    skipped_lines: int = 0

    def of_role(self, *roles: Role) -> Iterator[FieldValues]:
        """The fields of these roles.

        Args:
            roles: the roles.
        """
        for values in self.fields:
            if values.role in roles:
                yield values


@dataclass(frozen=True)
class ValueCheck:
    """A check of the values.

    Attributes:
        name: its name, which findings have as their kind.
        find: gives its findings, at most one for a field.
    """

    name: str
    find: Callable[[ReadValues], Iterable[ValueFinding]]
