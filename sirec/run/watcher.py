"""Who is told how the training of a run goes."""

from __future__ import annotations

from typing import Protocol

from sirec.objectives.stage import Stage
from sirec.training.progress import EpochReport


class Watcher(Protocol):
    """Who is told how a run goes: a progress bar, a test, nobody."""

    def stage(self, stage: Stage, epoch: int, best: tuple[int, float]) -> None:
        """A stage begins, or goes on.

        Args:
            stage: the stage.
            epoch: epochs of the stage that are done already.
            best: the best of them and its validation value.
        """

    def step(self, done: int, total: int) -> None:
        """A training step is done.

        Args:
            done: steps of the epoch that are done.
            total: steps of an epoch.
        """

    def epoch(self, report: EpochReport) -> None:
        """An epoch is done and saved."""

    def ranking(self, done: int, total: int) -> None:
        """Users were ranked in the final evaluation.

        Args:
            done: users that have been ranked.
            total: users to be ranked.
        """


class Silent:
    """Tells nobody. A watcher that is interested in one event overrides its method."""

    def stage(self, stage: Stage, epoch: int, best: tuple[int, float]) -> None:
        """Do nothing.

        Args:
            stage: the stage.
            epoch: epochs of the stage that are done already.
            best: the best of them and its validation value.
        """

    def step(self, done: int, total: int) -> None:
        """Do nothing.

        Args:
            done: steps of the epoch that are done.
            total: steps of an epoch.
        """

    def epoch(self, report: EpochReport) -> None:
        """Do nothing."""

    def ranking(self, done: int, total: int) -> None:
        """Do nothing.

        Args:
            done: users that have been ranked.
            total: users to be ranked.
        """
