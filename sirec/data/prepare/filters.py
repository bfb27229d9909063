"""What is left out of raw interactions, and how much each filter leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sirec.config import check_numbers
from sirec.config.quantities import CoreSize, RatingBound, SeedNumber
from sirec.data.dates import nanoseconds_of
from sirec.data.prepare.bins import Bins
from sirec.data.prepare.order import Ties
from sirec.data.prepare.repeated_rows import find_repeated_rows
from sirec.data.split import LeaveOneOut, Split
from sirec.data.times import first_tick
from sirec.data.value_forms.spellings import JoinRule
from sirec.data.value_forms.written_numbers import Decimal
from sirec.errors import SirecError
from sirec.shell import arguments

Tokens = Literal["phrase", "fragment"]


@dataclass(frozen=True)
class PrepareOptions:
    """Filters, order, bins and split.

    Attributes:
        since: the first day, minute, second or fraction of one in UTC (2019-12-31,
            2019-12-31T22:00, 2019-12-31T22:00:00, 2019-12-31T22:00:00.5).
        until: the last day, minute, second or fraction of one, which is included as a whole.
        min_rating: the lowest rating that is kept.
        core: how many interactions every user and every item must have; 0 for no such filter.
        drop_duplicates: whether only a user's first interaction with an item is kept.
        categories: whether a value of the attribute `category` is a phrase (`Hair Care`), or each
            of its words, as in the files behind the published values.
        split: the split.
        bins: the bins of fields that are numbers: inner edges (`10, 20, 50`), quantiles (`8q`) or
            `each` for none (`bins`). The behaviour `gap` is the time since the user's previous
            interaction (`1h, 1d, 7d`). An attribute with bins has these in place of its numbers.
        drop_repeated_rows: whether of rows with equal user, item and time only the first is kept
            (`repeated_rows`).
        ties: what decides the order of a user's interactions with equal times (`order`).
        ties_seed: the seed of `ties: random`.
        without: attributes and behaviours that are left out.
        lists: attribute -> how its cells hold lists: `literal` for lists that were written as text
            (`['a', 'b']`), else the separator.
        clean: whether entities (`&amp;`) become characters and tags (`<br>`) are left out, in
            attributes, titles and behaviours of texts.
        missing: words that mean that there is no value, such as `nan`; `blank` also means texts
            without a visible character.
        decimal: the sign before the decimals of numbers that are written as texts, `.` or `,`; the
            other one then separates thousands. None to take the one that reads more values.
        merge: fields (`user`, `item`, attributes, behaviours) in which values that differ in case,
            blanks or Unicode composition only are one value.
        unknown: behaviours of which an interaction may have no value: such a one has a value of its
            own, called `unknown`.
        join: how items of the interactions are found in the table of items where it does not have
            their very ids: `number` (00012 is 12.0), `text` (ab is AB), `prefix` (12 is item_12).
    """

    since: str | None = None
    until: str | None = None
    min_rating: RatingBound | None = None
    core: CoreSize = 5
    drop_duplicates: bool = False
    categories: Tokens = "phrase"
    split: Split = field(default_factory=LeaveOneOut)
    bins: Mapping[str, str] = field(default_factory=dict)
    drop_repeated_rows: bool = False
    ties: Ties = "file"
    ties_seed: SeedNumber = 0
    without: tuple[str, ...] = ()
    lists: Mapping[str, str] = field(default_factory=dict)
    clean: bool = False
    missing: tuple[str, ...] = ()
    decimal: Decimal | None = None
    merge: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    join: JoinRule | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        since, until = _window(self)
        if since is not None and until is not None and since.start >= until.stop:
            raise SirecError(f"since {self.since} is after until {self.until}")
        check_numbers(self)
        if self.ties_seed and self.ties != "random":
            raise SirecError(
                f"ties_seed {self.ties_seed} draws nothing: ties are decided by {self.ties}",
                "say --ties random, or leave out the seed",
            )
        for behaviour, edges in self.bins.items():
            Bins(behaviour, edges)
        for attribute, form in self.lists.items():
            if not form:
                raise SirecError(
                    f"lists of {attribute}: a separator needs at least one character",
                    "for example ';', or `literal` for lists written as ['a', 'b']",
                )

    @property
    def changes_tables_of_items(self) -> bool:
        """Whether values are changed that describe items."""
        return bool(self.lists or self.clean or self.missing or self.merge or self.join)


@dataclass(frozen=True)
class Step:
    """What a filter left: numbers of users, items and interactions."""

    name: str
    users: int
    items: int
    interactions: int


def apply_filters(
    table: pd.DataFrame, options: PrepareOptions, ticks_per_second: int = 1
) -> tuple[pd.DataFrame, tuple[Step, ...]]:
    """Apply the filters: repeated rows, date window, minimum rating, duplicates, k-core, in this
    order.

    Args:
        table: the interactions, with times in ticks since 1970.
        options: the filters.
        ticks_per_second: of the times.

    Returns:
        The interactions that pass, in unchanged order, and what each filter left, after the raw
        data.

    Raises:
        SirecError: if a filter leaves nothing or needs a column that is missing, or if a user has
            fewer interactions than the split needs.
    """
    steps = [_step("raw", table)]
    for name, keep in _filters(options, ticks_per_second):
        before, table = table, table[keep(table)]
        steps.append(_step(name, table))
        if table.empty:
            raise SirecError(
                f"the filter '{name}' leaves none of {steps[-2].interactions:,} interactions",
                _loosened(before, options) if name.endswith("-core") else "loosen it",
            )
    if table.empty:
        raise SirecError("there are none to prepare: the raw data have no interactions")
    _check_lengths(table, options.split.shortest)
    return table, tuple(steps)


def k_core(users: NDArray[np.int64], items: NDArray[np.int64], core: int) -> NDArray[np.bool_]:
    """The largest set of interactions in which every user and every item has enough of them.

    Args:
        users: Int[N], codes from 0.
        items: Int[N], codes from 0.
        core: how many interactions are enough; repeated pairs count.

    Returns:
        Bool[N].
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


def _filters(options: PrepareOptions, ticks_per_second: int) -> list[tuple[str, Keep]]:
    since, until = _window(options)
    first = None if since is None else first_tick(since.start, ticks_per_second)
    end = None if until is None else first_tick(until.stop, ticks_per_second)
    lowest = options.min_rating
    named: list[tuple[str, Keep | None]] = [
        (
            "no repeated rows",
            (lambda t: ~find_repeated_rows(t)[0]) if options.drop_repeated_rows else None,
        ),
        (
            f"since {options.since}",
            None if first is None else lambda t: _column(t, "timestamp") >= first,
        ),
        (
            f"until {options.until}",
            None if end is None else lambda t: _column(t, "timestamp") < end,
        ),
        (
            f"rating of at least {lowest}",
            None if lowest is None else lambda t: _column(t, "rating") >= lowest,
        ),
        ("no duplicates", _is_first if options.drop_duplicates else None),
        (f"{options.core}-core", (lambda t: _in_core(t, options.core)) if options.core else None),
    ]
    return [(name, keep) for name, keep in named if keep is not None]


def _is_first(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether a row is its user's first with its item: in time where times are known, else in file
    order.
    """
    rows = table[["user", "item"]].reset_index(drop=True)
    if "timestamp" in table:
        rows = rows.iloc[np.argsort(table["timestamp"].to_numpy(), kind="stable")]
    return np.asarray(~rows.duplicated().sort_index().to_numpy())


def _in_core(table: pd.DataFrame, core: int) -> NDArray[np.bool_]:
    return k_core(pd.factorize(table["user"])[0], pd.factorize(table["item"])[0], core)


def _column(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in table:
        hint = f"columns: {', '.join(map(str, table.columns))}"
        if name == "rating":
            hint = f"{hint}; of a table, --behaviour rating=COLUMN names another"
        raise SirecError(f"there is no {name} to filter by", hint)
    values = table[name].to_numpy()
    if not np.issubdtype(values.dtype, np.number):
        raise SirecError(
            f"the {name} is no number, for example '{values[0]}'", "nothing is above or below it"
        )
    return values


def _window(options: PrepareOptions) -> tuple[range | None, range | None]:
    """The nanoseconds since 1970 that `since` and `until` name."""
    since = None if options.since is None else nanoseconds_of("since", options.since)
    return since, None if options.until is None else nanoseconds_of("until", options.until)


def _check_lengths(table: pd.DataFrame, shortest: int) -> None:
    lengths = (
        table.groupby("user", observed=True, sort=False)
        .size()
        .sort_values(ascending=False, kind="stable")
    )
    if lengths.iloc[-1] < shortest:
        hint = f"{arguments('--core', shortest)} leaves such users out"
        if not _in_core(table, shortest).any():
            hint = f"{hint}, but then nothing is left: are users and items the right columns?"
        raise SirecError(
            f"every user needs at least {shortest} interactions (to train, to validate, to test): "
            f"user '{lengths.index[-1]}' has {lengths.iloc[-1]}",
            hint,
        )


def _loosened(table: pd.DataFrame, options: PrepareOptions) -> str:
    """The largest core that leaves something of interactions, as a hint."""
    shortest = options.split.shortest
    for core in range(options.core - 1, shortest - 1, -1):
        left = int(_in_core(table, core).sum())
        if left:
            return f"{arguments('--core', core)} leaves {left:,}"
    return (
        f"no core leaves users with {shortest} interactions, which the split needs: "
        "are users and items the right columns, and is the file complete?"
    )


def _step(name: str, table: pd.DataFrame) -> Step:
    return Step(name, table["user"].nunique(), table["item"].nunique(), len(table))
