"""What another tool recommends, ranked under the protocol of our own runs.

`ScoreTable` cover every item, so that ranks are exact. `Lists` hold each user's first items only,
and say less:

    K            the longest list. A list of K items was cut off there; a shorter one ended by itself.
    place        a target in the list has the rank of its place there, ties within the list counting half (`ranks.py`).
    missed       a target that is in no list: at every cutoff, if the user has no list or one that ended by itself; below the
                 end of the list, if it was cut off. Metrics are exact up to the shortest such end,
                 and unknown above it.
    unknown      items that the data set lacks are no candidates: they leave the lists, and the items behind them move up.
    keep, mask   kept, a list counts as it was given. Masked, items of the history leave it like unknown ones; a target
                 from the history stands where `ranks.py` puts it, behind all items that are not.

So K minus the seen and the unknown items of a cut-off list is where knowledge ends, under each rule
for itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sirec.data.dataset import Dataset
from sirec.data.split import NO_TARGET, HeldOutPart
from sirec.data.tasks.rows import owners
from sirec.errors import SirecError
from sirec.evaluation.full_ranking import BLOCK_SCORES, full_histories
from sirec.evaluation.metrics import UNRANKED
from sirec.evaluation.ranks import HistoryRule, Ranks, RankTable, rank_block

ItemCodes = npt.NDArray[np.int64]
UserFlags = npt.NDArray[np.bool_]

MISSED = int(np.iinfo(np.int32).max)  # the doubled rank of a target that was not recommended
WORDS: Mapping[HistoryRule, str] = {"keep": "kept", "mask": "masked"}


@dataclass(frozen=True)
class Ranking:
    """Ranks of one part's targets, and what a reader of them has to know, a sentence each."""

    ranks: RankTable
    remarks: tuple[str, ...] = ()


class Recommendations(Protocol):
    """Lists or scores, in the codes of the data set they are for."""

    def rank(self, data: Dataset, part: HeldOutPart) -> Ranking:
        """Every user's target of a part among them."""
        ...


@dataclass(frozen=True, eq=False)
class Lists:
    """One row for every place of every list: `users` and `items` Long[N], codes from 1, and `keys`
    Float[N], highest first.

    `length` Long[U + 1], by user code, counts what each list had, unknown items too; 0 for a user
    without one. No user has an item twice. `remarks` say what was left out.
    """

    users: ItemCodes
    items: ItemCodes
    keys: npt.NDArray[np.float64]
    length: ItemCodes
    remarks: tuple[str, ...] = ()

    def rank(self, data: Dataset, part: HeldOutPart) -> Ranking:
        """Ranks of a part's targets, and how far they are known (see the module)."""
        target, history = _targets(data, part), _history_pairs(data, part)
        some, every = target != 0, np.arange(data.user_count + 1)
        is_seen = np.isin(self.users * data.item_codes + self.items, history)
        repeated = some & np.isin(every * data.item_codes + target, history)
        keep, place = self._ranks(target, np.ones_like(is_seen))
        mask, _ = self._ranks(target, ~is_seen)
        mask[repeated] = _behind_all(data, history)[repeated]
        cut = some & (self.length == self.length.max())
        ends: dict[HistoryRule, int | None] = {
            "keep": self._end(cut & (keep == MISSED), np.ones_like(is_seen)),
            "mask": self._end(cut & (mask == MISSED), ~is_seen),
        }
        exact_to = {rule: end for rule, end in ends.items() if end is not None}
        tied = int((place.level[some] > 1).sum()) / int(some.sum())
        table = _table(part, keep[1:], mask[1:], tied, exact_to)
        edge = self._edge(cut, place)
        return Ranking(
            table,
            (*self.remarks, *self._remarks(some, is_seen, cut, edge), *_reach(exact_to, edge)),
        )

    def _ranks(self, target: ItemCodes, counts: UserFlags) -> tuple[Ranks, _Place]:
        """Doubled ranks Int32[U + 1] among the rows that count."""
        place = _Place.find(self.users[counts], self.items[counts], self.keys[counts], target)
        doubled = np.where(place.level > 0, 1 + 2 * place.above + place.level, MISSED)
        return np.where(target == 0, UNRANKED, doubled).astype(np.int32), place

    def _end(self, missed: UserFlags, counts: UserFlags) -> int | None:
        """The shortest of these users' lists, of the rows that count; nothing if there are no such
        users.
        """
        remaining = np.bincount(self.users[counts], minlength=len(missed))[missed]
        return int(remaining.min()) if len(remaining) else None

    def _edge(self, cut: UserFlags, place: _Place) -> int:
        """How many targets tie with the last item of a list that was cut off."""
        last = np.full(len(cut), np.inf)
        np.minimum.at(last, self.users, self.keys)
        return int((cut & (place.level > 1) & (place.key == last)).sum())

    def _remarks(
        self, some: UserFlags, is_seen: UserFlags, cut: UserFlags, edge: int
    ) -> Iterator[str]:
        without, short = (
            int((some & (self.length == 0)).sum()),
            int((some & (self.length > 0) & ~cut).sum()),
        )
        yield f"lists of {self.length.max():,}, ties within a list count half"
        if without:
            yield f"{without:,} of {int(some.sum()):,} users have no list, and miss"
        if short:
            yield f"{short:,} lists are shorter: what they lack is missed"
        if edge:
            yield f"{edge:,} targets tie with the last item of a list that was cut off, and further items may tie with them"
        if not is_seen[some[self.users]].any():
            yield "no list has an item of its user's history: compare with the history masked"


@dataclass(frozen=True, eq=False)
class _Place:
    """By user code: the key of the target where it is listed, and how many items have a higher and
    the same key.
    """

    key: npt.NDArray[np.float64]
    above: ItemCodes
    level: ItemCodes

    @classmethod
    def find(
        cls, users: ItemCodes, items: ItemCodes, keys: npt.NDArray[np.float64], target: ItemCodes
    ) -> _Place:
        is_target = items == target[users]
        key = np.full(len(target), np.nan)  # below nothing and above nothing
        key[users[is_target]] = keys[is_target]
        above, level = (
            np.bincount(users[chosen], minlength=len(target))
            for chosen in (keys > key[users], keys == key[users])
        )
        return cls(key, above, level)


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Scores of all items: `table` [rows, columns], any real numbers, which may be a map of a file.

    `row` Long[U + 1] is the row of a user code, -1 for a user without one, and `column` Long[V] the
    column of an item code (that of the padding is not looked at). `where` names the table in
    errors.
    """

    table: npt.NDArray[Any]
    row: ItemCodes
    column: ItemCodes
    where: str
    remarks: tuple[str, ...] = ()

    def rank(self, data: Dataset, part: HeldOutPart) -> Ranking:
        """Ranks of a part's targets, exact at every cutoff; minus infinity stands below all
        numbers.

        Raises `SirecError` naming row and column of a score that is NaN or plus infinity.
        """
        target = _targets(data, part)
        some = target != 0
        scored = np.flatnonzero(some & (self.row >= 0))
        keep, mask = (np.where(some, MISSED, UNRANKED).astype(np.int32) for _ in range(2))
        tied = 0
        for users in np.array_split(
            scored, max(1, -(-len(scored) * data.item_codes // BLOCK_SCORES))
        ):
            if len(users):
                ranked = rank_block(
                    self._scores(users),
                    torch.from_numpy(target[users]),
                    full_histories(data, part, users - 1),
                )
                keep[users], mask[users] = ranked.keep.numpy(), ranked.mask.numpy()
                tied += int(ranked.tied.sum())
        without = int(some.sum()) - len(scored)
        missing = (
            (f"{without:,} of {int(some.sum()):,} users have no scores, and miss",)
            if without
            else ()
        )
        return Ranking(
            _table(part, keep[1:], mask[1:], tied / int(some.sum()), {}), (*self.remarks, *missing)
        )

    def _scores(self, users: ItemCodes) -> Tensor:
        """[B, V] of these user codes, with a padding column."""
        block = np.asarray(self.table[self.row[users]])[:, self.column]
        block = block.astype(_exact(block.dtype), copy=False)
        wrong = np.argwhere(np.isnan(block[:, 1:]) | np.isposinf(block[:, 1:]))
        if len(wrong):
            user, item = users[wrong[0][0]], wrong[0][1] + 1
            what = f"{self.where}: row {self.row[user]}, column {self.column[item]} (from 0) is {block[wrong[0][0], item]}"
            raise SirecError(what, "scores are numbers; minus infinity stands below all of them")
        return torch.from_numpy(np.maximum(block, np.finfo(block.dtype).min))


def _exact(kind: np.dtype[Any]) -> type[np.floating[Any]]:
    """The floating type that holds all values of another type of numbers."""
    return np.float32 if kind in (np.float16, np.float32) else np.float64


def _targets(data: Dataset, part: HeldOutPart) -> ItemCodes:
    """Long[U + 1], by user code: the item to be found, 0 for nobody (code 0) and for a user without
    a target.
    """
    place = data.held_out.targets[part].cpu().numpy()
    items = np.where(place == NO_TARGET, 0, data.items.cpu().numpy()[np.maximum(place, 0)])
    return np.concatenate([[0], items]).astype(np.int64)


def _history_pairs(data: Dataset, part: HeldOutPart) -> ItemCodes:
    """Distinct `user * V + item` of everything before a target of the part."""
    users = owners(data).cpu().numpy()
    before = np.arange(len(users)) < data.held_out.targets[part].cpu().numpy()[users - 1]
    return np.unique(users[before] * data.item_codes + data.items.cpu().numpy()[before])


def _behind_all(data: Dataset, history: ItemCodes) -> ItemCodes:
    """Long[U + 1]: the doubled rank of a target that is masked with the history (see
    `ranks.py`).
    """
    masked = np.bincount(history // data.item_codes, minlength=data.user_count + 1)
    return 2 * (1 + data.item_count - masked) + masked - 1


def _table(
    part: HeldOutPart, keep: Ranks, mask: Ranks, tied: float, exact_to: dict[HistoryRule, int]
) -> RankTable:
    return RankTable(
        {part: {"keep": keep, "mask": mask}}, {part: tied}, parts=(part,), exact_to=exact_to
    )


def _reach(exact_to: dict[HistoryRule, int], edge: int) -> Iterator[str]:
    if exact_to:
        known = (f"{end} with the history {WORDS[rule]}" for rule, end in exact_to.items())
        yield f"exact to cutoff {', '.join(known)}{', but for those ties' if edge else ''}"
