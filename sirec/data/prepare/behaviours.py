"""Codes of behaviours: one for each value that occurs, or one for each declared bin of a number.

Bins are declared by their inner edges: `10, 20, 50` makes four bins, the numbers below 10, from 10
to below 20, from 20 to below 50, and from 50 on. Empty bins have a code too, so that equal
declarations mean equal codes. Edges of times may have a unit: `0.5s, 1h, 7d` (s, m, h, d, w).

One behaviour is computed, where bins are declared for it and times are known: `gap`, the time since
the user's previous interaction. The first interaction of a user has a code of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import ceil

import numpy as np
from numpy.typing import NDArray

from sirec.config import brief
from sirec.data.value_forms.written_numbers import number_column
from sirec.errors import SirecError
from sirec.shell import arguments

GAP = "gap"
FIRST = "first"
MOST_NUMBERS = 1_000  # more distinct numbers than this need bins
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
LONGEST_EDGE = 30  # characters
EDGE = re.compile(r"(-?\d+(?:\.\d+)?)\s*([smhdw]?)")

BinCodes = NDArray[np.int64]


class Bins:
    """Declared bins of a number.

    Args:
        field: the behaviour.
        declaration: inner edges, separated by commas.

    Raises:
        SirecError: if the declaration is no list of ascending edges.
    """

    def __init__(self, field: str, declaration: str) -> None:
        self.field = field
        texts = [text.strip() for text in declaration.split(",")]
        self.edges: list[Fraction] = []
        for text in texts:
            match = EDGE.fullmatch(text)
            if match is None or len(text) > LONGEST_EDGE:
                raise SirecError(
                    f"bins of {field}: {brief(text)} is not an edge",
                    "expected numbers such as 10,20,50 or times such as 1h,1d,7d",
                )
            self.edges.append(Fraction(match[1]) * SECONDS[match[2]])
        if any(left >= right for left, right in pairwise(self.edges)):
            raise SirecError(f"bins of {field}: {declaration}: the edges must ascend")
        middle = [f"{left} to {right}" for left, right in pairwise(texts)]
        self.names = [f"below {texts[0]}", *middle, f"{texts[-1]} and more"]

    def code(self, values: NDArray[np.float64]) -> BinCodes:
        """Int[N], from 0: the bin of each of the numbers Float[N]."""
        return np.searchsorted(np.array(self.edges, dtype=np.float64), values, side="right")

    def code_ticks(self, ticks: BinCodes, per_second: int) -> BinCodes:
        """Code lengths of time, compared with the edges in whole numbers.

        Args:
            ticks: Int[N], each length in ticks.
            per_second: ticks a second.

        Returns:
            Int[N], from 0: the bin of each.
        """
        # A whole number reaches an edge if it reaches the next whole number.
        edges = [ceil(edge * per_second) for edge in self.edges]
        return np.searchsorted(np.array(edges, dtype=np.int64), ticks, side="right")


def code_behaviour(
    field: str, values: NDArray[np.generic], bins: Bins | None, *, is_name: bool = False
) -> tuple[BinCodes, list[str]]:
    """Code a behaviour.

    Args:
        field: the behaviour.
        values: its values [N], numbers or texts.
        bins: its bins; None to code the values that occur, in ascending order.
        is_name: whether texts are names also where they look like numbers.

    Returns:
        Codes Int[N] from 1, and the name of each code; the first name is that of the padding.

    Raises:
        SirecError: if bins are declared for texts, or needed and not declared.
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
    if len(names) > MOST_NUMBERS:
        if is_number:
            bins_of_quarters = suggested_bins(values.astype(np.float64))
            raise _too_many(field, len(names), arguments("--bins", f"{field}={bins_of_quarters}"))
        if not is_name:
            _check_number_texts(field, list(map(str, names)))
    return codes.astype(np.int64) + 1, ["", *map(_text, names)]


def code_gaps(
    users: BinCodes, times: BinCodes, per_second: int, bins: Bins
) -> tuple[BinCodes, list[str]]:
    """Code the time since the user's previous interaction.

    Args:
        users: Int[N], the user of each interaction, in the order of the data set.
        times: Int[N], in ticks since 1970.
        per_second: ticks a second.
        bins: the bins of the time.

    Returns:
        Codes Int[N] from 1, where 1 is the first interaction of a user, and the name of each code.
    """
    gaps = np.diff(times, prepend=times[:1])
    is_first = np.diff(users, prepend=users[:1] - 1) != 0
    codes = np.where(is_first, 1, bins.code_ticks(gaps, per_second) + 2)
    return codes, ["", FIRST, *bins.names]


def _text(value: object) -> str:
    """The name of a value's code: 4 and not 4.0, but all digits of a number that needs them."""
    if not isinstance(value, float):
        return str(value)
    return short if float(short := f"{value:g}") == value else repr(float(value))


def suggested_bins(numbers: NDArray[np.float64]) -> str:
    """Inner edges at the quartiles, as `--bins` reads them.

    Args:
        numbers: Float[N].

    Returns:
        One to three ascending edges of about three digits, separated by commas.
    """
    edges: dict[str, None] = {}
    for quartile in np.quantile(numbers, [0.25, 0.5, 0.75]).tolist():
        rounded = Decimal(f"{quartile + 0.0:.3g}")  # no -0
        text = f"{rounded:f}"
        edges["0" if len(text) > LONGEST_EDGE else text] = None  # beyond what an edge may be
    return ",".join(sorted(edges, key=float))


def _check_number_texts(field: str, texts: Sequence[str]) -> None:
    """Refuse a behaviour of texts that are too many distinct numbers, such as `$9.99`.

    Args:
        field: the behaviour.
        texts: its distinct values.

    Raises:
        SirecError: with bins that would do, and how the numbers would be read.
    """
    column = number_column(texts)
    if column is not None and column.is_written and len(column.numbers) > MOST_NUMBERS:
        bins = suggested_bins(np.array(list(column.numbers.values())))
        options = arguments("--bins", f"{field}={bins}") + column.option
        hint = f"{options} ({column.how})"
        raise _too_many(field, len(column.numbers), hint)


def _too_many(field: str, count: int, bins: str) -> SirecError:
    return SirecError(
        f"the behaviour {field} has {count:,} distinct numbers, too many to learn one by one",
        f"declare bins, for example {bins}",
    )
