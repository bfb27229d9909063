"""Several processes that train one run together, each on some rows of every step.

    L = 1/C Σ_c l_c = Σ_r (C_r / C) · L_r,     L_r = 1/C_r Σ_{c of r} l_c,     ∂L = Σ_r (C_r / C) · ∂L_r

Every process holds the data and the whole model, deals the same steps, and takes its share of a
step's rows. L_r is what an objective makes of them, C_r the terms of that mean (`Objective.part`);
shares are uneven, so each mean is weighed by its terms before gradients are added up. All then take
the same step of the optimiser, and none ever needs to be told the weights.

Dropout and what objectives draw are each process's own. With nothing drawn the sum is that of one
process, to rounding.

Letters: R rows, P parameters, O objectives.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from safetensors.torch import load, save
from torch import Tensor, nn

from sirec.data.tasks.rows import SequenceRows
from sirec.errors import SirecError
from sirec.objectives.stage import Stage

TIMEOUT = timedelta(
    minutes=5
)  # a process that ended is noticed at once; this is for one that stands still, or its network
BACKENDS = {
    "cpu": "gloo",
    "cuda": "cpu:gloo,cuda:nccl",
}  # few numbers of the host go by gloo, so that no device waits
HINT = "the same command goes on from the last finished epoch"


class ProcessGroup:
    """A process that trains alone: nothing is divided, sent or waited for. `DistributedGroup` is a
    team of several.
    """

    number = 0
    size = 1
    users = slice(None)  # which of the users to be ranked are this process's
    entropy: tuple[int, ...] = ()  # what sets apart the draws of this process

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.number == 0

    def check(self, stage: Stage) -> None:
        """Raise `SirecError` for a stage that a team cannot train."""

    def share(self, rows: SequenceRows) -> SequenceRows:
        """What this process takes of the rows of a step, possibly nothing."""
        return rows

    def weights(
        self, terms: Sequence[Tensor | int], device: torch.device
    ) -> Sequence[Tensor | float]:
        """C_r / C from the terms C_r of each objective; tensors are on `device`."""
        return [1.0] * len(terms)

    def all_reduce_gradients(self, parameters: Sequence[nn.Parameter], losses: Tensor) -> Tensor:
        """Give all processes the sums of their gradients, and of `losses` [O], which are
        returned.
        """
        return losses

    def total(self, values: Tensor) -> Tensor:
        """The sum over the processes, in the type of `values`."""
        return values

    def broadcast(self, tensors: Sequence[Tensor]) -> None:
        """Overwrite these tensors with those of the first process, as two machines may draw numbers
        that differ in a bit.
        """

    def broadcast_object(self, make: Callable[[], Any]) -> Any:
        """A value as JSON knows them, made by the first process alone."""
        return make()

    def broadcast_tensors(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The first process's tensors by name, on the CPU."""
        return tensors


class DistributedGroup(ProcessGroup):
    """One of the processes of torch's default group, which must all call the same methods in the
    same order.

    Every method raises `SirecError` if another process has ended, or does not answer within
    `timeout`.
    """

    def __init__(self, timeout: timedelta = TIMEOUT) -> None:
        self.number, self.size, self.timeout = dist.get_rank(), dist.get_world_size(), timeout
        self.users = slice(
            self.number, None, self.size
        )  # in order of length: all get short ones and long ones
        self.entropy = (self.number,) if self.number else ()

    def check(self, stage: Stage) -> None:
        """Raise `SirecError` for an objective that is more than the mean of its parts."""
        for part in stage.objectives:
            if reason := part.indivisible():
                raise SirecError(
                    f"stage {stage.title}: objective {part.name} cannot be divided among {self.size} processes: {reason}",
                    "train with one process, or leave the objective out",
                )

    def share(self, rows: SequenceRows) -> SequenceRows:
        """The order of rows stays."""
        return rows.take(np.flatnonzero(shares(rows, self.size) == self.number))

    def weights(
        self, terms: Sequence[Tensor | int], device: torch.device
    ) -> Sequence[Tensor | float]:
        """0 for an objective without terms anywhere."""
        mine = torch.stack(
            [torch.zeros((), dtype=torch.float64, device=device) + count for count in terms]
        )
        return (mine / self.total(mine).clamp(min=1)).unbind()

    def all_reduce_gradients(self, parameters: Sequence[nn.Parameter], losses: Tensor) -> Tensor:
        """In one message. A parameter that has a gradient nowhere gets none, so that the optimiser
        passes it over as ever.
        """
        has = self.total(torch.tensor([parameter.grad is not None for parameter in parameters]))
        moved = [
            parameter for parameter, some in zip(parameters, has.tolist(), strict=True) if some
        ]
        gradients = [torch.zeros_like(part) if part.grad is None else part.grad for part in moved]
        message = self._summed(
            torch.cat([*(part.flatten() for part in gradients), losses.to(parameters[0].dtype)])
        )
        *pieces, summed = message.split([*(part.numel() for part in moved), len(losses)])
        for part, piece in zip(moved, pieces, strict=True):
            part.grad = piece.view_as(part)
        return summed

    def total(self, values: Tensor) -> Tensor:
        """True where any process has it, for Bool."""
        return self._summed(values.int() if values.dtype is torch.bool else values.clone()).to(
            values.dtype
        )

    def broadcast(self, tensors: Sequence[Tensor]) -> None:
        """In place."""
        with self._meeting():
            for tensor in tensors:
                dist.broadcast(tensor, src=0)

    def broadcast_object(self, make: Callable[[], Any]) -> Any:
        """Goes as text: what another process says is never unpickled."""
        return json.loads(self._bytes(json.dumps(make()).encode() if self.is_main else b""))

    def broadcast_tensors(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Go as safetensors."""
        return load(
            self._bytes(
                save({name: value.contiguous() for name, value in tensors.items()})
                if self.is_main
                else b""
            )
        )

    def _summed(self, values: Tensor) -> Tensor:
        with self._meeting():
            dist.all_reduce(values)
        return values

    def _bytes(self, mine: bytes) -> bytes:
        length = torch.tensor(len(mine))
        self.broadcast([length])
        content = torch.from_numpy(np.frombuffer(mine.ljust(int(length)), dtype=np.uint8).copy())
        self.broadcast([content])
        return content.numpy().tobytes()

    @contextmanager
    def _meeting(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            if not (
                isinstance(error, dist.DistError) or "gloo" in str(error)
            ):  # gloo has no error of its own
                raise
            what = f"another process ended, or did not answer for {self.timeout.total_seconds():g} seconds"
            raise SirecError(f"process {self.number} of {self.size}: {what}", HINT) from error


@contextmanager
def joined(device: str, timeout: timedelta = TIMEOUT) -> Iterator[ProcessGroup]:
    """The team that torchrun's environment describes, on this process's `device`; without one, a
    process alone.

    Raises `SirecError` if the environment is incomplete or the others cannot be met.
    """
    if not is_one_of_several():
        yield ProcessGroup()
        return
    if missing := [
        name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if name not in os.environ
    ]:
        raise SirecError(
            f"WORLD_SIZE is set, but {', '.join(missing)} is not",
            "start by torchrun, or unset WORLD_SIZE",
        )
    place = torch.device(device)
    if place.type == "cuda":
        torch.cuda.set_device(place)
    # torch's first optimiser imports this, and whatever group there is then is never let go of: its
    # threads would be there when the interpreter ends, and abort a process now and then that has
    # done all its work.
    importlib.import_module("torch._dynamo")
    try:
        dist.init_process_group(BACKENDS[place.type], timeout=timeout)
    except RuntimeError as error:
        where = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        raise SirecError(
            f"the other processes could not be met at {where}: {error}",
            "see the options of torchrun",
        ) from error
    try:
        yield DistributedGroup(timeout)
    finally:
        dist.destroy_process_group()


def is_one_of_several() -> bool:
    """Whether torchrun, or who sets what it sets, started this process beside others."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def own_device(device: str) -> str:
    """The device of this process: of several on a machine each has an accelerator of its own.

    Raises `SirecError` where several processes are told to use the same one.
    """
    if not is_one_of_several() or device == "cpu":
        return device
    if device != "cuda":
        raise SirecError(
            f"device {device}: several processes cannot share it",
            "use --device cuda: each then has its own",
        )
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"


def shares(rows: SequenceRows, processes: int) -> np.ndarray:
    """int[R]: the process that takes each row. Rows are dealt to and fro, those with the most
    targets and the longest first.

    >>> shares(SequenceRows(np.arange(4), np.zeros(4, int), np.array([3, 9, 5, 4]), np.zeros(4, int)), 2)  # 9 + 3 and 5 + 4 targets
    array([0, 0, 1, 1])
    """
    lap, place = np.divmod(np.arange(len(rows)), processes)
    owner = np.empty(len(rows), dtype=np.int64)
    owner[np.lexsort((-rows.lengths, -rows.target_counts))] = np.where(
        lap % 2, processes - 1 - place, place
    )
    return owner
