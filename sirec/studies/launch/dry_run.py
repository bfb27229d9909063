"""What a command would train: which runs there are, which are missing, and about how long it takes.

`--dry-run` of every command that trains ends here: a command plans its runs as always, and they are
looked up instead of trained. A run is expected to take as long as finished runs of the same shape
on the same data, for as many epochs as those that stop by the same rule; where there is none, some
steps of it are timed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sirec.config import dump
from sirec.data.dataset import Dataset
from sirec.models import model_class
from sirec.report.overview import Overview
from sirec.report.table import Cell, ResultTable, TableColumn, TableRow
from sirec.run.build import torch_state_restored
from sirec.run.config import RunConfig
from sirec.run.device import AUTO, begun_on, device_named, usual_device
from sirec.run.execute import folder_of
from sirec.run.store import RunFolder, Store
from sirec.studies.compare.comparison import Comparison
from sirec.studies.launch.forecast import TYPICAL_EPOCHS, duration, epoch_seconds, typical_epochs
from sirec.studies.launch.train import run_label
from sirec.studies.spec.plan import PlannedRun

DONE, BEGUN, MISSING = "done", "begun", "missing"
# What changes neither the work of a step nor the number of steps of an epoch.
WORKLESS = ("seed", "protocol", "profile", "dropout", "attention_dropout", "learning_rate")
WORKLESS_OF_STAGES = (
    *("learning_rate", "patience", "epochs", "metric"),
    *("weight_decay", "beta1", "beta2"),
)
HOUR = 3600


@dataclass(frozen=True)
class ExpectedRun:
    """A run that a command wants.

    Attributes:
        label: what the run is called.
        folder: its folder, whether it exists or not.
        state: `done`, `begun` or `missing`.
        seconds: about how long its training takes; how long it took if it is done.
        basis: what says so: `measured`, `2 finished runs` or `timed`.
    """

    label: str
    folder: RunFolder
    state: str
    seconds: float
    basis: str


@dataclass
class RunExpectation:
    """Looks up the runs that a command wants.

    Attributes:
        data: the data set of the runs.
        store: where runs are kept.
        device: where they would be trained.
        again: whether runs that have finished would be trained, too.
        timed: seconds of an epoch of each stage by the key of a run's shape, so that nothing is
            timed twice.
    """

    data: Dataset
    store: Store
    device: str = "cpu"
    again: bool = False
    timed: dict[str, list[float]] = field(default_factory=dict)

    def of(self, runs: Sequence[PlannedRun]) -> list[ExpectedRun]:
        """The runs, each folder once, in the order in which they are planned."""
        found: dict[RunFolder, ExpectedRun] = {}
        for run in runs:
            folder = folder_of(run.config, self.data, self.store)
            if folder not in found:
                found[folder] = self._expected(run_label(run, runs), run.config, folder)
        return list(found.values())

    def _expected(self, label: str, config: RunConfig, folder: RunFolder) -> ExpectedRun:
        if folder.is_done and not self.again:
            return ExpectedRun(label, folder, DONE, seconds_spent(folder), "measured")
        state = BEGUN if folder.snapshot_path.exists() else MISSING
        if model_class(config.model.name).is_training_free:
            return ExpectedRun(label, folder, state, 0.0, "nothing is trained")
        alike = self._finished_alike(config)
        if alike:
            basis = f"{len(alike)} finished run{'s' * (len(alike) > 1)}"
            return ExpectedRun(label, folder, state, _seconds_as(alike, config), basis)
        return ExpectedRun(label, folder, state, self._timed(config), "timed")

    def _finished_alike(self, config: RunConfig) -> list[RunFolder]:
        """Finished runs of the same shape on the same data and kind of device."""
        kind = device_named(self.device).type
        found: list[RunFolder] = []
        parent = self.store.folder(self.data.name, config.model.name, "x").path.parent
        for path in sorted(parent.glob("*")):
            run = RunFolder(path)
            if run.is_done and run.repeated is None:
                same = run.fingerprint() == self.data.fingerprint()
                if same and begun_on(run)[0] == kind and _shape(run.config()) == _shape(config):
                    found.append(run)
        return found

    def _timed(self, config: RunConfig) -> float:
        """About how long a run takes, from some steps of it and a typical number of epochs."""
        key = _shape(config)
        if key not in self.timed:
            device = usual_device() if self.device == AUTO else self.device
            with torch_state_restored():
                self.timed[key] = epoch_seconds(config, self.data, device)
        seconds = 0.0
        for epoch, epochs in zip(self.timed[key], typical_epochs(config), strict=True):
            seconds += epoch * epochs
        return seconds


def seconds_spent(run: RunFolder) -> float:
    """The seconds of a finished run's training, validation included."""
    timings = run.timings()
    return float(sum(timings["train_seconds"]) + sum(timings["valid_seconds"]))


def dry_run(
    title: str, runs: Sequence[ExpectedRun], jobs: int = 1, later: Iterable[str] = ()
) -> Comparison:
    """What a command would train, as a table.

    Args:
        title: what the table is called.
        runs: the runs.
        jobs: how many are trained at a time.
        later: sentences on runs that cannot be planned yet.
    """
    rows: list[TableRow] = []
    for run in runs:
        folder = str(Path(run.folder.address))
        hours = Cell(run.seconds / HOUR)
        cells = (Cell(run.state), hours, Cell(run.basis), Cell(folder))
        rows.append(TableRow(run.label, cells, run.folder.dataset, model=run.folder.model))
    columns = (
        TableColumn("state"),
        TableColumn("hours", decimals=2),
        TableColumn("by"),
        TableColumn("run"),
    )
    sentences = (dry_run_sentence(runs, jobs), *later)
    table = ResultTable(f"{title}: what would be trained", columns, tuple(rows), sentences)
    return Comparison(title, (table,), sentences, Overview.of(table, sentences))


def dry_run_sentence(runs: Sequence[ExpectedRun], jobs: int) -> str:
    """How many runs there are, how many are missing, and about how long they take.

    Args:
        runs: the runs.
        jobs: how many are trained at a time.
    """
    left = [run for run in runs if run.state != DONE]
    counted = f"{len(runs)} run{'s' * (len(runs) != 1)}, {len(runs) - len(left)} of them done"
    if not left:
        return f"{counted}: nothing would be trained."
    seconds = [run.seconds for run in left]
    about = max(sum(seconds) / jobs, *seconds)
    at_once = f", {jobs} at a time" if jobs > 1 else ""
    told = f"{counted}; {len(left)} to train{at_once}: about {duration(about)}"
    guess = f"{TYPICAL_EPOCHS} epochs where no finished run tells their number"
    return f"{told} (training is thought to stop after {guess})."


def _seconds_as(alike: Sequence[RunFolder], config: RunConfig) -> float:
    """How long a run takes if its epochs take as long as those of finished runs.

    It has as many epochs as those of them that stop by the same rule, else a typical number.
    """
    seconds, epochs = 0.0, 0
    same_rule: list[int] = []
    for run in alike:
        done = run.timings()["epochs"]
        seconds += seconds_spent(run)
        epochs += done
        if _stopping(run.config()) == _stopping(config):
            same_rule.append(done)
    expected = float(np.mean(same_rule)) if same_rule else sum(typical_epochs(config))
    return seconds / max(epochs, 1) * expected


def _stopping(config: RunConfig) -> list[tuple[int, int]]:
    """What decides the number of epochs of each stage."""
    return [(stage.epochs, stage.patience) for stage in config.stages]


def _shape(config: RunConfig) -> str:
    """What decides the work of an epoch, as one text."""
    tree: dict[str, Any] = _without(dump(config), WORKLESS)
    tree["model"] = _without(tree["model"], WORKLESS)
    stages: list[dict[str, Any]] = []
    for stage in tree["stages"]:
        stages.append(_without(stage, WORKLESS_OF_STAGES))
    return json.dumps({**tree, "stages": stages}, sort_keys=True, default=str)


def _without(tree: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: value for key, value in tree.items() if key not in keys}
