"""An experiment file: which models, on which data, with which settings, to answer which question.

title: Models beside each other
datasets: [beauty]
seeds: [0]
set: {learning_rate: 0.001}                # for every row that has the key
search: {learning_rate: [0.001, 0.0003]}   # each row trains all, and validation decides; what a row sets itself is not searched
against: SASRec                            # a row or a model; or previous: each row against the one above it
rows:
  SASRec: {model: sasrec}
  SASRecF and AAP: {model: sasrecf, with: [{name: aap, weight: 5.0}]}
  COMIF without UPA: {model: comif, without: [upa], set: {heads: 2}, against: SASRecF and AAP}
  "COMIF, {1}": {model: comif, attributes: [brand|city|*]}               # see `attributes.py`
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sirec.config import dump, has, leaves, load, overlap, read_yaml
from sirec.data.dataset import Dataset
from sirec.errors import SirecError, unknown
from sirec.models import model_class
from sirec.objectives.base import ObjectiveConfig
from sirec.report.differences import find_label
from sirec.report.published import PrintedRow, is_compared
from sirec.report.results import PREVIOUS, MissingRow
from sirec.resources import experiments_root
from sirec.run.config import Profile, RunConfig, resolve
from sirec.studies.spec.attributes import NoAttributeError, choose, label_of
from sirec.studies.spec.grid import combinations

NOT_DECIDING = (
    "printed",
    "is_variant",
    "against",
)  # of a row: how it is drawn, not how it is trained


@dataclass(frozen=True, kw_only=True)
class RowPlan:
    """One row of a table: a model, its settings by dotted path, and the objectives it has more or
    goes without.

    `attributes` chooses among those that the data have (see `attributes.py`); the row's label has
    their names for `{1}`, `{2}`. `printed` selects the row of the experiment's published table that
    stands beside this one. `is_variant`: not the model as the papers' main tables have it, so no
    value of those stands beside it. `against` is what it is set against, where that is not what the
    table says.
    """

    model: str
    set: Mapping[str, Any] = field(default_factory=dict)
    with_: tuple[ObjectiveConfig, ...] = ()
    without: tuple[str, ...] = ()
    attributes: tuple[str, ...] | None = None
    printed: Mapping[str, Any] = field(default_factory=dict)
    is_variant: bool = False
    against: str | None = None

    def __post_init__(self) -> None:
        """Refuse a model that is none, and attributes that are said twice."""
        model_class(self.model)
        if self.attributes is not None and "data.attributes" in self.set:
            raise SirecError("attributes and data.attributes say the same", "leave one of them out")

    @property
    def is_plain(self) -> bool:
        """Whether it names a model and changes nothing of it."""
        return self.deciding().keys() == {"model"}

    def deciding(self) -> dict[str, Any]:
        """What decides its runs, as plain values, what is at its default left out."""
        return {
            key: value
            for key, value in dump(self, defaults=False).items()
            if key not in NOT_DECIDING
        }


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """See the module's example. Each row is set against the row or model `against`, or against the
    one above it if that says `previous`, unless it names its own; without, against the best on
    validation. `notes` stand below tables, `notes_on` below those that have the data set;
    `unavailable` says why data sets that the question is about are not among `datasets`.

    `search` gives every row the same trials (`search.py`): values to try for keys that the row has
    and does not set itself.

    `published` is the published table that rows' `printed` select from; without it the papers' main
    tables stand beside rows by model. Each of `proposals`, rows or models, is set against its best
    baseline in a table of its own.
    """

    title: str
    rows: Mapping[str, RowPlan]
    datasets: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    protocol: str = "comif"
    profile: Profile = "intended"
    set: Mapping[str, Any] = field(default_factory=dict)
    search: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    against: str | None = None
    proposals: tuple[str, ...] = ()
    published: str | None = None
    notes: tuple[str, ...] = ()
    notes_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unavailable: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an experiment without runs, the same twice, printed values from nowhere, and rows
        to compare that are none.
        """
        if not self.rows or not self.seeds:
            raise SirecError("an experiment needs at least one row and one seed")
        for key, values in (("datasets", self.datasets), ("seeds", self.seeds)):
            _refuse_twice(key, values)
        for key, values in self.search.items():
            _refuse_twice(f"search.{key}", values)
            if not values:
                raise SirecError(
                    f"search.{key} has no values to try", f"for example: {key}: [0.001, 0.0003]"
                )
            if key in self.set:
                raise SirecError(f"{key} is under set and under search", "leave one of them out")
        if self.published is None and any(row.printed for row in self.rows.values()):
            raise SirecError(
                "rows name printed values, but the experiment names no published table",
                "say published: TABLE",
            )
        for row in self.rows.values():
            if self.published is not None and row.printed:
                PrintedRow(self.published, row.printed).check()
        self._check_baselines()
        self._check_proposals()

    def _check_baselines(self) -> None:
        if PREVIOUS in self.rows:
            raise SirecError(
                f"a row is called {PREVIOUS}, which means the row above", "call it otherwise"
            )
        if self.against == PREVIOUS and len(self.rows) == 1:
            raise SirecError(
                f"against: {PREVIOUS}, but there is one row, and none above it", "leave it out"
            )
        if self.against is not None:
            self.named(self.against, "against")
        for place, (label, row) in enumerate(self.rows.items()):
            if row.against == PREVIOUS and not place:
                raise SirecError(
                    f"rows.{label}.against: {PREVIOUS}, but it is the first row", "name another row"
                )
            if (
                row.against is not None
                and self.named(row.against, f"rows.{label}.against") == label
            ):
                raise SirecError(
                    f"rows.{label}.against: the row itself", "name another row, or leave it out"
                )

    def _check_proposals(self) -> None:
        if self.proposals and self.published is not None:
            raise SirecError(
                f"proposals: rows beside {self.published} are parts of models",
                "leave proposals or published out",
            )
        whole = {
            name: row.model
            for name, row in self.rows.items()
            if not (row.is_variant or row.with_ or row.without)
        }
        for name in self.proposals:
            if name in self.rows and name not in whole:
                raise SirecError(
                    f"proposals: '{name}' is not a model as its paper has it", "name another row"
                )
        proposed = [find_label(whole, name, "proposals") for name in self.proposals]
        _refuse_twice("proposals", proposed)
        for mine in (whole[name] for name in proposed):
            others = {model for model in whole.values() if model != mine}
            if not any(
                model_class(model).is_training_free or is_compared(mine, model) for model in others
            ):
                hint = "add a floor, or a model that its paper compares with"
                raise SirecError(f"proposals: no row is a baseline of {mine}", hint)

    def baseline(self, row: str) -> str | None:
        """What a row is set against: another row, `previous`, or None where validation decides."""
        against = self.rows[row].against or self.against
        return against and self.named(against, f"rows.{row}.against")

    def named(self, against: str, where: str) -> str:
        """The row that a row's name or a model means; `previous` stays. Raises `SirecError` if
        there is none or several.
        """
        models = {name: row.model for name, row in self.rows.items()}
        return against if against == PREVIOUS else find_label(models, against, where)

    def plan(self) -> dict[str, Any]:
        """What decides its runs, as plain values: rows, seeds and settings, but no title, note or
        printed value.
        """
        wanted = ("datasets", "seeds", "protocol", "profile", "set")
        settings = {
            key: value
            for key, value in dump(self).items()
            if key in wanted or (key == "search" and value)
        }
        return settings | {"rows": {label: row.deciding() for label, row in self.rows.items()}}

    def only(self, labels: Sequence[str]) -> Experiment:
        """The experiment with only these rows, set against nothing; a row that is alone in having a
        model goes by that, too.

        Raises `SirecError` for a name that no row has, or that several have.
        """
        models = {label: row.model for label, row in self.rows.items()}
        chosen = dict.fromkeys(find_label(models, label, "--only") for label in labels)
        rows = {label: replace(self.rows[label], against=None) for label in chosen}
        return replace(self, rows=rows, against=None, proposals=())


@dataclass(frozen=True)
class PlannedRun:
    """A run of an experiment: the label of its row in the table, its whole configuration, and the
    row's name in the file.

    `tries` is the setting that it tries, where its row has several to try and has not got one yet.
    """

    label: str
    config: RunConfig
    row: str = ""
    tries: Mapping[str, Any] | None = None


def _refuse_twice(key: str, values: Sequence[object]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise SirecError(f"{key}: {value} is there twice", "leave one of them out")


def read_experiment(path: Path) -> Experiment:
    """The experiment in a file. Raises `SirecError` naming file and key of a mistake."""
    return load(Experiment, read_yaml(path), str(path))


def planned_runs(
    experiment: Experiment, data: Dataset, where: str = "experiment"
) -> list[PlannedRun]:
    """Every run of an experiment on one data set, row by row; a floor has one run whatever the
    seeds.
    """
    return [run for run in planned_rows(experiment, data, where) if isinstance(run, PlannedRun)]


def planned_rows(
    experiment: Experiment, data: Dataset, where: str = "experiment"
) -> Iterator[PlannedRun | MissingRow]:
    """The runs of each row of an experiment on one data set, and in their place what says why a row
    has none.

    A row that is searched has its trials in place of its runs: which those are is known once the
    trials are (`settled`). A row whose attributes the data lack, or whose attributes make it the
    same as an earlier row, is a `MissingRow`. Raises `SirecError` if another row is set against it.
    """
    _check_shared(experiment, data, where)
    earlier: list[tuple[RunConfig, object, str]] = []
    present: list[str] = []
    for name, row in experiment.rows.items():
        try:
            chosen = choose(row.attributes, data)
        except NoAttributeError as lacking:
            yield MissingRow(label_of(name, lacking.wanted), data.name, lacking.reason)
            continue
        label = label_of(name, chosen or ())
        config = _configuration(experiment, row, chosen, data, f"{where}: rows.{name}")
        searched = _searched(experiment, row, config)
        alike = [other for known, values, other in earlier if (known, values) == (config, searched)]
        same = alike[0] if alike and row.attributes is not None else None
        if same:
            yield MissingRow(
                label, data.name, f"{data.name} has no other attributes, so it is '{same}'"
            )
            continue
        earlier.append((config, searched, label))
        present.append(name)
        trials = list(combinations(searched))
        if len(trials) > 1:
            for setting in trials:
                tried = _configuration(
                    experiment, row, chosen, data, f"{where}: rows.{name}", setting
                )
                yield PlannedRun(label, replace(tried, seed=experiment.seeds[0]), name, setting)
            continue
        for seed in (
            experiment.seeds[:1] if model_class(row.model).is_training_free else experiment.seeds
        ):
            yield PlannedRun(label, replace(config, seed=seed), name)
    for name in present:
        baseline = experiment.baseline(name)
        if baseline not in (None, PREVIOUS, *present):
            raise SirecError(
                f"{where}: rows.{name} is set against '{baseline}', which {data.name} cannot have"
            )


def settled(experiment: Experiment, trial: PlannedRun) -> list[PlannedRun]:
    """The runs of a row whose best trial is known: that run, and one more for each other seed."""
    return [
        replace(trial, config=replace(trial.config, seed=seed), tries=None)
        for seed in experiment.seeds
    ]


def _searched(
    experiment: Experiment, row: RowPlan, config: RunConfig
) -> Mapping[str, Sequence[Any]]:
    """What is tried for a row: keys that it has, and that neither it nor the experiment sets. A
    floor is not searched.
    """
    if model_class(row.model).is_training_free:
        return {}
    tree, fixed = dump(config), (*experiment.set, *row.set)
    return {
        key: values
        for key, values in experiment.search.items()
        if has(tree, key) and not any(overlap(tree, key, other) for other in fixed)
    }


def _configuration(
    experiment: Experiment,
    row: RowPlan,
    attributes: Sequence[str] | None,
    data: Dataset,
    where: str,
    setting: Mapping[str, Any] | None = None,
) -> RunConfig:
    """A row as it is declared, or with a setting to try; what is searched has its first value
    otherwise.
    """
    first = {key: values[0] for key, values in experiment.search.items()}
    config = resolve(
        row.model,
        data,
        protocol=experiment.protocol,
        profile=experiment.profile,
        shared={**first, **(setting or {}), **experiment.set},
        assignments={
            **row.set,
            **({} if attributes is None else {"data.attributes": list(attributes)}),
        },
        adds=row.with_,
        where=where,
    )
    for name in row.without:
        config = without_objective(config, name, f"{where}.without")
    return config


def _check_shared(experiment: Experiment, data: Dataset, where: str) -> None:
    """A shared setting may pass over some rows, not over all: then it is a mistake."""
    for assignments in (
        experiment.set,
        experiment.search,
        *(row.set for row in experiment.rows.values()),
    ):
        if "seed" in assignments:
            raise SirecError(f"{where}: seed cannot be set", "list seeds under seeds:")
    trees = [
        dump(resolve(row.model, data, protocol=experiment.protocol, adds=row.with_))
        for row in experiment.rows.values()
    ]
    for key in (*experiment.set, *experiment.search):
        if not any(has(tree, key) for tree in trees):
            known = {
                path[-1] for tree in trees for path, _ in leaves(tree) if not path[-1].isdigit()
            }
            raise unknown(
                "key", key, known, f"{where}: {'set' if key in experiment.set else 'search'}"
            )


def without_objective(config: RunConfig, name: str, where: str = "without") -> RunConfig:
    """The same run with an objective left out of every stage. Raises `SirecError` if no stage has
    it.
    """
    known = {part.name for stage in config.stages for part in stage.objectives}
    if name not in known:
        raise unknown("objective", name, known, f"{where}: {config.model.name}")
    return replace(config, stages=tuple(stage.without(name) for stage in config.stages))


def find_experiment(reference: str) -> Path:
    """An experiment file by path, or by the name of one that ships with sirec. Raises `SirecError`
    if there is none.
    """
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
