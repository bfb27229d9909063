"""What the commands that look into weights share: which runs, the record of what was measured, its
tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sirec.cli.common import dataset, show
from sirec.cli.console import progress, say
from sirec.data.dataset import Dataset
from sirec.data.store import storage
from sirec.errors import SirecError
from sirec.report.figures.table_figure import TableFigure
from sirec.studies.analyses.attention_rank.figures import rank_figures
from sirec.studies.analyses.attention_rank.measure import RankRecord, measure_ranks
from sirec.studies.analyses.attention_rank.tables import rank_tables
from sirec.studies.analyses.base import Subject, check_models, read_record, subjects, write_record
from sirec.studies.analyses.names import RunSelection, check_name, measurement_name
from sirec.studies.analyses.score_terms.measure import CorrelationRecord, measure_correlation
from sirec.studies.analyses.score_terms.tables import correlation_tables
from sirec.studies.compare.comparison import Comparison
from sirec.studies.compare.select_runs import of_models, of_runs, of_study


class Measure(Protocol):
    """What is done to runs: (runs, data, users, seed, progress) -> a record."""

    def __call__(
        self,
        subjects: Sequence[Subject],
        data: Dataset,
        users: int,
        seed: int,
        progress: Callable[[str], None],
    ) -> object:
        """Measure."""


@dataclass(frozen=True)
class Chosen:
    """The runs a command line asks for: folders, or rows of a study, or every run of some models on
    a data set.
    """

    runs: Sequence[str]
    study: str | None
    models: Sequence[str]
    data: str | None
    out: Path
    data_root: Path

    def find(self, otherwise: Sequence[str]) -> tuple[list[Subject], Dataset]:
        """The runs and their data; `otherwise` are the models where none are named."""
        check_models(self.models)
        if self.runs and (self.data or self.models or self.study):
            raise SirecError(
                "run folders leave nothing for --data, --models or --study to choose",
                "give one or the other",
            )
        if self.runs:
            listed = of_runs(self.runs, self.out)
        elif self.study:
            listed = of_study(self.study, self.out, data=self.data, models=self.models)
        else:
            listed = of_models(self.models or otherwise, self.data_name(), self.out)
        found = subjects(listed, self.out)
        return found, storage.load(storage.find(self.data_root, found[0].config.data.name))

    def data_name(self) -> str:
        """The data set that is named, or the runs', or the one that is meant without a name."""
        if self.runs:
            return Path(of_runs(self.runs, self.out)[0].run).parts[-3]
        return self.data or dataset(None, self.data_root).name

    def choice(self) -> RunSelection:
        """As names of measurements say it."""
        return RunSelection(
            self.study, self.models, [Path(line.run).name for line in of_runs(self.runs, self.out)]
        )


@dataclass(frozen=True)
class Measurement:
    """A kind of measurement: what its files are called, how it is made, what is kept, and how that
    is drawn.

    `models` are those it is about where none are named; `figures` by what each is of.
    """

    name: str
    models: Sequence[str]
    measure: Measure
    record: type[Any]
    tables: Callable[[Any], Comparison]
    figures: Callable[[Any], Mapping[str, TableFigure]]

    def run(
        self,
        chosen: Chosen,
        users: int,
        seed: int,
        *,
        render_only: bool,
        as_json: bool,
        name: str | None = None,
    ) -> None:
        """Measure, keep the record, and draw it; or draw what was measured before. Without a `name`
        it says what was asked.
        """
        name = check_name(name)
        if render_only:
            name = name or measurement_name(
                self.name, chosen.data_name(), chosen.choice(), users, seed
            )
            self.draw(name, chosen.out, as_json=as_json)
            return
        found, data = chosen.find(self.models)
        with progress() as bars:
            task = bars.add_task(self.name, total=2 * len(found), note="")

            def tell(what: str) -> None:
                bars.update(task, advance=1, description=what)

            made = self.measure(found, data, users, seed, tell)
        name = name or measurement_name(self.name, data.name, chosen.choice(), users, seed)
        say(f"measured: {write_record(chosen.out, name, made)}")
        self.draw(name, chosen.out, as_json=as_json)

    def draw(self, name: str, out: Path, *, as_json: bool) -> None:
        """Tables and figures of what was measured under a name, from the record alone."""
        record = read_record(out, name, self.record)
        drawn = self.tables(record)
        written = [
            drawn.write(out / "tables", name)
        ]  # before printing: a closed pipe ends the command
        written += [
            figure.write(out / "figures", f"{name}_{part}")[0]
            for part, figure in self.figures(record).items()
        ]
        show(drawn, as_json=as_json)
        for path in written:
            say(f"written: {path}")


def no_figures(record: object) -> Mapping[str, TableFigure]:
    """What is shown in tables alone."""
    return {}


MEASUREMENTS = {
    kind.name: kind
    for kind in (
        Measurement(
            "rankcheck",
            ("sasrecf", "nova", "dif-sr"),
            measure_ranks,
            RankRecord,
            rank_tables,
            rank_figures,
        ),
        Measurement(
            "correlation",
            ("sasrec", "sasrecf", "nova", "dif-sr", "comif"),
            measure_correlation,
            CorrelationRecord,
            correlation_tables,
            no_figures,
        ),
    )
}


def names(text: str | None) -> list[str]:
    """`a,b` as a list."""
    return [name.strip() for name in text.split(",") if name.strip()] if text else []
