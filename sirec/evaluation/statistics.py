"""Confidence intervals and tests of a difference between two models, paired over users and seeds.

All tables, comparisons and verdicts have their intervals and p-values from here. There is one
method, the t interval of `paired_means`, over users and seeds:

    two seeds or more on each side    about the *methods*: the variance between seeds is part of the
                                      interval, pooled over the rows of the data set (`seed_noise`)
    one seed on a side                about these *checkpoints*: over users alone. Training is not
                                      repeated, so that another seed may reverse the result

A model that is not trained has no seed. It stands for every seed of the other side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sirec.errors import SirecError
from sirec.evaluation.metrics import Doubled, Metric, MetricValues, ranked
from sirec.evaluation.paired_means import (
    CONFIDENCE,
    MeanDifference,
    UserValues,
    mean_difference,
    unpaired_difference,
)
from sirec.evaluation.seed_noise import PooledNoise, SeedMeans, pooled_noise

SEEDS_FOR_A_METHOD = 2
# Decimals that are kept: the last digits of a sum depend on the processor.
STABLE_DIGITS = 12
SMALLEST_P = float(np.finfo(np.float64).tiny)  # the tail of a distribution may underflow to 0
InferenceLevel = Literal["checkpoints", "method"]
Test = Literal["t over users", "t over users and seeds"]
RanksBySeed = Mapping[int, Doubled]  # training seed -> doubled ranks Int[U]
TEST_OF_LEVEL: Mapping[InferenceLevel, Test] = {
    "checkpoints": "t over users",
    "method": "t over users and seeds",
}


@dataclass(frozen=True)
class Difference:
    """The difference between two models, A minus B, of one metric.

    Attributes:
        metric: name of the metric.
        mean_a: mean of A over users and runs.
        mean_b: mean of B over users and runs.
        difference: `mean_a` − `mean_b`.
        relative: the difference divided by `mean_b`; None where that is 0.
        low: lower end of the confidence interval of the difference.
        high: upper end of the interval.
        p_value: two-sided p-value of the test.
        level: whether the comparison is one of checkpoints or of methods.
        users: how many users are ranked.
        seeds_a: how many runs A has.
        seeds_b: how many runs B has.
        confidence: confidence level of the interval, 0 to 1.
        adjusted_p: the p-value after Holm's correction over a family of tests; None before.
    """

    metric: str
    mean_a: float
    mean_b: float
    difference: float
    relative: float | None
    low: float
    high: float
    p_value: float
    level: InferenceLevel
    users: int
    seeds_a: int
    seeds_b: int
    confidence: float = CONFIDENCE
    adjusted_p: float | None = None

    @property
    def contains_zero(self) -> bool:
        """Whether the interval contains zero."""
        return self.low <= 0 <= self.high

    @property
    def test(self) -> Test:
        """Name of the test."""
        return TEST_OF_LEVEL[self.level]


def compare(
    metric: Metric,
    a: RanksBySeed,
    b: RanksBySeed,
    noise: PooledNoise | None = None,
    *,
    is_one_untrained: bool = False,
) -> Difference:
    """Compare two models.

    Args:
        metric: the metric.
        a: by training seed the doubled ranks Int[U] of A.
        b: by training seed the doubled ranks Int[U] of B, of the same users.
        noise: what all rows of the data set say about seeds; None for these two alone.
        is_one_untrained: whether one of the two is not trained, and has the same ranks under every
            seed.

    Raises:
        SirecError: if a side has no run, or if the ranked users differ.
    """
    check_users(a, b)
    value_a, value_b = _columns(metric, a), _columns(metric, b)
    found = _estimate(value_a, value_b, a.keys() == b.keys(), noise, is_one_untrained)
    mean_a, mean_b = _mean_of_runs(metric, a), _mean_of_runs(metric, b)
    gain = mean_a - mean_b
    is_method = min(len(a), len(b)) >= SEEDS_FOR_A_METHOD
    return Difference(
        metric=metric.name,
        mean_a=mean_a,
        mean_b=mean_b,
        difference=gain,
        relative=gain / mean_b if mean_b else None,
        low=round(found.low, STABLE_DIGITS),
        high=round(found.high, STABLE_DIGITS),
        p_value=max(float(f"{found.p_value:.{STABLE_DIGITS}g}"), SMALLEST_P),
        level="method" if is_method else "checkpoints",
        users=len(value_a),
        seeds_a=len(a),
        seeds_b=len(b),
        confidence=found.confidence,
    )


def _estimate(
    a: UserValues,
    b: UserValues,
    has_equal_seeds: bool,
    noise: PooledNoise | None,
    is_one_untrained: bool,
) -> MeanDifference:
    """The mean difference of Float[U, S_A] and Float[U, S_B]."""
    known = noise or PooledNoise()
    if len(a) < 2:  # nothing varies, and the bound of p says that nothing is shown
        gain = float(a.mean() - b.mean())
        return MeanDifference(gain, 0.0, 0.0, 0, len(a), 1, differing=int(gain != 0))
    if min(a.shape[1], b.shape[1]) < SEEDS_FOR_A_METHOD:
        return mean_difference(a.mean(axis=1, keepdims=True), b.mean(axis=1, keepdims=True))
    if has_equal_seeds:
        return mean_difference(a, b, known.alone if is_one_untrained else known.paired)
    return unpaired_difference(a, b, known.alone)


def mean_interval(
    metric: Metric, runs: RanksBySeed, noise: PooledNoise | None = None
) -> tuple[float, float] | None:
    """Confidence interval of a mean, over users and, where there are several, over seeds.

    Args:
        metric: the metric.
        runs: by training seed the doubled ranks Int[U] of the same users.
        noise: what all rows of the data set say about seeds; None for these runs alone.

    Returns:
        The ends of the interval; None where all values are equal, which leaves nothing to say.
    """
    columns = _columns(metric, runs)
    if bool((columns == columns[0, 0]).all()):
        return None
    found = mean_difference(columns, np.zeros_like(columns), (noise or PooledNoise()).alone)
    low, high = round(found.low, STABLE_DIGITS), round(found.high, STABLE_DIGITS)
    return max(low, 0.0), high  # no metric is negative


def noise_of(metric: Metric, rows: Iterable[RanksBySeed]) -> PooledNoise:
    """What rows of a data set say together about the noise between seeds.

    Args:
        metric: the metric.
        rows: the doubled ranks Int[U] of each trained row by seed.
    """
    means: list[SeedMeans] = []
    for row in rows:
        if len(row) >= SEEDS_FOR_A_METHOD:
            means.append({seed: float(metric.mean(ranks)) for seed, ranks in row.items()})
    return pooled_noise(means)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values after Holm's correction for multiple tests (Holm 1979), in the given order.

    The i-th smallest of m p-values (i from 0) is multiplied by m − i; a corrected value is at most
    1 and not smaller than that of a smaller p-value.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    running = 0.0
    for step, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        running = max(running, min(1.0, (len(p_values) - step) * p_values[index]))
        corrected[index] = running
    return corrected


def _columns(metric: Metric, runs: RanksBySeed) -> MetricValues:
    """The metric of each ranked user under each seed, Float[R, S], in the order of the seeds."""
    return np.stack([metric.per_user(runs[seed]) for seed in sorted(runs)], axis=1)


def _mean_of_runs(metric: Metric, runs: RanksBySeed) -> float:
    """The mean over runs of their means over users."""
    return float(np.mean([metric.mean(runs[seed]) for seed in sorted(runs)]))


def check_users(a: RanksBySeed, b: RanksBySeed) -> None:
    """Refuse two sides that rank different users.

    Args:
        a: by training seed the doubled ranks Int[U] of one side.
        b: the same of the other side.

    Raises:
        SirecError: if a side has no run, or if the ranked users differ.
    """
    if not a or not b:
        raise SirecError("a comparison needs at least one run on each side")
    columns = [*a.values(), *b.values()]
    counts = set(map(len, columns))
    if len(counts) > 1:
        listed = ", ".join(map(str, sorted(counts)))
        raise SirecError(
            f"the runs rank different numbers of users: {listed}",
            "compare runs on the same prepared data set",
        )
    first, *others = map(ranked, columns)
    if not all(np.array_equal(first, other) for other in others):
        raise SirecError(
            "the runs rank different users", "compare runs on the same prepared data set"
        )
