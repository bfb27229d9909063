"""Intervals and tests of ranks, against resampling users and against enumeration."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirec.errors import SirecError
from sirec.evaluation.metrics import Metric, parse_metric
from sirec.evaluation.statistics import compare, holm, mean_interval, noise_of

RECALL, NDCG = parse_metric("Recall@20"), parse_metric("NDCG@20")
Ints = npt.NDArray[np.integer]


def ranks(users: int, seed: int, gain: float = 0.0) -> Ints:
    """Doubled ranks of one model: users have their own difficulty, runs their own noise, `gain`
    moves targets up.
    """
    difficulty = np.random.default_rng(99).normal(5, 2.2, users)
    noise = np.random.default_rng(seed).normal(-gain, 0.4, users)
    return 2 * np.clip(np.exp(difficulty + noise), 1, 12000).astype(np.int32)


@pytest.mark.parametrize("metric", [RECALL, NDCG], ids=lambda metric: metric.name)
def test_an_interval_over_users_is_the_one_of_the_bootstrap(metric: Metric) -> None:
    """With one seed and 3,000 users: drawing users again gives the same ends, within its noise."""
    a, b = ranks(3000, 1, gain=0.2), ranks(3000, 2)
    found = compare(metric, {0: a}, {0: b})
    paired = metric.per_user(a) - metric.per_user(b)
    rng = np.random.default_rng(5)
    slow = np.array([paired[rng.integers(0, 3000, 3000)].mean() for _ in range(4000)])
    assert [found.low, found.high] == pytest.approx(
        np.quantile(slow, [0.025, 0.975]), abs=0.2 * slow.std()
    )
    assert found.high - found.low > 3 * slow.std()  # control: the tolerance is a small part of it


def test_few_users_on_one_side_show_little() -> None:
    """P is no smaller than the chance that all who differ are on one side; with more users who
    differ (control) it is Student's.
    """
    b = np.full(400, 2)
    for differing, least in ((1, 1.0), (3, 0.25), (5, 0.0625)):
        a = np.where(np.arange(400) < differing, 9000, 2)
        assert compare(RECALL, {0: a}, {0: b}).p_value == least
    a = np.where(np.arange(400) < 40, 9000, 2)
    assert compare(RECALL, {0: a}, {0: b}).p_value < 1e-6


def test_the_test_follows_the_seeds() -> None:
    """One seed on a side speaks of checkpoints, two or more on both of methods."""
    one, two = {0: ranks(400, 1)}, {0: ranks(400, 1), 1: ranks(400, 2)}
    three = two | {2: ranks(400, 3)}
    cases = [(RECALL, one, one), (NDCG, one, three), (RECALL, two, three), (NDCG, three, three)]
    results = [compare(metric, a, b) for metric, a, b in cases]
    checkpoints, method = ("checkpoints", "t over users"), ("method", "t over users and seeds")
    expected = [checkpoints, checkpoints, method, method]
    assert [(result.level, result.test) for result in results] == expected
    assert (results[2].seeds_a, results[2].seeds_b) == (2, 3)


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_gain_is_found_and_nothing_is_not(seeds: int) -> None:
    """A model that moves targets up has an interval above zero and a small p; one that does not,
    has neither (control).
    """
    plain = {seed: ranks(4000, seed) for seed in range(seeds)}
    better = compare(NDCG, {seed: ranks(4000, 10 + seed, gain=0.3) for seed in plain}, plain)
    same = compare(NDCG, {seed: ranks(4000, 10 + seed) for seed in plain}, plain)
    assert 0 < better.low < better.difference < better.high
    assert better.p_value < 0.01
    assert better.relative == pytest.approx(better.difference / better.mean_b)
    assert same.contains_zero
    assert same.p_value > 0.05


def test_swapping_the_sides_turns_the_sign() -> None:
    """A against B is B against A with the sign turned: difference, interval, and p alike."""
    a, b = {s: ranks(3000, s, gain=0.2) for s in (1, 2, 3)}, {s: ranks(3000, s) for s in (1, 2, 3)}
    forth, back = compare(NDCG, a, b), compare(NDCG, b, a)
    assert forth.difference == -back.difference
    assert [forth.low, forth.high] == [-back.high, -back.low]
    assert forth.p_value == back.p_value


def test_seeds_that_disagree_widen_the_interval() -> None:
    """Runs whose luck differs make a wider interval than equal runs do; pooling users alone would
    hide it.
    """
    base = {seed: ranks(4000, seed) for seed in range(3)}
    steady = compare(NDCG, {seed: ranks(4000, 10 + seed, gain=0.2) for seed in range(3)}, base)
    shaky = compare(
        NDCG, {seed: ranks(4000, 10 + seed, gain=0.4 * seed - 0.2) for seed in range(3)}, base
    )
    assert shaky.high - shaky.low > 2 * (steady.high - steady.low)


def test_equal_seeds_are_kept_together() -> None:
    """Where luck of a seed is shared by both sides, pairing narrows the interval; renamed seeds are
    not paired (control).
    """
    a = {seed: ranks(4000, 10 + seed, gain=0.5 * seed + 0.2) for seed in range(3)}
    b = {seed: ranks(4000, 20 + seed, gain=0.5 * seed) for seed in range(3)}
    paired, unpaired = (
        compare(NDCG, a, b),
        compare(NDCG, a, {seed + 7: run for seed, run in b.items()}),
    )
    assert paired.difference == pytest.approx(unpaired.difference)
    assert paired.high - paired.low < 0.5 * (unpaired.high - unpaired.low)


def test_all_rows_say_how_noisy_training_is() -> None:
    """Three rows whose seeds vary widen the interval of two rows whose seeds happen to agree; three
    steady rows (control) narrow it, as there are more degrees of freedom.
    """
    a = {seed: ranks(4000, 10 + seed, gain=0.2) for seed in range(2)}
    b = {seed: ranks(4000, seed) for seed in range(2)}
    alone = compare(NDCG, a, b)
    widths: dict[bool, float] = {}
    for is_shaky in (True, False):
        rows = [a, b]
        for row in range(3):
            luck = {0: 0.4 * is_shaky * row, 1: -0.4 * is_shaky * row}
            rows.append({seed: ranks(4000, 30 + 2 * row + seed, luck[seed]) for seed in luck})
        found = compare(NDCG, a, b, noise_of(NDCG, rows))
        widths[is_shaky] = found.high - found.low
    assert widths[False] < alone.high - alone.low < widths[True]


def test_the_same_runs_under_two_labels_count_once() -> None:
    """A row that is there twice changes nothing; another row (control) does."""
    rows = [{seed: ranks(500, 10 * row + seed) for seed in range(3)} for row in range(4)]
    noise = noise_of(RECALL, rows[:3])
    assert noise_of(RECALL, [*rows[:3], rows[0]]) == noise
    assert noise_of(RECALL, rows) != noise
    single = {0: ranks(500, 77)}
    assert noise_of(RECALL, [*rows[:3], single]) == noise  # one seed says nothing about seeds


def test_a_model_without_training_has_no_noise_of_its_own() -> None:
    """Against the same ranks under every seed, one row's noise counts and not that of two."""
    rows = [{seed: ranks(2000, 10 * row + seed) for seed in range(3)} for row in range(5)]
    noise = noise_of(NDCG, rows)
    fixed = dict.fromkeys(range(3), ranks(2000, 99))
    assert noise.alone is not None
    assert noise.paired is not None
    assert noise.alone.variance < noise.paired.variance
    one = compare(NDCG, rows[0], fixed, noise, is_one_untrained=True)
    two = compare(NDCG, rows[0], fixed, noise)
    assert one.high - one.low < two.high - two.low


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_corrects_upwards_in_order(p_values: Sequence[float]) -> None:
    """No p falls, order stays, the smallest is multiplied by their number, one test is left
    alone.
    """
    corrected = holm(p_values)
    assert all(before <= after <= 1 for before, after in zip(p_values, corrected, strict=True))
    by_size = sorted(range(len(p_values)), key=p_values.__getitem__)
    assert all(corrected[i] <= corrected[j] for i, j in itertools.pairwise(by_size))
    if p_values:
        assert min(corrected) == min(1, len(p_values) * min(p_values))


def test_holm_rejects_what_the_step_down_rule_rejects() -> None:
    """At every threshold the corrected p-values decide as Holm's rule does: stop at the first p
    above alpha / (m - i).
    """
    p_values = [0.013, 0.001, 0.04, 0.02]
    for alpha in (0.005, 0.03, 0.041, 0.05, 0.5):
        rejected = 0
        for step, p in enumerate(sorted(p_values)):
            if p > alpha / (len(p_values) - step):
                break
            rejected += 1
        assert sum(p <= alpha for p in holm(p_values)) == rejected


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("metric", [RECALL, NDCG], ids=lambda metric: metric.name)
def test_users_without_a_target_change_no_comparison(metric: Metric, seeds: int) -> None:
    """Users whom neither side ranks may come and go: difference, interval and p stay; users with a
    rank count (control).
    """
    a, b = (
        {seed: ranks(800, start + seed, gain) for seed in range(seeds)}
        for start, gain in ((0, 0.2), (10, 0.0))
    )
    keep = np.random.default_rng(0).random(1200).argsort().argsort() < 800

    def spread(side: dict[int, Ints], value: int) -> dict[int, Ints]:
        wide = {seed: np.full(1200, value) for seed in side}
        for seed, values in side.items():
            wide[seed][keep] = values
        return wide

    assert compare(metric, spread(a, 0), spread(b, 0)) == compare(metric, a, b)
    assert compare(metric, spread(a, 9999), spread(b, 9999)).mean_a < compare(metric, a, b).mean_a


def test_other_users_are_refused() -> None:
    """Runs over different users cannot be paired, and a side needs a run."""
    with pytest.raises(SirecError, match="different numbers of users: 10, 11"):
        compare(NDCG, {0: ranks(10, 1)}, {0: ranks(11, 1)})
    with pytest.raises(SirecError, match="the runs rank different users"):
        compare(NDCG, {0: np.array([0, 4])}, {0: np.array([4, 0])})
    with pytest.raises(SirecError, match="at least one run"):
        compare(NDCG, {}, {0: ranks(10, 1)})


def test_a_benchmark_sized_comparison_is_quick() -> None:
    """22,363 users and three seeds a side take a tenth of a second, and not minutes."""
    a, b = ({seed: ranks(22363, start + seed) for seed in range(3)} for start in (0, 10))
    begin = time.perf_counter()
    compare(NDCG, a, b)
    assert time.perf_counter() - begin < 20  # generous: a busy machine is no failure


@pytest.mark.parametrize("metric", [RECALL, NDCG], ids=lambda metric: metric.name)
def test_the_interval_of_a_mean_is_the_one_of_the_bootstrap(metric: Metric) -> None:
    """Within the noise of resampling; unranked users change nothing; where all values are alike
    there is none.
    """
    runs = ranks(3000, 1)
    found = mean_interval(metric, {0: runs})
    assert found == mean_interval(metric, {0: np.append(runs, np.zeros(500, dtype=np.int32))})
    values = metric.per_user(runs)
    rng = np.random.default_rng(5)
    slow = np.array([values[rng.integers(0, 3000, 3000)].mean() for _ in range(4000)])
    assert found == pytest.approx(tuple(np.quantile(slow, [0.025, 0.975])), abs=0.2 * slow.std())
    assert found is not None
    assert (
        found[1] - found[0] > 3 * slow.std()
    )  # control: the tolerance is a small part of the width
    assert mean_interval(metric, {0: np.full(50, 2)}) is None
    assert mean_interval(metric, {0: np.full(50, 9000)}) is None


def test_seeds_widen_the_interval_of_a_mean() -> None:
    """Seeds that differ widen it; equal seeds (control) change next to nothing."""
    apart = {seed: ranks(3000, seed, gain=0.3 * seed) for seed in range(3)}
    alike = dict.fromkeys(range(3), ranks(3000, 1))
    widths = {}
    for name, runs in {"apart": apart, "alike": alike, "one": {0: alike[0]}}.items():
        low, high = mean_interval(RECALL, runs) or (0, 0)
        widths[name] = high - low
    assert widths["apart"] > 2 * widths["one"]
    assert widths["alike"] == pytest.approx(widths["one"], rel=0.1)
