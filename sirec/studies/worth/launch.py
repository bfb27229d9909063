"""From a question on fields to its answer: forecast, screening, trainings, record, drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from sirec.config import to_line
from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.evaluation.metrics import Metric
from sirec.evaluation.ranks import HistoryRule
from sirec.models import model_class
from sirec.run.store import RunFolder, Store
from sirec.shell import command
from sirec.studies.analyses.base import DrawnAnalysis
from sirec.studies.compare.comparison import Comparison
from sirec.studies.launch.forecast import forecast
from sirec.studies.launch.study import Study
from sirec.studies.launch.watcher import StudyWatcher
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.overrides import Variation
from sirec.studies.spec.plan import PlannedRun, planned_runs
from sirec.studies.worth.analysis import WORTH
from sirec.studies.worth.design import ALL, WorthDesign, WorthQuestion, design
from sirec.studies.worth.next_training import next_training
from sirec.studies.worth.record import MARGIN, TOP, WorthRecord
from sirec.studies.worth.screening import screen

ROWS = "_rows"  # how the record of the study is called, behind the name of the answer


@dataclass(frozen=True, kw_only=True)
class WorthReading:
    """How ranks are read; it trains nothing else.

    Attributes:
        top: how many suggestions a customer sees.
        margin: customers of 1,000 that do not matter.
        history: whether items of the history take part in the ranking.
    """

    top: int = TOP
    margin: float = MARGIN
    history: HistoryRule = "keep"

    def __post_init__(self) -> None:
        """Refuse no suggestion, and a margin that is no share of the customers."""
        if self.top < 1:
            raise SirecError(f"--top {self.top}: a customer sees at least one suggestion")
        if not 0 < self.margin < 1000:
            raise SirecError(
                f"--margin {self.margin:g} of 1,000 customers: expected a number between 0 and 1000"
            )


@dataclass(frozen=True)
class StudyPlace:
    """Where and how the rows of a study are trained.

    Attributes:
        results: results folder.
        data_root: folder of prepared data sets.
        device: where to train.
        again: whether to train runs that have finished, too.
        jobs: how many runs are trained at a time; None for as many as cores and memory allow.
        cluster: address of a Ray cluster, None for this machine.
        watcher: who is told how it goes.
    """

    results: Path
    data_root: Path
    device: str
    again: bool
    jobs: int | None
    cluster: str | None
    watcher: StudyWatcher

    def study(self, plan: Experiment, name: str) -> Study:
        """An experiment to run here.

        Args:
            plan: the experiment.
            name: what its record is called.
        """
        return Study(
            plan,
            name,
            self.results,
            self.data_root,
            self.device,
            self.again,
            self.jobs,
            cluster=self.cluster,
            watcher=self.watcher,
        )


@dataclass(frozen=True)
class WorthStudy:
    """A question on a data set, as a study.

    Attributes:
        question: what is asked.
        data: the prepared data set.
        seeds: seeds of every row; None for the usual ones.
        reading: how ranks are read.
        place: where and how rows are trained.
    """

    question: WorthQuestion
    data: Dataset
    seeds: tuple[int, ...] | None
    reading: WorthReading
    place: StudyPlace

    @cached_property
    def design(self) -> WorthDesign:
        """The rows."""
        made = design(self.question, self.data)
        return replace(made, experiment=self._variation.apply(made.experiment))

    @cached_property
    def name(self) -> str:
        """What record, tables and figures are called."""
        made = design(replace(self.question, set={}), self.data)
        name = self._variation.name(self.question.name(self.data.name), made.experiment)
        if self.reading.top != TOP:
            name += f"_top{self.reading.top}"
        return name if self.reading.history == "keep" else f"{name}_masked"

    @property
    def study(self) -> Study:
        """The rows as a study, whose record has no tables of its own."""
        study = self.place.study(self.design.experiment, f"{self.name}{ROWS}")
        return replace(study, views=())

    def run(self) -> DrawnAnalysis:
        """Train what is missing, and draw the answer.

        Raises:
            SirecError: as the planning and the training of runs do.
        """
        study = self.study  # refuses what makes no sense before anything is timed
        self._tell_beforehand(planned_runs(study.plan, self.data, "worth"))
        whole = study.only([ALL]).run(keeps_record=False)
        lost = self._screen([folder for _, folder in whole])
        others = [label for label in self.design.experiment.rows if label != ALL]
        if self.place.again:  # the rows with all fields have just been trained anew
            self.study.only(others).run(keeps_record=False)
        finished = replace(self.study, again=False).run()
        rows = [folder.labelled(run.label) for run, folder in finished]
        WORTH.keep(self._record(rows, lost), self.place.results, self.name)
        return self.draw()

    def dry_run(self) -> Comparison:
        """Which of its runs there are and which are missing; nothing is trained."""
        return self.study.dry_run()

    def draw(self) -> DrawnAnalysis:
        """The answer from the record and stored ranks.

        Raises:
            SirecError: if the question has not been answered yet, or a run is missing.
        """
        path = WORTH.path(self.place.results, self.name)
        if not path.exists():
            raise SirecError(
                f"{path}: no such file", "answer it first: the same command without --render-only"
            )
        return WORTH.draw(WORTH.read(self.place.results, self.name), self.place.results)

    @property
    def _variation(self) -> Variation:
        return Variation(seeds=self.seeds, set=dict(self.question.set))

    def _tell_beforehand(self, planned: Sequence[PlannedRun]) -> None:
        """Say what is left out, how many trainings there are and how long they take."""
        tell, place = self.place.watcher.remark, self.place
        for note in self.design.notes:
            tell(note)
        for missing in self.design.missing:
            tell(f"no row '{missing.label}': {missing.reason}")
        jobs = self.study.jobs_for(planned)
        told = forecast(planned, self.data, Store(place.results), place.device, jobs)
        fields = ", ".join(field.field for field in self.design.fields)
        tell(f"{self.data.name}: {fields}; {told.text}")

    def _screen(self, whole: Sequence[RunFolder]) -> dict[str, float | None]:
        """Shuffle each field for the trained model of all fields, and say what that loses."""
        fields = [field.field for field in self.design.fields]
        metric = Metric("Recall", self.reading.top)
        lost = screen(whole, self.data, fields, metric, self.reading.history)
        told = [f"{name} {value:+.0f}" for name, value in lost.items() if value is not None]
        if told:
            self.place.watcher.remark(
                "screening, lost of 1,000 on validation when shuffled for the trained model: "
                f"{', '.join(told)}"
            )
        return lost

    def _record(self, rows: Sequence[RunFolder], lost: dict[str, float | None]) -> WorthRecord:
        made = self.design
        return WorthRecord(
            data=self.data.name,
            model=model_class(self.question.model).title,
            fields=made.fields,
            runs=tuple(row.recorded(self.place.results) for row in rows),
            command=self.command(),
            decided_by=self.command(decides=True),
            missing=made.missing,
            lost=lost,
            is_quick=self.question.quick,
            top=self.reading.top,
            margin=self.reading.margin,
            history=self.reading.history,
            notes=made.notes,
            training=next_training(self.question, made, self.data),
        )

    def command(self, *, decides: bool = False) -> str:
        """The command of the question.

        Args:
            decides: whether to leave out what makes it a hint: `--quick`, and a single seed.
        """
        question, usual = self.question, WorthQuestion()
        words: list[object] = [self.data.name]
        if question.fields is not None:
            words += ["--fields", ",".join(question.fields)]
        if question.model != usual.model:
            words += ["--model", question.model]
        if question.fusion is not None:
            words += ["--fusion", question.fusion]
        if question.protocol != usual.protocol:
            words += ["--protocol", question.protocol]
        for key, value in question.set.items():
            words += ["--set", f"{key}={to_line(value)}"]
        if not decides and question.quick:
            words.append("--quick")
        if self.seeds is not None and (len(self.seeds) > 1 or not decides):
            words += ["--seeds", ",".join(map(str, self.seeds))]
        words += self._reading_words()
        return command("worth", *words)

    def _reading_words(self) -> list[object]:
        words: list[object] = []
        if self.reading.top != TOP:
            words += ["--top", self.reading.top]
        if self.reading.margin != MARGIN:
            words += ["--margin", f"{self.reading.margin:g}"]
        if self.reading.history != "keep":
            words += ["--history", self.reading.history]
        return words
