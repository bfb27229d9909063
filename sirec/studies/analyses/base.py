"""What an analysis is: a question that finished runs answer, as a declaration.

An analysis makes a *record* of finished runs, which is kept as JSON below the results folder, and
draws tables and figures from the record alone. So what was measured once can be drawn again without
weights, and a reader can check the figures against the record.

A new analysis is an instance of `Analysis` in a module of its own; `ANALYSES` finds it in the
packages below this one, or in a plugin (entry-point group `sirec.analyses`). `sirec study NAME`
runs every analysis that measures runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sirec.config import dump, load
from sirec.data.dataset import Dataset
from sirec.data.store import storage
from sirec.errors import SirecError, unknown
from sirec.registry import Registry
from sirec.run.records import read_record, replace_record
from sirec.run.store import RunFolder
from sirec.shell import command
from sirec.studies.analyses.attention_runs import OnMeasured
from sirec.studies.analyses.names import RunSelection, analysis_name
from sirec.studies.compare.comparison import Comparison
from sirec.studies.compare.select_runs import RunChoice, select_by_id


class Figure(Protocol):
    """Something that can be drawn into files."""

    def write(self, folder: Path, name: str) -> list[Path]:
        """Write the figure and its data; the first file is the one to look at."""

    def write_data(self, folder: Path, name: str) -> None:
        """Write the data of the figure alone, as CSV."""


@dataclass(frozen=True, eq=False)
class DrawnAnalysis:
    """Tables and figures of a record.

    Attributes:
        dataset: name of the data set that it is about.
        comparison: tables and sentences.
        figures: figures by the ending of their file names.
        remarks: what could not be drawn, and why.
    """

    dataset: str
    comparison: Comparison
    figures: Mapping[str, Figure]
    remarks: tuple[str, ...] = ()

    def write(self, results: Path, name: str) -> list[Path]:
        """Write tables and figures below a results folder.

        Args:
            results: the results folder.
            name: what the files are called.

        Returns:
            The files to look at.
        """
        written = [self.comparison.write(results / "tables", name)]
        for ending, figure in self.figures.items():
            written.append(figure.write(results / "figures", f"{name}_{ending}")[0])
        return written

    def write_text(self, results: Path, name: str) -> None:
        """Write tables and the data of figures, but no pictures, which cost more than all the rest.

        Args:
            results: the results folder.
            name: what the files are called.
        """
        self.comparison.write(results / "tables", name)
        for ending, figure in self.figures.items():
            figure.write_data(results / "figures", f"{name}_{ending}")


class Measurement(Protocol):
    """What measures finished runs."""

    def __call__(
        self,
        runs: Sequence[RunFolder],
        data: Dataset,
        users: int,
        seed: int,
        progress: OnMeasured,
    ) -> Any:
        """Make the record.

        Args:
            runs: finished runs with their weights.
            data: the whole data set that they were trained on.
            users: how many test users are drawn at most.
            seed: of the draw.
            progress: called twice a run, trained and untrained.
        """


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """A question that finished runs answer.

    Attributes:
        name: what commands and files call it.
        meaning: the question in one sentence.
        models: the models that it is about where none is named.
        record: class of the record, a dataclass that JSON can hold.
        draw: makes tables and figures of a record in a results folder.
        folder: folder of its records below the results folder.
        select: leaves those of the chosen runs that it can look into; raises `SirecError` if none.
        check: raises `SirecError` for a model that it cannot look into.
        measure: makes the record from runs with weights; None where the record is a request, which
            is drawn from ranks alone.
    """

    name: str
    meaning: str
    models: tuple[str, ...]
    record: type[Any]
    draw: Callable[[Any, Path], DrawnAnalysis]
    folder: str = "measurements"
    select: Callable[[Sequence[RunFolder]], list[RunFolder]] = list
    check: Callable[[Sequence[str]], None] = lambda models: None
    measure: Measurement | None = None

    def path(self, results: Path, name: str) -> Path:
        """The file of a record.

        Args:
            results: the results folder.
            name: what the record is called.
        """
        return results / self.folder / f"{name}.json"

    def keep(self, record: object, results: Path, name: str) -> Path:
        """Write a record, and return its file.

        Args:
            record: an instance of the analysis' record class.
            results: the results folder.
            name: what the record is called.
        """
        path = self.path(results, name)
        replace_record(path, dump(record))
        return path

    def read(self, results: Path, name: str) -> Any:
        """A record that was kept.

        Args:
            results: the results folder.
            name: what the record is called.

        Raises:
            SirecError: if there is none of that name, or the file is damaged.
        """
        path = self.path(results, name)
        if not path.exists():
            if self.measure is None:
                kept = [found.stem for found in path.parent.glob("*.json")]
                raise unknown(f"{self.name} table", name, kept)
            raise SirecError(
                f"{path}: no such file", "measure first: the same command without --render-only"
            )
        hint = "make it anew: the command that made it, without --render-only"
        return load(self.record, read_record(path, hint), str(path))


ANALYSES: Registry[Analysis] = Registry(
    "analysis",
    Analysis,
    "sirec.studies.analyses.attention_rank",
    "sirec.studies.analyses.score_terms",
    "sirec.studies.analyses.cold_start",
    "sirec.studies.analyses.new_items",
    "sirec.studies.analyses.data_statistics",
    "sirec.studies.analyses.attention_sample",
    "sirec.studies.worth.analysis",
    instances=True,
    group="sirec.analyses",
)


@dataclass(frozen=True)
class AnalysisRequest:
    """A measurement that a person asks for.

    Attributes:
        analysis: which analysis.
        choice: which runs.
        results: the results folder, with runs, records, tables and figures.
        data_root: the folder of prepared data sets.
        users: how many test users are drawn at most.
        seed: of the draw.
        name: what record, tables and figures are called; None for a name that says what was asked.
    """

    analysis: Analysis
    choice: RunChoice
    results: Path
    data_root: Path
    users: int
    seed: int
    name: str | None = None

    def runs(self, default_data: Callable[[], str]) -> list[RunFolder]:
        """The runs to measure.

        Raises:
            SirecError: for a model or a run that the analysis cannot look into, or that is missing.
        """
        self.analysis.check(self.choice.models)
        found = self.choice.find(self.results, self.analysis.models, default_data)
        return self.analysis.select(found)

    def measure(self, runs: Sequence[RunFolder], progress: OnMeasured) -> Path:
        """Measure runs and keep the record.

        Args:
            runs: what `runs()` gave.
            progress: called twice a run, as its trained and its untrained model are measured.

        Returns:
            The file of the record.
        """
        if self.analysis.measure is None:
            raise SirecError(
                f"{self.analysis.name} measures nothing",
                f"see {command(self.analysis.name, '--help')}",
            )
        data = storage.load(storage.find(self.data_root, runs[0].dataset))
        record = self.analysis.measure(runs, data, self.users, self.seed, progress)
        return self.analysis.keep(record, self.results, self.name or self._usual_name(data.name))

    def recorded_name(self, default_data: Callable[[], str]) -> str:
        """What the record of this request is called."""
        if self.name:
            return self.name
        if self.choice.references:
            data = select_by_id(self.choice.references, self.results, self.choice.told)[0].dataset
        else:
            data = self.choice.data or default_data()
        return self._usual_name(data)

    def draw(self, name: str) -> DrawnAnalysis:
        """Tables and figures of a record, not yet written."""
        return self.analysis.draw(self.analysis.read(self.results, name), self.results)

    def _usual_name(self, data: str) -> str:
        ids = [run.id for run in select_by_id(self.choice.references, self.results)]
        selection = RunSelection(self.choice.study, self.choice.models, ids)
        return analysis_name(self.analysis.name, data, selection, self.users, self.seed)
