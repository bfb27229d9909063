"""How long a list of runs still takes, from the epochs that were seen of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from rich.progress import Task, TimeRemainingColumn
from rich.text import Text


@dataclass(eq=False)
class TimeLeft:
    """The time left of a list of runs, each weighed by its epochs and their seconds.

    A count of runs says little: baselines without training take no time, and one model's epoch a
    hundred times another's. So each run counts with the epochs that it probably still has, at its
    own mean seconds an epoch; a run that has not begun at the mean of those that have.

    Attributes:
        epochs: label -> epochs that a run which has not ended probably still has.
        seconds: label -> seconds of each epoch that was seen.
        running: labels of the runs that are being trained.
        at: when an epoch last ended.
    """

    epochs: dict[str, float]
    seconds: dict[str, list[float]] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    at: float = field(default_factory=time.monotonic)

    def begins(self, label: str) -> None:
        """A run is about to be trained."""
        self.running.add(label)

    def epoch(self, label: str, left: float, seconds: float) -> None:
        """An epoch has ended.

        Args:
            label: label of its run.
            left: epochs that the run probably still has.
            seconds: how long the epoch took, with its validation.
        """
        self.epochs[label] = left
        self.seconds.setdefault(label, []).append(seconds)
        self.at = time.monotonic()

    def ends(self, label: str) -> None:
        """A run has ended."""
        self.epochs.pop(label, None)
        self.running.discard(label)

    def estimate(self) -> float | None:
        """Seconds until all runs have ended; None as long as no epoch has."""
        means: dict[str, float] = {}
        for label, seconds in self.seconds.items():
            means[label] = sum(seconds) / len(seconds)
        if not means:
            return None
        usual = sum(means.values()) / len(means)
        total = 0.0
        for label, epochs in self.epochs.items():
            total += epochs * means.get(label, usual)
        at_once = max(1, len(self.running))
        since = time.monotonic() - self.at
        return max(total / at_once - since, 0.0)


class TimeLeftColumn(TimeRemainingColumn):
    """The time left: where a bar has the field `time_left`, by that, else by its own speed."""

    def render(self, task: Task) -> Text:
        """The text of one bar."""
        known: TimeLeft | None = task.fields.get("time_left")
        if known is None:
            return super().render(task)
        seconds = known.estimate()
        shown = "-:--:--" if seconds is None else str(timedelta(seconds=round(seconds)))
        return Text(shown, style="progress.remaining")


def expected(epochs: Mapping[str, int]) -> TimeLeft:
    """The time left of runs that have not begun.

    Args:
        epochs: label -> epochs that each probably has; 0 for what is not trained.
    """
    return TimeLeft({label: float(count) for label, count in epochs.items()})
