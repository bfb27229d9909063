"""Recommendations of a finished run, with the raw ids that people know.

A model reads codes. This module turns raw ids of users, items and histories into codes and back,
and counts what it does not know.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import pandas as pd
from torch import Tensor

from sirec.errors import SirecError
from sirec.evaluation.full_ranking import OnUsers
from sirec.evaluation.top_items import Histories, TopItems, allowed_items, top_items
from sirec.run.build import BuiltModel
from sirec.run.explanation import Explanation, explain_items

SHOWN = 3  # unknown ids that a remark names
MOST = 1_000  # items for one history


@dataclass(frozen=True)
class RecommendationRequest:
    """What is to be recommended to whom.

    Attributes:
        users: raw ids of users of the data set; None for none, unless `everybody`.
        everybody: whether all users of the data set are meant.
        histories: name of a new history -> raw ids of its items, oldest first.
        count: how many items each gets.
        seen: whether items of the history may be recommended.
        only: raw ids of the only items that may be recommended; None for all.
        exclude: raw ids of items that may not be.
    """

    users: tuple[str, ...] = ()
    everybody: bool = False
    histories: Mapping[str, Sequence[str]] = field(default_factory=dict)
    count: int = 10
    seen: bool = False
    only: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise `SirecError` for a request of nothing, for nobody, or of far too much."""
        if not 1 <= self.count <= MOST:
            raise SirecError(f"count {self.count}: recommend 1 to {MOST:,} items")
        if not (self.users or self.everybody or self.histories):
            raise SirecError(
                "recommendations for nobody", "name users, a history of item ids, or all users"
            )


@dataclass(eq=False)
class RecommendationMaker:
    """Answers requests with one built model.

    Attributes:
        built: the model, in evaluation mode, and the data that it reads.
        told: called with what was not known, and with what a history did not say.
        known: the number of item codes that the model was trained on; those behind them are new.
            None where no item is new.
    """

    built: BuiltModel
    told: Callable[[str], None]
    known: int | None = None

    def __post_init__(self) -> None:
        """Number the raw ids."""
        data = self.built.data
        self.item_codes = _codes(data.item_names)
        self.user_codes = _codes(data.user_names)

    def frames(
        self, request: RecommendationRequest, on_users: OnUsers | None = None
    ) -> Iterator[pd.DataFrame]:
        """The answer in blocks, with the columns user, rank, item, title (if known) and score.

        Args:
            request: the request.
            on_users: called with the number of histories done, and of all.

        Raises:
            SirecError: for an unknown user, for a history without a known item, or if no item may
                be recommended.
        """
        allowed = self._allowed(request)
        for names, histories in self._groups(request):
            blocks = top_items(
                self.built.model,
                histories,
                self.built.schema.max_length,
                request.count,
                allowed=allowed,
                seen=request.seen,
                on_users=on_users,
            )
            for block in blocks:
                yield self._frame(names, block)

    def explain(self, request: RecommendationRequest) -> Explanation:
        """Where the scores of the best items come from, for one user or one new history.

        Args:
            request: the request.

        Raises:
            SirecError: as `frames`, and for several users or histories, and for a training-free
                baseline.
        """
        groups = list(self._groups(request))
        [*names] = chain.from_iterable(names for names, _ in groups)
        if len(names) > 1:
            raise SirecError(
                f"explanations for {len(names):,} at once", "name one user, or one history"
            )
        [(_, histories)] = groups
        return explain_items(
            self.built,
            histories,
            names[0],
            request.count,
            allowed=self._allowed(request),
            seen=request.seen,
        )

    def _groups(self, request: RecommendationRequest) -> Iterator[tuple[list[str], Histories]]:
        """(names, histories) of users of the data set, then of new histories."""
        data = self.built.data
        if request.everybody:
            users = np.arange(1, data.user_count + 1)
            yield list(data.user_names[1:]), Histories.of_users(data, users)
        elif request.users:
            codes = [self._user(name) for name in request.users]
            yield list(request.users), Histories.of_users(data, np.array(codes))
        if request.histories:
            names = list(request.histories)
            histories = [self._history(name, request.histories[name]) for name in names]
            read: dict[str, list[str]] = {}
            for field in data.behaviours:
                what = "the value unknown" if data.unknown_code(field) else "padding"
                read.setdefault(what, []).append(field)
            for what, fields in read.items():
                listed = ", ".join(fields)
                self.told(f"a new history does not say {listed}: the model reads {what}")
            yield names, Histories.new(data, histories)

    def _user(self, name: str) -> int:
        if name not in self.user_codes:
            near = difflib.get_close_matches(name, self.user_codes, n=1)
            hint = f"did you mean '{near[0]}'? " if near else ""
            raise SirecError(
                f"{self.built.data.name}: '{name}' is not a user",
                f"{hint}users whom preparation left out (--core) are asked for by their --history",
            )
        return self.user_codes[name]

    def _history(self, name: str, items: Sequence[str]) -> list[int]:
        """The codes of the items that are known."""
        known = [self.item_codes[item] for item in items if item in self.item_codes]
        missing = [item for item in items if item not in self.item_codes]
        if not items:
            raise SirecError(f"{name}: there is no item in it", "name one that was bought last")
        if not known:
            raise SirecError(
                f"{name}: none of its {len(items):,} items is known to {self.built.data.name}",
                f"an item of it is called, for example, {self.built.data.item_names[1]}",
            )
        if missing:
            self.told(f"{name}: {_some(missing, len(items), 'item')} left out")
        return known

    def _allowed(self, request: RecommendationRequest) -> Tensor | None:
        """Bool[V], or None where every item may be recommended."""
        if request.only is None and not request.exclude:
            return None
        only = None if request.only is None else self._known_items(request.only, "only")
        exclude = self._known_items(request.exclude, "exclude")
        allowed = allowed_items(self.built.data.item_codes, only, exclude)
        if not bool(allowed.any()):
            raise SirecError("no item is left to recommend", "allow more of them")
        return allowed.to(self.built.data.items.device)

    def _known_items(self, names: Iterable[str], where: str) -> list[int]:
        listed = list(names)
        missing = [name for name in listed if name not in self.item_codes]
        if missing:
            self.told(f"{where}: {_some(missing, len(listed), 'item')} without effect")
        return [self.item_codes[name] for name in listed if name in self.item_codes]

    def _frame(self, names: Sequence[str], block: TopItems) -> pd.DataFrame:
        """A block as rows of raw ids, without the places where no item was left."""
        data = self.built.data
        count = block.items.shape[1]
        items = block.items.ravel()
        columns: dict[str, object] = {
            "user": np.repeat(np.array(names, dtype=object)[block.place], count),
            "rank": np.tile(np.arange(1, count + 1), len(block.place)),
            "item": np.array(data.item_names, dtype=object)[items],
        }
        if data.titles is not None:
            columns["title"] = np.array(data.titles, dtype=object)[items]
        if self.known is not None:
            columns["new"] = items >= self.known
        columns["score"] = block.scores.ravel()
        return pd.DataFrame(columns)[items > 0]


def _codes(names: Sequence[str]) -> dict[str, int]:
    """Raw id -> code, without the padding."""
    return {name: code for code, name in enumerate(names) if code}


def _some(missing: Sequence[str], count: int, what: str) -> str:
    """`2 of 5 items are unknown (X, Y):`."""
    named = ", ".join(missing[:SHOWN]) + (", …" if len(missing) > SHOWN else "")
    verb = "is" if len(missing) == 1 else "are"
    return f"{len(missing):,} of {count:,} {what}s {verb} unknown ({named}):"
