"""The order signal: what shuffling does, what it leaves alone, and that it measures order."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import tiny as builders
import torch

from sirec.data.dataset import Dataset
from sirec.data.prepare.filters import PrepareOptions
from sirec.data.prepare.pipeline import Prepared, prepare
from sirec.data.sources.base import RawData
from sirec.data.split import LeaveOneOut, Split, Temporal
from sirec.evaluation.metrics import parse_metric
from sirec.studies.analyses.lost_share import LostShare, lost_share
from sirec.studies.analyses.order_signal import audit, order_signal, shuffle_histories

SPLITS: list[Split] = [LeaveOneOut(), Temporal(valid=0.2, test=0.2)]
RECALL = parse_metric("Recall@10")


@pytest.mark.parametrize("split", SPLITS, ids=lambda split: split.name)
def test_shuffling_moves_only_the_history(split: Split) -> None:
    """Per user: the same training items, the same history, the target where it was; training reads
    the history's order.
    """
    data = builders.split(builders.dataset(seed=3), split)
    training, testing = shuffle_histories(data, np.random.default_rng(0))
    moved = 0
    for user, (begin, end) in enumerate(pairwise(data.offsets.tolist())):
        stop, target = int(data.held_out.train_stop[user]), int(data.held_out.targets["test"][user])
        history = target if target >= 0 else stop
        whole, train, test = (version.items.tolist() for version in (data, training, testing))
        assert Counter(train[begin:stop]) == Counter(whole[begin:stop])
        assert train[stop:end] == whole[stop:end]
        assert Counter(test[begin:history]) == Counter(whole[begin:history])
        assert test[history:end] == whole[history:end]
        rest = iter(test[begin:history])
        assert all(item in rest for item in train[begin:stop])  # a part of the same order
        moved += train[begin:stop] != whole[begin:stop]
    assert moved > data.user_count / 4  # control: something was shuffled
    assert training.held_out.agrees_with(data.held_out)
    assert testing.held_out.agrees_with(data.held_out)


def test_every_order_of_a_history_is_as_likely() -> None:
    """The six orders of three items come equally often, so that no place is favoured."""
    data = replace(builders.dataset([4] * 6000), items=torch.tensor([1, 2, 3, 4] * 6000))
    _, testing = shuffle_histories(data, np.random.default_rng(0))
    counts = Counter(tuple(row[:3]) for row in testing.items.view(-1, 4).tolist())
    assert len(counts) == 6
    assert max(counts.values()) - min(counts.values()) < 200  # 1,000 each, deviation 29


def ring(users: int, *, ordered: bool) -> Dataset:
    """Users who go round a ring of 40 items, each from another start, or who visit the same items
    in any order.
    """
    rng = np.random.default_rng(0)
    rows = []
    for user in range(users):
        steps = np.arange(8) if ordered else rng.permutation(8)
        rows += [(f"u{user}", f"i{(5 * user + step) % 40}") for step in steps]
    return prepare(
        RawData(pd.DataFrame(rows, columns=["user", "item"])), "ring", PrepareOptions(core=0)
    ).dataset


def test_the_signal_is_the_loss_by_shuffling() -> None:
    """Where each item has one successor order is worth much; where order is random already,
    shuffling loses nothing.
    """
    [found] = order_signal(ring(200, ordered=True), [parse_metric("NDCG@10")])
    assert found.ordered > 0.5
    assert found.seeds == 3
    assert found.lost is not None
    assert found.lost == 1 - found.shuffled / found.ordered > 0.3
    [none] = order_signal(ring(200, ordered=False), [parse_metric("NDCG@10")])
    assert none.lost is not None
    assert abs(none.shuffled - none.ordered) < 0.05 < found.ordered - found.shuffled


def test_the_same_seeds_give_the_same_signal(tiny: Dataset) -> None:
    """A signal is repeatable; its spread is over the seeds, and other seeds give another one
    (control).
    """
    first, again = (order_signal(tiny, [RECALL], seeds=(0, 1, 2)) for _ in range(2))
    assert first == again
    single = [order_signal(tiny, [RECALL], seeds=(seed, seed))[0].shuffled for seed in (0, 1, 2)]
    assert first[0].shuffled == pytest.approx(np.mean(single))
    assert first[0].deviation == pytest.approx(np.std(single, ddof=1))
    assert order_signal(tiny, [RECALL], seeds=(3, 4, 5)) != first


def test_nothing_found_is_nothing_to_lose(tiny: Dataset) -> None:
    """Where the floor has no hit in either order the loss is unknown, not a division by zero."""
    data = replace(tiny, items=tiny.items.clone())
    data.items[data.offsets[1:] - 1] = (
        torch.arange(1, data.user_count + 1) + data.item_count
    )  # targets nobody trained on
    data = replace(data, fields=())
    assert [found.lost for found in order_signal(data, [parse_metric("Recall@1")])] == [None]


def test_an_audit_is_plain_values(tiny: Dataset) -> None:
    """As JSON it comes back as it was, with two metrics of order; progress goes from start to
    end.
    """
    told: list[tuple[str, int, int]] = []
    values = audit(tiny, builders.times(tiny), lambda *step: told.append(step)).as_dict()
    assert json.loads(json.dumps(values)) == values
    assert [signal["metric"] for signal in values["order"]] == ["Recall@10", "NDCG@10"]
    assert {stage: (done, total) for stage, done, total in told} == {
        "counting": (1, 1), "transitions": (0, 7), "transitions, histories shuffled": (7, 7),
        "transitions, ties shuffled": (6, 7),
    }  # fmt: skip
    told.clear()
    untimed = audit(tiny, None, lambda *step: told.append(step))
    assert untimed.order[0].ties is None
    assert told[-1] == ("transitions, histories shuffled", 4, 4)


def test_shuffling_ties_moves_nothing_else() -> None:
    """With times, only interactions of a user with equal times change places, and some do."""
    data = builders.dataset(seed=3)
    times = builders.times(data).numpy()
    _, testing = shuffle_histories(data, np.random.default_rng(0), times)
    users = np.repeat(np.arange(data.user_count), data.lengths.numpy())
    moved = 0
    for user, moment in set(zip(users.tolist(), times.tolist(), strict=True)):
        tied = (users == user) & (times == moment)
        before, after = data.items.numpy()[tied], testing.items.numpy()[tied]
        assert sorted(before) == sorted(after)
        moved += int((before != after).any())
    assert moved > 3


def random_items(users: int, items: int, seed: int, *, tied: int = 0) -> Prepared:
    """Users with 16 random items; with `tied` so many a second, in the order of the item."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, str, int]] = []
    for user in range(users):
        chosen = rng.choice(items, 16, replace=False)
        if tied:
            chosen = np.sort(chosen.reshape(-1, tied), axis=1).ravel()
        for place, item in enumerate(chosen.tolist()):
            rows.append((f"u{user}", str(item), place // max(tied, 1)))
    table = pd.DataFrame(rows, columns=["user", "item", "timestamp"])
    return prepare(RawData(table), "random", PrepareOptions(core=0))


def test_noise_may_be_nothing() -> None:
    """For at most 4 of 20 small sets of random items, an interval of 95 % has no 0 in it, though
    the share itself swings widely; real order has none (control).
    """
    signals = [order_signal(random_items(150, 40, seed).dataset, [RECALL])[0] for seed in range(20)]
    assert sum(not found.may_be_nothing for found in signals) <= 4
    shares = [found.lost or 0 for found in signals]
    assert max(shares) - min(shares) > 0.2
    [real] = order_signal(ring(200, ordered=True), [parse_metric("NDCG@10")])
    assert not real.may_be_nothing


def test_the_order_of_ties_is_told_from_order() -> None:
    """Random items, four a second in the order of the item: what shuffling loses is lost by
    shuffling ties alone. Control: real order, with ties that say nothing.
    """
    prepared = random_items(800, 60, 0, tied=4)
    assert prepared.timestamps is not None
    found = audit(prepared.dataset, prepared.timestamps).order[0]
    assert not found.may_be_nothing
    assert found.ties is not None
    assert found.ties.may_be_all
    assert found.lost is not None
    assert found.ties.lost == pytest.approx(found.lost, rel=0.3)
    data = ring(200, ordered=True)
    pairs = np.arange(len(data.items)) // 2
    [real] = order_signal(data, [parse_metric("NDCG@10")], times=pairs)
    assert real.ties is not None
    assert not real.ties.may_be_all


@pytest.mark.parametrize(("spread", "least"), [(0.0, 0.92), (0.01, 0.9), (0.02, 0.86)])
def test_the_interval_of_a_share_covers_it(spread: float, least: float) -> None:
    """Simulated users with a known share: the interval of 95 % has it in so many of 400 cases, also
    where each draw moves all users at once, by more than users vary in the last case.
    """
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(400):
        kept = rng.random(300) < 0.2 + spread * rng.normal()
        rates = np.clip(0.1 + spread * rng.normal(size=(3, 1)), 0, 1)
        changed = rng.random((3, 300)) < rates
        found = lost_share(kept[None].astype(float), changed.astype(float)).interval
        covered += found is None or found[0] <= 0.5 <= found[1]
    assert least * 400 <= covered <= 0.99 * 400


def test_what_was_never_found_cannot_be_lost() -> None:
    """No share without a hit, and no end of an interval where the mean may be 0; values that are
    all alike leave no doubt (control).
    """
    none, few, all_alike = np.zeros((1, 50)), np.eye(1, 50), np.ones((2, 50))
    assert lost_share(none, np.zeros((2, 50))) == LostShare(None, None)
    assert lost_share(few, np.zeros((2, 50))) == LostShare(1.0, None)
    assert lost_share(all_alike, all_alike / 2) == LostShare(0.5, (0.5, 0.5))
