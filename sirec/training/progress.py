"""What training tells its caller, and the numbers that its randomness derives from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Precision = Literal["fp32", "bf16"]
Validate = Callable[[], Mapping[str, float]]
"""Evaluates the model as it is now, and returns validation metrics by name."""
OnStep = Callable[[int, int], None]
"""Called after a step with the steps done and the steps of the epoch."""


@dataclass(frozen=True)
class EpochReport:
    """What one epoch did.

    Attributes:
        stage: title of the stage.
        epoch: number of the epoch, from 1.
        loss: mean weighted loss of a step.
        losses: mean unweighted loss of each objective, by name.
        valid: validation metrics, by name; empty where the epoch was not evaluated.
        is_best: whether the stage's metric is the best so far.
        train_seconds: seconds of training.
        valid_seconds: seconds of evaluation.
        steps: how many steps of the optimiser.
    """

    stage: str
    epoch: int
    loss: float
    losses: Mapping[str, float]
    valid: Mapping[str, float]
    is_best: bool
    train_seconds: float
    valid_seconds: float
    steps: int


@dataclass(frozen=True)
class SeedKey:
    """What the randomness of a stage derives from, and its precision.

    Attributes:
        seed: seed of the run.
        stage: number of the stage, from 0.
        precision: of matrix products, fp32 or bf16.
    """

    seed: int
    stage: int = 0
    precision: Precision = "fp32"
