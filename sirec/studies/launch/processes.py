"""Several runs at a time, each in a process of its own.

A run computes in its process what it would compute alone; its threads stay as configured, since
they are part of its identity. A worker that is killed loses the epoch that it was in and nothing
else, and the others go on. A parent that is interrupted stops its workers. The workers of a parent
that was killed stop as soon as they have something to tell it.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, cast

from sirec.data.store import storage
from sirec.errors import SirecError
from sirec.objectives.stage import Stage
from sirec.process import configure, configured_children
from sirec.run.config import RunConfig
from sirec.run.execute import execute
from sirec.run.store import Store
from sirec.run.watcher import Watcher
from sirec.studies.launch.sent_run import SentRun, plain_stage, tell
from sirec.training.progress import EpochReport

SECONDS_BETWEEN_STEPS = 0.2  # between two messages of a worker about its steps
PRELOADED = [__name__, "torch._dynamo"]  # and what torch's first optimiser imports
FAILED = "failed"  # sent in settings of a method's name by a worker that a run refused
HINT = "the same command goes on from the last finished epoch"


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker needs besides a configuration.

    Attributes:
        data: folder of the prepared data set.
        results: results folder.
        device: where to train.
        again: whether to train runs that have finished, too.
    """

    data: Path
    results: Path
    device: str = "cpu"
    again: bool = False


@dataclass(frozen=True, eq=False)
class _Worker:
    """A process that trains a run.

    Attributes:
        number: the run's index in the list of runs.
        process: the process.
        watcher: who is told how the run goes.
    """

    number: int
    process: ForkServerProcess
    watcher: Watcher


def train_in_processes(
    configs: Sequence[RunConfig],
    settings: WorkerSettings,
    jobs: int,
    watch: Callable[[int], Watcher],
    finished: Callable[[int], None],
) -> None:
    """Train runs, several at a time, each in a process of its own.

    Args:
        configs: configurations of the runs.
        settings: the folders of the data and the results, and how to train.
        jobs: how many runs are trained at a time.
        watch: gives the watcher of a run, by its index in `configs`, as the run starts.
        finished: called with the index of each run that has finished.

    Raises:
        SirecError: for the first run that failed or was stopped, after all others have ended.
    """
    waiting = deque(range(len(configs)))
    running: dict[Connection, _Worker] = {}
    failures: list[SirecError] = []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                number = waiting.popleft()
                with configured_children():
                    connection, process = _start(configs[number], settings)
                running[connection] = _Worker(number, process, watch(number))
            ready = cast(list[Connection], wait(list(running)))
            for connection in ready:
                worker = running[connection]
                if _tell(connection, worker.watcher, failures):
                    continue
                del running[connection]
                _check(worker.process, failures)
                if worker.process.exitcode == 0:
                    finished(worker.number)
    finally:
        for worker in running.values():
            worker.process.terminate()
        for worker in running.values():
            worker.process.join()
    if failures:
        raise failures[0]


def _start(config: RunConfig, settings: WorkerSettings) -> tuple[Connection, ForkServerProcess]:
    # Workers are forks of a process that has imported everything and computed nothing: they start
    # quickly, and no thread is lost in the middle of its work.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(
        target=_work, args=(SentRun.of(config), settings, sender), daemon=True
    )
    process.start()
    sender.close()  # the pipe ends with the worker, who has the only copy left
    return receiver, process


def _tell(connection: Connection, watcher: Watcher, failures: list[SirecError]) -> bool:
    """Pass on one message of a worker; False where the worker has ended."""
    try:
        method, arguments = connection.recv()
    except (EOFError, ConnectionResetError):
        connection.close()
        return False
    if method == FAILED:
        failures.append(SirecError(*arguments))
    else:
        tell(watcher, method, arguments)
    return True


def _check(process: ForkServerProcess, failures: list[SirecError]) -> None:
    process.join()
    code = process.exitcode or 0
    if code < 0:
        failures.append(
            SirecError(f"a run was stopped by signal {signal.Signals(-code).name}", HINT)
        )
    elif code == 1:
        raise RuntimeError("a run failed in its process; its traceback stands above")


def _work(sent: SentRun, settings: WorkerSettings, connection: Connection) -> None:
    """Train one run in a worker process, and send what a watcher is to be told.

    Ctrl-C reaches every process of a terminal; the worker ignores it, as its parent stops it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure()

    def send(method: str, arguments: tuple[Any, ...]) -> None:
        connection.send((method, arguments))

    try:
        data = storage.load(settings.data)
        execute(
            sent.config(),
            data,
            Store(settings.results),
            device=settings.device,
            watcher=Teller(send),
            again=settings.again,
        )
    except SirecError as error:
        connection.send((FAILED, (error.message, error.hint)))
        sys.exit(2)
    except BrokenPipeError:  # the parent has ended
        sys.exit(2)


class Teller:
    """A watcher that sends each call as the method's name and its arguments; steps now and then."""

    def __init__(self, send: Callable[[str, tuple[Any, ...]], None]) -> None:
        self.send = send
        self.last_sent = 0.0

    def stage(self, stage: Stage, epoch: int, best: tuple[int, float]) -> None:
        """Send that a stage begins.

        Args:
            stage: the stage.
            epoch: epochs of it that are done already.
            best: the best of them and its validation value.
        """
        self.send("stage", (plain_stage(stage), epoch, best))

    def step(self, done: int, total: int) -> None:
        """Send that a step is done, if the last such message is long ago.

        Args:
            done: steps of the epoch that are done.
            total: steps of an epoch.
        """
        if time.monotonic() - self.last_sent >= SECONDS_BETWEEN_STEPS:
            self.last_sent = time.monotonic()
            self.send("step", (done, total))

    def epoch(self, report: EpochReport) -> None:
        """Send that an epoch is done."""
        self.send("epoch", (report,))

    def ranking(self, done: int, total: int) -> None:
        """Send that users were ranked.

        Args:
            done: users that have been ranked.
            total: users to be ranked.
        """
        self.send("ranking", (done, total))
