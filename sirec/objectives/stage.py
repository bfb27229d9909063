"""A stage of training: a task, the objectives that it minimises, and the optimiser's settings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from sirec.config import check_numbers
from sirec.config.quantities import (
    EpochCount,
    EvaluationCount,
    LearningRate,
    MomentDecay,
    TargetCount,
    WeightDecay,
)
from sirec.data.tasks.base import Task
from sirec.data.tasks.next_item import NextItem
from sirec.errors import SirecError
from sirec.objectives.base import ObjectiveConfig
from sirec.objectives.item import ItemCrossEntropy


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Training until `epochs` are over, or until `metric` on validation has not risen for
    `patience` evaluations.

    The optimiser is Adam (ε 1e-8) with a constant learning rate.

    Attributes:
        title: name of the stage in configurations and logs.
        task: what the rows of a batch are and which slots they predict.
        objectives: the losses whose weighted sum is minimised.
        learning_rate: of Adam.
        weight_decay: of Adam, added to the gradient.
        beta1: of Adam, how much of the mean gradient stays at a step.
        beta2: of Adam, how much of the mean squared gradient stays at a step.
        budget: targets per step, on average; the papers' batch size.
        epochs: passes over the training rows, at most.
        evaluate_every: epochs between two evaluations on validation.
        patience: evaluations without a better one before the stage ends.
        metric: what is compared, such as `Recall@20`.
        keeps: `best` keeps the weights of the best evaluation; `last` evaluates nothing and keeps
            those of the last epoch.
    """

    title: str = "train"
    task: Task = field(default_factory=NextItem)
    objectives: tuple[ObjectiveConfig, ...] = (ItemCrossEntropy(),)
    learning_rate: LearningRate = 0.001
    weight_decay: WeightDecay = 0.0
    beta1: MomentDecay = 0.9
    beta2: MomentDecay = 0.999
    budget: TargetCount = 512
    epochs: EpochCount = 200
    evaluate_every: EpochCount = 1
    patience: EvaluationCount = 10
    metric: str = "Recall@20"
    keeps: Literal["best", "last"] = "best"

    def __post_init__(self) -> None:
        """Raises `SirecError` for settings under which nothing would be trained or selected."""
        check_numbers(self)
        for objective in self.objectives:
            if objective.tasks and self.task.name not in objective.tasks:
                raise SirecError(
                    f"objective {objective.name} cannot read batches of task {self.task.name}",
                    f"it goes with: {', '.join(objective.tasks)}",
                )
        if not self.objectives:
            raise SirecError("objectives: none is left", "a stage needs at least one, usually item")

    def without(self, objective: str) -> Stage:
        """The same stage without the objective of that name."""
        kept = tuple(part for part in self.objectives if part.name != objective)
        return replace(self, objectives=kept)
