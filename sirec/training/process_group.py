"""Data-parallel training: several processes train one run, each on some rows of every step.

    L   = 1/C Σ_c l_c = Σ_r (C_r / C) · L_r,   L_r = 1/C_r Σ_{c of r} l_c
    ∂L  = Σ_r (C_r / C) · ∂L_r

Every process r holds the data and the whole model, deals the same steps, and takes its shard of the
rows of a step. L_r is the loss of an objective on this shard, the mean of C_r terms
(`Objective.loss_term`). Shards are uneven, so that each mean is weighted by its number of terms
before gradients are summed over the processes (all-reduce). All processes then take the same step
of the optimiser, so that weights never need to be sent.

Every process draws its own dropout masks and negatives. Without random draws the gradients equal
those of one process, up to rounding.

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

from sirec.config import parse_json
from sirec.data.tasks.rows import SequenceRows
from sirec.errors import SirecError
from sirec.objectives.stage import Stage

# A process that ended is noticed at once; the timeout is for one that hangs, or for its network.
TIMEOUT = timedelta(minutes=5)
# Numbers of the host are sent by gloo, so that no device waits for them.
BACKENDS = {"cpu": "gloo", "cuda": "cpu:gloo,cuda:nccl"}
HINT = "the same command goes on from the last finished epoch"


class ProcessGroup:
    """The group of a process that trains alone: nothing is divided, sent or waited for.

    `DistributedGroup` is the group of several processes.

    Attributes:
        number: the rank of this process, from 0.
        size: how many processes the group has.
        users: which of the users to be ranked this process ranks.
        entropy: what is added to the seed of this process, so that its draws are its own.
    """

    number = 0
    size = 1
    users = slice(None)
    entropy: tuple[int, ...] = ()

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.number == 0

    def check(self, stage: Stage) -> None:
        """Raise `SirecError` for a stage that the group cannot train."""

    def shard(self, rows: SequenceRows) -> SequenceRows:
        """The rows of a step that this process takes, possibly none."""
        return rows

    def weights(
        self, terms: Sequence[Tensor | int], device: torch.device
    ) -> Sequence[Tensor | float]:
        """C_r / C for each objective.

        Args:
            terms: C_r of each objective in this process.
            device: the device of those that are tensors.
        """
        return [1.0] * len(terms)

    def all_reduce_gradients(self, parameters: Sequence[nn.Parameter], losses: Tensor) -> Tensor:
        """Sum gradients and losses over all processes.

        Args:
            parameters: all trained parameters, whose gradients are replaced by the sums.
            losses: Float[O].

        Returns:
            The sums of the losses, Float[O].
        """
        return losses

    def all_reduce_sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, in the type of `values`."""
        return values

    def broadcast(self, tensors: Sequence[Tensor]) -> None:
        """Overwrite tensors, in place, with those of the main process.

        Two machines may initialise the same weights with a difference in the last bit.
        """

    def broadcast_object(self, make: Callable[[], Any]) -> Any:
        """A JSON value that the main process alone makes, in all processes."""
        return make()

    def broadcast_tensors(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The main process's tensors by name, on the CPU, in all processes."""
        return tensors


class DistributedGroup(ProcessGroup):
    """One of several processes, which must all call the same methods in the same order.

    Every method raises `SirecError` if another process has ended, or does not answer in time.

    Args:
        timeout: how long to wait for another process.
    """

    def __init__(self, timeout: timedelta = TIMEOUT) -> None:
        self.number, self.size, self.timeout = dist.get_rank(), dist.get_world_size(), timeout
        # Users are ordered by the length of their history: every process gets short and long ones.
        self.users = slice(self.number, None, self.size)
        self.entropy = (self.number,) if self.number else ()

    def check(self, stage: Stage) -> None:
        """Raise `SirecError` for an objective that is not a mean over rows."""
        for part in stage.objectives:
            if reason := part.indivisible():
                raise SirecError(
                    f"stage {stage.title}: objective {part.name} cannot be divided among "
                    f"{self.size} processes: {reason}",
                    "train with one process, or leave the objective out",
                )

    def shard(self, rows: SequenceRows) -> SequenceRows:
        """The rows of a step that this process takes, in their order, possibly none."""
        return rows.take(np.flatnonzero(shard_owners(rows, self.size) == self.number))

    def weights(
        self, terms: Sequence[Tensor | int], device: torch.device
    ) -> Sequence[Tensor | float]:
        """C_r / C for each objective; 0 for an objective without terms in any process.

        Args:
            terms: C_r of each objective in this process.
            device: the device of those that are tensors.
        """
        zero = torch.zeros((), dtype=torch.float64, device=device)
        mine = torch.stack([zero + count for count in terms])
        return (mine / self.all_reduce_sum(mine).clamp(min=1)).unbind()

    def all_reduce_gradients(self, parameters: Sequence[nn.Parameter], losses: Tensor) -> Tensor:
        """Sum gradients and losses over all processes, in one message.

        A parameter without a gradient in any process gets none, so that the optimiser skips it.

        Args:
            parameters: all trained parameters, whose gradients are replaced by the sums.
            losses: Float[O].

        Returns:
            The sums of the losses, Float[O].
        """
        has_gradient = torch.tensor([parameter.grad is not None for parameter in parameters])
        anywhere = self.all_reduce_sum(has_gradient).tolist()
        moved: list[nn.Parameter] = []
        pieces: list[Tensor] = []
        for parameter, has_any in zip(parameters, anywhere, strict=True):
            if has_any:
                gradient = parameter.grad
                moved.append(parameter)
                pieces.append(torch.zeros_like(parameter) if gradient is None else gradient)
        flat = [piece.flatten() for piece in pieces]
        message = self._summed(torch.cat([*flat, losses.to(parameters[0].dtype)]))
        *sums, summed_losses = message.split([*map(len, flat), len(losses)])
        for parameter, gradient in zip(moved, sums, strict=True):
            parameter.grad = gradient.view_as(parameter)
        return summed_losses

    def all_reduce_sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, in the type of `values`; for Bool, whether any has True."""
        is_bool = values.dtype is torch.bool
        summed = self._summed(values.int() if is_bool else values.clone())
        return summed.to(values.dtype)

    def broadcast(self, tensors: Sequence[Tensor]) -> None:
        """Overwrite tensors, in place, with those of the main process."""
        with self._waiting():
            for tensor in tensors:
                dist.broadcast(tensor, src=0)

    def broadcast_object(self, make: Callable[[], Any]) -> Any:
        """A JSON value that the main process alone makes; it is sent as text, never unpickled."""
        return parse_json(self._bytes(json.dumps(make()).encode() if self.is_main else b""))

    def broadcast_tensors(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The main process's tensors by name, on the CPU; they are sent as safetensors."""
        if not self.is_main:
            return load(self._bytes(b""))
        contiguous = {name: value.contiguous() for name, value in tensors.items()}
        return load(self._bytes(save(contiguous)))

    def _summed(self, values: Tensor) -> Tensor:
        with self._waiting():
            dist.all_reduce(values)
        return values

    def _bytes(self, mine: bytes) -> bytes:
        length = torch.tensor(len(mine))
        self.broadcast([length])
        content = torch.from_numpy(np.frombuffer(mine.ljust(int(length)), dtype=np.uint8).copy())
        self.broadcast([content])
        return content.numpy().tobytes()

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            # gloo has no class of errors of its own.
            if not (isinstance(error, dist.DistError) or "gloo" in str(error)):
                raise
            seconds = f"{self.timeout.total_seconds():g} seconds"
            what = f"another process ended, or did not answer for {seconds}"
            raise SirecError(f"process {self.number} of {self.size}: {what}", HINT) from error


@contextmanager
def joined(device: str, timeout: timedelta = TIMEOUT) -> Iterator[ProcessGroup]:
    """The process group that torchrun's environment describes, or that of a single process.

    Args:
        device: the device of this process.
        timeout: how long to wait for another process.

    Raises:
        SirecError: if the environment is incomplete, or the other processes cannot be reached.
    """
    if not is_one_of_several():
        yield ProcessGroup()
        return
    needed = ("RANK", "MASTER_ADDR", "MASTER_PORT")
    if missing := [name for name in needed if name not in os.environ]:
        raise SirecError(
            f"WORLD_SIZE is set, but {', '.join(missing)} is not",
            "start by torchrun, or unset WORLD_SIZE",
        )
    place = torch.device(device)
    if place.type == "cuda":
        torch.cuda.set_device(place)
    # torch's first optimiser imports this module, which never lets go of a group that exists then.
    # The group's threads would live until the interpreter ends, and abort the process now and then.
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
    """Whether torchrun (or whoever sets WORLD_SIZE) started this process beside others."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def own_device(device: str) -> str:
    """The device of this process; each of several processes has an accelerator of its own.

    Raises `SirecError` where several processes would share one.
    """
    if not is_one_of_several() or device == "cpu":
        return device
    if device != "cuda":
        raise SirecError(
            f"device {device}: several processes cannot share it",
            "use --device cuda: each then has its own",
        )
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"


def shard_owners(rows: SequenceRows, processes: int) -> np.ndarray:
    """int[R]: the process that takes each row of a step.

    Rows are ordered by their number of targets and by length, and dealt in alternating directions,
    so that all processes have about the same work.

    >>> first, stop = np.zeros(4, int), np.array([3, 9, 5, 4])
    >>> shard_owners(SequenceRows(np.arange(4), first, stop, first), 2)  # 9 + 3 and 5 + 4 targets
    array([0, 0, 1, 1])

    Args:
        rows: the rows of a step.
        processes: how many processes share them.
    """
    lap, position = np.divmod(np.arange(len(rows)), processes)
    owner = np.empty(len(rows), dtype=np.int64)
    order = np.lexsort((-rows.lengths, -rows.target_counts))
    owner[order] = np.where(lap % 2, processes - 1 - position, position)
    return owner
