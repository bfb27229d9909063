"""Several runs at a time on a Ray cluster, sent out by joblib.

joblib sends out as many workers as runs are to be trained at a time; Ray finds room for them, and
starts one that died anew. A worker takes its runs from a queue, one after the other, so that long
runs keep no worker waiting; started anew, it is given the run that it held, which goes on from its
last finished epoch. A run whose process always dies is given up after some attempts, and the others
go on. The lock and the DONE of a run's folder let nobody train it twice, whatever the cluster
believes.

Data and results lie on a disk that all nodes share. Ray and joblib are an extra, imported where
they are used.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any

from sirec.data.dataset import Dataset
from sirec.data.store import storage
from sirec.errors import SirecError
from sirec.process import configure, configured_children
from sirec.run.config import RunConfig
from sirec.run.execute import execute, folder_of
from sirec.run.store import RunFolder, Store
from sirec.run.watcher import Watcher
from sirec.shell import arguments
from sirec.studies.launch.processes import HINT, Teller, WorkerSettings
from sirec.studies.launch.queue import ATTEMPTS, BEGAN, DIED, ENDED, QueuedRun, QueueEvent, RunQueue
from sirec.studies.launch.ray_connection import connected, losses_told
from sirec.studies.launch.sent_run import SentRun, tell

NEEDED = ("ray", "joblib")
LEAST_WORKERS = 2  # joblib runs a single worker in this process instead of sending it out
SECONDS_BETWEEN_NEWS = 0.2
SECONDS_TO_END = 5.0
SECONDS_TO_LET_GO = (
    120.0  # a disk that is shared lets go of a lost machine's locks only after a while
)
SHARED = (
    "data and results must lie on a disk that all nodes of the cluster share, under the same path"
)


def check_installed(modules: Sequence[str] = NEEDED) -> None:
    """Raise `SirecError` where Ray or joblib is missing."""
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise SirecError(
            f"--cluster needs {' and '.join(missing)}, which is not installed",
            "install the extra: pip install 'sirec[ray]'",
        )


def train_on_cluster(
    configs: Sequence[RunConfig],
    settings: WorkerSettings,
    jobs: int,
    watch: Callable[[int], Watcher],
    finished: Callable[[int], None],
    *,
    address: str,
) -> None:
    """Train runs on a Ray cluster, several at a time.

    The covariates of the data must have been made (`make_covariates`).

    Args:
        configs: configurations of the runs.
        settings: the folders of the data and the results, and how to train.
        jobs: how many runs are trained at a time.
        watch: gives the watcher of a run, by its index in `configs`, each time the run begins.
        finished: called with the index of each run that has finished.
        address: `local` (a cluster for this call), `auto` or HOST:PORT.

    Raises:
        SirecError: for a cluster that is not there, is too small or is lost, and for the first run
            that failed, after all others have ended.
    """
    if not configs:
        return
    check_installed()
    needs, workers = _needs(configs, settings.device), min(jobs, len(configs))
    settings = replace(settings, data=settings.data.resolve(), results=settings.results.resolve())
    following = _Following(configs, watch, finished)
    with configured_children(), ThreadPoolExecutor(1) as aside, connected(address), losses_told():
        import ray

        _check_room(
            max(workers, LEAST_WORKERS),
            needs,
            [node["Resources"] for node in ray.nodes() if node["Alive"]],
        )
        queue = ray.remote(num_cpus=0)(RunQueue).remote(len(configs), settings.again)
        sent = aside.submit(_send_out, queue, workers, needs, configs, settings)
        try:
            _follow(queue, sent, following)
        finally:
            for worker in ray.get(queue.stop.remote()):
                ray.kill(worker)
            wait([sent], SECONDS_TO_END)  # those that still wait for room end with the connection
    if following.failures:
        raise following.failures[0]


@dataclass
class _Following:
    """Passes the events of the queue on to watchers, and gathers failures."""

    configs: Sequence[RunConfig]
    watch: Callable[[int], Watcher]
    finished: Callable[[int], None]
    watchers: dict[int, Watcher] = field(default_factory=dict)
    failures: list[SirecError] = field(default_factory=list)

    def hear(self, news: QueueEvent) -> None:
        """Pass on one piece of news."""
        meanings: Mapping[str, Callable[..., None]] = {
            BEGAN: self._began,
            ENDED: self._ended,
            DIED: self._died,
        }
        if news.what in meanings:
            meanings[news.what](news.number, *news.arguments)
        else:
            tell(self.watchers[news.number], news.what, news.arguments)

    def _began(self, number: int) -> None:
        self.watchers[number] = self.watch(number)

    def _ended(self, number: int, refusal: tuple[str, str | None] | None) -> None:
        if refusal:
            self.failures.append(SirecError(*refusal))
        else:
            self.finished(number)

    def _died(self, number: int) -> None:
        config = self.configs[number]
        self.failures.append(
            SirecError(
                f"the process that trained {config.model.name}, seed {config.seed}, died"
                f" {ATTEMPTS} times",
                HINT,
            )
        )


def _follow(queue: Any, sent: Future[None], following: _Following) -> None:
    """Hear all news until the workers have ended. Raises what stopped one of them."""
    import ray

    has_ended = False
    while not has_ended:
        time.sleep(SECONDS_BETWEEN_NEWS)
        has_ended = sent.done()  # before asking: what is told up to the end is heard
        for news in ray.get(queue.news.remote()):
            following.hear(news)
    sent.result()


def _needs(configs: Sequence[RunConfig], device: str) -> dict[str, int]:
    """What a worker takes of its node: as many processors as its runs have threads, and one
    accelerator if any.
    """
    kind, _, index = device.partition(":")
    if index:
        raise SirecError(
            f"--device {device}: on a cluster Ray decides which accelerator a run gets",
            f"use {arguments('--device', kind)}",
        )
    processors = {"CPU": max(config.threads for config in configs)}
    return processors if kind == "cpu" else processors | {"GPU": 1}


def _check_room(
    workers: int, needs: Mapping[str, int], nodes: Sequence[Mapping[str, float]]
) -> None:
    """Raise `SirecError` if these nodes, empty, have no room for that many workers: Ray would wait
    for ever.
    """
    room = 0
    for node in nodes:
        room += min(int(node.get(name, 0) // amount) for name, amount in needs.items())
    if room < workers:
        each = ", ".join(f"{amount} {name}" for name, amount in needs.items())
        raise SirecError(
            f"the cluster has room for {room} workers of {each} each, and {workers} are needed",
            f"{arguments('--jobs', room)}, or --set threads=1"
            if room >= LEAST_WORKERS
            else "without --cluster, runs are trained here",
        )


def _send_out(
    queue: Any,
    workers: int,
    needs: Mapping[str, int],
    configs: Sequence[RunConfig],
    settings: WorkerSettings,
) -> None:
    """Have joblib send the workers out, and wait for them."""
    from joblib import Parallel, delayed, parallel_config
    from ray.util.joblib import register_ray

    register_ray()
    deaths = ATTEMPTS * len(
        configs
    )  # as many as a worker can see before the queue has no run for it
    options = {
        "num_cpus": needs["CPU"],
        "num_gpus": needs.get("GPU", 0),
        "max_restarts": deaths,
        "max_task_retries": deaths,
    }
    with parallel_config(backend="ray", ray_remote_args=options):
        parallel = Parallel(n_jobs=max(workers, LEAST_WORKERS), batch_size=1)
        runs = list(map(SentRun.of, configs))
        parallel(delayed(_work)(worker, queue, runs, settings) for worker in range(workers))


def _work(worker: int, queue: Any, runs: Sequence[SentRun], settings: WorkerSettings) -> None:
    """Configure a worker process, and train what the queue gives until nothing is left."""
    import ray

    configure()

    def send(method: str, arguments: tuple[Any, ...]) -> None:
        ray.get(queue.tell.remote(worker, method, arguments))

    ray.get(queue.enter.remote(worker, ray.get_runtime_context().current_actor))
    while (task := ray.get(queue.take.remote(worker))) is not None:
        refusal = _train(task, runs[task.number], settings, Teller(send))
        ray.get(queue.end.remote(worker, refusal))


def _train(
    task: QueuedRun, run: SentRun, settings: WorkerSettings, watcher: Watcher
) -> tuple[str, str | None] | None:
    """Train one run; message and hint if it was refused."""
    store = Store(settings.results)
    try:
        config = run.config()
        data = _shared(settings, store)
        if task.attempt > 1:
            _wait_for(folder_of(config, data, store))
        execute(config, data, store, device=settings.device, watcher=watcher, again=task.again)
    except SirecError as error:
        return error.message, error.hint
    return None


def _shared(settings: WorkerSettings, store: Store) -> Dataset:
    """The data as this node sees them. Raises `SirecError` if it sees other data or results than
    the node that sent it.
    """
    if not settings.data.exists():
        raise SirecError(f"{socket.gethostname()}: {settings.data}: no such folder", SHARED)
    data = storage.load(settings.data)
    expected = store.covariates(data.name, data.fingerprint())
    if not expected.exists():
        raise SirecError(f"{socket.gethostname()}: {expected}: no such file", SHARED)
    return data


def _wait_for(folder: RunFolder) -> None:
    """Wait until the process that held the run has let go of it; if it never does, training says
    so.
    """
    deadline = time.monotonic() + SECONDS_TO_LET_GO
    while time.monotonic() < deadline:
        try:
            with folder.locked():
                return
        except SirecError:
            time.sleep(SECONDS_BETWEEN_NEWS)
