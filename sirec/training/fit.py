"""Training of one stage, epoch by epoch, resumable between epochs bit for bit.

All randomness of an epoch follows from (seed, stage, epoch): the order of rows from a NumPy generator, dropout and drawn
negatives from torch's. So a resumed run needs no saved generator state, only weights, optimiser and counters.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

from sirec.core.model import SequentialModel
from sirec.data.batch import Batch
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.tasks import Rows, deal
from sirec.errors import SirecError
from sirec.objectives.base import Objective, Pass
from sirec.objectives.stage import Stage
from sirec.training.stopping import Stopping

Precision = Literal["fp32", "bf16"]
Validate = Callable[[], Mapping[str, float]]  # the model as it stands -> validation metrics
OnStep = Callable[[int, int], None]  # steps done, steps in the epoch


@dataclass(frozen=True)
class EpochReport:
    """What one epoch did. `losses` are unweighted means over steps; `valid` is empty where the epoch was not evaluated."""

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
class Place:
    """Where a run stands among its seeds and stages: what an epoch's randomness derives from."""

    seed: int
    stage: int = 0
    precision: Precision = "fp32"


@dataclass(eq=False)
class Trainer:
    """One stage on one data set: the model, the objectives' heads, the optimiser and the counters."""

    model: SequentialModel
    stage: Stage
    data: Dataset
    schema: Schema
    place: Place
    epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the task against the built model, build the objectives and list the rows."""
        _check_task(self.model, self.stage)
        _seed_torch(self.place.seed, self.place.stage)
        self.objectives = nn.ModuleDict(
            {part.name: part.build_for(self.schema, self.model) for part in self.stage.objectives}
        ).to(self.data.items.device)
        for objective in self.objectives.values():
            cast(Objective, objective).count(self.data)
        self.weights = {part.name: part.weight for part in self.stage.objectives}
        self.parameters = [
            (name, parameter)
            for module, prefix in ((self.model, "model"), (self.objectives, "objectives"))
            for name, parameter in module.named_parameters(prefix=prefix)
            if parameter.requires_grad
        ]
        self.optimizer = torch.optim.Adam(
            [parameter for _, parameter in self.parameters],
            lr=self.stage.learning_rate,
            weight_decay=self.stage.weight_decay,
            fused=True,
        )
        self.stopping = Stopping(self.stage.patience)
        self.rows: Rows = self.stage.task.rows(self.data, self.schema.max_length)
        if not len(self.rows):
            raise SirecError(f"{self.data.name}: no user has two training interactions, so there is nothing to train on")
        self.steps = max(1, int(np.ceil(self.rows.target_counts.sum() / self.stage.budget)))

    @property
    def finished(self) -> bool:
        """Whether the last epoch has run or patience has run out."""
        return self.epoch >= self.stage.epochs or self.stopping.exhausted

    def run(self, validate: Validate, on_step: OnStep | None = None) -> Iterator[EpochReport]:
        """Train to the end, yielding after each epoch; the caller may save, draw or stop between epochs.

        Raises `SirecError` when the loss stops being finite; what was yielded before stays good.
        """
        while not self.finished:
            start = time.perf_counter()
            losses = self._epoch(on_step)
            trained = time.perf_counter()
            self.epoch += 1
            evaluates = self.stage.keeps == "best" and (
                self.epoch % self.stage.evaluate_every == 0 or self.epoch == self.stage.epochs
            )
            valid = dict(validate()) if evaluates else {}
            is_best = evaluates and self.stopping.update(self.epoch, valid[self.stage.metric])
            if is_best:
                self.best_weights = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
            total = sum(self.weights[name] * value for name, value in losses.items())
            yield EpochReport(
                self.stage.title, self.epoch, total, losses, valid, is_best,
                trained - start, time.perf_counter() - trained, self.steps,
            )  # fmt: skip

    def restore_best(self) -> None:
        """Put the weights of the best evaluation back into the model."""
        if self.best_weights:
            self.model.load_state_dict(self.best_weights)

    def tensors(self) -> dict[str, Tensor]:
        """Everything a resumed stage needs that is a tensor, by name."""
        tensors = {f"model/{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"objectives/{name}": value for name, value in self.objectives.state_dict().items()}
        tensors |= {f"best/{name}": value for name, value in self.best_weights.items()}
        for name, parameter in self.parameters:
            tensors |= {f"adam/{name}/{key}": value for key, value in self.optimizer.state[parameter].items()}
        return tensors

    def counters(self) -> dict[str, Any]:
        """Everything a resumed stage needs that is a number."""
        return {"epoch": self.epoch, "stopping": asdict(self.stopping)}

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, Any]) -> None:
        """Continue from `tensors()` and `counters()` of another process."""
        self.epoch = counters["epoch"]
        self.stopping = Stopping(**counters["stopping"])
        self.model.load_state_dict(_under("model/", tensors))
        self.objectives.load_state_dict(_under("objectives/", tensors))
        self.best_weights = _under("best/", tensors)
        for name, parameter in self.parameters:
            state = _under(f"adam/{name}/", tensors)
            self.optimizer.state[parameter] = {key: value.to(parameter.device, copy=True) for key, value in state.items()}

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """The unweighted loss of each objective on a batch, from one pass of the encoder."""
        states = self.model.encode(batch)
        done = Pass(batch, states, states.at(batch.target_slots), self.model.item_table())
        return {name: objective(self.model, done) for name, objective in self.objectives.items()}

    def _epoch(self, on_step: OnStep | None) -> dict[str, float]:
        rng = np.random.default_rng(_seed_torch(self.place.seed, self.place.stage, self.epoch))
        self.model.train()
        self.objectives.train()
        totals = {name: torch.zeros((), dtype=torch.float64) for name in self.objectives}
        task, done = self.stage.task, 0
        for done, chosen in enumerate(deal(self.rows, self.stage.budget, task.composition, rng), start=1):
            batch = task.batch(self.data, self.rows.take(chosen), self.schema.max_length)
            for name, value in self._step(batch).items():
                totals[name] += value.double().cpu()
            if not all(torch.isfinite(total) for total in totals.values()):
                raise _diverged(self.stage, self.epoch + 1, done, totals)
            if on_step:
                on_step(done, self.steps)
        return {name: float(total) / done for name, total in totals.items()}

    def _step(self, batch: Batch) -> dict[str, Tensor]:
        self.optimizer.zero_grad(set_to_none=True)
        with _autocast(self.place.precision, batch.items.device):
            losses = self.loss(batch)
            total = torch.stack([self.weights[name] * value for name, value in losses.items()]).sum()
        total.backward()
        self.optimizer.step()
        return {name: value.detach() for name, value in losses.items()}


def _seed_torch(*entropy: int) -> np.random.SeedSequence:
    """Seed torch from these numbers; the sequence serves NumPy's generators too."""
    sequence = np.random.SeedSequence(entropy)
    torch.manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1)))
    return sequence


def _check_task(model: SequentialModel, stage: Stage) -> None:
    """A task may only show a model what the built model can bear."""
    if stage.task.visible not in model.visibilities:
        raise SirecError(
            f"this model cannot train on {stage.task.name}: it does not support visible={stage.task.visible}",
            "only a model with mask_token: true can fill gaps" if stage.task.visible == "all" else None,
        )
    if stage.task.every_position and not model.causal:
        raise SirecError(
            f"this model cannot train on {stage.task.name}: its states read the whole window, so targets would leak",
            "use task last_item, or fusion_form masked",
        )


def _autocast(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    return torch.autocast(device.type, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _diverged(stage: Stage, epoch: int, step: int, totals: Mapping[str, Tensor]) -> SirecError:
    which = ", ".join(name for name, total in totals.items() if not torch.isfinite(total))
    return SirecError(
        f"stage {stage.title}, epoch {epoch}, step {step}: the loss of {which} is not finite",
        f"the state after epoch {epoch - 1} is kept; lower learning_rate (now {stage.learning_rate})",
    )
