"""Recommendations of other tools, ranked under the protocol of our own runs.

`ScoreTable` has a score for every item, so that its ranks are exact. `Lists` has the first items of
each user only, and says less:

    K           length of the longest list. A list of K items was cut off there; a shorter list
                ended by itself.
    listed      a target in the list has the rank of its position, where ties within the list count
                half (`ranks.py`).
    missed      a target that is in no list. It misses every cutoff if the user has no list or one
                that ended by itself; else it lies below the end of the list. Metrics are exact up
                to the shortest such end, and unknown above it.
    unknown     items that the data set lacks are no candidates: they leave the lists, and
                the items behind them move up.
    keep, mask  under `keep` a list counts as it was given. Under `mask` items of the history are
                taken out like unknown ones; a target that is itself in the history stands behind
                all items that are not masked, as `ranks.py` has it.

So under each rule metrics of a cut-off list are known up to K minus the number of its items that
were taken out.
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
from sirec.evaluation.full_ranking import BLOCK_SCORES, HistorySpans, full_histories
from sirec.evaluation.metrics import UNRANKED
from sirec.evaluation.ranks import HistoryRule, Ranks, RankTable, rank_block

ItemCodes = npt.NDArray[np.int64]
UserFlags = npt.NDArray[np.bool_]

MISSED = int(np.iinfo(np.int32).max)  # the doubled rank of a target that was not recommended
WORDS: Mapping[HistoryRule, str] = {"keep": "kept", "mask": "masked"}


@dataclass(frozen=True)
class Ranking:
    """Ranks of the targets of one part.

    Attributes:
        ranks: the ranks.
        remarks: what a reader of these ranks has to know, a sentence each.
    """

    ranks: RankTable
    remarks: tuple[str, ...] = ()


class Recommendations(Protocol):
    """Lists or scores of another tool, in the codes of a data set."""

    def rank(self, data: Dataset, part: HeldOutPart) -> Ranking:
        """Rank the targets of one part among the recommendations.

        Args:
            data: the data set that the recommendations are for.
            part: validation or test.
        """
        ...


@dataclass(frozen=True, eq=False)
class Lists:
    """Lists of recommended items, as one row for each item of each list; no item is there twice.

    Attributes:
        users: Long[N], codes of users, from 1.
        items: Long[N], codes of items, from 1.
        keys: Float[N], the sort keys within a list, highest first.
        length: Long[U + 1], by user code the length of the list, with unknown items; 0 for none.
        remarks: what was left out.
    """

    users: ItemCodes
    items: ItemCodes
    keys: npt.NDArray[np.float64]
    length: ItemCodes
    remarks: tuple[str, ...] = ()

    def rank(self, data: Dataset, part: HeldOutPart) -> Ranking:
        """Rank the targets of one part, as the module describes.

        Args:
            data: the data set that the lists are for.
            part: validation or test.
        """
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
        found = [*self._remarks(some, is_seen, cut, edge), *_reach(exact_to, edge)]
        return Ranking(table, (*self.remarks, *found))

    def _ranks(self, target: ItemCodes, counts: UserFlags) -> tuple[Ranks, _Place]:
        """Doubled ranks Int32[U + 1] among the rows that count."""
        place = _Place.find(self.users[counts], self.items[counts], self.keys[counts], target)
        doubled = np.where(place.level > 0, 1 + 2 * place.above + place.level, MISSED)
        return np.where(target == 0, UNRANKED, doubled).astype(np.int32), place

    def _end(self, missed: UserFlags, counts: UserFlags) -> int | None:
        """The length of the shortest list of these users, of rows that count; None without
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
        without = int((some & (self.length == 0)).sum())
        short = int((some & (self.length > 0) & ~cut).sum())
        yield f"lists of {self.length.max():,}, ties within a list count half"
        if without:
            yield f"{without:,} of {int(some.sum()):,} users have no list, and miss"
        if short:
            yield f"{short:,} lists are shorter: what they lack is missed"
        if edge:
            yield (
                f"{edge:,} targets tie with the last item of a list that was cut off, "
                "and further items may tie with them"
            )
        if not is_seen[some[self.users]].any():
            yield "no list has an item of its user's history: compare with the history masked"


@dataclass(frozen=True, eq=False)
class _Place:
    """Where the target of each user is in the list, by user code.

    `key` is its sort key, NaN if it is not listed; `above` counts items with a higher key, `level`
    those with the same key, the target included.
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
        above = np.bincount(users[keys > key[users]], minlength=len(target))
        level = np.bincount(users[keys == key[users]], minlength=len(target))
        return cls(key, above, level)


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Scores of all items.

    Attributes:
        table: [rows, columns], real numbers; it may be memory-mapped.
        row: Long[U + 1], the row of each user code; -1 for a user without scores.
        column: Long[V], the column of each item code; that of the padding is not used.
        where: how messages name the table.
        remarks: what was left out.
    """

    table: npt.NDArray[Any]
    row: ItemCodes
    column: ItemCodes
    where: str
    remarks: tuple[str, ...] = ()

    def rank(self, data: Dataset, part: HeldOutPart) -> Ranking:
        """Rank the targets of one part, exactly; minus infinity is below all numbers.

        Args:
            data: the data set that the scores are for.
            part: validation or test.

        Raises:
            SirecError: naming row and column of a score that is NaN or plus infinity.
        """
        target = _targets(data, part)
        some = target != 0
        scored = np.flatnonzero(some & (self.row >= 0))
        keep = np.where(some, MISSED, UNRANKED).astype(np.int32)
        mask = keep.copy()
        tied = 0
        histories = HistorySpans.of(data, part)
        blocks = max(1, -(-len(scored) * data.item_codes // BLOCK_SCORES))
        for users in np.array_split(scored, blocks):
            if len(users):
                history = full_histories(data, histories.take(users - 1))
                targets = torch.from_numpy(target[users])
                ranked = rank_block(self._scores(users), targets, history)
                keep[users], mask[users] = ranked.keep.numpy(), ranked.mask.numpy()
                tied += int(ranked.tied.sum())
        without = int(some.sum()) - len(scored)
        remarks = [*self.remarks]
        if without:
            remarks.append(f"{without:,} of {int(some.sum()):,} users have no scores, and miss")
        table = _table(part, keep[1:], mask[1:], tied / int(some.sum()), {})
        return Ranking(table, tuple(remarks))

    def _scores(self, users: ItemCodes) -> Tensor:
        """[B, V] of these user codes, with a padding column."""
        block = np.asarray(self.table[self.row[users]])[:, self.column]
        block = block.astype(_exact(block.dtype), copy=False)
        wrong = np.argwhere(np.isnan(block[:, 1:]) | np.isposinf(block[:, 1:]))
        if len(wrong):
            user, item = users[wrong[0][0]], wrong[0][1] + 1
            value = block[wrong[0][0], item]
            cell = f"row {self.row[user]}, column {self.column[item]} (from 0)"
            what = f"{self.where}: {cell} is {value}"
            raise SirecError(what, "scores are numbers; minus infinity stands below all of them")
        return torch.from_numpy(np.maximum(block, np.finfo(block.dtype).min))


def _exact(kind: np.dtype[Any]) -> type[np.floating[Any]]:
    """The floating type that holds all values of another type of numbers."""
    return np.float32 if kind in (np.float16, np.float32) else np.float64


def _targets(data: Dataset, part: HeldOutPart) -> ItemCodes:
    """Long[U + 1]: the target of each user code; 0 for code 0 and for users without a target."""
    place = data.held_out.targets[part].cpu().numpy()
    items = np.where(place == NO_TARGET, 0, data.items.cpu().numpy()[np.maximum(place, 0)])
    return np.concatenate([[0], items]).astype(np.int64)


def _history_pairs(data: Dataset, part: HeldOutPart) -> ItemCodes:
    """Distinct `user * V + item` of everything before a target of the part."""
    users = owners(data).cpu().numpy()
    before = np.arange(len(users)) < data.held_out.targets[part].cpu().numpy()[users - 1]
    return np.unique(users[before] * data.item_codes + data.items.cpu().numpy()[before])


def _behind_all(data: Dataset, history: ItemCodes) -> ItemCodes:
    """Long[U + 1]: the doubled rank of a target that is masked with the history (`ranks.py`)."""
    masked = np.bincount(history // data.item_codes, minlength=data.user_count + 1)
    return 2 * (1 + data.item_count - masked) + masked - 1


def _table(
    part: HeldOutPart, keep: Ranks, mask: Ranks, tied: float, exact_to: dict[HistoryRule, int]
) -> RankTable:
    ranks: dict[HeldOutPart, dict[HistoryRule, Ranks]] = {part: {"keep": keep, "mask": mask}}
    return RankTable(ranks, {part: tied}, parts=(part,), exact_to=exact_to)


def _reach(exact_to: dict[HistoryRule, int], edge: int) -> Iterator[str]:
    if exact_to:
        known = [f"{end} with the history {WORDS[rule]}" for rule, end in exact_to.items()]
        exception = ", but for those ties" if edge else ""
        yield f"exact to cutoff {', '.join(known)}{exception}"
