"""Choice of attributes among those that a data set has, whatever it calls them.

A choice is names in order of preference with `|` between them: `brand|city` is the first of these
that the data have. `*`, as the last name, is any attribute that no other choice of the list names:
`[brand|city|*, category|categories|*]` is brand and category on Amazon, city and categories on
Yelp, genre and year on MovieLens.
"""

from __future__ import annotations

from collections.abc import Sequence

from sirec.data.dataset import Dataset

ANY = "*"


class NoAttributeError(Exception):
    """The data have no attribute for a choice.

    Attributes:
        reason: what the data lack, in words.
        wanted: the preferred name of each choice.
    """

    def __init__(self, reason: str, wanted: tuple[str, ...]) -> None:
        super().__init__(reason)
        self.reason, self.wanted = reason, wanted


def choose(choices: Sequence[str] | None, data: Dataset) -> tuple[str, ...] | None:
    """The attributes of the data that fit these choices.

    Args:
        choices: one choice an attribute; None leaves the choice to the protocol.
        data: the prepared data set.

    Returns:
        Names of attributes in the order of the choices; None for None.

    Raises:
        NoAttributeError: if no attribute is left for a choice.
    """
    if choices is None:
        return None
    attributes = [field.name for field in data.fields if field.kind == "attribute"]
    named: dict[str, str | None] = {}
    for choice in choices:
        named[choice] = _first_of(_names(choice), attributes)
    free = [name for name in attributes if name not in named.values()]
    chosen: list[str] = []
    for choice, name in named.items():
        if name is None:
            if not free or choice.split("|")[-1] != ANY:
                lacking = " or ".join(_names(choice)) or "attribute"
                raise NoAttributeError(f"{data.name} has no {lacking}", _preferred(choices))
            name = free.pop(0)
        chosen.append(name)
    return tuple(chosen)


def label_of(row: str, attributes: Sequence[str]) -> str:
    """A row's label with the names of its attributes in place of `{1}`, `{2}`.

    Args:
        row: the row's name in the experiment file.
        attributes: names of its attributes.

    >>> label_of("COMIF, {1} and {2}", ("brand", "category"))
    'COMIF, brand and category'
    """
    for number, name in enumerate(attributes, start=1):
        row = row.replace(f"{{{number}}}", name)
    return row


def are_as_named(choices: Sequence[str] | None, attributes: Sequence[str]) -> bool:
    """Whether attributes are those that choices name, and none was taken for `*`.

    Args:
        choices: one choice an attribute; None names whatever there is.
        attributes: names of the attributes that were chosen.
    """
    if choices is None:
        return True
    return all(name in _names(choice) for choice, name in zip(choices, attributes, strict=True))


def _names(choice: str) -> list[str]:
    names = choice.split("|")
    return names[:-1] if names[-1] == ANY else names


def _first_of(names: Sequence[str], attributes: Sequence[str]) -> str | None:
    """The first of these names that is an attribute."""
    for name in names:
        if name in attributes:
            return name
    return None


def _preferred(choices: Sequence[str]) -> tuple[str, ...]:
    preferred: list[str] = []
    for choice in choices:
        preferred += [*_names(choice), "another attribute"][:1]
    return tuple(preferred)
