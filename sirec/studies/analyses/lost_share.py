"""What share of a metric is lost by a change of the data, with an interval.

    lost = 1 − Y / X

X is the mean over users of the metric on the data as they were, Y on the changed data; both are
means over seeds where chance has a part in them. The interval is Fieller's (1954) for a ratio of
two means at 95 %: all ρ with (Y − ρX)² ≤ t² Var(Y − ρX). The variance has two parts: users, who are
paired, and draws, for statistics are counted anew from each shuffled data set, which changes the
metric of all users at once. The data as they were are one draw, too. The degrees of freedom of t
are Satterthwaite's (1946), as the second part is estimated from a few draws. In simulations the
interval has the true share in 95 of 100 cases; in 88, where draws vary as much as the mean over 300
users.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sirec.evaluation.student import quantile

CONFIDENCE = 0.95
DrawValues = NDArray[np.float64]


@dataclass(frozen=True)
class LostShare:
    """A share, and its interval.

    Attributes:
        share: what is lost, 1 for all; below 0 where the changed data do better. None where nothing
            was found in the first place.
        interval: lower and upper end at 95 %; None where the data bound it on no side.
    """

    share: float | None
    interval: tuple[float, float] | None

    @property
    def may_be_nothing(self) -> bool:
        """Whether the interval has 0 in it."""
        return self.interval is None or self.interval[0] <= 0 <= self.interval[1]


def lost_share(kept: DrawValues, changed: DrawValues) -> LostShare:
    """The share that is lost.

    Args:
        kept: Float[S, U], the metric of U users on the data as they were, by seed.
        changed: Float[T, U], the same on changed data; two seeds at least.
    """
    before, after = float(kept.mean()), float(changed.mean())
    if not before:
        return LostShare(None, None)
    share = 1 - after / before
    users = kept.shape[1]
    if users < 2:
        return LostShare(share, None)
    covariance = np.cov(kept.mean(axis=0), changed.mean(axis=0)) / users
    per_draw = max(map(_variance_of_draws, (kept, changed)))
    of_users = float(np.array([share - 1, 1]) @ covariance @ np.array([share - 1, 1]))
    of_draws = per_draw * ((1 - share) ** 2 + 1 / len(changed))
    freedom = _degrees_of_freedom((of_users, users - 1), (of_draws, len(changed) - 1))
    factor = quantile((1 + CONFIDENCE) / 2, freedom) ** 2
    square = before**2 - factor * (covariance[0, 0] + per_draw)
    product = before * after - factor * covariance[0, 1]
    constant = after**2 - factor * (covariance[1, 1] + per_draw / len(changed))
    if square <= 0:  # the mean before the change may be 0
        return LostShare(share, None)
    middle = product / square
    half = float(np.sqrt(max(middle**2 - constant / square, 0.0)))
    return LostShare(share, (float(1 - middle - half), float(1 - middle + half)))


def _variance_of_draws(values: DrawValues) -> float:
    """The variance of one draw's mean beyond that which comes of each user's own draw.

    Args:
        values: Float[T, U], by draw and user.
    """
    if len(values) == 1:
        return 0.0
    of_means = float(values.mean(axis=1).var(ddof=1))
    of_users = float(values.var(axis=0, ddof=1).mean()) / values.shape[1]
    return max(of_means - of_users, 0.0)


def _degrees_of_freedom(*parts: tuple[float, int]) -> float:
    """Satterthwaite's degrees of freedom of a sum of variances, from each one and its own."""
    total, squares = 0.0, 0.0
    for variance, freedom in parts:
        total += variance
        squares += variance**2 / freedom
    return total**2 / squares if squares > 0 else float("inf")
