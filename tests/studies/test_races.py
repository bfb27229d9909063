"""Several commands at once on one results folder: every one of them ends well, with whole files."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pyarrow.parquet as pq
import pytest

import sirec
from sirec.data.dataset import Dataset
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage
from sirec.disk import atomic_file
from sirec.evaluation.covariates import write_covariates
from sirec.run.files import replace_text
from sirec.run.store import Store

ROUNDS, AT_ONCE = 20, 4
SMALL = {"width": 8, "heads": 2, "layers": 1, "inner": 8, "epochs": 1}
STUDY = {
    "title": "Two",
    "datasets": ["shop"],
    "set": {"threads": 1, **SMALL},
    "rows": {"Popularity": {"model": "popularity"}, "SASRec": {"model": "sasrec"}},
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small prepared data set."""
    root = tmp_path_factory.mktemp("races")
    storage.write(root / "data", prepare(DemoSource(users=200, items=80).read(), "shop"))
    return root


@pytest.fixture(scope="module")
def data(root: Path) -> Dataset:
    """The data set."""
    return storage.load(root / "data" / "shop")


def at_once(work: Callable[[int], object]) -> list[object]:
    """Do something in several threads that begin together; what one raises is raised."""
    barrier = Barrier(AT_ONCE)

    def begin(number: int) -> object:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(begin, range(AT_ONCE)))


def test_files_that_several_write_at_once_are_whole(data: Dataset, tmp_path: Path) -> None:
    """Covariates of first runs, and tables of one name: each writer has a file of its own."""
    for number in range(ROUNDS):
        path = tmp_path / f"covariates-{number}.parquet"
        at_once(lambda _, path=path: write_covariates(data, path))  # type: ignore[misc]
        assert len(pq.read_table(path)) == data.user_count
        text = tmp_path / "table.md"
        at_once(lambda writer, text=text: replace_text(text, f"{writer}\n" * 5000))  # type: ignore[misc]
        assert len(set(text.read_text().splitlines())) == 1
    assert all(not path.name.startswith(".") for path in tmp_path.iterdir())


def test_a_fixed_temporary_name_would_not_do(tmp_path: Path) -> None:
    """The control: writers that share a temporary name take it from each other."""
    path = tmp_path / "table.md"
    with atomic_file(path) as first, atomic_file(path) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    shared = tmp_path / ".table.md.new"
    shared.write_text("first")
    shared.write_text("second")
    shared.replace(path)
    with pytest.raises(FileNotFoundError):
        shared.replace(path)


def test_finished_work_needs_no_lock(root: Path) -> None:
    """While another process holds a finished run, it is shown, and studies on it are drawn."""
    results = root / "finished"
    place = {"results": results, "data_root": root / "data"}
    first = sirec.run_study(STUDY, name="two", **place)  # type: ignore[arg-type]
    [run] = [run for run in Store(results).all() if run.model == "sasrec"]
    with run.locked():
        again = sirec.run_study(STUDY, name="two", **place)  # type: ignore[arg-type]
        assert again.to_dict() == first.to_dict()
        parallel = sirec.run_study(STUDY, name="two", jobs=2, **place)  # type: ignore[arg-type]
        assert parallel.to_dict() == first.to_dict()
        [same] = sirec.train("sasrec", "shop", set=SMALL, threads=1, **place)  # type: ignore[arg-type]
        assert same == run
        with pytest.raises(sirec.errors.SirecError, match="another process is training this run"):
            sirec.train("sasrec", "shop", set=SMALL, threads=1, again=True, **place)  # type: ignore[arg-type]


def together(root: Path, commands: Sequence[str]) -> list[str]:
    """Run commands at the same time; returns what each wrote to stderr."""
    started: list[subprocess.Popen[str]] = []
    for command in commands:
        words = [sys.executable, "-m", "sirec", *command.split()]
        started.append(
            subprocess.Popen(words, cwd=root, stderr=subprocess.PIPE, stdout=-3, text=True)
        )
    told: list[str] = []
    for command, process in zip(commands, started, strict=True):
        _, error = process.communicate()
        assert process.returncode == 0, f"{command}: {error}"
        told.append(error)
    return told


@pytest.mark.slow
def test_commands_at_once(root: Path) -> None:
    """First trainings, evaluations, pages and studies, as processes, a few rounds."""
    (root / "two.yaml").write_text(json.dumps(STUDY))
    settings = " ".join(f"--set {key}={value}" for key, value in SMALL.items())
    for number in range(2):
        out = f"--out results{number}"
        seeds = [
            f"train sasrec --data shop --threads 1 {settings} --seed {n} {out}" for n in (0, 1, 2)
        ]
        together(root, seeds)
        runs = " ".join(str(run.path) for run in Store(root / f"results{number}").all())
        together(root, [f"evaluate {runs} --name n {out}"] * 4)
        together(root, [f"study two.yaml {out}"])
        together(root, [f"study two.yaml {out}"] * 3)
        together(root, [f"report {out}"] * 2)
        assert (root / f"results{number}" / "tables" / "n.md").read_text().count("| SASRec") == 1
