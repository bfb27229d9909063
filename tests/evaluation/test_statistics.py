"""Intervals and tests, against exact enumeration and against the slow way."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from sirec.errors import SirecError
from sirec.evaluation.metrics import Metric, parse_metric
from sirec.evaluation.statistics import Resampling, compare, holm, mcnemar, mean_interval, sign_flip

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
def test_the_bootstrap_is_the_one_that_draws_user_by_user(metric: Metric) -> None:
    """Drawing counts of distinct values gives the interval of drawing users, within the noise of
    resampling.
    """
    a, b = ranks(3000, 1, gain=0.2), ranks(3000, 2)
    fast = compare(metric, {0: a}, {0: b}, resampling=Resampling(4000))
    paired = metric.per_user(a) - metric.per_user(b)
    rng = np.random.default_rng(5)
    slow = np.array([paired[rng.integers(0, 3000, 3000)].mean() for _ in range(4000)])
    assert [fast.low, fast.high] == pytest.approx(
        np.quantile(slow, [0.025, 0.975]), abs=0.1 * slow.std()
    )
    assert (
        fast.high - fast.low > 3 * slow.std()
    )  # control: the tolerance is a small part of the width


def test_the_sign_flip_p_is_the_enumerated_one() -> None:
    """On ten users p approaches the share of all 1,024 sign patterns; without an effect it is large
    (control).
    """
    paired = np.array([0.3, 0.1, 0.1, -0.05, 0.2, 0.0, 0.4, -0.1, 0.25, 0.1])
    patterns = np.array(list(itertools.product((-1, 1), repeat=10))) @ paired
    exact = float((np.abs(patterns) >= abs(paired.sum()) - 1e-12).mean())
    assert sign_flip(paired, 20000, np.random.default_rng(0)) == pytest.approx(exact, abs=0.01)
    assert sign_flip(np.array([0.3, -0.3, 0.1, -0.1]), 2000, np.random.default_rng(0)) == 1
    assert sign_flip(np.zeros(5), 100, np.random.default_rng(0)) == 1


def test_mcnemar_reads_only_disagreements() -> None:
    """Users on whom both models agree change nothing; turning a disagreement round does
    (control).
    """
    a, b = np.array([1.0] * 9 + [0.0] * 2), np.array([0.0] * 9 + [1.0] * 2)
    expected = binomtest(9, 11).pvalue
    agreed = np.ones(500)
    assert (
        mcnemar(a, b)
        == mcnemar(b, a)
        == mcnemar(np.append(a, agreed), np.append(b, agreed))
        == expected
    )
    assert mcnemar(b[:8], a[:8]) < expected
    assert mcnemar(agreed, agreed) == 1


def test_the_test_follows_the_metric_and_the_runs() -> None:
    """Recall of one run each is McNemar's, anything else at this level flips signs, three seeds a
    side are a method's.
    """
    one, two = {0: ranks(400, 1)}, {0: ranks(400, 1), 1: ranks(400, 2)}
    three = two | {2: ranks(400, 3)}
    cases = [(RECALL, one, one), (NDCG, one, one), (RECALL, two, three), (NDCG, three, three)]
    results = [compare(metric, a, b) for metric, a, b in cases]
    names = [
        "exact McNemar",
        "sign-flip permutation",
        "sign-flip permutation",
        "hierarchical bootstrap",
    ]
    assert [result.test for result in results] == names
    assert [result.level for result in results] == [
        "checkpoints",
        "checkpoints",
        "checkpoints",
        "method",
    ]
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
    """A against B is B against A with the sign turned: difference exactly, interval within the
    noise, p alike.
    """
    a, b = {s: ranks(3000, s, gain=0.2) for s in (1, 2, 3)}, {s: ranks(3000, s) for s in (1, 2, 3)}
    forth, back = compare(NDCG, a, b), compare(NDCG, b, a)
    assert forth.difference == -back.difference
    assert [forth.low, forth.high] == pytest.approx(
        [-back.high, -back.low], abs=0.1 * (forth.high - forth.low)
    )


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


def test_the_same_seed_gives_the_same_result() -> None:
    """Resampling is repeatable, and its seed and number are kept; another seed differs
    (control).
    """
    a, b = {0: ranks(2000, 1, gain=0.1)}, {0: ranks(2000, 2)}
    first, again = (compare(NDCG, a, b, Resampling(500, seed=4)) for _ in range(2))
    assert first == again
    assert (first.resamples, first.seed) == (500, 4)
    assert compare(NDCG, a, b, Resampling(500, seed=5)) != first


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
    """22,363 users and three seeds a side take about a second, 2,000 resamples included, and not
    minutes.
    """
    a, b = ({seed: ranks(22363, start + seed) for seed in range(3)} for start in (0, 10))
    begin = time.perf_counter()
    compare(NDCG, a, b)
    assert time.perf_counter() - begin < 20  # generous: a busy machine is no failure


@pytest.mark.parametrize("metric", [RECALL, NDCG], ids=lambda metric: metric.name)
def test_the_interval_of_a_mean_is_the_one_that_draws_user_by_user(metric: Metric) -> None:
    """Within the noise of resampling; unranked users change nothing; where all values are alike
    there is none.
    """
    runs = ranks(3000, 1)
    options = Resampling(4000)
    found = mean_interval(metric, {0: runs}, options)
    assert found == mean_interval(
        metric, {0: np.append(runs, np.zeros(500, dtype=np.int32))}, options
    )
    values = metric.per_user(runs)
    rng = np.random.default_rng(5)
    slow = np.array([values[rng.integers(0, 3000, 3000)].mean() for _ in range(4000)])
    assert found == pytest.approx(tuple(np.quantile(slow, [0.025, 0.975])), abs=0.1 * slow.std())
    assert found is not None
    assert (
        found[1] - found[0] > 3 * slow.std()
    )  # control: the tolerance is a small part of the width
    assert mean_interval(metric, {0: np.full(50, 2)}) is None
    assert mean_interval(metric, {0: np.full(50, 9000)}) is None


def test_seeds_widen_the_interval_of_a_mean() -> None:
    """From three seeds on they are drawn again with the users; with equal seeds (control) that
    changes next to nothing.
    """
    apart = {seed: ranks(3000, seed, gain=0.3 * seed) for seed in range(3)}
    alike = dict.fromkeys(range(3), ranks(3000, 1))
    widths = {}
    for name, runs in {"apart": apart, "alike": alike, "one": {0: alike[0]}}.items():
        low, high = mean_interval(RECALL, runs) or (0, 0)
        widths[name] = high - low
    assert widths["apart"] > 2 * widths["one"]
    assert widths["alike"] == pytest.approx(widths["one"], rel=0.1)
