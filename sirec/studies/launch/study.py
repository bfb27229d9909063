"""Run a study: train what is missing of an experiment, keep its record, write its tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from sirec.config import check_number, load
from sirec.config.quantities import JobCount
from sirec.data.dataset import Dataset
from sirec.data.store import storage
from sirec.errors import SirecError
from sirec.papers.record_data import data_warning
from sirec.report.results import MissingRow, View
from sirec.run.execute import folder_of
from sirec.run.store import RunFolder, Store
from sirec.studies.compare.comparison import Comparison
from sirec.studies.compare.recorded_rows import recorded_rows
from sirec.studies.compare.study_tables import VIEWS, render
from sirec.studies.launch.at_once import jobs_remark, usual_jobs
from sirec.studies.launch.data import choose_dataset
from sirec.studies.launch.dry_run import ExpectedRun, RunExpectation, dry_run
from sirec.studies.launch.forecast import duration
from sirec.studies.launch.processes import WorkerSettings
from sirec.studies.launch.progress import StudyProgress
from sirec.studies.launch.ray_cluster import check_installed
from sirec.studies.launch.record import record
from sirec.studies.launch.samplers import check_sampler
from sirec.studies.launch.train import Finished, train_at_once, train_one_by_one
from sirec.studies.launch.watcher import SilentStudy, StudyWatcher
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.library import find_experiment, read_experiment
from sirec.studies.spec.overrides import Variation
from sirec.studies.spec.plan import PlannedRun, default_remarks, planned_rows


@dataclass(frozen=True)
class Study:
    """An experiment to run, and how.

    Attributes:
        plan: the experiment; it is checked as a whole, whatever is trained of it.
        name: what its record and its tables are called.
        out: results folder.
        data_root: folder of prepared data sets.
        device: where to train.
        again: whether to train runs that have finished, too.
        jobs: how many runs are trained at a time, each in a process of its own; None for as many as
            cores and memory allow.
        rows: names of the rows to train, None for all.
        cluster: address of a Ray cluster to train on, None for this machine.
        watcher: who is told how it goes.
        views: which ranks its tables read.
        warned: what was said of its data already, so that nothing is said twice.
    """

    plan: Experiment
    name: str
    out: Path
    data_root: Path
    device: str = "cpu"
    again: bool = False
    jobs: int | None = 1
    rows: frozenset[str] | None = None
    cluster: str | None = None
    watcher: StudyWatcher = field(default_factory=SilentStudy)
    views: Sequence[View] = VIEWS
    warned: set[str] = field(default_factory=set, compare=False)

    def __post_init__(self) -> None:
        """Refuse no job, and more than any machine runs at a time."""
        if self.jobs is not None:
            check_number("jobs", self.jobs, JobCount)

    def only(self, labels: Sequence[str]) -> Study:
        """The study with only these rows, by label or by a model that one row alone has."""
        return replace(self, rows=frozenset(self.plan.only(labels).rows))

    def run(self, *, keeps_record: bool = True) -> list[tuple[PlannedRun, RunFolder]]:
        """Train what is missing.

        All data sets are read and all rows are resolved before anything is trained, so that a
        mistake in the last row costs no training.

        Args:
            keeps_record: whether to write the record of the study as runs finish; not for some
                rows of it alone.

        Returns:
            The runs that rows stand on, with their folders.

        Raises:
            SirecError: for a data set that is not there, and as `planned_rows` and training do.
        """
        progress = StudyProgress(self.plan)
        if self.cluster is not None:
            check_installed()
        if self.plan.tune is not None:
            check_sampler(self.plan.tune.sampler)
        for data, rows in self._resolved():
            for remark in default_remarks(self.plan, data):
                self.watcher.remark(remark)
            self._train_on(data, rows, progress, keeps_record=keeps_record)
        return progress.runs()

    def dry_run(self) -> Comparison:
        """Which of its runs there are and which are missing; nothing is trained.

        Raises:
            SirecError: as `run` does before anything is trained.
        """
        expected: list[ExpectedRun] = []
        planned: list[PlannedRun] = []
        searched: dict[str, None] = {}
        for data, rows in self._resolved():
            runs = self._wanted(rows)
            for run in runs:
                if run.tries is not None:
                    searched[run.row] = None
            planned += runs
            look_up = RunExpectation(data, Store(self.out), self.device, self.again)
            expected += look_up.of(runs)
        later = list(self._later_trials(expected, list(searched)))
        others = len(self.plan.seeds) - 1
        if searched and others:
            count = f"{len(searched) * others} more run{'s' * (len(searched) * others > 1)}"
            later.append(f"Then {count}: the chosen settings of searched rows with other seeds.")
        return dry_run(self.plan.title, expected, self.jobs_for(planned), later)

    def _later_trials(self, expected: Sequence[ExpectedRun], rows: Sequence[str]) -> Iterator[str]:
        """A sentence on the trials that samplers will propose."""
        if self.plan.tune is None or not rows:
            return
        more = self.plan.tune.trials - 1
        seconds = sum(run.seconds for run in expected) * more / (self.jobs or 1)
        yield (
            f"Then {more} more trials of each of {len(rows)} rows, proposed by "
            f"{self.plan.tune.sampler}: about {duration(seconds)} if they take as long."
        )

    def _resolved(self) -> list[tuple[Dataset, list[PlannedRun | MissingRow]]]:
        """Each data set with the rows planned on it."""
        resolved: list[tuple[Dataset, list[PlannedRun | MissingRow]]] = []
        names = self.plan.datasets or (None,)
        tell = self.watcher.remark
        for data in [choose_dataset(name, self.data_root, tell) for name in names]:
            resolved.append((data, list(planned_rows(self.plan, data, self.name))))
        self._warn_of_other_data((data.name, data.fingerprint()) for data, _ in resolved)
        return resolved

    def _wanted(self, rows: Sequence[PlannedRun | MissingRow]) -> list[PlannedRun]:
        """The planned runs of the rows that are to be trained."""
        runs: list[PlannedRun] = []
        for row in rows:
            if isinstance(row, PlannedRun) and (self.rows is None or row.row in self.rows):
                runs.append(row)
        return runs

    def tables(self) -> Comparison:
        """The tables of the study, from the stored ranks of its runs.

        Raises:
            SirecError: if it has not been run, or was run by another plan.
        """
        made = render(self.plan, self.name, self.out, self.views)
        path = self.out / "studies" / f"{self.name}.json"
        runs = [row.run for row in recorded_rows(path, None)]
        self._warn_of_other_data((run.dataset, run.fingerprint()) for run in runs)
        return made

    def write(self, comparison: Comparison) -> Path:
        """Write the tables of the study to the results folder; returns the Markdown file."""
        return comparison.write(self.out / "tables", self.name)

    def _warn_of_other_data(self, found: Iterable[tuple[str, str]]) -> None:
        """Tell which data sets, by name and fingerprint, are not those of the committed results."""
        for name, fingerprint in dict.fromkeys(found):
            warning = data_warning(name, fingerprint)
            if warning is not None and warning not in self.warned:
                self.warned.add(warning)
                self.watcher.remark(warning)

    def _train_on(
        self,
        data: Dataset,
        rows: Sequence[PlannedRun | MissingRow],
        progress: StudyProgress,
        *,
        keeps_record: bool,
    ) -> None:
        """Train the rows of one data set: all runs and trials, then the runs of searched rows."""
        write_record = partial(record, self.plan, self.out, self.name, progress, self.views)

        def finished(run: PlannedRun, folder: RunFolder) -> None:
            progress.finish(run, folder)
            if keeps_record:
                write_record()

        progress.missing += [row for row in rows if isinstance(row, MissingRow)]
        runs = self._wanted(rows)
        progress.planned += runs
        self._train(runs, data, finished)
        while proposed := progress.proposals(self.out / "searches" / self.name):
            self._train(proposed, data, finished)
        self._train(progress.settle(), data, finished)
        if keeps_record and progress.trials():  # a searched row may have nothing left to train
            write_record()

    def _train(self, runs: Sequence[PlannedRun], data: Dataset, finished: Finished) -> None:
        if not runs:
            return
        waiting = self._waiting(runs, data)
        jobs = self.jobs_for(waiting)
        if self.jobs is None and jobs > 1:
            self._remark_once(jobs_remark(jobs, waiting))
        if jobs == 1 and self.cluster is None:
            train_one_by_one(
                runs,
                data,
                Store(self.out),
                device=self.device,
                again=self.again,
                finished=finished,
                watcher=self.watcher,
            )
            return
        folder = storage.find(self.data_root, data.name)
        settings = WorkerSettings(folder, self.out, self.device, self.again)
        train_at_once(
            self._longest_first(runs, data, jobs),
            data,
            settings,
            jobs,
            finished=finished,
            watcher=self.watcher,
            cluster=self.cluster,
        )

    def jobs_for(self, runs: Sequence[PlannedRun]) -> int:
        """How many of some runs are trained at a time.

        Args:
            runs: the runs.
        """
        if self.jobs is not None:
            return self.jobs
        return 1 if self.cluster is not None else usual_jobs(runs, self.device)

    def _remark_once(self, text: str) -> None:
        """Give a remark, unless it was given before."""
        if text not in self.warned:
            self.warned.add(text)
            self.watcher.remark(text)

    def _waiting(self, runs: Sequence[PlannedRun], data: Dataset) -> list[PlannedRun]:
        """One planned run of each folder that has to be trained."""
        waiting: dict[RunFolder, PlannedRun] = {}
        for run in runs:
            folder = folder_of(run.config, data, Store(self.out))
            if self.again or not folder.is_done:
                waiting.setdefault(folder, run)
        return list(waiting.values())

    def _longest_first(
        self, runs: Sequence[PlannedRun], data: Dataset, jobs: int
    ) -> list[PlannedRun]:
        """The runs in an order in which no long one is left to the end, when others have nothing.

        Where all can be trained at a time, the order is that of the plan.
        """
        store = Store(self.out)
        waiting = self._waiting(runs, data)
        if len(waiting) <= jobs:
            return list(runs)
        self.watcher.remark(f"{len(waiting)} runs, the longest first: looking how long each takes")
        expected = RunExpectation(data, store, self.device, self.again).of(runs)
        seconds = {run.folder: run.seconds for run in expected}
        return sorted(runs, key=lambda run: -seconds[folder_of(run.config, data, store)])


def find_plan(
    experiment: str | Path | Experiment | Mapping[str, Any],
    name: str | None,
    variation: Variation,
) -> tuple[Experiment, str]:
    """An experiment with what is changed of it, and what its study is called.

    Args:
        experiment: a file, the name of a shipped experiment, or an experiment as an object or a
            mapping.
        name: what it is called; needed where the experiment is no file.
        variation: what is changed of it.

    Raises:
        SirecError: for an experiment that is not known or makes no sense, or has no name.
    """
    if isinstance(experiment, str | Path):
        path = find_experiment(str(experiment))
        plan, name = read_experiment(path), name or path.stem
    elif isinstance(experiment, Experiment):
        plan = experiment
    else:
        plan = load(Experiment, dict(experiment), "experiment")
    if name is None:
        raise SirecError("an experiment that is no file needs a name", "say name='mine'")
    return variation.apply(plan), variation.name(name, plan)
