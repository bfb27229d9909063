"""Intervals of mean differences hold their level with few seeds, whatever the variances are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.random import Generator
from scipy.stats import ttest_1samp

from sirec.errors import SirecError
from sirec.evaluation.paired_means import UserValues, mean_difference, seed_noise

TABLES = 600
USERS = 150
# What Recall@20 varies by: between users, and within a user from seed to seed. With 150 users they
# leave standard errors of 1.2e-2 and 2e-2/√S, beside which 0 to 3e-2 between seeds is nothing to
# all, as 0 to 5e-3 is beside thousands of users.
PERSISTENT, FLEETING = 0.15, 0.25


def study(
    rng: Generator, rows: int, seeds: int, between_seeds: float, noisier: float = 1.0
) -> list[UserValues]:
    """The values Float[U, S] of rows that are equally good; a difference's seeds have this sd.

    The first two rows vary `noisier` times as much between seeds (in variance) as the others.
    """
    common = rng.normal(0, 0.3, (USERS, 1)) + rng.normal(0, 0.01, (1, seeds))
    made: list[UserValues] = []
    for row in range(rows):
        factor = math.sqrt(noisier) if row < 2 else 1.0
        of_seeds = rng.normal(0, factor * between_seeds / math.sqrt(2), (1, seeds))
        of_users = rng.normal(0, PERSISTENT / math.sqrt(2), (USERS, 1))
        rest = rng.normal(0, FLEETING / math.sqrt(2), (USERS, seeds))
        made.append(common + of_seeds + of_users + rest)
    return made


def coverage(rows: int, seeds: int, between_seeds: float, noisier: float = 1.0) -> float:
    """How many of a hundred intervals of 95 % hold the true difference, which is 0."""
    rng = np.random.default_rng([rows, seeds, round(1e4 * between_seeds), round(noisier)])
    held = 0
    for _ in range(TABLES):
        made = study(rng, rows, seeds, between_seeds, noisier)
        found = mean_difference(made[0], made[1], seed_noise(made))
        held += found.low <= 0 <= found.high
    return 100 * held / TABLES


# Standard error of a coverage of 95 % in 600 tables: 0.9.
@pytest.mark.parametrize("between_seeds", [0.0, 0.006, 0.03])
@pytest.mark.parametrize(("rows", "seeds"), [(3, 3), (6, 2), (6, 3), (6, 5)])
def test_intervals_hold_their_level(rows: int, seeds: int, between_seeds: float) -> None:
    """Seen: 94.0 to 97.5 %; and not so many that the intervals would be needlessly wide."""
    assert 93 <= coverage(rows, seeds, between_seeds) <= 98.5


@pytest.mark.parametrize("seeds", [2, 3])
def test_intervals_of_a_noisier_pair_hold_theirs_nearly(seeds: int) -> None:
    """Twice the variance between seeds of the other rows, and little else to vary."""
    assert coverage(6, seeds, 0.03, noisier=2.0) >= 92


def test_intervals_that_leave_the_seeds_out_do_not() -> None:
    """The control: resampling users alone, as for checkpoints, misses the truth of the method."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(TABLES):
        first, second = study(rng, 2, 3, 0.03)
        averaged = first.mean(axis=1, keepdims=True), second.mean(axis=1, keepdims=True)
        found = mean_difference(*averaged)
        held += found.low <= 0 <= found.high
    assert 100 * held / TABLES < 88


def test_a_pair_alone_has_its_own_noise() -> None:
    """Two rows: what is pooled over them is the variance of their difference."""
    first, second = study(np.random.default_rng(1), 2, 4, 0.01)
    noise = seed_noise([first, second])
    assert noise is not None
    own = (first - second).mean(axis=0).var(ddof=1)
    assert (noise.variance, noise.degrees) == (pytest.approx(own), 3)
    alone, pooled = mean_difference(first, second), mean_difference(first, second, noise)
    assert alone.half_width == pytest.approx(pooled.half_width)


def test_without_users_to_vary_it_is_the_paired_t_test() -> None:
    """All users alike: the interval of Student's paired t over the seeds."""
    of_seeds = np.array([0.01, 0.04, 0.02])
    a = np.tile(of_seeds, (50, 1))
    found = mean_difference(a, np.zeros((50, 3)))
    expected = ttest_1samp(of_seeds, 0.0)
    assert found.p_value == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))


def test_with_one_seed_users_alone_decide() -> None:
    """Student's paired t over users, and no seed in it."""
    rng = np.random.default_rng(2)
    a, b = rng.random((80, 1)), rng.random((80, 1))
    found = mean_difference(a, b, seed_noise([a, b]))
    expected = ttest_1samp((a - b)[:, 0], 0.0)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.seeds, found.seed_degrees, seed_noise([a, b])) == (1, 0, None)


def test_a_shared_effect_of_a_seed_is_no_noise() -> None:
    """What a seed does to all rows cancels; what it does to one (control) does not."""
    made = study(np.random.default_rng(3), 4, 3, 0.01)
    shift = np.array([[0.2, -0.1, 0.5]])
    before, shared = seed_noise(made), seed_noise([row + shift for row in made])
    one = seed_noise([made[0] + shift, *made[1:]])
    assert before is not None
    assert shared is not None
    assert one is not None
    assert shared.variance == pytest.approx(before.variance)
    assert one.variance > 10 * before.variance


def test_what_is_called_detectable_is_found_four_times_in_five() -> None:
    """A planted difference of that size; half of it (control) is found much less often."""
    found = {"whole": 0, "half": 0}
    for table in range(TABLES):
        rng = np.random.default_rng([4, table])
        made = study(rng, 6, 3, 0.01)
        size = mean_difference(made[0], made[1], seed_noise(made)).detectable()
        for name, planted in (("whole", size), ("half", size / 2)):
            better = [made[0] + planted, *made[1:]]
            found[name] += mean_difference(better[0], better[1], seed_noise(better)).p_value < 0.05
    assert 0.75 < found["whole"] / TABLES < 0.9
    assert found["half"] / TABLES < 0.5


def test_more_seeds_make_the_seeds_part_smaller() -> None:
    """Users stay what they are."""
    made = study(np.random.default_rng(5), 6, 3, 0.03)
    now = mean_difference(made[0], made[1], seed_noise(made))
    later = now.with_seeds(12)
    assert later.seed_variance == pytest.approx(now.seed_variance / 4)
    assert later.user_variance == now.user_variance
    assert later.half_width < now.half_width


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (1, 3)])
def test_other_users_or_seeds_cannot_be_paired(shape: tuple[int, int]) -> None:
    """One line; a single user has no variance."""
    with pytest.raises(SirecError, match="cannot be paired"):
        mean_difference(np.zeros(shape), np.zeros((1, 3) if shape[0] == 1 else (4, 3)))
