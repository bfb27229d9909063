"""Train what is missing of a list of runs on one data set: one by one, or several at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from sirec.data.dataset import Dataset
from sirec.memory import usable_cores
from sirec.run.device import choose_device
from sirec.run.execute import execute, folder_of, make_covariates
from sirec.run.store import RunFolder, Store
from sirec.run.watcher import Silent, Watcher
from sirec.studies.launch.forecast import typical_epochs
from sirec.studies.launch.processes import WorkerSettings, train_in_processes
from sirec.studies.launch.ray_cluster import train_on_cluster
from sirec.studies.launch.watcher import SilentStudy, StudyWatcher
from sirec.studies.spec.plan import PlannedRun
from sirec.training.process_group import ProcessGroup

Finished = Callable[[PlannedRun, RunFolder], None]
"""Called with each run as it ends, whether it was trained now or before."""


def _ignore(run: PlannedRun, folder: RunFolder) -> None:
    """Do nothing with a finished run."""


def train_one_by_one(
    runs: Sequence[PlannedRun],
    data: Dataset,
    store: Store,
    *,
    device: str = "cpu",
    again: bool = False,
    finished: Finished = _ignore,
    watcher: StudyWatcher | None = None,
    process_group: ProcessGroup | None = None,
) -> list[RunFolder]:
    """Train what is missing of these runs in this process, one after the other.

    Args:
        runs: the runs, all on the same data.
        data: the whole data set, on the CPU.
        store: where runs are kept.
        device: where to train, `cpu`, `cuda`, `cuda:1` or `auto`.
        again: whether to train runs that have finished, too.
        finished: called with each run as it ends.
        watcher: who is told how it goes; nobody without one.
        process_group: the processes that train together, of which the first one tells.

    Returns:
        The folder of each run, in the order of `runs`.

    Raises:
        SirecError: for a run that cannot be trained, a loss that diverges, or a full disk.
    """
    group = process_group or ProcessGroup()
    told = watcher if watcher is not None and group.is_main else SilentStudy()
    train = partial(execute, data=data, store=store, again=again, process_group=group)
    folders: list[RunFolder] = []
    told.begin(_expected_epochs(runs))
    try:
        for run in runs:
            label = run_label(run, runs)
            folder = folder_of(run.config, data, store)
            was_done = folder.is_done and not again
            chosen, reason = choose_device(device, folder.to_train(again=again))
            if reason is not None and not was_done:
                told.remark(reason)
            run_watcher = Silent() if was_done else told.run_begins(label)
            folder = train(run.config, device=chosen, watcher=run_watcher)
            folders.append(folder)
            told.run_ends(label, folder, was_trained_before=was_done)
            finished(run, folder)
    finally:
        told.end()
    return folders


@dataclass(eq=False)
class _RunsAtOnce:
    """A list of runs of which several are trained at a time; rows may share a run.

    Attributes:
        runs: the runs as they were planned.
        finished: called with each planned run as its training ends.
        watcher: who is told how it goes.
        by_folder: the planned runs by their run's folder, in the order of `runs`.
        missing: folders of the runs that have to be trained.
        begun: numbers of the runs, in `missing`, that a process has begun.
    """

    runs: Sequence[PlannedRun]
    finished: Finished
    watcher: StudyWatcher
    by_folder: dict[RunFolder, list[PlannedRun]] = field(default_factory=dict)
    missing: list[RunFolder] = field(default_factory=list)
    begun: set[int] = field(default_factory=set)

    def sort(self, data: Dataset, settings: WorkerSettings) -> None:
        """Tell what was trained before from what is missing.

        Args:
            data: the whole data set.
            settings: what workers are given, with the results folder.
        """
        store = Store(settings.results)
        for run in self.runs:
            self.by_folder.setdefault(folder_of(run.config, data, store), []).append(run)
        self.missing = [folder for folder in self.by_folder if settings.again or not folder.is_done]
        for folder in self.by_folder:
            if folder not in self.missing:
                self.end(folder, was_trained_before=True)

    def first_runs(self) -> list[PlannedRun]:
        """One planned run of each folder that is missing."""
        return [self.by_folder[folder][0] for folder in self.missing]

    def begin(self, number: int) -> Watcher:
        """The watcher of a run that a process begins, or takes over from one that died."""
        label = run_label(self.by_folder[self.missing[number]][0], self.runs)
        if number in self.begun:
            self.watcher.run_dies(label)
        self.begun.add(number)
        return self.watcher.run_begins(label)

    def end_number(self, number: int) -> None:
        """Tell that the run of that number among the missing ones has been trained."""
        self.end(self.missing[number], was_trained_before=False)

    def end(self, folder: RunFolder, *, was_trained_before: bool) -> None:
        """Tell the end of a run for every row that stands on it.

        Args:
            folder: the folder of the run.
            was_trained_before: whether it had finished before.
        """
        for run in self.by_folder[folder]:
            label = run_label(run, self.runs)
            self.watcher.run_ends(label, folder, was_trained_before=was_trained_before)
            self.finished(run, folder)


def train_at_once(
    runs: Sequence[PlannedRun],
    data: Dataset,
    settings: WorkerSettings,
    jobs: int,
    *,
    finished: Finished = _ignore,
    watcher: StudyWatcher | None = None,
    cluster: str | None = None,
) -> None:
    """Train what is missing of these runs, several at a time, here or on a Ray cluster.

    Rows that share a run share its training. A run has the same bits as if it were trained alone.

    Args:
        runs: the runs, all on the same data.
        data: the whole data set, on the CPU.
        settings: the folders of the data and the results, and how to train.
        jobs: how many runs are trained at a time.
        finished: called with each run as it ends.
        watcher: who is told how it goes; nobody without one.
        cluster: address of a Ray cluster, None for processes of this machine.

    Raises:
        SirecError: for the first run that failed, after all others have ended.
    """
    told = watcher or SilentStudy()
    at_once = _RunsAtOnce(runs, finished, told)
    told.begin(_expected_epochs(runs))
    try:
        at_once.sort(data, settings)
        first_runs = at_once.first_runs()
        train: Callable[..., None] = train_in_processes
        if cluster is None:
            _remark_threads(first_runs, jobs, told)
        else:
            train = partial(train_on_cluster, address=cluster)
        if first_runs:
            make_covariates(data, Store(settings.results))
        configs = [run.config for run in first_runs]
        train(configs, settings, jobs, at_once.begin, at_once.end_number)
    finally:
        told.end()


def _expected_epochs(runs: Sequence[PlannedRun]) -> dict[str, int]:
    """Label -> about how many epochs a run has."""
    expected: dict[str, int] = {}
    for run in runs:
        expected[run_label(run, runs)] = sum(typical_epochs(run.config))
    return expected


def run_label(run: PlannedRun, runs: Sequence[PlannedRun]) -> str:
    """What a run of a list is called: its row, the setting it tries, its seed if there are several.

    Args:
        run: a planned run.
        runs: the list that it is part of.
    """
    parts = [run.label]
    for key, value in (run.tries or {}).items():
        parts.append(f"{key} {value}")
    seeds = {other.config.seed for other in runs}
    if len(seeds) > 1:
        parts.append(f"seed {run.config.seed}")
    return ", ".join(parts)


def _remark_threads(runs: Sequence[PlannedRun], jobs: int, watcher: StudyWatcher) -> None:
    """Say if more threads compute than there are cores, which is slower than fewer jobs.

    A run's threads stay as configured, since its numbers depend on them; a person decides.
    """
    most_threads = max((run.config.threads for run in runs), default=0)
    threads = min(jobs, len(runs)) * most_threads
    cores = usable_cores()
    if threads > cores:
        remedy = "fewer jobs, or --set threads=1, would be faster"
        watcher.remark(f"{jobs} jobs use {threads} threads on {cores} cores: {remedy}")
