"""What several commands do: find or make the data, train a list of runs with bars."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sirec.cli.console import EpochBars, print_json, progress, say, stdout
from sirec.data.dataset import Dataset
from sirec.data.store import storage
from sirec.errors import SirecError
from sirec.evaluation.full_ranking import evaluate
from sirec.report.render import to_rich
from sirec.report.results import MissingRow, View
from sirec.run.execute import execute, folder_of, load_model, write_ranks
from sirec.run.store import RunFolder, Store
from sirec.studies.compare.comparison import Comparison
from sirec.studies.compare.study_tables import VIEWS, record, render
from sirec.studies.launch.data import choose_dataset, choose_shared_dataset
from sirec.studies.launch.processes import Workplace, make_covariates
from sirec.studies.launch.processes import train_at_once as train_in_processes
from sirec.studies.launch.progress import StudyProgress
from sirec.studies.launch.ray_cluster import check_installed, train_on_cluster
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.plan import PlannedRun, planned_rows
from sirec.training.process_group import ProcessGroup


def dataset(name: str | None, root: Path) -> Dataset:
    """The prepared data set of that name, or the one that is chosen without a name, said aloud."""
    return choose_dataset(name, root, say)


def shared_dataset(name: str | None, root: Path, process_group: ProcessGroup) -> Dataset:
    """The data set of a name, or the chosen one, in every process of a group."""
    return choose_shared_dataset(name, root, process_group, say)


def train_all(
    runs: Sequence[PlannedRun],
    data: Dataset,
    store: Store,
    *,
    device: str = "cpu",
    again: bool = False,
    finished: Callable[[PlannedRun, RunFolder], None] | None = None,
    process_group: ProcessGroup | None = None,
) -> list[RunFolder]:
    """Train what is missing of these runs, with bars; `finished` is told of each run as it ends,
    trained before or now.

    Of a `process_group` all processes train, and the first one speaks.
    """
    if process_group and not process_group.is_main:
        return [
            execute(
                run.config, data, store, device=device, again=again, process_group=process_group
            )
            for run in runs
        ]
    folders = []
    with progress() as bars:
        whole = bars.add_task("runs", total=len(runs), note="") if len(runs) > 1 else None
        for run in runs:
            label = _label(run, runs)
            watcher = EpochBars(bars, label)
            was_done = folder_of(run.config, data, store).is_done and not again
            folders.append(
                execute(
                    run.config,
                    data,
                    store,
                    device=device,
                    watcher=watcher,
                    again=again,
                    process_group=process_group,
                )
            )
            watcher.close()
            say(f"{label}: {'already trained' if was_done else 'done'}, {folders[-1].path}")
            if finished:
                finished(run, folders[-1])
            if whole is not None:
                bars.advance(whole)
    return folders


def train_at_once(
    runs: Sequence[PlannedRun],
    data: Dataset,
    place: Workplace,
    jobs: int,
    finished: Callable[[PlannedRun, RunFolder], None],
    *,
    cluster: str | None = None,
) -> None:
    """What `train_all` does, `jobs` runs at a time, here or on a Ray cluster; rows that share a run
    share its training.
    """
    store = Store(place.results)
    by_folder: dict[RunFolder, list[PlannedRun]] = {}
    for run in runs:
        by_folder.setdefault(folder_of(run.config, data, store), []).append(run)

    def end(folder: RunFolder, state: str) -> None:
        for run in by_folder[folder]:
            say(f"{_label(run, runs)}: {state}, {folder.path}")
            finished(run, folder)

    missing = [folder for folder in by_folder if place.again or not folder.is_done]
    for folder in by_folder:
        if folder not in missing:
            end(folder, "already trained")
    firsts = [by_folder[folder][0] for folder in missing]
    if cluster is None:
        _say_threads(firsts, jobs)
    make_covariates(data, store)
    with progress() as bars:
        watchers: dict[int, EpochBars] = {}

        def watch(number: int) -> EpochBars:
            label = _label(firsts[number], runs)
            if number in watchers:
                watchers[number].close()
                say(f"{label}: the process that trained it died, and another one takes it up")
            watchers[number] = EpochBars(bars, label)
            return watchers[number]

        def done(number: int) -> None:
            watchers[number].close()
            end(missing[number], "done")

        train = (
            train_in_processes if cluster is None else partial(train_on_cluster, address=cluster)
        )
        train([run.config for run in firsts], place, jobs, watch, done)


@dataclass(frozen=True)
class StudyCall:
    """A study as the command line asks for it: `name` is what its record and its tables are called.

    `rows` names those to train, None for all; the plan is checked as a whole, whatever is trained
    of it. `cluster` is the address of a Ray cluster to train on, None for this machine.
    """

    plan: Experiment
    name: str
    out: Path
    data_root: Path
    device: str = "cpu"
    again: bool = False
    jobs: int = 1
    rows: frozenset[str] | None = None
    cluster: str | None = None

    def only(self, labels: Sequence[str]) -> StudyCall:
        """The study with only these rows."""
        return replace(self, rows=frozenset(self.plan.only(labels).rows))

    def run(self, *, keeps_record: bool = True) -> list[tuple[PlannedRun, RunFolder]]:
        """Train what is missing, list the runs as they finish, and return them; without a record
        for a part of a study.

        All data sets are read and all rows resolved before anything is trained: a mistake in the
        last costs no training.
        """
        progress = StudyProgress(self.plan)

        def finished(run: PlannedRun, folder: RunFolder) -> None:
            progress.finish(run, folder)
            if keeps_record:
                record(self.plan, self.out, self.name, progress)

        if self.cluster is not None:
            check_installed()
        whole = [dataset(name, self.data_root) for name in self.plan.datasets or (None,)]
        for data, rows in [
            (data, list(planned_rows(self.plan, data, self.name))) for data in whole
        ]:
            progress.missing += [row for row in rows if isinstance(row, MissingRow)]
            runs = [
                row
                for row in rows
                if isinstance(row, PlannedRun) and (self.rows is None or row.row in self.rows)
            ]
            progress.planned += runs
            self._train(runs, data, finished)
            self._train(progress.settle(), data, finished)
            if keeps_record and progress.trials():  # a searched row may have nothing left to train
                record(self.plan, self.out, self.name, progress)
        return progress.runs()

    def _train(
        self,
        runs: Sequence[PlannedRun],
        data: Dataset,
        finished: Callable[[PlannedRun, RunFolder], None],
    ) -> None:
        if not runs:
            return
        if self.jobs == 1 and self.cluster is None:
            train_all(
                runs, data, Store(self.out), device=self.device, again=self.again, finished=finished
            )
            return
        place = Workplace(
            storage.find(self.data_root, data.name), self.out, self.device, self.again
        )
        train_at_once(runs, data, place, self.jobs, finished, cluster=self.cluster)

    def result(self, views: Sequence[View] = VIEWS, *, render_only: bool = False) -> Comparison:
        """The study's tables, written to the results, after training what is missing."""
        if not render_only:
            self.run()
        comparison = render(self.plan, self.name, self.out, views)
        say(
            f"written: {comparison.write(self.out / 'tables', self.name)}"
        )  # before printing: a closed pipe ends the command
        return comparison


def seeds_of(text: str | None) -> tuple[int, ...] | None:
    """`0,1,2` as numbers; None stays None. Raises `SirecError` for anything else."""
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise SirecError(
            f"--seeds {text}: expected whole numbers separated by commas",
            "for example: --seeds 0,1,2",
        ) from None


def show(*comparisons: Comparison, as_json: bool) -> None:
    """Tables and sentences on stdout, or one JSON value, a list for several comparisons."""
    if as_json:
        values = [comparison.to_dict() for comparison in comparisons]
        print_json(values if len(values) > 1 else values[0])
        return
    for comparison in comparisons:
        for table in comparison.tables:
            stdout.print(to_rich(table))
        for text in comparison.sentences:
            stdout.print(text, markup=False, highlight=False)


def recompute_ranks(folder: RunFolder, data_root: Path) -> None:
    """Rank all users anew with a run's stored weights, and store the ranks."""
    config = folder.config()
    built = load_model(folder, storage.load(storage.find(data_root, config.data.name)))
    write_ranks(folder, config, evaluate(built.model, built.data, config.data.max_length))


def _label(run: PlannedRun, runs: Sequence[PlannedRun]) -> str:
    tried = [f"{key} {value}" for key, value in (run.tries or {}).items()]
    seed = [f"seed {run.config.seed}"] if len({other.config.seed for other in runs}) > 1 else []
    return ", ".join([run.label, *tried, *seed])


def _say_threads(runs: Sequence[PlannedRun], jobs: int) -> None:
    """Threads stay as configured, so a person decides what fits; more of them than cores is slower
    than fewer jobs.
    """
    threads = min(jobs, len(runs)) * max((run.config.threads for run in runs), default=0)
    cores = os.cpu_count() or 1
    if threads > cores:
        say(
            f"{jobs} jobs use {threads} threads on {cores} cores: fewer jobs, or --set threads=1, would be faster"
        )
