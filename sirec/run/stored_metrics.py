"""The metrics that a run stores beside its ranks, and whether they are those of the ranks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sirec.config import load
from sirec.data.split import PARTS, HeldOutPart
from sirec.errors import SirecError
from sirec.evaluation.metrics import parse_metric
from sirec.evaluation.ranks import HistoryRule, RankTable

ROUNDING = 1e-9  # by which the same mean may differ on another processor


@dataclass(frozen=True)
class MetricsOfPart:
    """Metrics of validation or test by name, under each history rule."""

    keep: Mapping[str, float]
    mask: Mapping[str, float]


@dataclass(frozen=True)
class StoredMetrics:
    """What metrics.json holds."""

    valid: MetricsOfPart
    test: MetricsOfPart
    ties: Mapping[str, float]

    def means(self) -> dict[HeldOutPart, dict[HistoryRule, Mapping[str, float]]]:
        """The metrics by part, history rule and name."""
        found: dict[HeldOutPart, dict[HistoryRule, Mapping[str, float]]] = {}
        for part in PARTS:
            of_part: MetricsOfPart = getattr(self, part)
            found[part] = {"keep": of_part.keep, "mask": of_part.mask}
        return found

    def are_of(self, ranks: RankTable) -> bool:
        """Whether ranks have these metrics, each up to `ROUNDING`, and this share of ties."""
        if self.ties != ranks.ties:
            return False
        for part, by_rule in self.means().items():
            for rule, stored in by_rule.items():
                for name, value in stored.items():
                    computed = ranks.mean(parse_metric(name), part, rule)
                    if not math.isclose(value, computed, abs_tol=ROUNDING):
                        return False
        return True


def check_metrics(ranks: RankTable, read: Callable[[], Any], where: str, hint: str) -> None:
    """Check that stored metrics are those of ranks.

    Args:
        ranks: the ranks.
        read: reads the metrics.
        where: the file of the metrics.
        hint: what to do if they are not.

    Raises:
        SirecError: if the metrics cannot be read, or are other ones.
    """
    try:
        are_alike = load(StoredMetrics, read(), where).are_of(ranks)
    except SirecError as error:
        raise SirecError(error.message, hint) from None
    if not are_alike:
        raise SirecError(
            f"{where}: these are not the metrics of the ranks beside it: "
            "one of the two was changed",
            hint,
        )
