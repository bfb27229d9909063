"""Attributes by what a data set has, so that one experiment file fits data whose fields are called
otherwise.

A choice is names in order of preference with `|` between them: `brand|city` is the first of these
that the data have. `*`, as the last, is any attribute that no other choice of the list names:
`[brand|city|*, category|categories|*]` is brand and category on Amazon, city and categories on
Yelp, genre and year on MovieLens.
"""

from __future__ import annotations

from collections.abc import Sequence

from sirec.data.dataset import Dataset

ANY = "*"


class NoAttributeError(Exception):
    """The data have no attribute for a choice: `reason` says so, `wanted` are the names that were
    preferred.
    """

    def __init__(self, reason: str, wanted: tuple[str, ...]) -> None:
        super().__init__(reason)
        self.reason, self.wanted = reason, wanted


def choose(choices: Sequence[str] | None, data: Dataset) -> tuple[str, ...] | None:
    """The attributes of the data that fit these choices, in their order; None stays None. Raises
    `NoAttributeError`.
    """
    if choices is None:
        return None
    mine = [field.name for field in data.fields if field.kind == "attribute"]
    named = {
        choice: next((name for name in _names(choice) if name in mine), None) for choice in choices
    }
    free = [name for name in mine if name not in named.values()]
    return tuple(name or _any(choice, free, choices, data.name) for choice, name in named.items())


def label_of(row: str, attributes: Sequence[str]) -> str:
    """A row's label with the names of its attributes in place.

    >>> label_of("COMIF, {1} and {2}", ("brand", "category"))
    'COMIF, brand and category'
    """
    for number, name in enumerate(attributes, start=1):
        row = row.replace(f"{{{number}}}", name)
    return row


def are_as_named(choices: Sequence[str] | None, attributes: Sequence[str]) -> bool:
    """Whether attributes are those that choices name, rather than any that took their place."""
    if choices is None:
        return True
    return all(name in _names(choice) for choice, name in zip(choices, attributes, strict=True))


def _names(choice: str) -> list[str]:
    return [name for name in choice.split("|") if name != ANY]


def _any(choice: str, free: list[str], choices: Sequence[str], data: str) -> str:
    if choice.split("|")[-1] == ANY and free:
        return free.pop(0)
    preferred = tuple(next(iter(_names(each)), "another attribute") for each in choices)
    raise NoAttributeError(f"{data} has no {' or '.join(_names(choice)) or 'attribute'}", preferred)
