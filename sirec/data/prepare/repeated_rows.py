"""Rows that were written twice, as far as that can be told.

With times, a row repeats another if user, item and time are the same. Without times, somebody who
comes back to an item looks the same as a row that was written twice. Two signs are left: a row that
is equal to the row before it in all that was read, and a file that as a whole holds the same rows
several times over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

KEYS = ("user", "item", "timestamp")
OPTION = "--drop-repeated-rows"


@dataclass(frozen=True)
class RepeatedRows:
    """How many rows repeat an earlier one.

    Attributes:
        rows: how many do, the first of equal rows not counted.
        differing: how many of these differ from the first in a behaviour.
        copies: how many times the file holds the same rows; known only without times.
    """

    rows: int
    differing: int = 0
    copies: int = 1

    def note(self, *, has_times: bool, dropped: bool) -> str | None:
        """What to tell a person, or None where there are no such rows.

        Args:
            has_times: whether times are known.
            dropped: whether they are left out.
        """
        if not self.rows:
            return None
        if has_times:
            other = f", {self.differing:,} of them with other values" if self.differing else ""
            found = f"{self.rows:,} rows repeat user, item and time{other}"
        elif self.copies > 1:
            found = f"the file holds the same {self.rows // (self.copies - 1):,} rows "
            found += f"{self.copies} times over"
        else:
            found = (
                f"{self.rows:,} rows are equal to the row before; "
                "without times these may be real repeats"
            )
        kept = "only the first of each is kept" if dropped else f"{OPTION} keeps the first of each"
        return f"{found}; {kept}"


def find_repeated_rows(table: pd.DataFrame) -> tuple[NDArray[np.bool_], RepeatedRows]:
    """Find the rows that repeat an earlier one.

    Args:
        table: the interactions, with the columns `user` and `item`, `timestamp` where times are
            known, and one for each behaviour.

    Returns:
        Bool[N], whether a row repeats an earlier one, and how many do.
    """
    codes = pd.DataFrame({name: _codes(table[name]) for name in table.columns})
    if "timestamp" in table:
        repeats = codes.duplicated(list(KEYS)).to_numpy()
        differing = int(repeats.sum()) - int(codes.duplicated().sum())
        return repeats, RepeatedRows(int(repeats.sum()), differing)
    groups = codes.groupby(list(codes.columns), sort=False)
    rows = groups.ngroup().to_numpy().astype(np.int64)
    copies = _copies(rows)
    if copies > 1:
        repeats = np.arange(len(rows)) >= len(rows) // copies
    else:
        repeats = np.concatenate([[False], rows[1:] == rows[:-1]])[: len(rows)]
    return repeats, RepeatedRows(int(repeats.sum()), copies=copies)


def _codes(values: pd.Series) -> NDArray[np.int64]:
    """A number for each value, equal for equal values."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.codes.to_numpy().astype(np.int64)
    if values.dtype.kind in "iu":
        return values.to_numpy()
    return np.asarray(pd.factorize(values)[0], dtype=np.int64)


def _copies(rows: NDArray[np.int64]) -> int:
    """The largest number of times that the same sequence of rows stands in the file, end to end.

    Args:
        rows: Int[N], equal for equal rows.
    """
    if not len(rows):
        return 1
    possible = int(np.gcd.reduce(np.bincount(rows)))
    for copies in range(possible, 1, -1):
        period, rest = divmod(len(rows), copies)
        if not rest and bool((rows[period:] == rows[:-period]).all()):
            return copies
    return 1
