"""Behaviours as codes: the values that occur, or declared bins of a number.

Bins are declared by their inner edges: `10, 20, 50` makes four of them, the numbers below 10, from
10 to below 20, from 20 to below 50, and from 50 on. All bins have a code, occupied or not, so that
equal declarations mean equal codes. Edges of times may have a unit: `1h, 1d, 7d` (s, m, h, d, w).

One behaviour is not stored but computed, where bins for it are declared and times are known: `gap`,
the time since the user's interaction before, which for a user's first interaction has a code of its
own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sirec.errors import SirecError

GAP = "gap"
FIRST = "first"
MOST_NUMBERS = 1_000  # more distinct numbers than this are a measurement, which needs bins
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
EDGE = re.compile(r"(-?\d+(?:\.\d+)?)\s*([smhdw]?)")

BinCodes = NDArray[np.int64]


class Bins:
    """Declared bins: `edges` in ascending order, and their names. Raises `SirecError` for what is
    no list of edges.
    """

    def __init__(self, field: str, declaration: str) -> None:
        self.field = field
        texts = [text.strip() for text in declaration.split(",")]
        found = [EDGE.fullmatch(text) for text in texts]
        wrong = next(
            (text for text, match in zip(texts, found, strict=True) if match is None), None
        )
        if wrong is not None:
            raise SirecError(
                f"bins of {field}: '{wrong}' is not an edge",
                "expected numbers such as 10,20,50 or times such as 1h,1d,7d",
            )
        self.edges = [float(match[1]) * SECONDS[match[2]] for match in found if match]
        if any(left >= right for left, right in pairwise(self.edges)):
            raise SirecError(f"bins of {field}: {declaration}: the edges must ascend")
        middle = [f"{left} to {right}" for left, right in pairwise(texts)]
        self.names = [f"below {texts[0]}", *middle, f"{texts[-1]} and more"]

    def code(self, values: NDArray[np.float64]) -> BinCodes:
        """int[N] from 0: the bin of each number."""
        return np.searchsorted(np.array(self.edges), values, side="right")


def code_behaviour(
    field: str, values: NDArray[np.generic], bins: Bins | None
) -> tuple[BinCodes, list[str]]:
    """Codes int[N] from 1 of a behaviour's values [N], and the names of the codes (index 0 is
    padding).

    Without bins the values that occur are coded in ascending order. Raises `SirecError` where bins
    are declared for texts, or needed and not declared.
    """
    is_number = np.issubdtype(values.dtype, np.number)
    if bins is not None:
        if not is_number:
            raise SirecError(
                f"bins of {field}: its values are no numbers, for example '{values[0]}'",
                "leave the bins out",
            )
        return bins.code(values.astype(np.float64)) + 1, ["", *bins.names]
    names, codes = np.unique(values, return_inverse=True)
    if is_number and len(names) > MOST_NUMBERS:
        raise SirecError(
            f"the behaviour {field} has {len(names):,} distinct numbers, too many to learn one by one",
            f"declare bins, for example --bins {field}={','.join(f'{edge:.3g}' for edge in _quartiles(values))}",
        )
    return codes.astype(np.int64) + 1, ["", *map(_text, names)]


def code_gaps(users: BinCodes, times: BinCodes, bins: Bins) -> tuple[BinCodes, list[str]]:
    """Codes int[N] from 1 of the time since the user's interaction before, and the names of the
    codes; 1 is `first`.

    `users` and `times` (seconds) are in the order of the data set: by user, then by time.
    """
    gaps = np.diff(times, prepend=times[:1])
    is_first = np.diff(users, prepend=users[:1] - 1) != 0
    return np.where(is_first, 1, bins.code(gaps.astype(np.float64)) + 2), ["", FIRST, *bins.names]


def _text(value: object) -> str:
    """A value as its code is called: 4 and not 4.0, but all digits of a number that needs them."""
    if not isinstance(value, float):
        return str(value)
    return short if float(short := f"{value:g}") == value else repr(float(value))


def _quartiles(values: NDArray[np.generic]) -> Sequence[float]:
    edges = np.unique(np.quantile(values.astype(np.float64), [0.25, 0.5, 0.75]))
    return [float(edge) for edge in edges]
