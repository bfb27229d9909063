"""A run's whole configuration: which model is trained on which data, and how.

Later settings win: the model's own defaults, the protocol, the profile, what an experiment shares
between rows, what a row or `--set` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from sirec.config import Tree, assign, check_numbers, dump, has, load
from sirec.config.quantities import SeedNumber, ThreadCount, WindowLength
from sirec.data.dataset import Dataset
from sirec.data.fields import POSITION
from sirec.errors import SirecError, unknown
from sirec.evaluation.metrics import parse_metric
from sirec.models import model_class
from sirec.models.declaration import Declaration
from sirec.objectives.base import ObjectiveConfig
from sirec.objectives.stage import Stage
from sirec.papers import PROTOCOLS
from sirec.papers.protocol import Protocol
from sirec.run.refit import Refit
from sirec.training.progress import Precision

Profile = Literal["intended", "published"]

# Everything else follows from these keys, so setting one later would leave its name on settings
# that it does not stand for.
DECIDED_FIRST = {
    "profile": "use --profile, or profile: in an experiment",
    "protocol": "use --protocol, or protocol: in an experiment",
    "data.name": "use --data, or datasets: in an experiment",
    "model.name": "name another model",
    "name": "name another model or data set",
    "refit": "use --refit RUN",
    "refit.of": "use --refit RUN",
}


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """The data of a run.

    Attributes:
        name: name of the prepared data set.
        attributes: names of the attributes that a model may read; None for all that there are.
        behaviours: names of the behaviours that a model may read.
        max_length: how many of a user's last interactions a model reads.
        placebo: names of those of these fields whose values are permuted, so that they mean nothing
            (see `sirec.data.placebo`).
    """

    name: str
    attributes: tuple[str, ...] | None = None
    behaviours: tuple[str, ...] = ("position",)
    max_length: WindowLength = 50
    placebo: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse an empty history, a field that is listed twice, and a placebo of no such field."""
        check_numbers(self)
        fields = (*(self.attributes or ()), *self.behaviours)
        for listed in (fields, self.placebo):
            if len(set(listed)) < len(listed):
                raise SirecError(f"fields: one is listed twice ({', '.join(listed)})")
        for name in self.placebo:
            if name == POSITION:
                raise SirecError(
                    "data.placebo: position is computed, and has no values to permute",
                    "name a field that the data set stores",
                )
            if self.attributes is not None and name not in fields:
                raise unknown("field that the run reads", name, fields, "data.placebo")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that decides a run's numbers.

    Attributes:
        data: the data, and what of them a model may read.
        model: the model with its sizes and switches.
        stages: stages of training, in order; none for a training-free baseline.
        seed: seed of all random draws.
        threads: threads of the processor.
        precision: precision of matrix products in training.
        protocol: name of the protocol from which settings came.
        profile: whether the model follows its paper (`intended`) or its authors' code.
        refit: which run it repeats on all interactions; None for a run that can be evaluated.
    """

    data: DataConfig
    model: Declaration
    stages: tuple[Stage, ...] = ()
    seed: SeedNumber = 0
    threads: ThreadCount = 2
    precision: Precision = "fp32"
    protocol: str = "comif"
    profile: Profile = "intended"
    refit: Refit | None = None

    def __post_init__(self) -> None:
        """Refuse mistakes that only show when all parts are there."""
        check_numbers(self)
        for stage in self.stages:
            name = parse_metric(stage.metric).name
            if name != stage.metric:
                raise SirecError(f"metric: '{stage.metric}' is written {name}")
        if not self.stages and not self.model.is_training_free:
            raise SirecError(f"stages: none is left, so {self.model.name} would not be trained")
        titles = [stage.title for stage in self.stages]
        if len(set(titles)) < len(titles):
            raise SirecError(f"stages: two share a title ({', '.join(titles)})")


def protocol_named(name: str) -> Protocol:
    """A protocol by its name. Raises `SirecError` with the nearest one if there is none."""
    return PROTOCOLS[name]


def resolve(
    model: str,
    data: Dataset,
    *,
    protocol: str = "comif",
    profile: Profile = "intended",
    shared: Mapping[str, object] | None = None,
    assignments: Mapping[str, object] | None = None,
    adds: Sequence[ObjectiveConfig] = (),
    where: str = "configuration",
) -> RunConfig:
    """The configuration of a model on a data set, by defaults and settings.

    Args:
        model: name of the model.
        data: the prepared data set.
        protocol: name of the protocol whose settings replace the model's defaults.
        profile: `published` for the switches of the authors' code.
        shared: settings for several models, by dotted path; one that the model lacks is ignored.
        assignments: settings for this model, by dotted path.
        adds: objectives that every stage has besides its own, before anything is set.
        where: what messages begin with.

    Raises:
        SirecError: for an unknown name or key, a value that does not fit, and a combination
            without meaning.
    """
    chosen = protocol_named(protocol)
    if profile not in get_args(Profile):
        raise unknown("profile", profile, get_args(Profile))
    base = RunConfig(
        data=DataConfig(name=data.name, attributes=default_attributes(chosen, data)),
        model=model_class(model)(),
        stages=_with_objectives(model_class(model).stages, adds, where),
        protocol=protocol,
        profile=profile,
    )
    tree = _by_protocol(base)
    if shared:
        refuse_decided(shared, where)
        _assign_where_known(tree, shared)
    if assignments:
        refuse_decided(assignments, where)
        _assign_all(tree, assignments, where)
    return load(RunConfig, tree, where)


def by_protocol_alone(config: RunConfig) -> RunConfig:
    """What a run's protocol and profile alone make of its model on its data.

    Args:
        config: the configuration of a run.

    Returns:
        The configuration without what an experiment, a row or a person set.

    Raises:
        SirecError: for a protocol that is not here.
    """
    data, declaration = config.data, model_class(config.model.name)
    base = RunConfig(
        data=DataConfig(name=data.name, attributes=data.attributes, behaviours=data.behaviours),
        model=declaration(),
        stages=declaration.stages,
        seed=config.seed,
        threads=config.threads,
        protocol=config.protocol,
        profile=config.profile,
    )
    return load(RunConfig, _by_protocol(base), f"protocol {config.protocol}")


def _by_protocol(base: RunConfig) -> Tree:
    """A configuration of defaults with the settings of its protocol and its profile."""
    protocol, model, tree = protocol_named(base.protocol), base.model, dump(base)
    _assign_where_known(tree, protocol.assignments)
    settings = protocol.settings_of(model.name, base.data.name)
    _assign_all(tree, settings, f"protocol {base.protocol}")
    if base.profile == "published":
        _assign_all(tree, model.published, f"{model.name}, profile published")
    return tree


def _with_objectives(
    stages: tuple[Stage, ...], adds: Sequence[ObjectiveConfig], where: str
) -> tuple[Stage, ...]:
    """The stages with objectives besides their own."""
    if adds and not stages:
        raise SirecError(f"{where}: a model without training takes no objective")
    added = {objective.name for objective in adds}
    extended: list[Stage] = []
    for stage in stages:
        for objective in stage.objectives:
            if objective.name in added:
                raise SirecError(
                    f"{where}: the model has the objective {objective.name} already",
                    f"set {objective.name}.weight instead",
                )
        extended.append(replace(stage, objectives=(*stage.objectives, *adds)))
    return tuple(extended)


def default_attributes(protocol: Protocol, data: Dataset) -> tuple[str, ...]:
    """The attributes that a model reads where nobody names any.

    Of a person's own data these are all; else the first attribute of the protocol that the data
    have, or all if they have none of these.

    Args:
        protocol: the protocol.
        data: the prepared data set.
    """
    attributes = tuple(field.name for field in data.fields if field.kind == "attribute")
    if data.is_own:
        return attributes
    for name in protocol.attributes:
        if name in attributes:
            return (name,)
    return attributes


def refuse_decided(assignments: Mapping[str, object], where: str) -> None:
    """Raise `SirecError` for a setting from which everything else follows.

    Args:
        assignments: settings by dotted path.
        where: what messages begin with.
    """
    for path in assignments:
        if path in DECIDED_FIRST:
            raise SirecError(
                f"{where}: {path} cannot be set: everything else follows from it",
                DECIDED_FIRST[path],
            )


def _assign_all(tree: Tree, assignments: Mapping[str, object], where: str) -> None:
    """Assign settings that the model must have."""
    for path, value in assignments.items():
        assign(tree, path, value, where)


def _assign_where_known(tree: Tree, assignments: Mapping[str, object]) -> None:
    """Assign settings for several models; this one may lack some, as Popularity has no width."""
    for path, value in assignments.items():
        if has(tree, path):
            assign(tree, path, value, "protocol")
