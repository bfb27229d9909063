"""What the commands that look into weights share: which runs, the record of what was measured, its tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sirec.cli.common import dataset, show
from sirec.cli.console import progress, say
from sirec.data import storage
from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.run.store import Store
from sirec.studies.comparison import Comparison
from sirec.studies.subjects import (
    Subject,
    read_record,
    subjects_of_models,
    subjects_of_runs,
    subjects_of_study,
    write_record,
)


class Measure(Protocol):
    """What is done to runs: (runs, data, users, seed, progress) -> a record."""

    def __call__(
        self, subjects: Sequence[Subject], data: Dataset, users: int, seed: int, progress: Callable[[str], None]
    ) -> object:
        """Measure."""


@dataclass(frozen=True)
class Chosen:
    """The runs a command line asks for: folders, or rows of a study, or every run of some models on a data set."""

    runs: Sequence[str]
    study: str | None
    models: Sequence[str]
    data: str | None
    out: Path
    data_root: Path

    def subjects(self, otherwise: Sequence[str]) -> tuple[list[Subject], Dataset]:
        """The runs and their data; `otherwise` are the models where none are named."""
        if self.runs and (self.study or self.models):
            raise SirecError("run folders choose runs already", "leave out --models and --study")
        if self.runs:
            return self._with_data(subjects_of_runs([Store(self.out).find(run) for run in self.runs]))
        if self.study:
            return self._with_data(subjects_of_study(self.out, self.study, self.models))
        prepared = dataset(self.data, self.data_root)
        return subjects_of_models(Store(self.out), prepared.name, self.models or otherwise), prepared

    def _with_data(self, subjects: list[Subject]) -> tuple[list[Subject], Dataset]:
        name = subjects[0].folder.config().data.name
        if self.data not in (None, name):
            raise SirecError(f"--data {self.data}: these runs are of {name}", "leave out --data")
        return subjects, storage.load(storage.find(self.data_root, name))


@dataclass(frozen=True)
class Measurement:
    """A kind of measurement: what its files are called, how it is made, what is kept, and how that is drawn."""

    name: str
    measure: Measure
    record: type[Any]
    tables: Callable[[Any], Comparison]

    def run(self, chosen: Chosen, otherwise: Sequence[str], users: int, seed: int, *, as_json: bool) -> None:
        """Measure, keep the record, and draw its tables."""
        subjects, data = chosen.subjects(otherwise)
        with progress() as bars:
            task = bars.add_task(self.name, total=2 * len(subjects), note="")

            def tell(what: str) -> None:
                bars.update(task, advance=1, description=what)

            made = self.measure(subjects, data, users, seed, tell)
        kept = write_record(chosen.out, f"{self.name}_{data.name}", made)
        say(f"measured: {kept}")
        self.draw(chosen, data.name, as_json=as_json)

    def draw(self, chosen: Chosen, data: str, *, as_json: bool) -> None:
        """The tables of what was measured on a data set, from the record alone."""
        name = f"{self.name}_{data}"
        drawn = self.tables(read_record(chosen.out, name, self.record))
        written = drawn.write(chosen.out / "tables", name)  # before printing: a closed pipe ends the command
        show(drawn, as_json=as_json)
        say(f"written: {written}")


def names(text: str | None) -> list[str]:
    """`a,b` as a list."""
    return [name.strip() for name in text.split(",") if name.strip()] if text else []
