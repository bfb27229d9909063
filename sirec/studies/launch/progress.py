"""How far a study is: its planned and its finished runs, trials among them, in table order."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sirec.report.results import MissingRow
from sirec.run.store import RunFolder
from sirec.studies.launch.samplers import Told, sampler_named
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.grid import Trial, best, metric_of, on_validation
from sirec.studies.spec.overrides import slug
from sirec.studies.spec.plan import PlannedRun, proposed_trial, settled


@dataclass
class StudyProgress:
    """The runs of a study in the order of its table.

    The runs of a row that is searched are known when its trials have finished.

    Attributes:
        experiment: the experiment.
        planned: all planned runs and trials.
        missing: rows that the data sets cannot have.
        folders: folders of finished runs, by `id` of the planned run.
        values: validation values of finished trials, by `id` of the planned run.
    """

    experiment: Experiment
    planned: list[PlannedRun] = field(default_factory=list)
    missing: list[MissingRow] = field(default_factory=list)
    folders: dict[int, RunFolder] = field(default_factory=dict)
    values: dict[int, float] = field(default_factory=dict)

    def finish(self, run: PlannedRun, folder: RunFolder) -> None:
        """Note that a planned run has finished.

        Args:
            run: the planned run.
            folder: its folder.
        """
        self.folders[id(run)] = folder
        if run.tries is not None:
            self.values[id(run)] = on_validation(folder, metric_of(run.config))

    def settle(self) -> list[PlannedRun]:
        """Plan the runs of searched rows whose trials have all finished.

        Returns:
            Those of the runs that have to be trained; others have the configuration of a trial.
        """
        added: list[PlannedRun] = []
        for trials in self._searched():
            if self._is_settled(trials[0]):
                continue
            for run in settled(self.experiment, self._best(trials)):
                folder = self._folder_of_equal(run)
                self.planned.append(run)
                if folder is None:
                    added.append(run)
                else:
                    self.finish(run, folder)
        return added

    def proposals(self, journals: Path) -> list[PlannedRun]:
        """Plan the next trials of rows that samplers propose settings for.

        A sampler that learns gets one trial of every row at a time, any other all of them.

        Args:
            journals: folder of the searches' journals.

        Returns:
            The trials, none where every row has all of its trials.
        """
        tuning = self.experiment.tune
        if tuning is None:
            return []
        sampler = sampler_named(tuning.sampler)
        added: list[PlannedRun] = []
        for row, trials in self._trials_by_row().items():
            space = trials[0].space
            if space is None or not all(id(run) in self.folders for run in trials):
                continue
            journal = journals / f"{'_'.join(map(slug, row))}.journal"
            told = [Told(run.tries or {}, self.values[id(run)]) for run in trials]
            last = min(len(trials) + 1, tuning.trials) if sampler.learns else tuning.trials
            for number in range(len(trials), last):
                setting = sampler.propose(space, told, number, tuning.seed, journal)
                added.append(proposed_trial(trials[0], setting))
            if len(trials) == tuning.trials:
                sampler.keep(space, told, journal)
        self.planned += added
        return added

    def runs(self) -> list[tuple[PlannedRun, RunFolder]]:
        """The finished runs that rows stand on, row by row as planned.

        They end before the first row that is still searched. A trial is not among them, though the
        best trial has an equal run there.
        """
        shown = self._rows_in_order()
        finished: list[PlannedRun] = []
        for run in self.planned:
            if run.tries is None and id(run) in self.folders and _row(run) in shown:
                finished.append(run)
        finished.sort(key=lambda run: shown.index(_row(run)))
        return [(run, self.folders[id(run)]) for run in finished]

    def trials(self) -> list[Trial]:
        """The finished trials of rows that have all of theirs."""
        trials: list[Trial] = []
        for runs in self._searched():
            best_run = self._best(runs)
            trials += [self._trial(run, best_run) for run in runs]
        return trials

    def _rows_in_order(self) -> list[tuple[str, str]]:
        """The rows as planned, up to the first one that is still searched."""
        rows: list[tuple[str, str]] = []
        for run in self.planned:
            if run.tries is not None and not self._is_settled(run):
                break
            if _row(run) not in rows:
                rows.append(_row(run))
        return rows

    def _folder_of_equal(self, run: PlannedRun) -> RunFolder | None:
        """The folder of a finished run with the same configuration, if there is one."""
        for other in self.planned:
            if other.config == run.config and id(other) in self.folders:
                return self.folders[id(other)]
        return None

    def _trial(self, run: PlannedRun, best_run: PlannedRun) -> Trial:
        address = self.folders[id(run)].address
        return Trial(
            run.label,
            run.tries or {},
            address,
            metric_of(run.config),
            self.values[id(run)],
            run is best_run,
        )

    def _trials_by_row(self) -> dict[tuple[str, str], list[PlannedRun]]:
        """The planned trials of each searched row."""
        rows: dict[tuple[str, str], list[PlannedRun]] = {}
        for run in self.planned:
            if run.tries is not None:
                rows.setdefault(_row(run), []).append(run)
        return rows

    def _searched(self) -> list[list[PlannedRun]]:
        """The trials of each row that has all of its trials, if all have finished."""
        tuning = self.experiment.tune
        found: list[list[PlannedRun]] = []
        for trials in self._trials_by_row().values():
            is_whole = tuning is None or len(trials) == tuning.trials
            if is_whole and all(id(run) in self.folders for run in trials):
                found.append(trials)
        return found

    def _is_settled(self, trial: PlannedRun) -> bool:
        return any(run.tries is None and _row(run) == _row(trial) for run in self.planned)

    def _best(self, trials: list[PlannedRun]) -> PlannedRun:
        return trials[best([self.values[id(run)] for run in trials])]


def _row(run: PlannedRun) -> tuple[str, str]:
    return run.config.data.name, run.row
