"""Processes that form a team: `together` runs a function of this file in each of several and hands
back what they return.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import tiny as builders
import torch
from torch import Tensor, nn

from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.evaluation.full_ranking import rank_split
from sirec.models import MODELS
from sirec.objectives.alignment import ItemAttributeAlignment
from sirec.objectives.item import ItemCrossEntropy
from sirec.objectives.order import UserPreferenceAlignment
from sirec.training.fit import Trainer
from sirec.training.process_group import DistributedGroup, ProcessGroup, joined
from sirec.training.progress import SeedKey

LOCAL = "127.0.0.1"
BUDGET = 36  # of 224 targets: the last step holds two rows
UNDRAWN = (
    ItemCrossEntropy(),
    ItemAttributeAlignment(sample=None),
    UserPreferenceAlignment(mode="reversal", prefixes="all"),
)
OBJECTIVES = {
    "sasrec": None,
    "dif-sr": None,
    "comif": UNDRAWN,
}  # nothing of which is drawn; None: the model's own


def a_trainer(
    name: str, data: Dataset, process_group: ProcessGroup, dropout: float = 0.0, **switches: Any
) -> Trainer:
    """A model in double precision, the same in every process."""
    torch.manual_seed(5)
    schema = data.schema(builders.WINDOW, with_position=True)
    sizes = {**builders.SHAPE, "dropout": dropout, "attention_dropout": dropout}
    model = builders.sized(MODELS[name](), **sizes).build(schema).double()
    stage = MODELS[name].stages[0]
    settings = {
        "budget": BUDGET,
        "epochs": 2,
        "objectives": OBJECTIVES[name] or stage.objectives,
        "learning_rate": 0.01,
    }
    trainer = Trainer(
        model, replace(stage, **{**settings, **switches}), data, schema, SeedKey(3), process_group
    )
    trainer.objectives.double()
    return trainer


def trained(trainer: Trainer) -> dict[str, Any]:
    """Weights and losses after some epochs."""
    reports = list(trainer.run(lambda: {"Recall@20": 0.0}))
    return {"weights": trainer.tensors(), "losses": [report.losses for report in reports]}


class Unsummed(DistributedGroup):
    """A team that forgets to add up its gradients."""

    def all_reduce_gradients(self, parameters: Any, losses: Tensor) -> Tensor:
        return losses


class Unweighed(DistributedGroup):
    """A team that takes the mean of its means."""

    def weights(self, terms: Any, device: torch.device) -> Any:
        return [1 / self.size] * len(terms)


def laws(process_group: ProcessGroup) -> dict[str, Any]:
    """Everything that a team of three does and its processes can tell of."""
    data = builders.dataset()
    unsummed, unweighed = Unsummed(), Unweighed()
    return {
        "trained": {
            name: _arrays(trained(a_trainer(name, data, process_group))) for name in OBJECTIVES
        },
        "unsummed": _arrays(trained(a_trainer("sasrec", data, unsummed))),
        "unweighed": _arrays(trained(a_trainer("sasrec", data, unweighed))),
        "dropped": _arrays(trained(a_trainer("sasrec", data, process_group, dropout=0.5))),
        "shares": shares_of_steps(a_trainer("sasrec", data, process_group)),
        "ranks": ranks(data, process_group),
        "aligned": aligned(process_group),
        "said": process_group.broadcast_object(
            lambda: {"by": process_group.number, "not a number": float("nan"), "third": 1 / 3}
        ),
        "sent": _numpy(
            process_group.broadcast_tensors(
                {"a": torch.arange(3), "b": torch.ones(2, 2)} if process_group.is_main else {}
            )
        ),
        "gradients": unused_parameters(process_group),
        "refused": refused(process_group),
        "diverged": diverged(data, process_group),
        "draws": draws(process_group),
    }


def shares_of_steps(trainer: Trainer) -> list[int]:
    """How many rows of each step are this process's."""
    sizes: list[int] = []
    step = trainer._step
    trainer._step = lambda rows: sizes.append(len(rows)) or step(rows)  # type: ignore[method-assign, func-returns-value]
    trainer._epoch(None)
    return sizes


def ranks(data: Dataset, process_group: ProcessGroup) -> dict[str, Any]:
    """Ranks of a process's users, and of everybody's after they were added up."""
    model = a_trainer("dif-sr", data, ProcessGroup()).model.eval()
    mine = rank_split(model, data, "test", builders.WINDOW, some=process_group.users)
    return {
        "mine": mine.keep.numpy(),
        "all": [process_group.all_reduce_sum(column).numpy() for column in mine],
    }


def aligned(process_group: ProcessGroup) -> float:
    """A number that every process begins with another value of."""
    value = torch.tensor(float(process_group.number + 7))
    process_group.broadcast([value])
    return value.item()


def unused_parameters(process_group: ProcessGroup) -> list[Any]:
    """The gradients of a parameter that only one process has one of, and of one that none has."""
    one, none = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))
    if process_group.number == 1:
        one.grad = torch.tensor([1.0, 2.0])
    summed = process_group.all_reduce_gradients(
        [none, one], torch.tensor([float(process_group.number)])
    )
    return [none.grad, one.grad.tolist(), summed.tolist()]  # type: ignore[union-attr]


def refused(process_group: ProcessGroup) -> str:
    """What is said of a model whose rows compete with each other."""
    try:
        process_group.check(MODELS["mssr"].stages[0])
    except SirecError as error:
        return error.message
    return "nothing"


def diverged(data: Dataset, process_group: ProcessGroup) -> str:
    """What is said of a loss that is not finite in one process alone."""
    trainer = a_trainer("sasrec", data, process_group)
    parts = trainer.loss_terms
    if process_group.number == 1:
        trainer.loss_terms = lambda batch: {
            name: part._replace(loss=part.loss * np.inf) for name, part in parts(batch).items()
        }  # type: ignore[method-assign]
    try:
        trained(trainer)
    except SirecError as error:
        return error.message
    return "nothing"


def draws(process_group: ProcessGroup) -> int:
    """What torch is seeded with in an epoch."""
    a_trainer("sasrec", builders.dataset(), process_group)._epoch(None)
    return torch.initial_seed()


def one_is_killed(process_group: ProcessGroup) -> tuple[str, float]:
    """What the second process hears, and after how many seconds, when the first one is killed
    within an epoch.
    """
    return _waits(process_group, lambda: os.kill(os.getpid(), signal.SIGKILL))


def one_stands_still(process_group: ProcessGroup) -> tuple[str, float]:
    """The same when the first one does not answer for longer than the team waits."""
    return _waits(process_group, lambda: time.sleep(3))


def _waits(process_group: ProcessGroup, fails: Any) -> tuple[str, float]:
    trainer = a_trainer("sasrec", builders.dataset(), process_group)
    began = time.monotonic()
    try:
        for _ in trainer.run(
            lambda: {"Recall@20": 0.0},
            lambda done, _: fails() if process_group.is_main and done == 3 else None,
        ):
            pass
    except SirecError as error:
        return error.message, time.monotonic() - began
    return "nothing", time.monotonic() - began


def _arrays(results: Mapping[str, Any]) -> dict[str, Any]:
    return {**results, "weights": _numpy(results["weights"])}


def _numpy(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in tensors.items()}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOCAL, 0))
        return int(probe.getsockname()[1])


def environment(number: int, size: int, port: int) -> dict[str, str]:
    """What torchrun tells each process."""
    return {
        "RANK": str(number),
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": LOCAL,
        "MASTER_PORT": str(port),
    }


def together(size: int, job: Any, seconds: float = 60) -> list[Any]:
    """What `job` returns in each process of a team that waits for its members so long; None for one
    that was killed.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "torch._dynamo"])
    port, started = free_port(), []
    for number in range(size):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(
            target=_member,
            args=(environment(number, size, port), seconds, job, sender),
            daemon=True,
        )
        process.start()
        sender.close()
        started.append((receiver, process))
    results = []
    for receiver, process in started:
        try:
            results.append(receiver.recv() if receiver.poll(60) else None)
        except EOFError:
            results.append(None)
        process.join(20)
    return results


def _member(variables: Mapping[str, str], seconds: float, job: Any, answers: Connection) -> None:
    os.environ.update(variables)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    with joined("cpu", timedelta(seconds=seconds)) as process_group:
        answers.send(job(process_group))
