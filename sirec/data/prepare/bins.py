"""Bins of numbers, declared by their inner edges or by quantiles.

`10,20,50` makes four bins: the numbers below 10, from 10 to below 20, from 20 to below 50, and from
50 on. Empty bins have a code too, so that equal declarations mean equal codes. Edges of times may
have a unit: `0.5s, 1h, 7d` (s, m, h, d, w). `8q` makes eight bins with about as many numbers in
each: their edges are numbers of the data, rounded. Where many numbers are equal, there are fewer
bins. `each` makes no bins: every number is a value of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil

import numpy as np
from numpy.typing import NDArray

from sirec.config import brief
from sirec.errors import SirecError

SECONDS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
LONGEST_EDGE = 30  # characters
EDGE = re.compile(r"(-?\d+(?:\.\d+)?)\s*([smhdw]?)")
QUANTILES = re.compile(r"(\d{1,4})\s*q")
EACH = "each"
DIGITS = 4  # of an edge at a quantile
MOST_BINS = 1_000
BELOW, AND_MORE = "below ", " and more"  # in the names of the first and of the last bin
DEFAULT = "10q"  # of an attribute with so many numbers that none is learned by itself

BinCodes = NDArray[np.int64]


class Bins:
    """Declared bins of a number.

    Args:
        field: the field.
        declaration: inner edges, separated by commas; or a number of quantiles (`8q`); or `each`.

    Raises:
        SirecError: if the declaration is none of these, or its edges do not ascend.
    """

    def __init__(self, field: str, declaration: str) -> None:
        self.field = field
        self.edges: list[Fraction] = []
        self.names: list[str] = []
        self.quantiles = 0
        self.is_each = declaration.strip() == EACH
        if self.is_each:
            return
        match = QUANTILES.fullmatch(declaration.strip())
        if match is None:
            self._read_edges(declaration)
            return
        self.quantiles = int(match[1])
        if not 2 <= self.quantiles <= MOST_BINS:
            raise SirecError(
                f"bins of {field}: {declaration}: expected 2q to {MOST_BINS}q",
                f"for example {DEFAULT}: ten bins with about as many numbers in each",
            )

    def _read_edges(self, declaration: str) -> None:
        texts = [text.strip() for text in declaration.split(",")]
        edges: list[Fraction] = []
        for text in texts:
            match = EDGE.fullmatch(text)
            if match is None or len(text) > LONGEST_EDGE:
                raise SirecError(
                    f"bins of {self.field}: {brief(text)} is not an edge",
                    "expected numbers such as 10,20,50, times such as 1h,1d,7d, or quantiles: 8q",
                )
            edges.append(Fraction(match[1]) * SECONDS[match[2]])
        if any(left >= right for left, right in pairwise(edges)):
            raise SirecError(f"bins of {self.field}: {declaration}: the edges must ascend")
        self._set(edges, texts)

    def _set(self, edges: Sequence[Fraction], texts: Sequence[str]) -> None:
        """Take inner edges, with the texts that name them."""
        self.edges = list(edges)
        middle = [f"{left} to {right}" for left, right in pairwise(texts)]
        self.names = ["any number"]
        if texts:
            self.names = [f"{BELOW}{texts[0]}", *middle, f"{texts[-1]}{AND_MORE}"]

    def fitted(self, numbers: NDArray[np.float64], *, are_seconds: bool = False) -> Bins:
        """The bins with the edges that quantiles of some numbers give; declared edges stay.

        Args:
            numbers: Float[N].
            are_seconds: whether the names of the bins are those of times.
        """
        if not self.quantiles:
            return self
        fitted = Bins(self.field, f"{self.quantiles}q")
        edges = _quantile_edges(numbers, self.quantiles) if len(numbers) else np.zeros(0)
        texts = [number_text(edge, is_seconds=are_seconds) for edge in edges.tolist()]
        fitted._set(list(map(Fraction, edges.tolist())), texts)
        return fitted

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


def bins_of_names(field: str, names: Sequence[str]) -> Bins | None:
    """The bins that have these names; None where they are not the names of bins.

    >>> bins_of_names("price", ["10 to 20", "20 and more", "below 10"]).edges == [10, 20]
    True
    >>> bins_of_names("brand", ["Acme", "Bolt"]) is None
    True

    Args:
        field: the field.
        names: the names in any order; those of bins without a number may be absent, and so much of
            the range is in one bin with another name.
    """
    edges: dict[Fraction, str] = {}
    try:
        for name in names:
            for text in _edges_of_name(name):
                edges[Bins(field, text).edges[0]] = text
        if not edges:
            return None
        bins = Bins(field, ",".join(edges[edge] for edge in sorted(edges)))
    except SirecError:  # texts that only look like bins
        return None
    return bins if set(names) <= set(bins.names) else None


def _edges_of_name(name: str) -> Sequence[str]:
    """The edges that a name of a bin tells; none for another text."""
    if name.startswith(BELOW):
        return [name.removeprefix(BELOW)]
    if name.endswith(AND_MORE):
        return [name.removesuffix(AND_MORE)]
    left, between, right = name.partition(" to ")
    return [left, right] if between else []


def _quantile_edges(numbers: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Inner edges at quantiles, of few digits where these tell them apart."""
    shares = np.arange(1, count) / count
    edges = np.unique(np.quantile(numbers, shares, method="inverted_cdf"))
    edges = edges[edges > numbers.min()]  # nothing is below the least of the numbers
    rounded = np.array([float(f"{edge:.{DIGITS}g}") for edge in edges.tolist()])
    ascends = bool((np.diff(rounded, prepend=numbers.min()) > 0).all())
    return rounded if ascends and (rounded <= numbers.max()).all() else edges


def number_text(value: object, *, is_seconds: bool = False) -> str:
    """The name of a number: 4 and not 4.0, but all digits of a number that needs them.

    Args:
        value: the number; a text is its own name.
        is_seconds: whether it is a time, which is named in the largest unit without a remainder.
    """
    if not isinstance(value, float):
        return str(value)
    if is_seconds and value > 0:
        whole = [unit for unit, size in SECONDS.items() if unit and value % size == 0]
        if whole:
            return f"{value / SECONDS[whole[-1]]:g}{whole[-1]}"
    return short if float(short := f"{value:g}") == value else repr(float(value))
