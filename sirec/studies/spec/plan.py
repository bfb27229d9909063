"""How runs are planned from an experiment: every row's whole configuration on one data set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from sirec.config import Tree, assign, dump, has, leaves, load, overlap
from sirec.data.dataset import Dataset
from sirec.errors import SirecError, unknown
from sirec.models import model_class
from sirec.objectives.stage import Stage
from sirec.report.results import PREVIOUS, MissingRow
from sirec.run.config import RunConfig, resolve
from sirec.studies.spec.attributes import NoAttributeError, choose, label_of
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.fields import default_fields_remark
from sirec.studies.spec.grid import SearchSpace, TrialSetting, combinations
from sirec.studies.spec.row import RowPlan
from sirec.studies.spec.tuning import Space, as_declared, space_of


@dataclass(frozen=True)
class PlannedRun:
    """A run of an experiment.

    Attributes:
        label: the row's label in the table.
        config: the whole configuration.
        row: the row's name in the experiment file.
        tries: the searched setting that it tries, if it is a trial.
        space: what a search with proposals tries of its row, if it is a trial of one.
    """

    label: str
    config: RunConfig
    row: str = ""
    tries: Mapping[str, Any] | None = None
    space: Space | None = None


def planned_runs(
    experiment: Experiment, data: Dataset, where: str = "experiment"
) -> list[PlannedRun]:
    """Every run of an experiment on one data set, row by row; arguments as of `planned_rows`.

    Args:
        experiment: what is to be trained.
        data: the prepared data set.
        where: what messages begin with.
    """
    return [run for run in planned_rows(experiment, data, where) if isinstance(run, PlannedRun)]


def planned_rows(
    experiment: Experiment, data: Dataset, where: str = "experiment"
) -> Iterator[PlannedRun | MissingRow]:
    """The runs of each row of an experiment on one data set, or the reason why a row has none.

    A row has one run a seed, a training-free baseline one run. A row that is searched has its
    trials instead: its runs are known when these are finished (`settled`). A row is missing where
    the data lack its attributes, or where its attributes make it equal to an earlier row.

    Args:
        experiment: what is to be trained.
        data: the prepared data set.
        where: what messages begin with.

    Raises:
        SirecError: for a setting that no row has, or that does not fit, and if a row is compared
            with one that is missing.
    """
    _check_shared(experiment, data, where)
    present: dict[str, _ResolvedRow] = {}
    for name, plan in experiment.rows.items():
        try:
            attributes = choose(plan.attributes, data)
        except NoAttributeError as lacking:
            yield MissingRow(label_of(name, lacking.wanted), data.name, lacking.reason)
            continue
        row = _ResolvedRow(experiment, name, plan, attributes, data, f"{where}: rows.{name}")
        same = row.equal_row(present.values())
        if same is not None:
            reason = f"{data.name} has no other attributes, so it is '{same.label}'"
            yield MissingRow(row.label, data.name, reason)
            continue
        present[name] = row
        yield from row.runs()
    _check_baselines(experiment, list(present), data, where)


def default_remarks(experiment: Experiment, data: Dataset) -> list[str]:
    """Sentences on the attributes that rows read because neither they nor the experiment name any.

    Args:
        experiment: what is to be trained.
        data: the prepared data set.
    """
    remarks: dict[str, None] = {}
    for row in experiment.rows.values():
        settings = {**experiment.set, **row.set}
        if row.attributes is not None:
            continue
        remark = default_fields_remark(data, experiment.protocol, row.model, settings)
        if remark is not None:
            remarks[remark] = None
    return list(remarks)


def settled(experiment: Experiment, trial: PlannedRun) -> list[PlannedRun]:
    """The runs of a row whose best trial is known: that run, and one for each other seed.

    Args:
        experiment: the experiment of the row.
        trial: the best trial.
    """
    runs: list[PlannedRun] = []
    for seed in experiment.seeds:
        config = replace(trial.config, seed=seed)
        runs.append(replace(trial, config=config, tries=None, space=None))
    return runs


def proposed_trial(declared: PlannedRun, setting: TrialSetting) -> PlannedRun:
    """A trial of a row with a setting that a sampler proposes.

    Args:
        declared: the first trial, which is the row as it is declared.
        setting: value of each searched key.

    Raises:
        SirecError: for a setting that does not fit the model.
    """
    tree = dump(declared.config)
    for key, value in setting.items():
        assign(tree, key, value, f"{declared.row}: trial")
    config: RunConfig = load(RunConfig, tree, f"{declared.row}: trial")
    return replace(declared, config=config, tries=dict(setting))


def without_objective(config: RunConfig, name: str, where: str = "without") -> RunConfig:
    """The same run with an objective left out of every stage.

    Args:
        config: a run's configuration.
        name: name of the objective.
        where: what messages begin with.

    Raises:
        SirecError: if no stage has the objective.
    """
    known: set[str] = set()
    stages: list[Stage] = []
    for stage in config.stages:
        for objective in stage.objectives:
            known.add(objective.name)
        stages.append(stage.without(name))
    if name not in known:
        raise unknown("objective", name, known, f"{where}: {config.model.name}")
    return replace(config, stages=tuple(stages))


@dataclass(frozen=True)
class _ResolvedRow:
    """A row of an experiment on a data set that has its attributes.

    Attributes:
        experiment: the experiment of the row.
        name: the row's name in the file.
        plan: what the file says of it.
        attributes: names of its attributes, None for those that the protocol prefers.
        data: the data set.
        where: what messages about the row begin with.
    """

    experiment: Experiment
    name: str
    plan: RowPlan
    attributes: tuple[str, ...] | None
    data: Dataset
    where: str

    @property
    def label(self) -> str:
        """The row's label, with the names of its attributes."""
        return label_of(self.name, self.attributes or ())

    @cached_property
    def config(self) -> RunConfig:
        """The row as it is declared; what is searched has its first value."""
        return self.with_setting({})

    @cached_property
    def searched(self) -> SearchSpace:
        """What is tried: keys that the row has, and that neither it nor the experiment sets."""
        if model_class(self.plan.model).is_training_free:
            return {}
        tree = dump(self.config)
        settings = (*self.experiment.set, *self.plan.set)
        space: dict[str, Sequence[Any]] = {}
        for key, values in self.experiment.search.items():
            is_set = any(overlap(tree, key, other) for other in settings)
            if has(tree, key) and not is_set:
                space[key] = values
        return space

    @cached_property
    def tuned(self) -> Space:
        """What samplers propose values of; nothing if they are not asked."""
        tuning = self.experiment.tune
        if tuning is None:
            return {}
        settings = {**self.experiment.set, **self.plan.set}
        return space_of(tuning, self.plan.model, dump(self.config), settings)

    def equal_row(self, others: Iterable[_ResolvedRow]) -> _ResolvedRow | None:
        """The first of other rows that this row's choice of attributes makes it equal to."""
        if self.plan.attributes is None:
            return None
        for other in others:
            if (other.config, other.searched) == (self.config, self.searched):
                return other
        return None

    def runs(self) -> Iterator[PlannedRun]:
        """The row's trials, if several settings are tried, else its runs."""
        seeds = self.experiment.seeds
        if self.tuned:
            config = replace(self.config, seed=seeds[0])
            setting = as_declared(self.tuned, dump(config))
            yield PlannedRun(self.label, config, self.name, setting, self.tuned)
            return
        trials = list(combinations(self.searched))
        if len(trials) > 1:
            for setting in trials:
                config = replace(self.with_setting(setting), seed=seeds[0])
                yield PlannedRun(self.label, config, self.name, setting)
            return
        if model_class(self.plan.model).is_training_free:
            seeds = seeds[:1]
        for seed in seeds:
            yield PlannedRun(self.label, replace(self.config, seed=seed), self.name)

    def with_setting(self, setting: TrialSetting) -> RunConfig:
        """The row's configuration with a searched setting; the first values where it is empty."""
        experiment, plan = self.experiment, self.plan
        first = {key: values[0] for key, values in experiment.search.items()}
        assignments = dict(plan.set)
        if self.attributes is not None:
            assignments["data.attributes"] = list(self.attributes)
        config = resolve(
            plan.model,
            self.data,
            protocol=experiment.protocol,
            profile=experiment.profile,
            shared={**first, **setting, **experiment.set},
            assignments=assignments,
            adds=plan.with_,
            where=self.where,
        )
        for name in plan.without:
            config = without_objective(config, name, f"{self.where}.without")
        return config


def _check_shared(experiment: Experiment, data: Dataset, where: str) -> None:
    """Raise `SirecError` for a shared setting that no row has, and for a seed among settings."""
    tried: Mapping[str, Any] = {} if experiment.tune is None else experiment.tune.space
    keys = {*experiment.set, *experiment.search, *tried}
    for row in experiment.rows.values():
        keys.update(row.set)
    if "seed" in keys:
        raise SirecError(f"{where}: seed cannot be set", "list seeds under seeds:")
    trees: list[Tree] = []
    for row in experiment.rows.values():
        config = resolve(row.model, data, protocol=experiment.protocol, adds=row.with_)
        trees.append(dump(config))
    sections = {"set": experiment.set, "search": experiment.search, "tune.space": tried}
    for section, settings in sections.items():
        for key in settings:
            if not any(has(tree, key) for tree in trees):
                raise unknown("key", key, _keys(trees), f"{where}: {section}")


def _keys(trees: Sequence[Tree]) -> set[str]:
    """The last step of every path in these configurations."""
    keys: set[str] = set()
    for tree in trees:
        for path, _ in leaves(tree):
            if not path[-1].isdigit():
                keys.add(path[-1])
    return keys


def _check_baselines(
    experiment: Experiment, present: Sequence[str], data: Dataset, where: str
) -> None:
    """Raise `SirecError` if a row is compared with one that the data cannot have."""
    for name in present:
        baseline = experiment.baseline(name)
        if baseline not in (None, PREVIOUS, *present):
            raise SirecError(
                f"{where}: rows.{name} is set against '{baseline}', which {data.name} cannot have"
            )
