"""When to stop: patience on a validation metric, and which epoch was the best."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Stopping:
    """Counts evaluations without a strictly larger metric.

    `best` is the largest value seen and `best_epoch` its epoch (1-based; 0: none yet).
    """

    patience: int
    best: float = float("-inf")
    best_epoch: int = 0
    without_gain: int = 0

    def update(self, epoch: int, value: float) -> bool:
        """Take the value of an evaluation; whether it is the best so far."""
        if value > self.best:
            self.best, self.best_epoch, self.without_gain = value, epoch, 0
            return True
        self.without_gain += 1
        return False

    @property
    def exhausted(self) -> bool:
        """Whether patience has run out."""
        return self.without_gain >= self.patience
