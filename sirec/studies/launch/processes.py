"""Several runs at a time, each in a process of its own.

A run computes in its process what it would compute alone: its threads are part of its identity, so
they stay as configured. A worker that is killed loses the epoch it was in and nothing else, and the
others go on. An interrupted parent stops its workers; a parent that was killed leaves workers that
stop themselves as soon as they have something to tell it.
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
from typing import Any

from sirec.data.dataset import Dataset
from sirec.data.store import storage
from sirec.errors import SirecError
from sirec.evaluation.covariates import write_covariates
from sirec.objectives.stage import Stage
from sirec.process import configure, configured_children
from sirec.run.config import RunConfig
from sirec.run.execute import execute
from sirec.run.files import make_folder
from sirec.run.store import Store
from sirec.run.watcher import Watcher
from sirec.studies.launch.sent_run import SentRun, plain_stage, tell
from sirec.training.progress import EpochReport

SECONDS_BETWEEN_STEPS = 0.2  # how often a worker tells of its steps
PRELOADED = [__name__, "torch._dynamo"]  # and what torch's first optimiser imports
FAILED = "failed"  # what a worker says instead of a watcher's method, before it ends
HINT = "the same command goes on from the last finished epoch"


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker needs beside a configuration: the folder of the data, the results, and how to
    train.
    """

    data: Path
    results: Path
    device: str = "cpu"
    again: bool = False


@dataclass(frozen=True, eq=False)
class _Worker:
    """A process that trains the run of that number, and what is told of it."""

    number: int
    process: ForkServerProcess
    watcher: Watcher


def train_in_processes(
    configs: Sequence[RunConfig],
    place: WorkerSettings,
    jobs: int,
    watch: Callable[[int], Watcher],
    finished: Callable[[int], None],
) -> None:
    """Train these runs, `jobs` at a time; `watch` is asked for the watcher of each run as it
    starts, by its place in `configs`.

    Raises `SirecError` for the first run that failed or was stopped, after all others have ended.
    """
    waiting = deque(range(len(configs)))
    running: dict[Connection, _Worker] = {}
    failures: list[SirecError] = []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                number = waiting.popleft()
                with configured_children():
                    connection, process = _start(configs[number], place)
                running[connection] = _Worker(number, process, watch(number))
            ready = wait(list(running))
            for connection, worker in [item for item in running.items() if item[0] in ready]:
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


def make_covariates(data: Dataset, store: Store) -> None:
    """Write what every user's targets are like, before several workers find it missing at once."""
    path = store.covariates(data.name, data.fingerprint())
    if not path.exists():
        make_folder(path.parent)
        write_covariates(data, path)


def _start(config: RunConfig, place: WorkerSettings) -> tuple[Connection, ForkServerProcess]:
    # Forks of a process that has imported everything and computed nothing: quick to start, and no
    # threads are cut in half.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(SentRun.of(config), place, sender), daemon=True)
    process.start()
    sender.close()  # the worker's copy is the last one: its end is the pipe's
    return receiver, process


def _tell(connection: Connection, watcher: Watcher, failures: list[SirecError]) -> bool:
    """Pass on one message; False at the worker's end."""
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


def _work(sent: SentRun, place: WorkerSettings, connection: Connection) -> None:
    """What a worker does. Ctrl-C reaches every process of a terminal; the parent decides for
    all.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure()

    def send(method: str, arguments: tuple[Any, ...]) -> None:
        connection.send((method, arguments))

    try:
        data = storage.load(place.data)
        execute(
            sent.config(),
            data,
            Store(place.results),
            device=place.device,
            watcher=Teller(send),
            again=place.again,
        )
    except SirecError as error:
        connection.send((FAILED, (error.message, error.hint)))
        sys.exit(2)
    except BrokenPipeError:  # nobody listens any more
        sys.exit(2)


class Teller:
    """Sends what a watcher is told elsewhere, as a method's name and its arguments; steps now and
    then.
    """

    def __init__(self, send: Callable[[str, tuple[Any, ...]], None]) -> None:
        self.send = send
        self.told = 0.0

    def stage(self, stage: Stage, epoch: int, best: tuple[int, float]) -> None:
        """A stage begins."""
        self.send("stage", (plain_stage(stage), epoch, best))

    def step(self, done: int, total: int) -> None:
        """A step is done; told if the last telling is long ago."""
        if time.monotonic() - self.told >= SECONDS_BETWEEN_STEPS:
            self.told = time.monotonic()
            self.send("step", (done, total))

    def epoch(self, report: EpochReport) -> None:
        """An epoch is done."""
        self.send("epoch", (report,))

    def ranking(self, done: int, total: int) -> None:
        """Users were ranked."""
        self.send("ranking", (done, total))
