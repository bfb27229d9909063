"""How ids are spelt in two places: programs change ids that look like numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

ZERO_FRACTION = re.compile(r"([+-]?\d+)\.0*")
AROUND = " \t\"'"  # signs around an id that some programs write or keep
ENOUGH = 0.5  # share of the unknown ids that have to be known in another spelling


@dataclass(frozen=True)
class Spelling:
    """A way in which the data set spells ids that are spelt otherwise in a file.

    Attributes:
        description: how the data set spells them: `without '.0'`.
        known: id as given -> id of the data set.
    """

    description: str
    known: Mapping[str, str]


def likely_spelling(unknown: Sequence[str], names: Sequence[str]) -> Spelling | None:
    """The spelling under which most of some unknown ids are ids of the data set.

    Args:
        unknown: ids that the data set lacks.
        names: the ids of the data set.

    Returns:
        The spelling with most known ids; None if there are fewer than half of the unknown ones.
    """
    best = Spelling("", {})
    for description, respell in _ways(names).items():
        known: dict[str, str] = {}
        for given in unknown:
            name = respell(given)
            if name is not None:
                known[given] = name
        if len(known) > len(best.known):
            best = Spelling(description, known)
    return best if len(best.known) >= max(ENOUGH * len(unknown), 1) else None


def _ways(names: Sequence[str]) -> dict[str, Callable[[str], str | None]]:
    """Description -> a function from an id as given to that of the data set, None if unknown."""
    same = {name: name for name in names}
    return {
        "without '.0'": lambda given: same.get(ZERO_FRACTION.sub(r"\1", given)),
        "with '.0'": lambda given: same.get(f"{given}.0"),
        "without zeros in front": lambda given: same.get(_without_zeros(given)),
        "with zeros in front": _unique(names, _without_zeros),
        "without blanks or quotes around": lambda given: same.get(given.strip(AROUND)),
        "in other letters, small or capital": _unique(names, str.casefold),
    }


def _without_zeros(name: str) -> str:
    return name.lstrip("0") or name[-1:]


def _unique(names: Iterable[str], key: Callable[[str], str]) -> Callable[[str], str | None]:
    """Find the name with the same key as a given id, if it is the only one."""
    pairs = sorted((key(name), name) for name in names)
    keys = [first for first, _ in pairs]
    repeated = {first for first, second in pairwise(keys) if first == second}
    of_key = dict(pairs)

    def find(given: str) -> str | None:
        found = key(given)
        return None if found in repeated else of_key.get(found)

    return find
