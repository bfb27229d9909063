"""Training of one stage, epoch by epoch, resumable between epochs bit for bit.

All randomness of an epoch follows from (seed, stage, epoch): the order of rows from a NumPy
generator, dropout and drawn negatives from torch's. So a resumed run needs no saved generator
state, only weights, optimiser and counters.

Nothing is read back from an accelerator within a step: losses add up where they are and are looked
at every so many steps.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

from sirec.core.model import SequentialModel
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.rows import SequenceRows, deal
from sirec.errors import SirecError
from sirec.objectives.base import EncoderPass, LossTerm, Objective
from sirec.objectives.stage import Stage
from sirec.training.process_group import ProcessGroup
from sirec.training.stopping import Stopping
from sirec.training.table_gradients import KeptGradients

Precision = Literal["fp32", "bf16"]
Validate = Callable[[], Mapping[str, float]]  # the model as it stands -> validation metrics
OnStep = Callable[[int, int], None]  # steps done, steps in the epoch
STEPS_BETWEEN_CHECKS = {
    "cpu": 1,
    "cuda": 50,
}  # to know whether losses are finite is free only where there is no waiting


@dataclass(frozen=True)
class EpochReport:
    """What one epoch did. `losses` are unweighted means over steps; `valid` is empty where the
    epoch was not evaluated.
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
    """Where a run stands among its seeds and stages: what an epoch's randomness derives from."""

    seed: int
    stage: int = 0
    precision: Precision = "fp32"


@dataclass(eq=False)
class Trainer:
    """One stage on one data set: the model, the objectives' heads, the optimiser and the counters.

    In a `process_group` of several processes all must do the same with their trainers.
    """

    model: SequentialModel
    stage: Stage
    data: Dataset
    schema: Schema
    place: SeedKey
    process_group: ProcessGroup = field(default_factory=ProcessGroup)
    epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the task against the built model, build the objectives and list the rows."""
        _check_task(self.model, self.stage)
        self.process_group.check(self.stage)
        _seed_torch(self.place.seed, self.place.stage)
        self.objectives = nn.ModuleDict(
            {part.name: part.build_for(self.schema, self.model) for part in self.stage.objectives}
        ).to(self.data.items.device)
        for objective in self.objectives.values():
            cast(Objective, objective).fit_statistics(self.data)
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
        few = self.process_group.size == 1 and not any(
            part.reads_catalogue for part in self.stage.objectives
        )
        self.kept = KeptGradients.of(self.model, self.schema.items, few=few)
        self.stopping = Stopping(self.stage.patience)
        self.rows: SequenceRows = self.stage.task.rows(self.data, self.schema.max_length)
        if not len(self.rows):
            raise SirecError(
                f"{self.data.name}: no user has two training interactions, so there is nothing to train on"
            )
        self.steps = max(1, int(np.ceil(self.rows.target_counts.sum() / self.stage.budget)))

    @property
    def finished(self) -> bool:
        """Whether the last epoch has run or patience has run out."""
        return self.epoch >= self.stage.epochs or self.stopping.exhausted

    def run(self, validate: Validate, on_step: OnStep | None = None) -> Iterator[EpochReport]:
        """Train to the end, yielding after each epoch; the caller may save, draw or stop between
        epochs.

        Raises `SirecError` when the loss stops being finite; what was yielded before stays good.
        """
        self.process_group.broadcast(
            [*self.model.state_dict().values(), *self.objectives.state_dict().values()]
        )
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
                self.best_weights = {
                    name: value.detach().clone() for name, value in self.model.state_dict().items()
                }
            total = sum(self.weights[name] * value for name, value in losses.items())
            yield EpochReport(
                self.stage.title,
                self.epoch,
                total,
                losses,
                valid,
                is_best,
                trained - start,
                time.perf_counter() - trained,
                self.steps,
            )

    def restore_best(self) -> None:
        """Put the weights of the best evaluation back into the model."""
        if self.best_weights:
            self.model.load_state_dict(self.best_weights)

    def tensors(self) -> dict[str, Tensor]:
        """Everything a resumed stage needs that is a tensor, by name."""
        tensors = {f"model/{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {
            f"objectives/{name}": value for name, value in self.objectives.state_dict().items()
        }
        tensors |= {f"best/{name}": value for name, value in self.best_weights.items()}
        for name, parameter in self.parameters:
            tensors |= {
                f"adam/{name}/{key}": value
                for key, value in self.optimizer.state[parameter].items()
            }
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
            self.optimizer.state[parameter] = {
                key: value.to(parameter.device, copy=True) for key, value in state.items()
            }

    def parts(self, batch: Batch) -> dict[str, LossTerm]:
        """The unweighted loss of each objective on a batch, and its terms, from one pass of the
        encoder.
        """
        states = self.model.encode(batch)
        by_rows = bool(self.kept.tables)
        done = EncoderPass(
            batch, states, states.at(batch.target_slots), self.model.item_table(), by_rows
        )
        return {
            name: cast(Objective, objective).loss_term(self.model, done)
            for name, objective in self.objectives.items()
        }

    def _epoch(self, on_step: OnStep | None) -> dict[str, float]:
        entropy, device = (self.place.seed, self.place.stage, self.epoch), self.data.items.device
        rng = np.random.default_rng(
            np.random.SeedSequence(entropy)
        )  # deals the same steps to all of a team
        _seed_torch(*entropy, *self.process_group.entropy)
        self.model.train()
        self.objectives.train()
        totals = torch.zeros(len(self.objectives), dtype=torch.float64, device=device)
        every, done = STEPS_BETWEEN_CHECKS[device.type], 0
        for done, chosen in enumerate(
            deal(self.rows, self.stage.budget, self.stage.task.composition, rng), start=1
        ):
            totals += self._step(self.process_group.share(self.rows.take(chosen)))
            if done % every == 0:
                self._read(totals, done)
            if on_step:
                on_step(done, self.steps)
        return {name: total / done for name, total in self._read(totals, done).items()}

    def _step(self, rows: SequenceRows) -> Tensor:
        """One step of the optimiser from these rows and those of the team; the unweighted loss of
        each objective, [O].
        """
        self.optimizer.zero_grad(set_to_none=True)
        parts = self._parts_of(rows)
        weights = self.process_group.weights(
            [part.terms for part in parts.values()], self.data.items.device
        )
        if len(rows):
            terms = zip(parts.items(), weights, strict=True)
            torch.stack(
                [self.weights[name] * weight * part.loss for (name, part), weight in terms]
            ).sum().backward()
        mine = torch.stack(
            [
                weight * part.loss.detach()
                for part, weight in zip(parts.values(), weights, strict=True)
            ]
        )
        with self.kept.added_up():
            losses = self.process_group.all_reduce_gradients(
                [parameter for _, parameter in self.parameters], mine
            )
            self.optimizer.step()
        return losses

    def _parts_of(self, rows: SequenceRows) -> dict[str, LossTerm]:
        """What a team's steps leave to each of its processes may be nothing."""
        if not len(rows):
            return dict.fromkeys(
                self.objectives, LossTerm(torch.zeros((), device=self.data.items.device), 0)
            )
        batch = self.stage.task.batch(self.data, rows, self.schema.max_length)
        with _autocast(self.place.precision, batch.items.device):
            return self.parts(batch)

    def _read(self, totals: Tensor, step: int) -> dict[str, float]:
        """The sums of losses up to a step as numbers. Raises `SirecError` where one is not
        finite.
        """
        values = dict(zip(self.objectives, totals.tolist(), strict=True))
        if not all(math.isfinite(value) for value in values.values()):
            raise _diverged(self.stage, self.epoch + 1, step, values)
        return values


def _seed_torch(*entropy: int) -> np.random.SeedSequence:
    """Seed torch from these numbers; the sequence serves NumPy's generators too."""
    sequence = np.random.SeedSequence(entropy)
    torch.manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1)))
    return sequence


def _check_task(model: SequentialModel, stage: Stage) -> None:
    """A task may only show a model what the built model can bear."""
    if stage.task.visible not in model.visibilities:
        raise _cannot_train(model, stage, "it has no vector for a gap", "gaps")
    if stage.task.every_position and not model.causal:
        raise _cannot_train(
            model, stage, "its states read the whole window, so targets would leak", "causal"
        )


def _cannot_train(model: SequentialModel, stage: Stage, why: str, lacks: str) -> SirecError:
    """The error, with the task that goes with every model and the setting by which this one could
    do it, if there is one.
    """
    task, remedy = f"stages.{stage.title}.task=last_item", model.remedies.get(lacks)
    hint = f"set {task} or {remedy}" if remedy else f"set {task}"
    return SirecError(f"{model.name} cannot train on task {stage.task.name}: {why}", hint)


def _autocast(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    return (
        torch.autocast(device.type, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()
    )


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _diverged(stage: Stage, epoch: int, step: int, totals: Mapping[str, float]) -> SirecError:
    which = ", ".join(name for name, total in totals.items() if not math.isfinite(total))
    return SirecError(
        f"stage {stage.title}, epoch {epoch}, step {step}: the loss of {which} is not finite",
        f"the state after epoch {epoch - 1} is kept; lower learning_rate (now {stage.learning_rate})",
    )
