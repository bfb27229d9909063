"""Metrics of accuracy as functions of the target's rank.

A user has one target, so that each metric needs one number a user, the rank r of the target:

    Recall@K = [r ≤ K]        NDCG@K = [r ≤ K] / log2(r + 1)        MRR@K = [r ≤ K] / r

With one target, the hit rate HR@K is Recall@K, and the mean average precision MAP@K is MRR@K: the
only precision that is averaged is that at the target, 1 / r. Both have a name of their own, and
tables that show one say what it equals.

r may be half of an odd number (ties, see `ranks.py`); so ranks come doubled, as integers. The
metric of a model is the mean over users. A user without a target has the doubled rank 0 and is left
out: R of U users are ranked.

A new metric is an instance of `MetricKind`, here or in another package (entry-point group
`sirec.metrics`); `METRIC_KINDS` finds it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sirec.config import brief, check_number
from sirec.config.plain_values import MOST_DIGITS
from sirec.config.quantities import Cutoff
from sirec.errors import SirecError
from sirec.registry import Registry

MetricValues = npt.NDArray[np.float64]
Doubled = npt.NDArray[np.integer]

ONE_TARGET = "each user has one target."  # ends the notes on metrics that equal others
UNRANKED = 0  # the doubled rank of a user without a target


def ranked(doubled: Doubled) -> npt.NDArray[np.bool_]:
    """Bool[U]: the users who have a target, from doubled ranks Int[U]."""
    return np.asarray(doubled != UNRANKED)


def recall(doubled: Doubled, cutoff: int) -> MetricValues:
    """Recall@K: 1 where the target is among the first K items, else 0.

    Args:
        doubled: doubled ranks Int[R].
        cutoff: K.

    Returns:
        Float[R].
    """
    return (doubled <= 2 * cutoff).astype(np.float64)


def ndcg(doubled: Doubled, cutoff: int) -> MetricValues:
    """NDCG@K: 1 / log2(r + 1) where the target is among the first K items, else 0.

    Args:
        doubled: doubled ranks Int[R].
        cutoff: K.

    Returns:
        Float[R].
    """
    return recall(doubled, cutoff) / np.log2(doubled / 2 + 1)


def mrr(doubled: Doubled, cutoff: int) -> MetricValues:
    """MRR@K: 1 / r where the target is among the first K items, else 0.

    Args:
        doubled: doubled ranks Int[R].
        cutoff: K.

    Returns:
        Float[R].
    """
    return recall(doubled, cutoff) / (doubled / 2)


@dataclass(frozen=True)
class MetricKind:
    """A metric without its cutoff; higher is better.

    Attributes:
        name: the name in front of `@K`, as tables print it.
        per_user: computes the metric of each ranked user, Float[R], from doubled ranks Int[R], K.
        meaning: what the metric says, in one sentence.
        is_binary: whether the metric of a user is 0 or 1, so that McNemar's exact test applies.
        aliases: what other toolkits call it, in lower case; whoever writes one is told the name.
        equals: name of the metric that it equals as each user has one target; None for none.
    """

    name: str
    per_user: Callable[[Doubled, int], MetricValues]
    meaning: str
    is_binary: bool = False
    aliases: tuple[str, ...] = ()
    equals: str | None = None


RECALL = MetricKind(
    "Recall",
    recall,
    "The share of users whose target is among the first K items.",
    is_binary=True,
    aliases=("r",),
)
NDCG = MetricKind(
    "NDCG", ndcg, "The same, where a target counts the less the further down it is.", aliases=("n",)
)
MRR = MetricKind(
    "MRR", mrr, "The mean reciprocal rank of targets among the first K items.", aliases=("rr",)
)

HR = MetricKind(
    "HR",
    recall,
    "The hit rate, which is Recall: the share of users whose target is among the first K items.",
    is_binary=True,
    aliases=("hit", "hits", "hitrate", "hitratio"),
    equals="Recall",
)
MAP = MetricKind(
    "MAP",
    mrr,
    "The mean average precision, which with one target is MRR.",
    aliases=("ap",),
    equals="MRR",
)

METRIC_KINDS: Registry[MetricKind] = Registry(
    "metric", MetricKind, "sirec.evaluation.metrics", instances=True
)


@dataclass(frozen=True)
class Metric:
    """A metric at a cutoff.

    Attributes:
        kind: name of a `MetricKind`.
        cutoff: K, how many of the first items count.
    """

    kind: str
    cutoff: int

    @property
    def name(self) -> str:
        """The name as tables print it, for example `Recall@20`."""
        return f"{self.kind}@{self.cutoff}"

    @property
    def usual(self) -> Metric:
        """The metric under the name that published tables are stored by: Recall@20 for HR@20."""
        return Metric(METRIC_KINDS[self.kind].equals or self.kind, self.cutoff)

    def per_user(self, doubled: Doubled) -> MetricValues:
        """Float[R]: the metric of each ranked user, in order, from doubled ranks Int[U]."""
        return METRIC_KINDS[self.kind].per_user(doubled[ranked(doubled)], self.cutoff)

    def mean(self, doubled: Doubled) -> float:
        """The mean over ranked users, from doubled ranks Int[U]."""
        return float(self.per_user(doubled).mean())


def parse_metric(text: str) -> Metric:
    """The metric that a person wrote as `Recall@20`, in upper or lower case.

    Raises `SirecError` for anything else.

    >>> parse_metric("ndcg@10").name
    'NDCG@10'
    """
    kind, _, cutoff = text.strip().partition("@")
    names = {name.lower(): name for name in METRIC_KINDS}
    if kind.lower() not in names:
        raise _unknown_metric(text, kind.lower(), cutoff, names)
    name = names[kind.lower()]
    if not cutoff.isdecimal() or len(cutoff) > MOST_DIGITS or int(cutoff) < 1:
        raise SirecError(
            f"{brief(text)} has no cutoff",
            f"write a whole number of 1 or more after '@': {name}@20",
        )
    check_number(f"the cutoff of {name}", int(cutoff), Cutoff)
    return Metric(name, int(cutoff))


def _unknown_metric(text: str, kind: str, cutoff: str, names: dict[str, str]) -> SirecError:
    """The error for a metric that does not exist, with the one that may be meant."""
    meant = kind
    for metric in METRIC_KINDS.values():
        if kind in metric.aliases:
            meant = metric.name.lower()
    near = difflib.get_close_matches(meant, names, n=1)
    guess = f"did you mean '{names[near[0]]}@{cutoff or 20}'? " if near else ""
    known = ", ".join(f"{name}@K" for name in METRIC_KINDS)
    return SirecError(f"'{text}' is not a metric", f"{guess}metrics: {known}")


def parse_metrics(texts: Sequence[str]) -> tuple[Metric, ...]:
    """The metrics that a person wrote, in order, each of them once.

    A metric that is there twice would be corrected for twice among multiple tests.

    >>> [metric.name for metric in parse_metrics(["recall@20", "NDCG@10", "Recall@20"])]
    ['Recall@20', 'NDCG@10']
    """
    return tuple(dict.fromkeys(map(parse_metric, texts)))


def one_target_notes(metrics: Sequence[Metric]) -> list[str]:
    """What stands below a table that shows metrics which equal others.

    >>> one_target_notes([Metric("HR", 5), Metric("HR", 20), Metric("NDCG", 5)])
    ['HR@K is Recall@K here: each user has one target.']

    Args:
        metrics: the metrics that are shown.
    """
    notes: dict[str, None] = {}
    for metric in metrics:
        equal = METRIC_KINDS[metric.kind].equals
        if equal is not None:
            notes[f"{metric.kind}@K is {equal}@K here: {ONE_TARGET}"] = None
    return list(notes)


DEFAULT_METRICS: tuple[Metric, ...] = (
    Metric("Recall", 10),
    Metric("Recall", 20),
    Metric("NDCG", 10),
    Metric("NDCG", 20),
)


def summarise(doubled: Doubled, metrics: Sequence[Metric] = DEFAULT_METRICS) -> dict[str, float]:
    """The mean of each metric, by name.

    Args:
        doubled: doubled ranks Int[U].
        metrics: which metrics.
    """
    return {metric.name: metric.mean(doubled) for metric in metrics}
