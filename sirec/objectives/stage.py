"""A stage of training: a task, the objectives it minimises, and how."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from sirec.data.tasks.rows import NextItem, Task
from sirec.errors import SirecError
from sirec.objectives.base import ObjectiveConfig
from sirec.objectives.item import ItemCrossEntropy


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Training until `epochs`, or until `metric` on validation has not risen for `patience`
    evaluations.

    The weights of the best evaluation are kept; with `keeps: last` nothing is evaluated and those
    of the last epoch are. `budget` is the average number of targets a step (the papers' batch
    size). Adam (0.9, 0.999, 1e-8), constant rate.
    """

    title: str = "train"
    task: Task = field(default_factory=NextItem)
    objectives: tuple[ObjectiveConfig, ...] = (ItemCrossEntropy(),)
    learning_rate: float = 0.001
    weight_decay: float = 0.0
    budget: int = 512
    epochs: int = 200
    evaluate_every: int = 1
    patience: int = 10
    metric: str = "Recall@20"
    keeps: Literal["best", "last"] = "best"

    def __post_init__(self) -> None:
        """Refuse settings under which nothing would be trained or selected."""
        for name in ("budget", "epochs", "evaluate_every", "patience"):
            if getattr(self, name) < 1:
                raise SirecError(f"{name} {getattr(self, name)} must be at least 1")
        if not self.learning_rate > 0:
            raise SirecError(f"learning_rate {self.learning_rate} must be positive")
        for part in self.objectives:
            if part.tasks and self.task.name not in part.tasks:
                raise SirecError(
                    f"objective {part.name} cannot read batches of task {self.task.name}",
                    f"it goes with: {', '.join(part.tasks)}",
                )
        if not self.objectives:
            raise SirecError("objectives: none is left", "a stage needs at least one, usually item")

    def without(self, objective: str) -> Stage:
        """The same stage with an objective left out."""
        return replace(
            self, objectives=tuple(part for part in self.objectives if part.name != objective)
        )
