"""Rows that were written twice, as far as that can be told.

With times, a row repeats another if user, item and time are the same. Without times, somebody who
comes back to an item looks the same as a row that was written twice. Two signs are left: a row that
is equal to the row before it in all that was read, and a file that as a whole holds the same rows
several times over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sirec.data.prepare.order import HashArray, mixed

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
    if "timestamp" in table:
        return _in_time(table)
    rows = _hashes(table, list(table.columns))
    copies = _copies(rows)
    if copies > 1:
        repeats = np.arange(len(rows)) >= len(rows) // copies
    else:
        repeats = np.zeros(len(rows), dtype=np.bool_)
        repeats[1:] = rows[1:] == rows[:-1]
    return repeats, RepeatedRows(int(repeats.sum()), copies=copies)


def _in_time(table: pd.DataFrame) -> tuple[NDArray[np.bool_], RepeatedRows]:
    """Rows with the user, item and time of an earlier one.

    Only rows whose hash is there twice are compared, which are few in most files.
    """
    hashes = _hashes(table, list(KEYS))
    ascending = np.sort(hashes)
    doubled = np.unique(ascending[1:][ascending[1:] == ascending[:-1]])
    repeats = np.zeros(len(table), dtype=np.bool_)
    if not len(doubled):
        return repeats, RepeatedRows(0)
    places = np.searchsorted(doubled, hashes).clip(max=len(doubled) - 1)
    suspects = np.flatnonzero(doubled[places] == hashes)
    rows = table.iloc[suspects]
    in_keys = rows.duplicated(list(KEYS)).to_numpy()
    repeats[suspects] = in_keys
    return repeats, RepeatedRows(int(in_keys.sum()), int(in_keys.sum() - rows.duplicated().sum()))


def _hashes(table: pd.DataFrame, columns: Sequence[str]) -> HashArray:
    """64 bits of each row, equal for rows that are equal in these columns."""
    hashes = np.zeros(len(table), dtype=np.uint64)
    for name in columns:
        hashes = mixed(hashes, _codes(table[name]).view(np.uint64))
    return hashes


def _codes(values: pd.Series) -> NDArray[np.int64]:
    """A number for each value, equal for equal values."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.codes.to_numpy().astype(np.int64)
    if values.dtype.kind in "iuM":
        return values.to_numpy().astype(np.int64)
    return np.asarray(pd.factorize(values)[0], dtype=np.int64)


def _copies(rows: HashArray) -> int:
    """The largest number of times that the same sequence of rows stands in the file, end to end.

    Args:
        rows: a hash of each row.
    """
    if not len(rows):
        return 1
    possible = int(np.gcd.reduce(np.unique(rows, return_counts=True)[1]))
    for copies in range(possible, 1, -1):
        period, rest = divmod(len(rows), copies)
        if not rest and bool((rows[period:] == rows[:-period]).all()):
            return copies
    return 1
