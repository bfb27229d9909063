"""Lists and scores of other tools give the ranks that a full ranking gives, as far as they say
anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import tiny as builders
import torch

from sirec.data.dataset import Dataset
from sirec.data.split import NO_TARGET, PARTS, HeldOutPart
from sirec.errors import SirecError
from sirec.evaluation.external_lists import MISSED, Lists, ScoreTable
from sirec.evaluation.full_ranking import HistorySpans, full_histories
from sirec.evaluation.metrics import Metric
from sirec.evaluation.ranks import HISTORY_RULES, RankedBlock, rank_block


def some_scores(data: Dataset, levels: int | None = None) -> np.ndarray:
    """Float32[U, V], all different, or of a few levels so that many tie."""
    rng = np.random.default_rng(5)
    shape = (data.user_count, data.item_codes)
    return (
        rng.normal(size=shape).astype(np.float32)
        if levels is None
        else rng.integers(0, levels, shape).astype(np.float32)
    )


def lists(
    data: Dataset, scores: np.ndarray, size: int, users: Sequence[int] | None = None
) -> Lists:
    """The first `size` items of these user codes, or of all."""
    chosen = np.array(users if users is not None else range(1, data.user_count + 1))
    best = np.argsort(-scores[chosen - 1, 1:], axis=1, kind="stable")[:, :size] + 1
    keys = np.take_along_axis(scores[chosen - 1], best, axis=1)
    length = np.bincount(np.repeat(chosen, size), minlength=data.user_count + 1)
    return Lists(np.repeat(chosen, size), best.ravel(), keys.ravel().astype(float), length)


def truth(data: Dataset, scores: np.ndarray, part: HeldOutPart) -> RankedBlock:
    """Doubled ranks of a full ranking, 0 for users without a target."""
    places = data.held_out.targets[part]
    some = torch.nonzero(places != NO_TARGET).squeeze(1)
    block = rank_block(
        torch.from_numpy(scores)[some],
        data.items[places[some]],
        full_histories(data, HistorySpans.of(data, part).take(some.numpy())),
    )
    return RankedBlock(
        *(column.new_zeros(data.user_count).index_copy(0, some, column) for column in block)
    )


@pytest.fixture(params=["leave-one-out", "temporal"])
def shop(request: pytest.FixtureRequest, tiny: Dataset) -> Dataset:
    """Under a temporal split some users have no target."""
    return tiny if request.param == "leave-one-out" else builders.split(tiny)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("levels", [None, 4])
def test_lists_of_all_items_are_a_full_ranking(
    shop: Dataset, part: HeldOutPart, levels: int | None
) -> None:
    """Every rank is exact under both history rules, ties and targets from the history too, and at
    every cutoff.
    """
    scores = some_scores(shop, levels)
    ranking = lists(shop, scores, shop.item_count).rank(shop, part)
    expected = truth(shop, scores, part)
    for rule in HISTORY_RULES:
        assert np.array_equal(ranking.ranks.ranks[part][rule], getattr(expected, rule).numpy())
    assert ranking.ranks.exact_to == {}
    assert ranking.ranks.ties[part] == pytest.approx(
        float(expected.tied[expected.keep > 0].float().mean())
    )
    assert bool((expected.keep % 2).any()) == (
        levels is not None
    )  # control: half ranks occur where scores tie


@pytest.mark.parametrize("size", [1, 5, 12, 30])
@pytest.mark.parametrize("rule", HISTORY_RULES)
def test_short_lists_are_exact_as_far_as_they_say(shop: Dataset, size: int, rule: str) -> None:
    """Metrics agree with the full ranking up to `exact_to`; masking shortens that; one cutoff more
    may be wrong.
    """
    scores = some_scores(shop)
    table = lists(shop, scores, size).rank(shop, "test").ranks
    given, expected = table.ranks["test"][rule], getattr(truth(shop, scores, "test"), rule).numpy()  # type: ignore[index]
    end = table.exact_to[rule]  # type: ignore[index]
    assert end == size if rule == "keep" else end < size
    for kind in ("Recall", "NDCG", "MRR"):
        for cutoff in range(1, end + 1):
            assert np.array_equal(
                Metric(kind, cutoff).per_user(given), Metric(kind, cutoff).per_user(expected)
            )
    assert (given[given != expected] == MISSED).all()  # a rank is right or not known
    further = Metric("Recall", shop.item_count)
    assert (
        further.mean(given) < further.mean(expected) == 1.0
    )  # control: where lists end, so does what they say


def test_masking_may_end_what_lists_know_one_place_earlier(tiny: Dataset) -> None:
    """Control: with an item of the history among the first, the cutoff that was exact is not, and
    the table says so.
    """
    scores = some_scores(tiny)
    table = lists(tiny, scores, 12).rank(tiny, "test").ranks
    expected = truth(tiny, scores, "test").mask.numpy()
    wrong = [
        c
        for c in range(1, 13)
        if Metric("Recall", c).mean(table.ranks["test"]["mask"])
        != Metric("Recall", c).mean(expected)
    ]
    assert wrong
    assert min(wrong) > table.exact_to["mask"]


def test_who_has_no_list_misses_and_is_counted(tiny: Dataset) -> None:
    """Users without a list are ranked, at no cutoff found, and named by number; the others are as
    they were.
    """
    scores = some_scores(tiny)
    whole, some = (
        lists(tiny, scores, 10, users).rank(tiny, "test")
        for users in (None, range(1, tiny.user_count - 3))
    )
    assert any("4 of 30 users have no list" in remark for remark in some.remarks)
    assert not any("no list," in remark for remark in whole.remarks)
    assert np.array_equal(
        some.ranks.ranks["test"]["keep"][:-4], whole.ranks.ranks["test"]["keep"][:-4]
    )
    assert (some.ranks.ranks["test"]["keep"][-4:] == MISSED).all()


def test_a_list_that_ended_by_itself_does_not_shorten_what_is_known(tiny: Dataset) -> None:
    """A shorter list lacks what it lacks: a miss at all cutoffs, counted; the longest lists decide
    how far metrics go.
    """
    full = lists(tiny, some_scores(tiny), 10)
    kept = (full.users != 7) | (np.arange(len(full.users)) % 10 < 3)
    short = Lists(
        full.users[kept],
        full.items[kept],
        full.keys[kept],
        np.bincount(full.users[kept], minlength=31),
    )
    ranking = short.rank(tiny, "test")
    assert ranking.ranks.exact_to["keep"] == 10
    assert any(remark.startswith("1 lists are shorter") for remark in ranking.remarks)


def test_unknown_items_leave_room(tiny: Dataset) -> None:
    """A place that an unknown item took is not known: a cut-off list that had one is exact to one
    cutoff less.
    """
    whole = lists(tiny, some_scores(tiny), 10)
    missed = whole.rank(tiny, "test").ranks.ranks["test"]["keep"] == MISSED
    user = int(np.flatnonzero(missed)[0]) + 1
    known = ~(
        (whole.users == user) & (np.cumsum(whole.users == user) == 1)
    )  # the first of its items is not in the data
    fewer = replace(
        whole, users=whole.users[known], items=whole.items[known], keys=whole.keys[known]
    )
    assert whole.rank(tiny, "test").ranks.exact_to["keep"] == 10
    assert fewer.rank(tiny, "test").ranks.exact_to["keep"] == 9


def test_ties_at_the_end_of_a_list_are_told(tiny: Dataset) -> None:
    """Where a target ties with the last item of a cut-off list, more may tie: counted, and not
    called exact.

    Without ties (control) neither is said.
    """
    remarks = [
        lists(tiny, some_scores(tiny, levels), 12).rank(tiny, "test").remarks
        for levels in (3, None)
    ]
    for said in ("tie with the last item", "but for those ties"):
        assert [any(said in remark for remark in told) for told in remarks] == [True, False]
    assert any(remark.startswith("exact to cutoff") for remark in remarks[1])


def test_lists_without_seen_items_are_told(tiny: Dataset) -> None:
    """A tool that leaves the history out by itself is compared under `mask`, and a remark says so;
    else (control) none does.
    """
    scores = some_scores(tiny)
    for user in range(tiny.user_count):
        history = full_histories(tiny, HistorySpans.of(tiny, "test").take(np.array([user]))).numpy()
        scores[user, history] = -9
    for size, is_told in ((3, True), (tiny.item_count, False)):
        remarks = lists(tiny, scores, size).rank(tiny, "test").remarks
        assert (
            any("no list has an item of its user's history" in remark for remark in remarks)
            == is_told
        )


def whole_scores(data: Dataset, table: np.ndarray) -> ScoreTable:
    return ScoreTable(
        table, np.arange(-1, data.user_count), np.arange(data.item_codes), "scores.npy"
    )


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.int32])
def test_scores_are_a_full_ranking(shop: Dataset, part: HeldOutPart, kind: type) -> None:
    """Scores of any kind of numbers have the ranks of the same numbers as our models' scores; the
    padding's are not read.
    """
    table = (100 * some_scores(shop)).astype(kind)
    expected = truth(shop, table.astype(np.float64), part)
    if kind is not np.int32:
        table[:, 0] = np.nan
    ranking = whole_scores(shop, table).rank(shop, part)
    for rule in HISTORY_RULES:
        assert np.array_equal(ranking.ranks.ranks[part][rule], getattr(expected, rule).numpy())
    assert ranking.ranks.exact_to == {}


def test_minus_infinity_is_below_all_numbers_and_nan_is_none(tiny: Dataset) -> None:
    """Items that a tool masked with minus infinity come last; NaN and plus infinity are refused
    with their place.
    """
    table = some_scores(tiny)
    table[:, 5:20] = -np.inf
    replaced = np.where(np.isinf(table), np.float32(-1e9), table)
    ranked = whole_scores(tiny, table).rank(tiny, "test").ranks.ranks["test"]["keep"]
    assert np.array_equal(ranked, truth(tiny, replaced, "test").keep.numpy())
    for wrong in (np.nan, np.inf):
        table[2, 9] = wrong
        with pytest.raises(SirecError, match=r"scores.npy: row 2, column 9 \(from 0\)"):
            whole_scores(tiny, table).rank(tiny, "test")
