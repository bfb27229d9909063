"""How much training varies from seed to seed, estimated from all trained rows of a data set.

Three seeds of one row say little about the variance between its seeds. If training is about as
noisy in all rows of a data set, the rows say it together: the means over users, with rows and seeds
as factors, leave a residual with (R − 1)(S − 1) degrees of freedom for R rows of S seeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SeedMeans = Mapping[int, float]  # seed -> the mean over users of one row


@dataclass(frozen=True)
class SeedNoise:
    """How much a mean, or a difference of two means, varies from seed to seed.

    Attributes:
        variance: the variance under one seed.
        degrees: degrees of freedom of the estimate.
    """

    variance: float
    degrees: int


@dataclass(frozen=True)
class PooledNoise:
    """What the rows of a data set say about seeds.

    Attributes:
        paired: of the difference of two trained rows under the same seeds, in which what a seed
            does to all rows cancels; None where no two rows share two seeds.
        alone: of the mean of one row; None where no row has two seeds.
    """

    paired: SeedNoise | None = None
    alone: SeedNoise | None = None


def pooled_noise(rows: Iterable[SeedMeans]) -> PooledNoise:
    """The noise between seeds, pooled over rows.

    Rows with the same seeds and the same means are the same runs under two labels, and count once.

    Args:
        rows: the means of each trained row by seed. Rows may have different seeds.
    """
    by_seeds: dict[tuple[int, ...], dict[tuple[float, ...], None]] = {}
    for row in rows:
        seeds = tuple(sorted(row))
        by_seeds.setdefault(seeds, {})[tuple(row[seed] for seed in seeds)] = None
    paired = _Sum()
    alone = _Sum()
    for same_seeds in by_seeds.values():
        means = np.array(list(same_seeds))  # [R, S]
        rows_count, seeds_count = means.shape
        centred = means - means.mean(axis=1, keepdims=True)
        alone.add(centred, rows_count * (seeds_count - 1))
        shared = centred.mean(axis=0, keepdims=True)
        paired.add(centred - shared, (rows_count - 1) * (seeds_count - 1))
    return PooledNoise(paired.noise(factor=2.0), alone.noise())


@dataclass
class _Sum:
    """A sum of squares with its degrees of freedom."""

    squares: float = 0.0
    degrees: int = 0

    def add(self, values: npt.NDArray[np.float64], degrees: int) -> None:
        if degrees:
            self.squares += float((values**2).sum())
            self.degrees += degrees

    def noise(self, factor: float = 1.0) -> SeedNoise | None:
        if self.degrees == 0:
            return None
        return SeedNoise(factor * self.squares / self.degrees, self.degrees)


def larger(own: SeedNoise, pooled: SeedNoise | None) -> SeedNoise:
    """The pooled noise; where the rows in question are noisier than that, their own variance.

    Args:
        own: the noise of the rows in question.
        pooled: the noise of all rows of the data set.
    """
    if pooled is None:
        return own
    return SeedNoise(max(own.variance, pooled.variance), pooled.degrees)


def own_noise(means: Sequence[float]) -> SeedNoise:
    """The noise of one row, or of one difference, by itself.

    Args:
        means: its means under at least two seeds.
    """
    return SeedNoise(float(np.var(means, ddof=1)), len(means) - 1)
