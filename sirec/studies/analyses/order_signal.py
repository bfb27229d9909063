"""An audit: what a data set is like, what its split does, and how much its order says.

The order signal is what the training-free baseline of item transitions loses on test once every
history is shuffled ("Does It Look Sequential?", RecSys 2024, asks it of trained models). A user's
history, all that precedes the test target, gets one random order; training reads of it what belongs
to training, so each user keeps its training items, its history and its target.

Where many interactions have the time of their neighbour, the same is asked after shuffling only
among equal times. What that loses is the order of ties, which comes from the files and not from the
users; if shuffling the rest loses nothing more, there was nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sirec.config import dump
from sirec.data.audit import UNKNOWN_ORIGIN, DataAudit, IntArray, OrderOrigin, audit_data
from sirec.data.dataset import Dataset
from sirec.data.prepare.findings import ValueFinding
from sirec.data.progress import ProgressCallback
from sirec.data.split import NO_TARGET
from sirec.data.tasks.rows import owners
from sirec.data.times import Times
from sirec.evaluation.full_ranking import rank_split
from sirec.evaluation.metrics import Doubled, Metric, parse_metric
from sirec.models.transitions import REACH, Transitions
from sirec.studies.analyses.lost_share import LostShare, lost_share

SEEDS = (0, 1, 2)
MANY_TIES = 0.05  # share of neighbours with equal times from which on ties are looked at
METRICS = (parse_metric("Recall@10"), parse_metric("NDCG@10"))


@dataclass(frozen=True)
class TieSignal:
    """What a metric loses when only interactions with equal times change places.

    Attributes:
        shuffled: its value then, the mean over seeds.
        deviation: standard deviation of `shuffled` over the seeds.
        lost: 1 − shuffled / ordered, what the order of ties is worth.
        left: what shuffling everything loses of `shuffled`, the worth of the order that times give.
        left_interval: the 95 % interval of `left`.
    """

    shuffled: float
    deviation: float
    lost: float | None
    left: float | None
    left_interval: tuple[float, float] | None

    @property
    def may_be_all(self) -> bool:
        """Whether there may be nothing but the order of ties."""
        return LostShare(self.left, self.left_interval).may_be_nothing


@dataclass(frozen=True)
class OrderSignal:
    """What a metric of the transitions baseline loses on test, histories kept.

    Attributes:
        metric: name of the metric.
        ordered: its value with histories as they are.
        shuffled: its value with shuffled histories, the mean over seeds.
        deviation: standard deviation of `shuffled` over the seeds.
        seeds: how many shuffles.
        lost: 1 − shuffled / ordered; None where the baseline finds nothing at all.
        interval: the 95 % interval of `lost` over users and shuffles (`lost_share`).
        ties: the part of it that is the order of ties; None where they are few.
    """

    metric: str
    ordered: float
    shuffled: float
    deviation: float
    seeds: int
    lost: float | None
    interval: tuple[float, float] | None = None
    ties: TieSignal | None = None

    @property
    def may_be_nothing(self) -> bool:
        """Whether shuffling may lose nothing."""
        return LostShare(self.lost, self.interval).may_be_nothing


@dataclass(frozen=True)
class Audit:
    """All that is known of a data set before a model is trained.

    Attributes:
        data: what can be counted.
        order: what the order of interactions says.
        findings: what in the raw values may not be meant; None where nobody has looked.
    """

    data: DataAudit
    order: tuple[OrderSignal, ...]
    findings: tuple[ValueFinding, ...] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        findings = dump(self.findings)
        return {**dump(self.data), "order": dump(self.order), "findings": findings}


def audit(
    data: Dataset,
    timestamps: Times | None = None,
    progress: ProgressCallback | None = None,
    origin: OrderOrigin = UNKNOWN_ORIGIN,
    findings: tuple[ValueFinding, ...] | None = None,
) -> Audit:
    """Audit a data set.

    Args:
        data: the data set.
        timestamps: the time of each interaction, ascending within a user; None without times.
        progress: called with the stage, what is done, and the total.
        origin: what its manifest says of its order.
        findings: what its manifest says of the raw values.
    """
    report = progress or (lambda stage, done, total: None)
    report("counting", 0, 1)
    counted = audit_data(data, timestamps, origin)
    report("counting", 1, 1)
    has_many_ties = counted.tied_neighbours is not None and counted.tied_neighbours >= MANY_TIES
    times = timestamps.numpy() if timestamps is not None and has_many_ties else None
    return Audit(counted, order_signal(data, METRICS, SEEDS, report, times), findings)


def order_signal(
    data: Dataset,
    metrics: Sequence[Metric] = METRICS,
    seeds: Sequence[int] = SEEDS,
    progress: ProgressCallback | None = None,
    times: IntArray | None = None,
) -> tuple[OrderSignal, ...]:
    """What each metric of the transitions baseline loses by shuffling.

    Args:
        data: the data set.
        metrics: the metrics.
        seeds: one shuffle a seed, two at least.
        progress: called with the stage, what is done, and the total.
        times: Int[N], ascending within a user; with them, ties are shuffled alone, too.
    """
    report = progress or (lambda stage, done, total: None)
    total = 1 + len(seeds) * (1 if times is None else 2)
    report("transitions", 0, total)
    ordered = _ranks(data, data)
    shuffled: list[Doubled] = []
    tied: list[Doubled] = []
    for done, seed in enumerate(seeds, start=1):
        report("transitions, histories shuffled", done, total)
        shuffled.append(_ranks(*shuffle_histories(data, np.random.default_rng(seed))))
    if times is not None:
        for done, seed in enumerate(seeds, start=1 + len(seeds)):
            report("transitions, ties shuffled", done, total)
            tied.append(_ranks(*shuffle_histories(data, np.random.default_rng(seed), times)))
    report("transitions, histories shuffled", total, total)
    return tuple(_signal(metric, ordered, shuffled, tied) for metric in metrics)


def shuffle_histories(
    data: Dataset, rng: np.random.Generator, times: IntArray | None = None
) -> tuple[Dataset, Dataset]:
    """The data to train on and the data to test on, from one random order of each user's history.

    In the second everything before a test target is in that order. In the first the training part
    is, so that it holds what it held before. Behaviours stay where they are: for models that read
    items only.

    Args:
        data: the data set.
        rng: draws the order.
        times: Int[N], ascending within a user; with them, only interactions of a user with equal
            times change places.
    """
    users = owners(data).cpu().numpy() - 1
    keys = rng.random(len(users))
    if times is not None:
        is_new = np.diff(times, prepend=times[:1]) != 0
        moments = np.cumsum(is_new | (np.diff(users, prepend=users[:1]) != 0))
        keys = (moments + keys) / (len(users) + 1)
    test = data.held_out.targets["test"]
    history = torch.where(test != NO_TARGET, test, data.held_out.train_stop)
    stops = (data.held_out.train_stop.cpu().numpy(), history.cpu().numpy())
    training, testing = (
        replace(data, items=_reordered(data.items, users, stop[users], keys)) for stop in stops
    )
    return training, testing


def _reordered(items: Tensor, users: np.ndarray, stop: np.ndarray, keys: np.ndarray) -> Tensor:
    """Items [N] with those of each user before `stop` in the order of their keys, 0 to 1, and the
    others where they are.
    """
    places = np.arange(len(users))
    order = np.lexsort((np.where(places < stop, keys, 1 + places), users))
    return items[torch.from_numpy(order).to(items.device)]


def _ranks(training: Dataset, testing: Dataset) -> Doubled:
    baseline = Transitions().build(training.schema(REACH, with_position=False))
    baseline.fit_statistics(training)
    return np.asarray(rank_split(baseline, testing, "test", REACH).keep.numpy())


def _signal(
    metric: Metric, ordered: Doubled, shuffled: Sequence[Doubled], tied: Sequence[Doubled]
) -> OrderSignal:
    """What a metric loses, from doubled ranks Int[U]: in order, shuffled, with ties shuffled."""
    before = metric.per_user(ordered)[None]
    after = np.stack(list(map(metric.per_user, shuffled)))
    lost = lost_share(before, after)
    ties: TieSignal | None = None
    if tied:
        between = np.stack(list(map(metric.per_user, tied)))
        left = lost_share(between, after)
        ties = TieSignal(
            shuffled=float(between.mean()),
            deviation=_deviation(between),
            lost=lost_share(before, between).share,
            left=left.share,
            left_interval=left.interval,
        )
    return OrderSignal(
        metric=metric.name,
        ordered=float(before.mean()),
        shuffled=float(after.mean()),
        deviation=_deviation(after),
        seeds=len(after),
        lost=lost.share,
        interval=lost.interval,
        ties=ties,
    )


def _deviation(values: NDArray[np.float64]) -> float:
    """The standard deviation over seeds of the means over users, of values [S, U]."""
    return float(values.mean(axis=1).std(ddof=1))
