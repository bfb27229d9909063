"""The small folder that faults are injected into: raw files, a data set, runs, a study, tables."""

from __future__ import annotations

import csv
import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from faults import processes
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage
from sirec.run.config import resolve
from sirec.run.execute import execute
from sirec.run.store import RunFolder, Store
from sirec.run.watcher import Silent
from sirec.training.progress import EpochReport

SIZES = {"width": 2, "heads": 1, "layers": 1, "inner": 2, "epochs": 3, "max_length": 4}
SET = " ".join(f"--set {name}={value}" for name, value in SIZES.items())
TRAIN = f"train sasrec --data shop --threads 1 {SET}"
STUDY = """
title: Two
datasets: [shop]
set: {threads: 1, width: 2, heads: 1, layers: 1, inner: 2, epochs: 3, max_length: 4}
rows:
  Popularity: {model: popularity}
  SASRec: {model: sasrec}
"""
USERS, ITEMS = 40, 28
COLUMNS = ("user", "item", "rating", "time")
PREPARE = (
    "prepare table --name shop --interactions raw/table.csv --time time --behaviour rating --core 0"
)
OUT = "--out results"
TIMES = {"timings.json", "environment.json", "DONE", "evaluations.jsonl", ".lock"}
"""Files that hold times, or digests of times, and differ between two calls."""


@dataclass(frozen=True)
class World:
    """A folder with everything that a command can meet.

    Attributes:
        root: the folder. Below it lie `raw/` (a table), `data/shop`, `results/` with finished runs
            of two models, a study and its tables, and `begun/` with a run that was stopped.
    """

    root: Path

    @property
    def results(self) -> Path:
        """The results folder."""
        return self.root / "results"

    @property
    def dataset(self) -> Path:
        """The folder of the prepared data set."""
        return self.root / "data" / "shop"

    def run(self, model: str = "sasrec", results: str = "results") -> RunFolder:
        """The run of a model."""
        [found] = [run for run in Store(self.root / results).all() if run.model == model]
        return found

    def copy(self, root: Path) -> World:
        """A copy of it in a new folder."""
        shutil.copytree(self.root, root)
        return World(root)

    def digests(self) -> dict[str, str]:
        """File -> digest, without those that hold times."""
        found: dict[str, str] = {}
        for path in sorted(self.root.rglob("*")):
            if path.is_file() and path.name not in TIMES:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                found[str(path.relative_to(self.root))] = content
        return found


class _Stop(Silent):
    """Ends a training after its first epoch, as a person would."""

    def epoch(self, report: EpochReport) -> None:
        """Stop."""
        raise KeyboardInterrupt


def make_world(root: Path) -> World:
    """Make the folder; it takes some seconds.

    Args:
        root: a folder that does not exist yet.
    """
    world = World(root)
    (root / "raw").mkdir(parents=True)
    _write_table(root / "raw" / "table.csv")
    (root / "two.yaml").write_text(STUDY)
    for words in (PREPARE, f"study two.yaml {OUT}", f"report {OUT}"):
        ended = processes.run(root, words)
        assert ended.code == processes.DONE, ended.told
    _begin_run(world)
    return world


def _begin_run(world: World) -> None:
    """Train for one epoch, and stop."""
    data = storage.load(world.dataset)
    config = resolve("sasrec", data, assignments={**SIZES, "threads": 1, "seed": 5})
    try:
        execute(config, data, Store(world.root / "begun"), watcher=_Stop())
    except KeyboardInterrupt:
        return
    raise AssertionError("the training was not stopped")


def _write_table(path: Path) -> None:
    """The demo's interactions as a table of text."""
    interactions = DemoSource(users=USERS, items=ITEMS).read().interactions
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for row in interactions.itertuples():
            table.writerow((row.user, row.item, row.rating, row.timestamp))
