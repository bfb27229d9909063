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
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from sirec.config import load as load_config
from sirec.core.kernels.devices import device_kind
from sirec.core.model import SequentialModel
from sirec.data.dataset import Dataset
from sirec.data.fields import Schema
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.rows import SequenceRows, deal
from sirec.data.tensors import check_tensors
from sirec.errors import SirecError
from sirec.objectives.base import EncoderPass, LossTerm, Objective
from sirec.objectives.stage import Stage
from sirec.training.process_group import ProcessGroup
from sirec.training.progress import EpochReport, OnStep, Precision, SeedKey, Validate
from sirec.training.stopping import Stopping
from sirec.training.table_gradients import KeptGradients

# Reading the losses waits for an accelerator, so that they are checked now and then.
STEPS_BETWEEN_CHECKS = {"cpu": 1, "accelerator": 50}


@dataclass(frozen=True)
class _Counters:
    """What `Trainer.counters` gives."""

    epoch: int
    stopping: Stopping


@dataclass(eq=False)
class Trainer:
    """One stage of training on one data set.

    In a group of several processes all must call the same methods of their trainers.

    Attributes:
        model: the model.
        stage: task, objectives and settings.
        data: the data in use, on the model's device.
        schema: the fields in use and the length of the window.
        seed_key: what randomness derives from.
        process_group: the processes that train together.
        epoch: how many epochs are done.
        best_weights: the model's weights after the best evaluation so far.
    """

    model: SequentialModel
    stage: Stage
    data: Dataset
    schema: Schema
    seed_key: SeedKey
    process_group: ProcessGroup = field(default_factory=ProcessGroup)
    epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the task against the built model, build the objectives and list the rows."""
        _check_task(self.model, self.stage)
        self.process_group.check(self.stage)
        _seed_torch(self.seed_key.seed, self.seed_key.stage)
        self.objectives = nn.ModuleDict()
        self.weights: dict[str, float] = {}
        for objective in self.stage.objectives:
            self.objectives[objective.name] = objective.build_for(self.schema, self.model)
            self.weights[objective.name] = objective.weight
        self.objectives.to(self.data.items.device)
        for loss in self.objectives.values():
            cast(Objective, loss).fit_statistics(self.data)
        self.parameters = self._trained_parameters()
        self.optimizer = torch.optim.Adam(
            [parameter for _, parameter in self.parameters],
            lr=self.stage.learning_rate,
            betas=(self.stage.beta1, self.stage.beta2),
            weight_decay=self.stage.weight_decay,
            fused=True,
        )
        reads_catalogue = any(objective.reads_catalogue for objective in self.stage.objectives)
        few = self.process_group.size == 1 and not reads_catalogue
        self.kept = KeptGradients.of(self.model, self.schema.items, few=few)
        self.stopping = Stopping(self.stage.patience)
        self.rows: SequenceRows = self.stage.task.rows(self.data, self.schema.max_length)
        if not len(self.rows):
            raise SirecError(
                f"{self.data.name}: no user has two training interactions, "
                "so there is nothing to train on"
            )
        self.steps = max(1, int(np.ceil(self.rows.target_counts.sum() / self.stage.budget)))

    @property
    def finished(self) -> bool:
        """Whether the last epoch has run or patience has run out."""
        return self.epoch >= self.stage.epochs or self.stopping.exhausted

    def run(self, validate: Validate, on_step: OnStep | None = None) -> Iterator[EpochReport]:
        """Train to the end.

        Args:
            validate: evaluates the model and returns validation metrics.
            on_step: called after every step with the steps done and the steps of the epoch.

        Yields:
            A report after each epoch; the caller may save, show or stop between epochs.

        Raises:
            SirecError: if the loss stops being finite; what was yielded before stays valid.
        """
        self.process_group.broadcast(
            [*self.model.state_dict().values(), *self.objectives.state_dict().values()]
        )
        while not self.finished:
            start = time.perf_counter()
            losses = self._epoch(on_step)
            trained = time.perf_counter()
            self.epoch += 1
            valid: dict[str, float] = {}
            is_best = False
            if self._is_evaluated(self.epoch):
                valid = dict(validate())
                is_best = self.stopping.update(self.epoch, valid[self.stage.metric])
            if is_best:
                self.best_weights = self._copied_weights()
            yield EpochReport(
                stage=self.stage.title,
                epoch=self.epoch,
                loss=sum(self.weights[name] * value for name, value in losses.items()),
                losses=losses,
                valid=valid,
                is_best=is_best,
                train_seconds=trained - start,
                valid_seconds=time.perf_counter() - trained,
                steps=self.steps,
            )

    def restore_best(self) -> None:
        """Put the weights of the best evaluation back into the model."""
        if self.best_weights:
            self.model.load_state_dict(self.best_weights)

    def tensors(self) -> dict[str, Tensor]:
        """The tensors that a resumed stage needs, by name."""
        tensors: dict[str, Tensor] = {}
        for name, value in self.model.state_dict().items():
            tensors[f"model/{name}"] = value
        for name, value in self.objectives.state_dict().items():
            tensors[f"objectives/{name}"] = value
        for name, value in self.best_weights.items():
            tensors[f"best/{name}"] = value
        for name, parameter in self.parameters:
            for key, value in self.optimizer.state[parameter].items():
                tensors[f"adam/{name}/{key}"] = value
        return tensors

    def counters(self) -> dict[str, Any]:
        """The numbers that a resumed stage needs."""
        return {"epoch": self.epoch, "stopping": asdict(self.stopping)}

    def restore(self, tensors: Mapping[str, Tensor], counters: Mapping[str, Any]) -> None:
        """Continue where another process stopped.

        Args:
            tensors: what its `tensors()` gave.
            counters: what its `counters()` gave.

        Raises:
            SirecError: if they are not of this stage, or damaged.
        """
        resumed = load_config(_Counters, dict(counters), "counters")
        if not 0 <= resumed.epoch <= self.stage.epochs:
            raise SirecError(f"counters: epoch {resumed.epoch} of {self.stage.epochs}")
        self._check(tensors)
        self.epoch, self.stopping = resumed.epoch, resumed.stopping
        self.model.load_state_dict(_under("model/", tensors))
        self.objectives.load_state_dict(_under("objectives/", tensors))
        self.best_weights = _under("best/", tensors)
        for name, parameter in self.parameters:
            state: dict[str, Tensor] = {}
            for key, value in _under(f"adam/{name}/", tensors).items():
                state[key] = value.to(parameter.device, copy=True)
            self.optimizer.state[parameter] = state

    def _check(self, tensors: Mapping[str, Tensor]) -> None:
        """Refuse tensors that are not those of this stage: a fused step would read past them."""
        expected: dict[str, Tensor] = {}
        for name, value in self.model.state_dict().items():
            expected[f"model/{name}"] = value
            if any(key.startswith("best/") for key in tensors):
                expected[f"best/{name}"] = value
        for name, value in self.objectives.state_dict().items():
            expected[f"objectives/{name}"] = value
        for name, parameter in self.parameters:
            if _under(f"adam/{name}/", tensors):  # none where no gradient has reached it yet
                expected[f"adam/{name}/step"] = torch.zeros((), dtype=torch.float32)
                expected[f"adam/{name}/exp_avg"] = parameter
                expected[f"adam/{name}/exp_avg_sq"] = parameter
        check_tensors(tensors, expected, "tensors")

    def loss_terms(self, batch: Batch) -> dict[str, LossTerm]:
        """The unweighted loss of each objective on a batch, from one pass of the encoder."""
        states = self.model.encode(batch)
        by_rows = bool(self.kept.tables)
        done = EncoderPass(
            batch, states, states.at(batch.target_slots), self.model.item_table(), by_rows
        )
        terms: dict[str, LossTerm] = {}
        for name, objective in self.objectives.items():
            terms[name] = cast(Objective, objective).loss_term(self.model, done)
        return terms

    def _trained_parameters(self) -> list[tuple[str, nn.Parameter]]:
        """Name and parameter of all that is trained: the model's, then the objectives' heads."""
        named = [*self.model.named_parameters(prefix="model")]
        named += self.objectives.named_parameters(prefix="objectives")
        return [(name, parameter) for name, parameter in named if parameter.requires_grad]

    def _copied_weights(self) -> dict[str, Tensor]:
        weights = self.model.state_dict()
        return {name: value.detach().clone() for name, value in weights.items()}

    def _is_evaluated(self, epoch: int) -> bool:
        if self.stage.keeps != "best":
            return False
        return epoch % self.stage.evaluate_every == 0 or epoch == self.stage.epochs

    def _epoch(self, on_step: OnStep | None) -> dict[str, float]:
        entropy, device = (
            (self.seed_key.seed, self.seed_key.stage, self.epoch),
            self.data.items.device,
        )
        # The same generator, and so the same steps, in all processes of the group.
        rng = np.random.default_rng(np.random.SeedSequence(entropy))
        _seed_torch(*entropy, *self.process_group.entropy)
        self.model.train()
        self.objectives.train()
        totals = torch.zeros(len(self.objectives), dtype=torch.float64, device=device)
        every, done = STEPS_BETWEEN_CHECKS[device_kind(device)], 0
        steps = deal(self.rows, self.stage.budget, self.stage.task.composition, rng)
        for done, chosen in enumerate(steps, start=1):
            totals += self._step(self.process_group.shard(self.rows.take(chosen)))
            if done % every == 0:
                self._read(totals, done)
            if on_step:
                on_step(done, self.steps)
        return {name: total / done for name, total in self._read(totals, done).items()}

    def _step(self, rows: SequenceRows) -> Tensor:
        """One step of the optimiser on these rows and those of the other processes.

        Returns:
            Float[O], the unweighted loss of each objective over all processes.
        """
        self.optimizer.zero_grad(set_to_none=True)
        terms = self._terms_of_shard(rows)
        counts = [term.terms for term in terms.values()]
        fractions = self.process_group.weights(counts, self.data.items.device)
        weighted: list[Tensor] = []
        unweighted: list[Tensor] = []
        for (name, term), fraction in zip(terms.items(), fractions, strict=True):
            weighted.append(self.weights[name] * fraction * term.loss)
            unweighted.append(fraction * term.loss.detach())
        if len(rows):
            torch.stack(weighted).sum().backward()
        parameters = [parameter for _, parameter in self.parameters]
        with self.kept.added_up():
            losses = self.process_group.all_reduce_gradients(parameters, torch.stack(unweighted))
            self.optimizer.step()
        return losses

    def _terms_of_shard(self, rows: SequenceRows) -> dict[str, LossTerm]:
        """The loss of each objective on the rows of this process, which may be none."""
        if not len(rows):
            nothing = LossTerm(torch.zeros((), device=self.data.items.device), 0)
            return dict.fromkeys(self.objectives, nothing)
        batch = self.stage.task.batch(self.data, rows, self.schema.max_length)
        with _autocast(self.seed_key.precision, batch.items.device):
            return self.loss_terms(batch)

    def _read(self, totals: Tensor, step: int) -> dict[str, float]:
        """The sums of losses up to a step, as numbers; raises `SirecError` if one is not finite."""
        values = dict(zip(self.objectives, totals.tolist(), strict=True))
        if not all(map(math.isfinite, values.values())):
            raise _diverged(self.stage, self.epoch + 1, step, values)
        return values


def _seed_torch(*entropy: int) -> np.random.SeedSequence:
    """Seed torch from these numbers; the sequence serves NumPy's generators too."""
    sequence = np.random.SeedSequence(entropy)
    torch.manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1)))
    return sequence


def _check_task(model: SequentialModel, stage: Stage) -> None:
    """Raise `SirecError` if the model cannot be trained on the stage's task."""
    if stage.task.visible not in model.visibilities:
        raise _cannot_train(model, stage, "it has no vector for a masked item", "gaps")
    if stage.task.every_position and not model.causal:
        raise _cannot_train(
            model, stage, "its states read the whole window, so targets would leak", "causal"
        )


def _cannot_train(model: SequentialModel, stage: Stage, why: str, lacks: str) -> SirecError:
    """The error; its hint names a task for every model, and the setting that is the remedy."""
    task, remedy = f"stages.{stage.title}.task=last_item", model.remedies.get(lacks)
    hint = f"set {task} or {remedy}" if remedy else f"set {task}"
    return SirecError(f"{model.name} cannot train on task {stage.task.name}: {why}", hint)


def _autocast(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    if precision == "bf16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, without it."""
    chosen: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if name.startswith(prefix):
            chosen[name.removeprefix(prefix)] = value
    return chosen


def _diverged(stage: Stage, epoch: int, step: int, totals: Mapping[str, float]) -> SirecError:
    which = ", ".join(name for name, total in totals.items() if not math.isfinite(total))
    return SirecError(
        f"stage {stage.title}, epoch {epoch}, step {step}: the loss of {which} is not finite",
        f"the state after epoch {epoch - 1} is kept; "
        f"lower learning_rate (now {stage.learning_rate})",
    )
