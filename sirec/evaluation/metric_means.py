"""Means of metrics over users, of a run whose ranks of single users were not passed on.

Terms of a data set may forbid to publish what was derived from single users. Such a run has the
metrics that it stored, and nothing that needs ranks: no interval, no test, no group of users.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sirec.data.split import PARTS, HeldOutPart
from sirec.errors import SirecError
from sirec.evaluation.metrics import Metric
from sirec.evaluation.ranks import HistoryRule


@dataclass(frozen=True, eq=False)
class MetricMeans:
    """What is known of a run without its ranks; a `RankTable` answers the same questions.

    Attributes:
        means: means over users, by part, history rule and name of the metric.
        ties: by part the share of targets, 0 to 1, that tie with another item under `keep`.
        users: U, the number of users.
        targets: by part the number of users with a target.
        parts: the parts that have metrics.
    """

    means: Mapping[HeldOutPart, Mapping[HistoryRule, Mapping[str, float]]]
    ties: Mapping[HeldOutPart, float]
    users: int
    targets: Mapping[HeldOutPart, int]
    parts: tuple[HeldOutPart, ...] = PARTS

    def knows(self, metric: Metric, part: HeldOutPart, rule: HistoryRule) -> bool:
        """Whether the metric was stored; metrics that equal each other count as one.

        Args:
            metric: the metric.
            part: the held-out part.
            rule: the history rule.
        """
        return metric.usual.name in self.means[part][rule]

    def mean(self, metric: Metric, part: HeldOutPart, rule: HistoryRule) -> float:
        """The stored mean of a metric over the users with a target.

        Args:
            metric: the metric.
            part: the held-out part.
            rule: the history rule.

        Raises:
            SirecError: if the metric was not stored.
        """
        if not self.knows(metric, part, rule):
            known = ", ".join(self.means[part][rule])
            raise SirecError(
                f"{metric.name} is not known of a run without ranks", f"it has {known}"
            )
        return self.means[part][rule][metric.usual.name]
