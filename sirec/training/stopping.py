"""When to stop: patience on a validation metric, and which epoch was the best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from sirec.config import Range


@dataclass
class Stopping:
    """Counts evaluations without a strictly larger metric.

    Attributes:
        patience: how many of them end training.
        best: the largest value so far; minus infinity before the first evaluation.
        best_epoch: its epoch, from 1; 0 before the first evaluation.
        without_gain: how many evaluations have passed since.
    """

    patience: int
    best: Annotated[float, Range(is_finite=False)] = float("-inf")
    best_epoch: int = 0
    without_gain: int = 0

    def update(self, epoch: int, value: float) -> bool:
        """Count an evaluation.

        Args:
            epoch: the epoch after which it was made, from 1.
            value: value of the metric.

        Returns:
            Whether it is the largest so far.
        """
        if value > self.best:
            self.best, self.best_epoch, self.without_gain = value, epoch, 0
            return True
        self.without_gain += 1
        return False

    @property
    def exhausted(self) -> bool:
        """Whether patience has run out."""
        return self.without_gain >= self.patience
