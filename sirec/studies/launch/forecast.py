"""How many trainings a question needs, and about how long they take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from sirec.core.model import SequentialModel
from sirec.data.dataset import Dataset
from sirec.run.build import set_up, torch_state_restored
from sirec.run.config import RunConfig
from sirec.run.device import device_named
from sirec.run.execute import folder_of
from sirec.run.store import RunFolder, Store
from sirec.studies.spec.plan import PlannedRun
from sirec.training.fit import Trainer
from sirec.training.progress import SeedKey

TYPICAL_EPOCHS = 25  # of a stage that stops by itself
ENOUGH_SECONDS, ENOUGH_STEPS = 3.0, 30  # of a timing
VALIDATION = 1.25  # of an epoch's time, with its validation
MINUTE, HOUR = 60, 3600


@dataclass(frozen=True)
class WorthForecast:
    """What is still to be trained.

    Attributes:
        trainings: how many runs there are.
        done: how many of them have finished.
        seconds: about how long a run takes.
        most_seconds: how long it takes if it does not stop by itself.
        is_measured: whether finished runs say so, and not a timing of some steps.
        jobs: how many are trained at a time.
        epochs: after how many epochs a timed run is thought to stop; None where all are needed.
    """

    trainings: int
    done: int
    seconds: float
    most_seconds: float
    is_measured: bool
    jobs: int
    epochs: int | None = None

    @property
    def text(self) -> str:
        """The forecast in a sentence."""
        left = self.trainings - self.done
        if left == 0:
            return f"{self.trainings} trainings, all of which are done"
        done = f", of which {self.done} are done" if self.done else ""
        rounds = -(-left // self.jobs)
        if self.is_measured:
            basis = " as those that are done took"
        else:
            basis = f" if each stops after {self.epochs} epochs" if self.epochs else ""
        at_once = f", {self.jobs} at a time" if self.jobs > 1 else ""
        return (
            f"{self.trainings} trainings{done}{at_once}: about "
            f"{duration(rounds * self.seconds)}{basis}, "
            f"at most {duration(rounds * self.most_seconds)}"
        )


def duration(seconds: float) -> str:
    """A duration in words: `40 s`, `12 min`, `3.5 h`.

    >>> duration(40), duration(700), duration(12600)
    ('40 s', '12 min', '3.5 h')
    """
    if seconds < 2 * MINUTE:
        return f"{max(1, round(seconds))} s"
    if seconds < 2 * HOUR:
        return f"{round(seconds / MINUTE)} min"
    return f"{seconds / HOUR:.1f} h"


def forecast(
    runs: Sequence[PlannedRun], data: Dataset, store: Store, device: str, jobs: int
) -> WorthForecast:
    """How long the runs of a question take, from those that have finished, or from a timing.

    Args:
        runs: all planned runs; the first one is timed.
        data: the whole data set.
        store: where runs are kept.
        device: where they are trained.
        jobs: how many are trained at a time.
    """
    folders: dict[RunFolder, None] = {}
    for run in runs:
        folders[folder_of(run.config, data, store)] = None
    finished = [folder for folder in folders if folder.is_done]
    limits = [stage.epochs for stage in runs[0].config.stages]
    if finished:
        seconds, epochs = _spent(finished)
        most = seconds * sum(limits) / max(epochs, 1)
    else:
        each = epoch_seconds(runs[0].config, data, device)
        seconds = most = 0.0
        typical = typical_epochs(runs[0].config)
        for limit, epochs, epoch in zip(limits, typical, each, strict=True):
            seconds += epoch * epochs
            most += epoch * limit
    epochs_told = TYPICAL_EPOCHS if max(limits) > TYPICAL_EPOCHS and not finished else None
    return WorthForecast(
        len(folders), len(finished), seconds, most, bool(finished), jobs, epochs_told
    )


def typical_epochs(config: RunConfig) -> list[int]:
    """About how many epochs each stage has; one that stops by itself a typical number.

    Args:
        config: configuration of the run.
    """
    epochs: list[int] = []
    for stage in config.stages:
        typical = TYPICAL_EPOCHS if stage.keeps == "best" else stage.epochs
        epochs.append(min(typical, stage.epochs))
    return epochs


def epoch_seconds(config: RunConfig, data: Dataset, device: str) -> list[float]:
    """About how long an epoch of each stage takes, from some steps of it.

    Args:
        config: configuration of the run.
        data: the whole data set.
        device: where it would be trained.
    """
    found: list[float] = []
    with torch_state_restored():
        for index, stage in enumerate(config.stages):
            built = set_up(config, data, device_named(device))
            model = cast(SequentialModel, built.model)
            key = SeedKey(config.seed, index, config.precision)
            trainer = Trainer(model, stage, built.data, built.schema, key)
            found.append(_timed(trainer) * trainer.steps * VALIDATION)
    return found


class _EnoughError(Exception):
    """Enough steps have been timed."""


def _timed(trainer: Trainer) -> float:
    """Seconds of a step; the first one, which is slower, does not count."""
    moments: list[float] = []

    def on_step(done: int, total: int) -> None:
        moments.append(time.perf_counter())
        spent = moments[-1] - moments[0]
        if len(moments) > 1 and (spent > ENOUGH_SECONDS or len(moments) > ENOUGH_STEPS):
            raise _EnoughError

    with suppress(_EnoughError):
        next(trainer.run(lambda: {trainer.stage.metric: 0.0}, on_step))
    gaps: Any = np.diff(moments)
    return float(np.median(gaps)) if len(gaps) else 0.0


def _spent(folders: Sequence[RunFolder]) -> tuple[float, float]:
    """Mean seconds and mean epochs of finished runs."""
    seconds: list[float] = []
    epochs: list[int] = []
    for folder in folders:
        timings = folder.timings()
        seconds.append(sum(timings["train_seconds"]) + sum(timings["valid_seconds"]))
        epochs.append(timings["epochs"])
    return float(np.mean(seconds)), float(np.mean(epochs))
