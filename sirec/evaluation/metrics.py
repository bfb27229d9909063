"""Accuracy as a function of the target's rank. A user has one target, so each metric reads one
number per user.

    Recall@K = [r ≤ K]        NDCG@K = [r ≤ K] / log2(r + 1)        MRR@K = [r ≤ K] / r

r may be half of an odd number (ties, see `ranks.py`); ranks come doubled, as integers. A metric of
a model is the mean over users. A user without a target has the doubled rank 0 and is left out: R of
U users are ranked.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sirec.errors import SirecError

MetricValues = npt.NDArray[np.float64]
Doubled = npt.NDArray[np.integer]
MetricKind = Literal["Recall", "NDCG", "MRR"]

UNRANKED = 0  # the doubled rank of a user without a target


def ranked(doubled: Doubled) -> npt.NDArray[np.bool_]:
    """Bool[U]: the users who have a target."""
    return np.asarray(doubled != UNRANKED)


def recall(doubled: Doubled, cutoff: int) -> MetricValues:
    """1 where the target is among the first `cutoff`, else 0: Float[R] of doubled ranks Int[R]."""
    return (doubled <= 2 * cutoff).astype(np.float64)


def ndcg(doubled: Doubled, cutoff: int) -> MetricValues:
    """1 / log2(rank + 1) where the target is among the first `cutoff`, else 0: Float[R] of doubled
    ranks Int[R].
    """
    return recall(doubled, cutoff) / np.log2(doubled / 2 + 1)


def mrr(doubled: Doubled, cutoff: int) -> MetricValues:
    """1 / rank where the target is among the first `cutoff`, else 0: Float[R] of doubled ranks
    Int[R].
    """
    return recall(doubled, cutoff) / (doubled / 2)


# What other toolkits call them; with one target per user a hit rate is a recall.
ALIASES: Mapping[str, str] = dict.fromkeys(("hr", "hit", "hits", "hitrate", "r"), "recall") | {
    "n": "ndcg",
    "rr": "mrr",
}
KINDS: Mapping[MetricKind, Callable[[Doubled, int], MetricValues]] = {
    "Recall": recall,
    "NDCG": ndcg,
    "MRR": mrr,
}


@dataclass(frozen=True)
class Metric:
    """A metric at a cutoff; higher is better, 0 to 1."""

    kind: MetricKind
    cutoff: int

    @property
    def name(self) -> str:
        """As it is printed: `Recall@20`."""
        return f"{self.kind}@{self.cutoff}"

    def per_user(self, doubled: Doubled) -> MetricValues:
        """Float[R]: the metric of each ranked user, in order, from doubled ranks Int[U]."""
        return KINDS[self.kind](doubled[ranked(doubled)], self.cutoff)

    def mean(self, doubled: Doubled) -> float:
        """The mean over ranked users."""
        return float(self.per_user(doubled).mean())


def parse_metric(text: str) -> Metric:
    """The metric that a person wrote as `Recall@20`; case is ignored. Raises `SirecError` for
    anything else.

    >>> parse_metric("ndcg@10").name
    'NDCG@10'
    """
    kind, _, cutoff = text.strip().partition("@")
    kinds = {name.lower(): name for name in KINDS}
    if kind.lower() not in kinds:
        near = difflib.get_close_matches(ALIASES.get(kind.lower(), kind.lower()), kinds, n=1)
        guess = f"did you mean '{kinds[near[0]]}@{cutoff or 20}'? " if near else ""
        raise SirecError(
            f"'{text}' is not a metric",
            f"{guess}metrics: {', '.join(f'{name}@K' for name in KINDS)}",
        )
    if not cutoff.isdecimal() or int(cutoff) < 1:
        raise SirecError(
            f"'{text}' has no cutoff",
            f"write a whole number of 1 or more after '@': {kinds[kind.lower()]}@20",
        )
    return Metric(kinds[kind.lower()], int(cutoff))


def parse_metrics(texts: Sequence[str]) -> tuple[Metric, ...]:
    """The metrics that a person wrote, in their order, each once: a test that is made twice is
    corrected for twice.

    >>> [metric.name for metric in parse_metrics(["recall@20", "NDCG@10", "Recall@20"])]
    ['Recall@20', 'NDCG@10']
    """
    return tuple(dict.fromkeys(map(parse_metric, texts)))


DEFAULT_METRICS: tuple[Metric, ...] = (
    Metric("Recall", 10),
    Metric("Recall", 20),
    Metric("NDCG", 10),
    Metric("NDCG", 20),
)


def summarise(doubled: Doubled, metrics: Sequence[Metric] = DEFAULT_METRICS) -> dict[str, float]:
    """Name and mean of each metric, from doubled ranks Int[U]."""
    return {metric.name: metric.mean(doubled) for metric in metrics}
