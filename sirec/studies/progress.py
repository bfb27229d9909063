"""How far a study is: the runs that are planned and those that are finished, trials among them, in the order of its table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

from sirec.report.entries import MissingRow
from sirec.run.store import RunFolder
from sirec.studies.experiment import Experiment, PlannedRun, settled
from sirec.studies.search import Trial, best, metric_of, on_validation


@dataclass
class Progress:
    """The runs of a study in the order of its table. Where rows are searched, a row's runs follow from its trials."""

    experiment: Experiment
    planned: list[PlannedRun] = field(default_factory=list)
    missing: list[MissingRow] = field(default_factory=list)
    folders: dict[int, RunFolder] = field(default_factory=dict)  # of finished runs, by their identity in memory

    def finish(self, run: PlannedRun, folder: RunFolder) -> None:
        """Note where a planned run lies."""
        self.folders[id(run)] = folder

    def settle(self) -> list[PlannedRun]:
        """Plan the runs of searched rows whose trials have all finished: the best trial, and what is still to be trained."""
        rows = {_row(run) for run in self.planned if run.tries is None}
        added = []
        for trials in self._searched():
            if _row(trials[0]) in rows:
                continue
            chosen = self._best(trials)
            for run in settled(self.experiment, chosen):
                self.planned.append(run)
                if run.config == chosen.config:
                    self.finish(run, self.folders[id(chosen)])
                else:
                    added.append(run)
        return added

    def runs(self) -> list[tuple[PlannedRun, RunFolder]]:
        """The finished runs that rows stand on, row by row as planned; trials are none, though the best has its like there."""
        order = list(dict.fromkeys(map(_row, self.planned)))
        mine = [run for run in self.planned if run.tries is None and id(run) in self.folders]
        return [(run, self.folders[id(run)]) for run in sorted(mine, key=lambda run: order.index(_row(run)))]

    def trials(self) -> list[Trial]:
        """The finished trials of rows that have all of theirs."""
        return [self._trial(run, is_chosen=run is self._best(trials)) for trials in self._searched() for run in trials]

    def _trial(self, run: PlannedRun, *, is_chosen: bool) -> Trial:
        folder, metric = self.folders[id(run)], metric_of(run.config)
        value = on_validation(folder, metric)
        return Trial(run.label, run.tries or {}, "/".join(folder.path.parts[-4:]), metric, value, is_chosen)

    def _searched(self) -> Iterator[list[PlannedRun]]:
        """The trials of each row of which all have finished."""
        for _, group in groupby((run for run in self.planned if run.tries is not None), key=_row):
            trials = list(group)
            if all(id(run) in self.folders for run in trials):
                yield trials

    def _best(self, trials: list[PlannedRun]) -> PlannedRun:
        return trials[best([on_validation(self.folders[id(run)], metric_of(run.config)) for run in trials])]


def _row(run: PlannedRun) -> tuple[str, str]:
    return run.config.data.name, run.row
