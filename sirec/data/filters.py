"""What is left out of raw interactions, and how much each filter leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sirec.errors import SirecError

Tokens = Literal["phrase", "fragment"]
DAY = 86_400
SHORTEST = 3


@dataclass(frozen=True)
class PrepareOptions:
    """The filter settings.

    `since` and `until` are inclusive dates in UTC (2019-12-31). `core` is the number of interactions that every user and
    every item must have (0: no such filter). `drop_duplicates` keeps a user's first interaction with an item.
    `categories` says what a value of the attribute `category` is: a phrase (`Hair Care`) or each of its words, as in the
    files behind the published figures.
    """

    since: str | None = None
    until: str | None = None
    min_rating: float | None = None
    core: int = 5
    drop_duplicates: bool = False
    categories: Tokens = "phrase"

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        since, until = _day("since", self.since), _day("until", self.until)
        if since is not None and until is not None and since > until:
            raise SirecError(f"since {self.since} is after until {self.until}")
        if self.core < 0:
            raise SirecError(f"core must be 0 or more, got {self.core}")


@dataclass(frozen=True)
class Step:
    """What a filter left."""

    name: str
    users: int
    items: int
    interactions: int


def apply_filters(table: pd.DataFrame, options: PrepareOptions) -> tuple[pd.DataFrame, tuple[Step, ...]]:
    """Return the interactions that pass, in unchanged order, and what each filter in use left (the raw data first).

    The order is: date window, minimum rating, duplicates, k-core. Raises `SirecError` where a filter leaves nothing, needs a
    column that is not there, or leaves a user with fewer than three interactions.
    """
    steps = [_step("raw", table)]
    for name, keep in _filters(options):
        table = table[keep(table)]
        steps.append(_step(name, table))
        if table.empty:
            raise SirecError(f"the filter '{name}' leaves none of {steps[-2].interactions:,} interactions", "loosen it")
    lengths = table["user"].value_counts()
    if lengths.empty or lengths.iloc[-1] < SHORTEST:
        short = f"user '{lengths.index[-1]}' has {lengths.iloc[-1]}" if len(lengths) else "there are none"
        raise SirecError(
            f"every user needs at least {SHORTEST} interactions (to train, to validate, to test): {short}",
            f"--core {SHORTEST} leaves such users out",
        )
    return table, tuple(steps)


def k_core(users: NDArray[np.int64], items: NDArray[np.int64], core: int) -> NDArray[np.bool_]:
    """Bool[N]: the largest part of the interactions in which every user and every item has at least `core` of them.

    Users and items are codes from 0. Repeated pairs count.
    """
    keep = np.ones(len(users), dtype=np.bool_)
    while True:
        enough_users = np.bincount(users[keep], minlength=users.max(initial=0) + 1) >= core
        enough_items = np.bincount(items[keep], minlength=items.max(initial=0) + 1) >= core
        smaller = keep & enough_users[users] & enough_items[items]
        if smaller.sum() == keep.sum():
            return keep
        keep = smaller


Keep = Callable[[pd.DataFrame], NDArray[np.bool_]]


def _filters(options: PrepareOptions) -> list[tuple[str, Keep]]:
    since, until = _day("since", options.since), _day("until", options.until)
    lowest = options.min_rating
    named: list[tuple[str, Keep | None]] = [
        (f"since {options.since}", None if since is None else lambda t: _column(t, "timestamp") >= since),
        (f"until {options.until}", None if until is None else lambda t: _column(t, "timestamp") < until + DAY),
        (f"rating of at least {lowest}", None if lowest is None else lambda t: _column(t, "rating") >= lowest),
        ("no duplicates", _is_first if options.drop_duplicates else None),
        (f"{options.core}-core", (lambda t: _in_core(t, options.core)) if options.core else None),
    ]
    return [(name, keep) for name, keep in named if keep is not None]


def _is_first(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether a row is its user's first with its item: in time where times are known, else in file order."""
    rows = table[["user", "item"]].reset_index(drop=True)
    if "timestamp" in table:
        rows = rows.iloc[np.argsort(table["timestamp"].to_numpy(), kind="stable")]
    return np.asarray(~rows.duplicated().sort_index().to_numpy())


def _in_core(table: pd.DataFrame, core: int) -> NDArray[np.bool_]:
    return k_core(pd.factorize(table["user"])[0], pd.factorize(table["item"])[0], core)


def _column(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in table:
        raise SirecError(f"there is no {name} to filter by", f"columns: {', '.join(table.columns)}")
    return table[name].to_numpy()


def _day(what: str, text: str | None) -> int | None:
    """Seconds since 1970 at the start of a day in UTC."""
    if text is None:
        return None
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise SirecError(f"{what}: '{text}' is not a date", "expected YEAR-MONTH-DAY, for example 2019-12-31") from None


def _step(name: str, table: pd.DataFrame) -> Step:
    return Step(name, table["user"].nunique(), table["item"].nunique(), len(table))
