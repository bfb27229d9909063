"""An audit: what a data set is like, what its split does, and how much its order says.

The order signal is what the training-free transitions floor loses on test once every history is
shuffled ("Does It Look Sequential?", RecSys 2024, asks it of trained models). A user's history, all
that precedes the test target, gets one random order; training reads of it what belongs to training,
so each user keeps its training items, its history and its target.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sirec.config import dump
from sirec.data.audit import DataAudit, audit_data
from sirec.data.dataset import Dataset
from sirec.data.progress import ProgressCallback
from sirec.data.split import NO_TARGET
from sirec.data.tasks.rows import owners
from sirec.evaluation.full_ranking import rank_split
from sirec.evaluation.metrics import Doubled, Metric, parse_metric
from sirec.models.transitions import REACH, Transitions

SEEDS = (0, 1, 2)
METRICS = (parse_metric("Recall@10"), parse_metric("NDCG@10"))


@dataclass(frozen=True)
class OrderSignal:
    """A metric of the transitions floor on test, histories kept: as the users went (`ordered`), and
    `shuffled`.

    `shuffled` is a mean over `seeds` and `deviation` its standard deviation over them; `lost` = 1 -
    shuffled / ordered, unknown where the floor finds nothing at all.
    """

    metric: str
    ordered: float
    shuffled: float
    deviation: float
    seeds: int
    lost: float | None


@dataclass(frozen=True)
class Audit:
    """All that is known of a data set before a model is trained."""

    data: DataAudit
    order: tuple[OrderSignal, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**dump(self.data), "order": dump(self.order)}


def audit(
    data: Dataset, timestamps: Tensor | None = None, progress: ProgressCallback | None = None
) -> Audit:
    """Audit a data set; `timestamps` is Long[N]."""
    report = progress or (lambda stage, done, total: None)
    report("counting", 0, 1)
    counted = audit_data(data, timestamps)
    report("counting", 1, 1)
    return Audit(counted, order_signal(data, METRICS, SEEDS, report))


def order_signal(
    data: Dataset,
    metrics: Sequence[Metric] = METRICS,
    seeds: Sequence[int] = SEEDS,
    progress: ProgressCallback | None = None,
) -> tuple[OrderSignal, ...]:
    """What each metric of the transitions floor loses by shuffling, one shuffle a seed, two seeds
    at least.
    """
    report = progress or (lambda stage, done, total: None)
    total = 1 + len(seeds)
    report("transitions", 0, total)
    ordered = _ranks(data, data)
    shuffled = []
    for done, seed in enumerate(seeds, start=1):
        report("transitions, histories shuffled", done, total)
        shuffled.append(_ranks(*shuffle_histories(data, np.random.default_rng(seed))))
    report("transitions, histories shuffled", total, total)
    signals: list[OrderSignal] = []
    for metric in metrics:
        means = list(map(metric.mean, shuffled))
        signals.append(_signal(metric, metric.mean(ordered), means))
    return tuple(signals)


def shuffle_histories(data: Dataset, rng: np.random.Generator) -> tuple[Dataset, Dataset]:
    """The data to train on and the data to test on, from one random order of each user's history.

    In the second everything before a test target is in that order. In the first the training part
    is, so that it holds what it held before. Behaviours stay where they are: for models that read
    items only.
    """
    users = owners(data).cpu().numpy() - 1
    keys = rng.random(len(users))
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
    floor = Transitions().build(training.schema(REACH, with_position=False))
    floor.fit_statistics(training)
    return np.asarray(rank_split(floor, testing, "test", REACH).keep.numpy())


def _signal(metric: Metric, ordered: float, shuffled: Sequence[float]) -> OrderSignal:
    mean, deviation = float(np.mean(shuffled)), float(np.std(shuffled, ddof=1))
    return OrderSignal(
        metric.name,
        ordered,
        mean,
        deviation,
        len(shuffled),
        1 - mean / ordered if ordered else None,
    )
