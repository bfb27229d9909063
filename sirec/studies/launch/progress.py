"""How far a study is: the runs that are planned and those that are finished, trials among them, in
the order of its table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

from sirec.report.results import MissingRow
from sirec.run.store import RunFolder
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.grid import Trial, best, metric_of, on_validation
from sirec.studies.spec.plan import PlannedRun, settled


@dataclass
class StudyProgress:
    """The runs of a study in the order of its table. Where rows are searched, a row's runs follow
    from its trials.
    """

    experiment: Experiment
    planned: list[PlannedRun] = field(default_factory=list)
    missing: list[MissingRow] = field(default_factory=list)
    folders: dict[int, RunFolder] = field(
        default_factory=dict
    )  # of finished runs, by their identity in memory
    values: dict[int, float] = field(default_factory=dict)  # of finished trials, on validation

    def finish(self, run: PlannedRun, folder: RunFolder) -> None:
        """Note where a planned run lies."""
        self.folders[id(run)] = folder
        if run.tries is not None:
            self.values[id(run)] = on_validation(folder, metric_of(run.config))

    def settle(self) -> list[PlannedRun]:
        """Plan the runs of searched rows whose trials have all finished, and return those that no
        run so far is.
        """
        added = []
        for trials in [trials for trials in self._searched() if not self._is_settled(trials[0])]:
            for run in settled(self.experiment, self._best(trials)):
                same = [
                    self.folders[id(other)]
                    for other in self.planned
                    if other.config == run.config and id(other) in self.folders
                ]
                self.planned.append(run)
                if same:
                    self.finish(run, same[0])
                else:
                    added.append(run)
        return added

    def runs(self) -> list[tuple[PlannedRun, RunFolder]]:
        """The finished runs that rows stand on, row by row as planned, up to the first row that is
        still searched.

        A trial is no such run, though the best one has its like among them.
        """
        order = list(dict.fromkeys(map(_row, self.planned)))
        open_rows = [
            order.index(_row(run))
            for run in self.planned
            if run.tries is not None and not self._is_settled(run)
        ]
        shown = order[: min(open_rows, default=len(order))]
        mine = [
            run
            for run in self.planned
            if run.tries is None and id(run) in self.folders and _row(run) in shown
        ]
        return [
            (run, self.folders[id(run)])
            for run in sorted(mine, key=lambda run: shown.index(_row(run)))
        ]

    def trials(self) -> list[Trial]:
        """The finished trials of rows that have all of theirs."""
        return [
            self._trial(run, best_one)
            for trials in self._searched()
            for best_one in [self._best(trials)]
            for run in trials
        ]

    def _trial(self, run: PlannedRun, best_one: PlannedRun) -> Trial:
        place = self.folders[id(run)].address
        return Trial(
            run.label,
            run.tries or {},
            place,
            metric_of(run.config),
            self.values[id(run)],
            run is best_one,
        )

    def _searched(self) -> Iterator[list[PlannedRun]]:
        """The trials of each row of which all have finished."""
        for _, group in groupby((run for run in self.planned if run.tries is not None), key=_row):
            trials = list(group)
            if all(id(run) in self.folders for run in trials):
                yield trials

    def _is_settled(self, trial: PlannedRun) -> bool:
        return any(run.tries is None and _row(run) == _row(trial) for run in self.planned)

    def _best(self, trials: list[PlannedRun]) -> PlannedRun:
        return trials[best([self.values[id(run)] for run in trials])]


def _row(run: PlannedRun) -> tuple[str, str]:
    return run.config.data.name, run.row
