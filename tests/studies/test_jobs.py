"""Several runs at a time: the same bits as one after the other, whatever happens to a worker."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sirec.data.dataset import Dataset
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage
from sirec.errors import SirecError
from sirec.objectives.stage import Stage
from sirec.run.config import RunConfig, resolve
from sirec.run.execute import execute, folder_of, make_covariates
from sirec.run.store import RunFolder, Store
from sirec.run.watcher import Silent
from sirec.studies.launch import study
from sirec.studies.launch.processes import WorkerSettings, train_in_processes
from sirec.studies.spec.overrides import Variation
from sirec.studies.spec.plan import PlannedRun
from sirec.training.progress import EpochReport

SMALL = {"width": 8, "heads": 2, "layers": 1, "inner": 8, "epochs": 4, "budget": 256, "threads": 1}
RESULTS = ("config.yaml", "epochs.jsonl", "metrics.json", "model.safetensors", "ranks.parquet")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small prepared data set."""
    made = prepare(DemoSource(users=300, items=100).read(), "shop")
    return storage.write(tmp_path_factory.mktemp("jobs") / "data", made)


def configs(data: Dataset) -> list[RunConfig]:
    """Two runs of different models."""
    return [resolve(model, data, assignments=SMALL) for model in ("sasrec", "sasrecf")]


class AtEpoch(Silent):
    """Remembers where a run began, and does something when it has finished an epoch."""

    def __init__(self, number: int = 0, act: Callable[[], None] = lambda: None) -> None:
        self.number, self.act = number, act
        self.began: int | None = None
        self.epochs: list[int] = []

    def stage(self, stage: Stage, epoch: int, best: tuple[int, float]) -> None:
        """Remember."""
        self.began = epoch

    def epoch(self, report: EpochReport) -> None:
        """Act."""
        self.epochs.append(report.epoch)
        if report.epoch == self.number:
            self.act()


def kill() -> None:
    """Kill the one worker there is."""
    [worker] = multiprocessing.active_children()
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)


def same(one: RunFolder, other: RunFolder) -> bool:
    """Whether two runs left the same bytes."""
    return all(
        (one.path / name).read_bytes() == (other.path / name).read_bytes() for name in RESULTS
    )


def test_runs_at_once_are_the_runs_one_by_one(shop: Path, tmp_path: Path) -> None:
    """Two runs, two at a time: each told of, each with the bytes that it has alone. Another seed
    (control) has others.
    """
    data = storage.load(shop)
    wanted = configs(data)
    watchers = [AtEpoch() for _ in wanted]
    done: list[int] = []
    make_covariates(data, Store(tmp_path / "two"))
    train_in_processes(
        wanted, WorkerSettings(shop, tmp_path / "two"), 2, watchers.__getitem__, done.append
    )
    assert sorted(done) == [0, 1]
    assert all(watcher.epochs == [1, 2, 3, 4] for watcher in watchers)
    alone = [execute(config, data, Store(tmp_path / "one")) for config in wanted]
    assert all(
        same(folder, folder_of(config, data, Store(tmp_path / "two")))
        for config, folder in zip(wanted, alone, strict=True)
    )
    assert not same(alone[0], execute(replace(wanted[0], seed=1), data, Store(tmp_path / "one")))
    assert not list((tmp_path / "two").rglob("snapshot*"))


def test_a_killed_worker_loses_an_epoch_at_most(shop: Path, tmp_path: Path) -> None:
    """The others end, the killed one is named and goes on with the next call where it was, to the
    same bytes.
    """
    data = storage.load(shop)
    killed, other = configs(data)
    folder = folder_of(killed, data, Store(tmp_path))
    make_covariates(data, Store(tmp_path))
    done: list[int] = []
    watchers = [AtEpoch(2, kill), AtEpoch()]
    with pytest.raises(SirecError, match="stopped by signal SIGKILL") as caught:
        train_in_processes(
            [killed, other], WorkerSettings(shop, tmp_path), 1, watchers.__getitem__, done.append
        )
    assert "goes on" in str(caught.value.hint)
    assert (done, folder.is_done) == ([1], False)
    again = AtEpoch()
    train_in_processes(
        [killed], WorkerSettings(shop, tmp_path), 1, lambda number: again, done.append
    )
    assert again.began is not None
    assert again.began >= 2
    assert same(folder, execute(killed, data, Store(tmp_path / "whole")))


def test_an_interruption_stops_all_workers(shop: Path, tmp_path: Path) -> None:
    """Ctrl-C in the parent leaves no process behind, and runs that can be resumed."""
    data = storage.load(shop)
    wanted = configs(data)

    def interrupt() -> None:
        raise KeyboardInterrupt

    make_covariates(data, Store(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        train_in_processes(
            wanted,
            WorkerSettings(shop, tmp_path),
            2,
            lambda number: AtEpoch(1, interrupt),
            lambda number: None,
        )
    assert not multiprocessing.active_children()
    folders = [folder_of(config, data, Store(tmp_path)) for config in wanted]
    assert not any(folder.is_done for folder in folders)
    assert any(folder.snapshot_path.exists() for folder in folders)
    assert execute(wanted[0], data, Store(tmp_path)).is_done


def test_what_a_worker_refuses_is_told_in_one_line(shop: Path, tmp_path: Path) -> None:
    """A mistake in one run is its `SirecError`, after the other run (control) has ended."""
    data = storage.load(shop)
    wrong = resolve("comif", data, assignments={**SMALL, "data.attributes": []})
    right = resolve("sasrec", data, assignments=SMALL)
    done: list[int] = []
    make_covariates(data, Store(tmp_path))
    with pytest.raises(SirecError, match="objective iaa needs an attribute"):
        train_in_processes(
            [wrong, right], WorkerSettings(shop, tmp_path), 1, lambda number: AtEpoch(), done.append
        )
    assert done == [1]


@pytest.mark.parametrize(
    ("jobs", "order"),
    [(2, ["long", "middle", "short"]), (3, ["short", "long", "middle"])],
)
def test_the_longest_runs_begin_first(
    jobs: int, order: list[str], shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With fewer workers than runs; where all begin at once (control) as the plan has them."""
    given: list[str] = []

    def note(runs: Sequence[PlannedRun], *_: object, **__: object) -> None:
        given.extend(run.row for run in runs)

    monkeypatch.setattr(study, "train_at_once", note)
    rows = {"short": 2, "long": 9, "middle": 5}
    plan = {
        "title": "Jobs",
        "datasets": ["shop"],
        "set": {**SMALL, "patience": 20},
        "rows": {name: {"model": "sasrec", "set": {"epochs": n}} for name, n in rows.items()},
    }
    experiment, name = study.find_plan(plan, "jobs", Variation())
    study.Study(experiment, name, tmp_path, shop.parent, jobs=jobs).run(keeps_record=False)
    assert given == order
