"""Interval and test of a mean difference that is paired over users and seeds, for few seeds.

Two rows A and B of a study are trained with the seeds s = 1..S and ranked on the same users
u = 1..U. The difference of a user's metric under one seed is

    d_su = μ + a_s + b_u + e_su         μ what is asked for, the rest with mean 0

where a_s is due to training (another seed gives another model), b_u to users, and e_su to both. The
mean over users and seeds has the variance

    V = v/S + w/U       v = Var(a_s) + Var(e_su)/U,  of a seed's mean difference
                        w = Var(b_u)

w is estimated by the analysis of variance of d, (MS_users − MS_residual)/S, and is at least 0. v of
one pair has S − 1 degrees of freedom, which for three seeds makes an interval of little use. A
data set has more rows, and `seed_noise` pools v over them, if training is equally noisy in all. As
it may not be, v is the larger of this and the pair's own estimate.

    t = mean d / √V      Student's t, with Satterthwaite's degrees of freedom of V
    p ≥ 2^(1 − k)        for k users on whom the two differ: all on one side is that unlikely

With one seed v is unknown: the interval then is about these two checkpoints alone. Rows with
different seeds are not paired by seed: v/S then is σ²/S_A + σ²/S_B, σ² that of one row.

Coverage in simulations (`tests/evaluation/test_paired_means.py`), nominal 95 %, 2 to 5 seeds, six
rows: 93 to 97 % where rows are equally noisy; 93 to 95.5 % where the pair is twice as noisy as the
others. A percentile bootstrap over seeds and users has 88 to 89 % where seeds dominate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sirec.errors import SirecError
from sirec.evaluation.seed_noise import SeedMeans, SeedNoise, larger, own_noise, pooled_noise
from sirec.evaluation.student import quantile, upper_tail

UserValues = npt.NDArray[np.float64]
CONFIDENCE, POWER = 0.95, 0.8
SMALLEST_VARIANCE = 1e-18
ROUNDING = 1e-12


@dataclass(frozen=True)
class MeanDifference:
    """The mean difference of two rows, with what it is uncertain by.

    Attributes:
        difference: the mean over users and seeds.
        seed_variance: v/S, the part of the variance that more seeds make smaller.
        user_variance: w/U, the part that more users make smaller.
        seed_degrees: degrees of freedom of the first part; 0 where there is one seed.
        users: U.
        seeds: S.
        confidence: confidence level of the interval.
        differing: k, the users with a difference; None where that is not known.
    """

    difference: float
    seed_variance: float
    user_variance: float
    seed_degrees: int
    users: int
    seeds: int
    confidence: float = CONFIDENCE
    differing: int | None = None

    @property
    def error(self) -> float:
        """The standard error, √V."""
        return math.sqrt(max(self.seed_variance + self.user_variance, SMALLEST_VARIANCE))

    @property
    def degrees(self) -> float:
        """Satterthwaite's degrees of freedom of V."""
        total = self.error**2
        spread = self.user_variance**2 / max(self.users - 1, 1)
        if self.seed_degrees:
            spread += self.seed_variance**2 / self.seed_degrees
        return total**2 / spread if spread > 0 else float(max(self.users - 1, 1))

    @property
    def half_width(self) -> float:
        """Half the width of the interval."""
        return quantile((1 + self.confidence) / 2, self.degrees) * self.error

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.difference - self.half_width

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.difference + self.half_width

    @property
    def p_value(self) -> float:
        """Two-sided p-value of no difference."""
        p_value = 2 * upper_tail(abs(self.difference) / self.error, self.degrees)
        if self.differing is None:
            return p_value
        return max(p_value, min(1.0, 2.0 ** (1 - self.differing)))

    def detectable(self, tests: int = 1, power: float = POWER) -> float:
        """The true difference that such a study finds significant with some probability.

        Args:
            tests: how many tests are corrected for (after Bonferroni, which Holm's first step is).
            power: the probability.
        """
        level = (1 - self.confidence) / tests
        needed = quantile(1 - level / 2, self.degrees) + quantile(power, self.degrees)
        return needed * self.error

    def with_seeds(self, seeds: int) -> MeanDifference:
        """The same difference with the uncertainty that this many seeds would leave.

        Args:
            seeds: how many seeds.
        """
        return replace(
            self,
            seed_variance=self.seed_variance * self.seeds / seeds,
            seed_degrees=self.seed_degrees * max(seeds - 1, 1) // max(self.seeds - 1, 1),
            seeds=seeds,
        )


def seed_noise(rows: Sequence[UserValues]) -> SeedNoise | None:
    """The noise between seeds of a difference of two rows, pooled over the rows of a study.

    A seed's effect that all rows share is taken out: it cancels in a difference.

    Args:
        rows: at least two rows, each the metric of every user under every seed, Float[U, S].

    Returns:
        None for a single seed.
    """
    means: list[SeedMeans] = []
    for row in rows:
        means.append(dict(enumerate(map(float, row.mean(axis=0)))))
    return pooled_noise(means).paired


def mean_difference(
    a: UserValues, b: UserValues, noise: SeedNoise | None = None, confidence: float = CONFIDENCE
) -> MeanDifference:
    """The mean difference A − B with its variance.

    Args:
        a: the metric of every user under every seed, Float[U, S].
        b: the same of B, for the same users and seeds.
        noise: what all rows of the study say about seeds; None for this pair alone.
        confidence: confidence level of the interval.

    Raises:
        SirecError: if the two have other users or seeds, or fewer than two users.
    """
    if a.shape != b.shape or len(a) < 2:
        raise SirecError(
            f"values of {a.shape} and {b.shape} users and seeds cannot be paired",
            "compare runs on the same data with the same seeds, and at least two users",
        )
    differences = a - b
    users, seeds = differences.shape
    of_users = differences.mean(axis=1)
    user_variance = float(of_users.var(ddof=1))  # estimates w + Var(e)/S
    of_seeds = SeedNoise(0.0, 0)
    if seeds > 1:
        of_seeds = larger(own_noise(list(differences.mean(axis=0))), noise)
        user_variance = max(0.0, user_variance - _residual(differences) / seeds)
    return MeanDifference(
        difference=float(differences.mean()),
        seed_variance=of_seeds.variance / seeds,
        user_variance=user_variance / users,
        seed_degrees=of_seeds.degrees,
        users=users,
        seeds=seeds,
        confidence=confidence,
        differing=_differing(of_users),
    )


def unpaired_difference(
    a: UserValues, b: UserValues, noise: SeedNoise | None = None, confidence: float = CONFIDENCE
) -> MeanDifference:
    """The mean difference A − B of rows that were trained with different seeds.

    Args:
        a: the metric of every user under every seed, Float[U, S_A], at least two seeds.
        b: the same of B for the same users, Float[U, S_B], at least two seeds.
        noise: what all rows of the data set say about the seeds of one row.
        confidence: confidence level of the interval.
    """
    users = len(a)
    of_users = a.mean(axis=1) - b.mean(axis=1)
    user_variance = float(of_users.var(ddof=1))
    seed_variance, degrees = 0.0, 0
    for side in (a, b):
        seeds = side.shape[1]
        own = own_noise(list(side.mean(axis=0)))
        seed_variance += larger(own, noise).variance / seeds
        degrees += own.degrees
        user_variance -= _residual(side) / seeds
    return MeanDifference(
        difference=float(of_users.mean()),
        seed_variance=seed_variance,
        user_variance=max(0.0, user_variance) / users,
        seed_degrees=degrees if noise is None else noise.degrees,
        users=users,
        seeds=min(a.shape[1], b.shape[1]),
        confidence=confidence,
        differing=_differing(of_users),
    )


def _differing(of_users: UserValues) -> int:
    """How many users have a difference that is not one of rounding."""
    return int((np.abs(of_users) > ROUNDING).sum())


def _residual(differences: UserValues) -> float:
    """The residual mean square of Float[U, S] with users and seeds as factors."""
    users, seeds = differences.shape
    of_users = differences.mean(axis=1, keepdims=True)
    of_seeds = differences.mean(axis=0, keepdims=True)
    residual = differences - of_users - of_seeds + differences.mean()
    return float((residual**2).sum()) / ((users - 1) * (seeds - 1))
