"""A run's whole configuration: what is trained on what, how, and under which names.

Resolution, later wins: the model's own defaults, the protocol, the profile, what an experiment
shares, what a row or `--set` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sirec.config import Tree, assign, dump, has, load
from sirec.data.dataset import Dataset
from sirec.errors import SirecError, unknown
from sirec.evaluation.metrics import parse_metric
from sirec.models import model_class
from sirec.models.declaration import Declaration
from sirec.objectives.base import ObjectiveConfig
from sirec.objectives.stage import Stage
from sirec.papers import PROTOCOLS
from sirec.papers.protocol import Protocol
from sirec.training.fit import Precision

Profile = Literal["intended", "published"]


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which data, which of its fields, and how long a history a model reads. `attributes: null`
    means all there are.
    """

    name: str
    attributes: tuple[str, ...] | None = None
    behaviours: tuple[str, ...] = ("position",)
    max_length: int = 50

    def __post_init__(self) -> None:
        """Refuse an empty window."""
        if self.max_length < 1:
            raise SirecError(f"max_length {self.max_length} must be at least 1")
        fields = (*(self.attributes or ()), *self.behaviours)
        if len(set(fields)) < len(fields):
            raise SirecError(f"fields: one is listed twice ({', '.join(fields)})")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that decides a run's numbers, and the names of the protocol and profile it came
    from.
    """

    data: DataConfig
    model: Declaration
    stages: tuple[Stage, ...] = ()
    seed: int = 0
    threads: int = 2
    precision: Precision = "fp32"
    protocol: str = "comif"
    profile: Profile = "intended"

    def __post_init__(self) -> None:
        """Refuse what only shows when all parts are there."""
        if self.seed < 0 or self.threads < 1:
            raise SirecError(
                f"seed {self.seed} must be 0 or more, threads {self.threads} 1 or more"
            )
        for stage in self.stages:
            name = parse_metric(stage.metric).name
            if name != stage.metric:
                raise SirecError(f"metric: '{stage.metric}' is written {name}")
        if not self.stages and not self.model.is_training_free:
            raise SirecError(f"stages: none is left, so {self.model.name} would not be trained")
        titles = [stage.title for stage in self.stages]
        if len(set(titles)) < len(titles):
            raise SirecError(f"stages: two share a title ({', '.join(titles)})")


# What a configuration is resolved from; setting it afterwards would leave a name on other settings.
DECIDED_FIRST = {
    "profile": "use --profile, or profile: in an experiment",
    "protocol": "use --protocol, or protocol: in an experiment",
    "data.name": "use --data, or datasets: in an experiment",
    "model.name": "name another model",
    "name": "name another model or data set",
}


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
    """The configuration of `model` on `data`: defaults, protocol, profile, then `shared` and
    `assignments`, by dotted path.

    `shared` are meant for several models and passed over where a model has no such key;
    `assignments` must fit. `adds` are objectives that the model's stages get beside their own,
    before anything is assigned. Raises `SirecError` for an unknown name or key, a value that does
    not fit, or a combination without meaning.
    """
    declaration, chosen = model_class(model), protocol_named(protocol)
    if profile not in ("intended", "published"):
        raise unknown("profile", profile, ["intended", "published"])
    base = RunConfig(
        data=DataConfig(name=data.name, attributes=_preferred(chosen, data)),
        model=declaration(),
        stages=_with(declaration.stages, adds, where),
        protocol=protocol,
        profile=profile,
    )
    tree = dump(base)
    _assign_where_known(tree, chosen.assignments)
    for path, value in chosen.settings_of(model, data.name).items():
        assign(tree, path, value, f"protocol {protocol}")
    for path, value in (declaration.published if profile == "published" else {}).items():
        assign(tree, path, value, f"{model}, profile published")
    _refuse_decided(shared or {}, where)
    _assign_where_known(tree, shared or {})
    _refuse_decided(assignments or {}, where)
    for path, value in (assignments or {}).items():
        assign(tree, path, value, where)
    return load(RunConfig, tree, where)


def _with(
    stages: tuple[Stage, ...], adds: Sequence[ObjectiveConfig], where: str
) -> tuple[Stage, ...]:
    if adds and not stages:
        raise SirecError(f"{where}: a model without training takes no objective")
    for stage in stages:
        for name in {part.name for part in stage.objectives} & {part.name for part in adds}:
            raise SirecError(
                f"{where}: the model has the objective {name} already", f"set {name}.weight instead"
            )
    return tuple(replace(stage, objectives=(*stage.objectives, *adds)) for stage in stages)


def _refuse_decided(assignments: Mapping[str, object], where: str) -> None:
    for path in assignments:
        if path in DECIDED_FIRST:
            raise SirecError(
                f"{where}: {path} cannot be set: everything else follows from it",
                DECIDED_FIRST[path],
            )


def _preferred(protocol: Protocol, data: Dataset) -> tuple[str, ...]:
    mine = [f.name for f in data.fields if f.kind == "attribute"]
    return next(((name,) for name in protocol.attributes if name in mine), tuple(mine))


def _assign_where_known(tree: Tree, assignments: Mapping[str, object]) -> None:
    """Some settings are for several models, and one may lack a switch (a floor has no width): it is
    passed over.
    """
    for key, value in assignments.items():
        if has(tree, key):
            assign(tree, key, value, "protocol")
