"""An experiment file: which models, on which data, with which settings, to answer which question.

title: Models on Beauty
datasets: [beauty]
seeds: [0]
set: {learning_rate: 0.001}                # for every row that has the key
rows:
  SASRec: {model: sasrec}
  COMIF without UPA: {model: comif, without: [upa], set: {heads: 2}}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sirec.config import dump, has, leaves, load, read_yaml
from sirec.data.dataset import Dataset
from sirec.errors import SirecError, unknown
from sirec.models import model_class
from sirec.resources import experiments_root
from sirec.run.config import Profile, RunConfig, resolve


@dataclass(frozen=True, kw_only=True)
class RowPlan:
    """One row of a table: a model, its settings by dotted path, and the objectives it goes without.

    `is_variant`: not the model as the papers' main tables have it, so no printed value stands beside it.
    """

    model: str
    set: Mapping[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    is_variant: bool = False


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """See the module's example. Differences are taken from the row or model `against`; `notes` stand below tables."""

    title: str
    rows: Mapping[str, RowPlan]
    datasets: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    protocol: str = "comif"
    profile: Profile = "intended"
    set: Mapping[str, Any] = field(default_factory=dict)
    against: str | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse an experiment without runs."""
        if not self.rows or not self.seeds:
            raise SirecError("an experiment needs at least one row and one seed")

    def plan(self) -> dict[str, Any]:
        """What decides its runs, as plain values: rows, seeds and settings, but no title or note."""
        wanted = ("rows", "datasets", "seeds", "protocol", "profile", "set")
        return {key: value for key, value in dump(self).items() if key in wanted}

    def only(self, labels: Sequence[str]) -> Experiment:
        """The experiment with only these rows. Raises `SirecError` for a label that no row has."""
        for label in labels:
            if label not in self.rows:
                raise unknown("row", label, self.rows)
        return replace(self, rows={label: self.rows[label] for label in labels})


@dataclass(frozen=True)
class PlannedRun:
    """A run of an experiment: the label of its row, and its whole configuration."""

    label: str
    config: RunConfig


def read_experiment(path: Path) -> Experiment:
    """The experiment in a file. Raises `SirecError` naming file and key of a mistake."""
    return load(Experiment, read_yaml(path), str(path))


def planned_runs(experiment: Experiment, data: Dataset, where: str = "experiment") -> Iterator[PlannedRun]:
    """Every run of an experiment on one data set, row by row; a floor has one run whatever the seeds."""
    _check_shared(experiment, data, where)
    for label, row in experiment.rows.items():
        seeds = experiment.seeds[:1] if model_class(row.model).is_floor else experiment.seeds
        config = resolve(
            row.model,
            data,
            protocol=experiment.protocol,
            profile=experiment.profile,
            shared=experiment.set,
            assignments=row.set,
            where=f"{where}: rows.{label}",
        )
        for name in row.without:
            config = without_objective(config, name)
        for seed in seeds:
            yield PlannedRun(label, replace(config, seed=seed))


def _check_shared(experiment: Experiment, data: Dataset, where: str) -> None:
    """A shared setting may pass over some rows, not over all: then it is a mistake."""
    for assignments in (experiment.set, *(row.set for row in experiment.rows.values())):
        if "seed" in assignments:
            raise SirecError(f"{where}: seed cannot be set", "list seeds under seeds:")
    trees = [dump(resolve(row.model, data, protocol=experiment.protocol)) for row in experiment.rows.values()]
    for key in experiment.set:
        if not any(has(tree, key) for tree in trees):
            known = {path[-1] for tree in trees for path, _ in leaves(tree) if not path[-1].isdigit()}
            raise unknown("key", key, known, f"{where}: set")


def without_objective(config: RunConfig, name: str) -> RunConfig:
    """The same run with an objective left out of every stage. Raises `SirecError` if no stage has it."""
    known = {part.name for stage in config.stages for part in stage.objectives}
    if name not in known:
        raise unknown("objective", name, known, config.model.name)
    return replace(config, stages=tuple(stage.without(name) for stage in config.stages))


def find_experiment(reference: str) -> Path:
    """An experiment file by path, or by the name of one that ships with sirec. Raises `SirecError` if there is none."""
    path = Path(reference)
    if path.is_file():
        return path
    shipped = shipped_experiments()
    if path.stem in shipped:
        return shipped[path.stem]
    raise unknown("experiment", reference, shipped)


def shipped_experiments() -> dict[str, Path]:
    """Name -> file of the experiments that ship with sirec."""
    return {path.stem: path for path in sorted(Path(str(experiments_root())).glob("*.yaml"))}
