"""The cells of a claim, measured from stored ranks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from sirec.evaluation.covariates import read_covariates
from sirec.evaluation.metrics import Metric, parse_metric, ranked
from sirec.evaluation.paired_means import UserValues, mean_difference
from sirec.evaluation.ranks import Ranks
from sirec.evaluation.seed_noise import PooledNoise, SeedNoise
from sirec.evaluation.statistics import SEEDS_FOR_A_METHOD, noise_of
from sirec.evaluation.user_groups import GROUPINGS, UserGroup, fill
from sirec.papers.claim import Claim
from sirec.run.store import Store
from sirec.studies.claims.cells import ClaimCell, MeasuredCell
from sirec.studies.claims.trained_rows import RowPair, RowPool, TrainedRow

EVERYBODY = UserGroup("", np.ones(0, dtype=bool))
NOT_RUN = "no study has both rows on these data"
WITHHELD = "ranks of single users were withheld from these runs"


def measured_cells(claim: Claim, pool: RowPool) -> Iterator[MeasuredCell | ClaimCell]:
    """Each cell of a claim: measured, or with the reason why it is not.

    Args:
        claim: the claim.
        pool: the rows of a results folder.
    """
    for dataset in claim.datasets:
        for metric in map(parse_metric, claim.metrics):
            if claim.asserts == "larger effect":
                yield _effects_cell(claim, pool, dataset, metric)
                continue
            for first, second in claim.pairs:
                yield from _cells_of_pair(claim, pool, dataset, metric, first, second)


def _cells_of_pair(
    claim: Claim, pool: RowPool, dataset: str, metric: Metric, first: str, second: str
) -> Iterator[MeasuredCell | ClaimCell]:
    names = f"{first} – {second}"
    pair = pool.pair(dataset, first, second, claim.studies)
    if pair is None or not pair.seeds:
        yield _missing(claim, dataset, metric, names)
        return
    if pair.is_withheld:
        yield ClaimCell(dataset, metric.name, names, "", "not available", reason=WITHHELD)
        return
    for group in _groups(claim, pool, pair):
        noise = _noise(pool, pair.first, metric, group)
        a = _values(pair.first, metric, pair.seeds, group)
        b = _values(pair.second, metric, pair.seeds, group)
        scale = 100 / max(float(b.mean()), np.finfo(float).tiny)
        is_one_untrained = pair.first.is_training_free or pair.second.is_training_free
        of_pair = _scaled(noise.alone if is_one_untrained else noise.paired, scale)
        is_untrained = pair.first.is_training_free and pair.second.is_training_free
        yield MeasuredCell(
            ClaimCell(
                dataset,
                metric.name,
                names,
                group.label,
                "not decided",
                seeds=len(pair.seeds),
                study=pair.study,
            ),
            mean_difference(scale * a, scale * b, of_pair),
            is_untrained or len(pair.seeds) >= SEEDS_FOR_A_METHOD,
            of_pair,
            _persistent(pool, pair.first, metric),
        )


def _effects_cell(
    claim: Claim, pool: RowPool, dataset: str, metric: Metric
) -> MeasuredCell | ClaimCell:
    """The effect of the first pair minus that of the second, in percentage points."""
    names = " against ".join(map(" – ".join, claim.pairs))
    pairs: list[RowPair] = []
    for first, second in claim.pairs:
        pair = pool.pair(dataset, first, second, claim.studies)
        if pair is not None:
            pairs.append(pair)
    seeds: list[int] = []
    if len(pairs) == len(claim.pairs):
        seeds = sorted(set(pairs[0].seeds).intersection(pairs[1].seeds))
    if not seeds:
        return _missing(claim, dataset, metric, names)
    if any(pair.is_withheld for pair in pairs):
        return ClaimCell(dataset, metric.name, names, "", "not available", reason=WITHHELD)
    noise = _noise(pool, pairs[0].first, metric, EVERYBODY).paired
    effects: list[UserValues] = []
    variance = 0.0
    for pair in pairs:
        a = _values(pair.first, metric, seeds, EVERYBODY)
        b = _values(pair.second, metric, seeds, EVERYBODY)
        scale = 100 / max(float(b.mean()), np.finfo(float).tiny)
        effects.append(scale * (a - b))
        variance += scale**2 * (noise.variance if noise else 0.0)
    of_both = SeedNoise(variance, noise.degrees) if noise else None
    return MeasuredCell(
        ClaimCell(
            dataset, metric.name, names, "", "not decided", seeds=len(seeds), study=pairs[0].study
        ),
        mean_difference(effects[0], effects[1], of_both),
        len(seeds) >= SEEDS_FOR_A_METHOD,
        of_both,
        _persistent(pool, pairs[0].first, metric),
    )


def _missing(claim: Claim, dataset: str, metric: Metric, names: str) -> ClaimCell:
    reason = claim.unavailable.get(dataset)
    if reason:
        return ClaimCell(dataset, metric.name, names, "", "not available", reason=reason)
    return ClaimCell(dataset, metric.name, names, "", "not run", reason=NOT_RUN)


def _groups(claim: Claim, pool: RowPool, pair: RowPair) -> Sequence[UserGroup]:
    """The groups of users in which a claim is to hold; everybody if it divides nobody."""
    if claim.groups is None:
        return [EVERYBODY]
    ranks = pair.first.by_seed(pair.seeds)[pair.seeds[0]]
    store = Store(pool.results)
    columns = read_covariates(
        store.covariates(pair.first.dataset, pair.first.fingerprint), len(ranks)
    )
    grouping = GROUPINGS[claim.groups]
    groups = fill(grouping, columns[grouping.column], ranked(ranks)).buckets
    if not claim.only_groups:
        return groups
    return [group for group in groups if group.label in claim.only_groups]


def _values(row: TrainedRow, metric: Metric, seeds: Sequence[int], group: UserGroup) -> UserValues:
    """The metric of each user of a group under each seed, Float[R, S]."""
    columns: list[npt.NDArray[np.float64]] = []
    for ranks in row.by_seed(seeds).values():
        columns.append(metric.per_user(_restricted(ranks, group)))
    return np.stack(columns, axis=1)


def _restricted(ranks: Ranks, group: UserGroup) -> Ranks:
    return np.where(group.users, ranks, 0) if group.label else ranks


def _noise(pool: RowPool, row: TrainedRow, metric: Metric, group: UserGroup) -> PooledNoise:
    """How much training varies, by all rows of the data set that have several seeds."""
    key = (row.dataset, row.fingerprint, metric, group.users.tobytes())
    if key not in pool.noises:
        pool.noises[key] = _pooled(pool, row, metric, group)
    return pool.noises[key]


def _pooled(pool: RowPool, row: TrainedRow, metric: Metric, group: UserGroup) -> PooledNoise:
    rows: list[dict[int, Ranks]] = []
    for other in pool.noisy(row):
        by_seed = other.by_seed(sorted(other.runs))
        rows.append({seed: _restricted(ranks, group) for seed, ranks in by_seed.items()})
    return noise_of(metric, rows)


def _persistent(pool: RowPool, row: TrainedRow, metric: Metric) -> float:
    """Which share of a difference's variance over users with one seed is left with many seeds.

    It is read off rows with several seeds; 1 where there are none, so that nothing is promised.
    """
    key = (row.dataset, row.fingerprint, metric)
    if key not in pool.shares:
        pool.shares[key] = _share(pool, row, metric)
    return pool.shares[key]


def _share(pool: RowPool, row: TrainedRow, metric: Metric) -> float:
    shares: list[float] = []
    for first, second in pairwise(list(pool.noisy(row))):
        seeds = sorted(first.runs.keys() & second.runs.keys())
        if len(seeds) >= SEEDS_FOR_A_METHOD:
            a = _values(first, metric, seeds, EVERYBODY)
            b = _values(second, metric, seeds, EVERYBODY)
            single = float((a - b).var(axis=0, ddof=1).mean()) / len(a)
            shares.append(mean_difference(a, b).user_variance / single)
    return min(1.0, float(np.mean(shares))) if shares else 1.0


def _scaled(noise: SeedNoise | None, scale: float) -> SeedNoise | None:
    return SeedNoise(scale**2 * noise.variance, noise.degrees) if noise else None
