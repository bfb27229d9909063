"""Runs sent to a Ray cluster: the bits they have alone, whatever happens to a worker; nothing lost,
nothing trained twice.

What needs Ray is skipped where it is not installed: pip install 'sirec[ray]'.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from studies.faulty_worker import send_with_fault

from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage
from sirec.errors import SirecError
from sirec.objectives.stage import Stage
from sirec.run.config import RunConfig, resolve
from sirec.run.execute import execute, folder_of, make_covariates
from sirec.run.store import RunFolder, Store
from sirec.run.watcher import Silent
from sirec.studies.launch import ray_cluster as cluster
from sirec.studies.launch import ray_connection
from sirec.studies.launch.processes import WorkerSettings
from sirec.studies.launch.queue import ATTEMPTS, BEGAN, DIED, ENDED, QueuedRun, QueueEvent, RunQueue
from sirec.studies.launch.ray_cluster import train_on_cluster
from sirec.studies.launch.sent_run import SentRun
from sirec.training.progress import EpochReport

SMALL = {"width": 8, "heads": 2, "layers": 1, "inner": 8, "epochs": 4, "budget": 256, "threads": 1}
STARTS = 4  # Ray gives up a start after 30 s, whatever it is told
RESULTS = ("config.yaml", "epochs.jsonl", "metrics.json", "model.safetensors", "ranks.parquet")

needs_ray = pytest.mark.skipif(
    find_spec("ray") is None or find_spec("joblib") is None, reason="needs sirec[ray]"
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small prepared data set."""
    made = prepare(DemoSource(users=300, items=100).read(), "shop")
    return storage.write(tmp_path_factory.mktemp("cluster") / "data", made)


@pytest.fixture(scope="module")
def wanted(shop: Path) -> list[RunConfig]:
    """Three runs of different models."""
    return [
        resolve(model, storage.load(shop), assignments=SMALL)
        for model in ("sasrec", "sasrecf", "nova")
    ]


@pytest.fixture(scope="module")
def alone(
    shop: Path, wanted: list[RunConfig], tmp_path_factory: pytest.TempPathFactory
) -> list[RunFolder]:
    """The same runs, undisturbed, in this process."""
    store = Store(tmp_path_factory.mktemp("alone"))
    return [execute(config, storage.load(shop), store) for config in wanted]


def start_cluster(folder: str) -> tuple[str, subprocess.Popen[str]] | None:
    """Try to start a cluster; None where Ray gave up, as it does where a machine is very busy.

    Args:
        folder: a folder with a short path, since sockets lie in it whose paths are limited.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        str(Path(sys.executable).with_name("ray")),
        "start",
        "--head",
        "--block",
        "--num-cpus=2",
        f"--port={port}",
        "--node-ip-address=127.0.0.1",
        "--include-dashboard=false",
        "--disable-usage-stats",
        f"--temp-dir={folder}",
    ]
    head = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert head.stdout is not None
    if any("--block" in line for line in head.stdout):
        return f"127.0.0.1:{port}", head
    head.communicate()
    return None


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A Ray cluster of this machine with two processors, in processes of its own; nobody without
    its token gets in.
    """
    with contextlib.ExitStack() as stack, pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_AUTH_MODE", "token")
        environment.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        for name, value in ray_connection.PATIENCE.items():
            environment.setenv(name, value)
        for _ in range(STARTS):
            folder = tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True)
            started = start_cluster(stack.enter_context(folder))
            if started is not None:
                break
        if started is None and os.getloadavg()[0] > 2 * (os.cpu_count() or 1):
            pytest.skip(f"this machine is so busy that Ray gave up {STARTS} starts")
        assert started is not None, f"Ray did not start in {STARTS} attempts"
        address, head = started
        yield address
        head.terminate()
        head.communicate(timeout=120)


class Seen(Silent):
    """Remembers what it was told of a run, over all its attempts, and acts when one has finished
    an epoch.
    """

    def __init__(self, at_epoch: Callable[[int], None] | None = None) -> None:
        self.at_epoch = at_epoch
        self.began: list[int] = []
        self.epochs: list[int] = []

    def stage(self, stage: Stage, epoch: int, best: tuple[int, float]) -> None:
        """Remember."""
        self.began.append(epoch)

    def epoch(self, report: EpochReport) -> None:
        """Remember."""
        self.epochs.append(report.epoch)
        if self.at_epoch:
            self.at_epoch(report.epoch)


def same(one: RunFolder, other: RunFolder) -> bool:
    """Whether two runs left the same bytes."""
    return all(
        (one.path / name).read_bytes() == (other.path / name).read_bytes() for name in RESULTS
    )


def folders(wanted: list[RunConfig], shop: Path, results: Path) -> list[RunFolder]:
    """Where these runs lie, once their data's covariates are made."""
    data = storage.load(shop)
    make_covariates(data, Store(results))
    return [folder_of(config, data, Store(results)) for config in wanted]


def test_a_board_gives_out_every_run_once() -> None:
    """Two workers take three runs in order, each once, and hear when none is left; what they tell
    is heard once, in order.
    """
    queue = RunQueue(3)
    assert [queue.take(0), queue.take(1)] == [QueuedRun(0, 1, False), QueuedRun(1, 1, False)]
    queue.tell(1, "step", (1, 2))
    queue.end(1, None)
    assert queue.take(1) == QueuedRun(2, 1, False)
    queue.end(0, ("wrong", None))
    assert queue.take(0) is None
    began = [QueueEvent(0, BEGAN), QueueEvent(1, BEGAN)]
    rest = [
        QueueEvent(1, "step", (1, 2)),
        QueueEvent(1, ENDED, (None,)),
        QueueEvent(2, BEGAN),
        QueueEvent(0, ENDED, (("wrong", None),)),
    ]
    assert queue.news() == began + rest
    assert queue.news() == []


def test_a_worker_started_anew_takes_up_what_it_held() -> None:
    """It gets its own run and no other's, a few times; then that run is given up, said, and the
    worker gets the next one.
    """
    queue = RunQueue(3)
    assert (queue.take(0), queue.take(1)) == (QueuedRun(0, 1, False), QueuedRun(1, 1, False))
    assert [queue.take(0) for _ in range(ATTEMPTS - 1)] == [
        QueuedRun(0, attempt, False) for attempt in range(2, ATTEMPTS + 1)
    ]
    assert QueueEvent(0, DIED) not in queue.news()
    assert queue.take(0) == QueuedRun(2, 1, False)
    assert QueueEvent(0, DIED) in queue.news()


def test_a_finished_run_is_trained_anew_once() -> None:
    """With `again` every attempt asks for it until one has told something: what began anew goes on
    after that.
    """
    queue = RunQueue(1, again=True)
    assert [queue.take(0), queue.take(0)] == [QueuedRun(0, 1, True), QueuedRun(0, 2, True)]
    queue.tell(0, "stage", ())
    assert queue.take(0) == QueuedRun(0, 3, False)


def test_a_stopped_board_gives_out_nothing() -> None:
    """It names the workers that came; a run that waited is not given out any more."""
    queue = RunQueue(2)
    queue.enter(0, "handle")
    assert queue.take(0) == QueuedRun(0, 1, False)
    assert queue.stop() == ["handle"]
    queue.end(0, None)
    assert queue.take(0) is None


def test_a_missing_extra_is_named() -> None:
    """What is not installed is named with the command that installs it; what is (control) is no
    error.
    """
    with pytest.raises(SirecError, match="needs no_such_module, which is not installed") as caught:
        cluster.check_installed(["json", "no_such_module"])
    assert "pip install 'sirec[ray]'" in str(caught.value.hint)
    cluster.check_installed(["json"])


def test_a_cluster_too_small_is_refused() -> None:
    """Room is counted node by node, in processors and accelerators; Ray would wait for ever for
    what does not fit.
    """
    nodes = [{"CPU": 3.0, "GPU": 1.0}, {"CPU": 4.0}, {"memory": 1.0}]
    cluster._check_room(3, {"CPU": 2}, nodes)
    cluster._check_room(1, {"CPU": 2, "GPU": 1}, nodes)
    with pytest.raises(SirecError, match="room for 3 workers of 2 CPU each, and 4") as caught:
        cluster._check_room(4, {"CPU": 2}, nodes)
    assert "--jobs 3" in str(caught.value.hint)
    with pytest.raises(SirecError, match="room for 1 workers of 2 CPU, 1 GPU each"):
        cluster._check_room(2, {"CPU": 2, "GPU": 1}, nodes)


def test_a_worker_takes_what_its_runs_need(wanted: list[RunConfig]) -> None:
    """A processor for each thread, one accelerator if any; which accelerator is not for the caller
    to say.
    """
    assert cluster._needs(wanted, "cpu") == {"CPU": 1}
    assert cluster._needs(wanted, "cuda") == {"CPU": 1, "GPU": 1}
    with pytest.raises(SirecError, match="cuda:1: on a cluster Ray decides"):
        cluster._needs(wanted, "cuda:1")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("nonsense", "expected local, auto or HOST:PORT"),
        ("ray://10.0.0.1:10001", "expected local, auto or HOST:PORT"),
        ("127.0.0.1:99999", "no Ray cluster answers"),
        ("127.0.0.1:1", "no Ray cluster answers"),
    ],
)
def test_an_address_of_nothing_is_refused_at_once(address: str, message: str) -> None:
    """One line, and not after minutes of Ray's own attempts; where somebody listens (control) it
    passes.
    """
    with pytest.raises(SirecError, match=message):
        ray_connection.check_address(address)
    with socket.create_server(("127.0.0.1", 0)) as server:
        ray_connection.check_address(f"127.0.0.1:{server.getsockname()[1]}")


def test_a_disk_that_is_not_shared_is_named(
    shop: Path, wanted: list[RunConfig], tmp_path: Path
) -> None:
    """A node that does not see the data, or the results that the command sees, says so and trains
    nothing.
    """
    for place in (
        WorkerSettings(tmp_path / "no-data", tmp_path),
        WorkerSettings(shop, tmp_path / "elsewhere"),
    ):
        refusal = cluster._train(QueuedRun(0, 1, False), SentRun.of(wanted[0]), place, Silent())
        assert refusal is not None
        assert refusal[1] == cluster.SHARED
    assert not list(tmp_path.rglob("config.yaml"))


def test_only_a_further_attempt_waits_for_the_lock(
    shop: Path, wanted: list[RunConfig], tmp_path: Path
) -> None:
    """A process that died may hold its run's lock for a moment longer: the next attempt waits. The
    first one is refused.
    """
    [folder] = folders(wanted[:1], shop, tmp_path)
    place = WorkerSettings(shop, tmp_path)
    with folder.locked():
        refused = cluster._train(QueuedRun(0, 1, False), SentRun.of(wanted[0]), place, Silent())
        assert refused is not None
        assert "another process is training this run" in refused[0]
        ended: list[object] = []
        later = threading.Thread(
            target=lambda: ended.append(
                cluster._train(QueuedRun(0, 2, False), SentRun.of(wanted[0]), place, Silent())
            )
        )
        later.start()
        time.sleep(0.5)
        assert not ended
    later.join()
    assert ended == [None]
    assert folder.is_done


def test_other_threads_do_not_print() -> None:
    """What Ray's threads report is not among the results; what this thread prints (control) is."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(ray_connection.OfThisThread(shown)):
        other = threading.Thread(target=print, args=("a report",))
        other.start()
        other.join()
        print("a result")
    assert shown.getvalue() == "a result\n"


@needs_ray
@pytest.mark.slow
def test_a_killed_worker_loses_and_repeats_nothing(
    address: str,
    shop: Path,
    wanted: list[RunConfig],
    alone: list[RunFolder],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three runs on a real cluster, the process of one killed after its second epoch.

    All are done, the killed one went on where it was, no epoch was trained twice, and each run has
    the bytes that it has alone. Another run's bytes (control) are others.
    """
    places = folders(wanted, shop, tmp_path)
    armed = send_with_fault(monkeypatch, tmp_path, places[0], epoch=2)
    watchers = [Seen(), Seen(), Seen()]
    done: list[int] = []
    train_on_cluster(
        wanted,
        WorkerSettings(shop, tmp_path),
        2,
        watchers.__getitem__,
        done.append,
        address=address,
    )
    assert sorted(done) == [0, 1, 2]
    assert not armed.exists()
    assert watchers[0].began == [0, 2]
    assert [watcher.began for watcher in watchers[1:]] == [[0], [0]]
    for watcher, place in zip(watchers, places, strict=True):
        assert len(set(watcher.epochs)) == len(watcher.epochs)
        lines = (place.path / "epochs.jsonl").read_text().splitlines()
        assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3, 4]
    assert all(same(place, undisturbed) for place, undisturbed in zip(places, alone, strict=True))
    assert not same(places[0], alone[1])
    assert not list(tmp_path.rglob("snapshot*"))


@needs_ray
@pytest.mark.slow
def test_a_run_that_always_dies_is_given_up(
    address: str,
    shop: Path,
    wanted: list[RunConfig],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is begun a few times, then named in one line, after the others have ended; the same call
    trains it later.
    """
    places = folders(wanted[:2], shop, tmp_path)
    armed = send_with_fault(monkeypatch, tmp_path, places[0], epoch=1, is_saved=False, always=True)
    dying = Seen()
    watchers = [dying, Seen()]
    done: list[int] = []
    place = WorkerSettings(shop, tmp_path)
    with pytest.raises(
        SirecError, match=f"the process that trained sasrec, seed 0, died {ATTEMPTS} times"
    ) as caught:
        train_on_cluster(wanted[:2], place, 2, watchers.__getitem__, done.append, address=address)
    assert "goes on" in str(caught.value.hint)
    assert len(dying.began) == ATTEMPTS
    assert done == [1]
    armed.unlink()
    train_on_cluster(
        wanted[:1], place, 2, lambda number: Seen(), done.append, address=address
    )  # a lone run is sent out too
    assert done == [1, 0]


@needs_ray
@pytest.mark.slow
def test_an_interruption_stops_the_cluster_s_workers(
    address: str,
    shop: Path,
    wanted: list[RunConfig],
    alone: list[RunFolder],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C leaves nobody training, and runs that can be resumed to the same bytes."""
    places = folders(wanted[:2], shop, tmp_path)
    send_with_fault(monkeypatch, tmp_path, places[0], epoch=2, waits=True)

    def interrupt(epoch: int) -> None:
        raise KeyboardInterrupt

    place = WorkerSettings(shop, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        train_on_cluster(
            wanted[:2],
            place,
            2,
            lambda number: Seen(at_epoch=interrupt),
            lambda number: None,
            address=address,
        )
    assert not all(folder.is_done for folder in places)
    data = storage.load(shop)
    resumed = [execute(config, data, Store(tmp_path)) for config in wanted[:2]]
    assert all(
        same(folder, undisturbed) for folder, undisturbed in zip(resumed, alone, strict=False)
    )


@needs_ray
@pytest.mark.slow
def test_what_a_cluster_s_worker_refuses_is_told_in_one_line(
    address: str, shop: Path, tmp_path: Path
) -> None:
    """A mistake in one run is its `SirecError`, after the other run (control) has ended."""
    data = storage.load(shop)
    wrong = resolve("comif", data, assignments={**SMALL, "data.attributes": []})
    right = resolve("popularity", data, assignments={"threads": 1})
    folders([right], shop, tmp_path)
    done: list[int] = []
    with pytest.raises(SirecError, match="objective iaa needs an attribute"):
        train_on_cluster(
            [wrong, right],
            WorkerSettings(shop, tmp_path),
            2,
            lambda number: Seen(),
            done.append,
            address=address,
        )
    assert done == [1]


@needs_ray
@pytest.mark.slow
def test_more_jobs_than_the_cluster_has_room_for_are_refused(
    address: str, shop: Path, wanted: list[RunConfig], tmp_path: Path
) -> None:
    """Before anything is trained."""
    place = WorkerSettings(shop, tmp_path)
    with pytest.raises(SirecError, match="room for 2 workers of 1 CPU each, and 3 are needed"):
        train_on_cluster(
            wanted, place, 3, lambda number: Seen(), lambda number: None, address=address
        )
    assert not list(tmp_path.rglob("config.yaml"))
