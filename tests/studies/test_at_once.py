"""How many runs are trained at a time where nobody says it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sirec.data.dataset import Dataset
from sirec.memory import usable_cores
from sirec.run.config import resolve
from sirec.studies.launch import at_once, study
from sirec.studies.launch.at_once import RUN_BYTES, jobs_remark, usual_jobs
from sirec.studies.spec.overrides import Variation
from sirec.studies.spec.plan import PlannedRun


def machine(monkeypatch: pytest.MonkeyPatch, cores: int, memory: int | None) -> None:
    """A machine of this size."""
    monkeypatch.setattr(at_once, "usable_cores", lambda: cores)
    monkeypatch.setattr(at_once, "memory_size", lambda: memory)


def runs(data: Dataset, model: str, count: int, threads: int = 1) -> list[PlannedRun]:
    """So many runs of a model."""
    planned: list[PlannedRun] = []
    for seed in range(count):
        config = resolve(model, data, assignments={"seed": seed, "threads": threads})
        planned.append(PlannedRun(model, config))
    return planned


@pytest.mark.parametrize(
    ("cores", "gigabytes", "count", "threads", "jobs"),
    [
        (2, 24, 5, 1, 2),
        (2, 24, 5, 2, 1),
        (16, 128, 5, 2, 5),
        (16, 128, 20, 2, 8),
        (16, 10, 20, 2, 3),
        (16, 2, 20, 1, 1),
        (16, 128, 1, 1, 1),
        (1, 128, 5, 4, 1),
    ],
)
def test_every_run_has_cores_and_memory_of_its_own(
    tiny: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    cores: int,
    gigabytes: int,
    count: int,
    threads: int,
    jobs: int,
) -> None:
    """No more runs than there are, and one at least."""
    machine(monkeypatch, cores, gigabytes * 10**9)
    planned = runs(tiny, "sasrec", count, threads)
    assert usual_jobs(planned, "cpu") == jobs
    assert jobs == 1 or jobs * threads <= cores
    assert jobs == 1 or jobs * RUN_BYTES <= gigabytes * 10**9


def test_what_is_not_trained_needs_no_process(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A memory that the system does not tell (control) is no reason for fewer."""
    machine(monkeypatch, 8, None)
    planned = runs(tiny, "popularity", 4)
    assert usual_jobs(planned, "cpu") == 1
    assert usual_jobs([*planned, *runs(tiny, "sasrec", 3)], "cpu") == 3


def test_processes_that_train_together_train_one_run_at_a_time(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As torchrun starts them."""
    machine(monkeypatch, 8, None)
    planned = runs(tiny, "sasrec", 4)
    assert usual_jobs(planned, "cpu") == 4
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert usual_jobs(planned, "cpu") == 1


def test_a_number_that_is_given_is_taken_and_on_a_cluster_it_is_one(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing else decides then."""
    machine(monkeypatch, 8, None)
    planned = runs(tiny, "sasrec", 4)
    plan, name = study.find_plan("quickstart", None, Variation())
    made = study.Study(plan, name, tmp_path, tmp_path, jobs=None)
    assert made.jobs_for(planned) == 4
    assert replace(made, jobs=1).jobs_for(planned) == 1
    assert replace(made, jobs=7).jobs_for(planned) == 7
    assert replace(made, cluster="auto").jobs_for(planned) == 1


def test_the_remark_says_what_was_chosen_and_how_to_undo_it(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the size of the machine, from which it follows."""
    machine(monkeypatch, 4, 24 * 10**9)
    assert jobs_remark(2, runs(tiny, "sasrec", 3, 2)) == (
        "2 runs at a time, 2 threads each, on 4 cores and 24 GB of memory "
        "(--jobs 1: one after the other)"
    )


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "max 100000"}, None),
        ({"cpu.max": "250000 100000"}, 2),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
        ({"cpu.max": "100000 0"}, None),
        ({}, None),
    ],
)
def test_a_group_may_have_fewer_cores_than_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], cores: int | None
) -> None:
    """In both versions of control groups; without a limit it has those that it is scheduled on."""
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(8)), raising=False)
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{text}\n")
    own = tmp_path / "own"
    own.write_text("4:cpu,cpuacct:/\n" if any("/" in name for name in files) else "0::/\n")
    assert usable_cores(tmp_path, own) == (cores or 8)
