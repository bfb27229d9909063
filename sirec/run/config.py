"""A run's whole configuration: what is trained on what, how, and under which names.

Resolution, later wins: the model's own defaults, the protocol, the profile, an experiment file, `--set`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sirec.config import Tree, assign, dump, has, load, override, title_of
from sirec.data.dataset import Dataset
from sirec.errors import SirecError, unknown
from sirec.evaluation.metrics import parse_metric
from sirec.models import AnyModel, model_class
from sirec.objectives.stage import Stage
from sirec.training.fit import Precision

Profile = Literal["intended", "published"]


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which data, which of its fields, and how long a history a model reads. `attributes: null` means all there are."""

    name: str
    attributes: tuple[str, ...] | None = None
    behaviours: tuple[str, ...] = ("position",)
    max_length: int = 50

    def __post_init__(self) -> None:
        """Refuse an empty window."""
        if self.max_length < 1:
            raise SirecError(f"max_length {self.max_length} must be at least 1")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that decides a run's numbers, and the names of the protocol and profile it came from."""

    data: DataConfig
    model: AnyModel
    stages: tuple[Stage, ...] = ()
    seed: int = 0
    threads: int = 2
    precision: Precision = "fp32"
    protocol: str = "comif"
    profile: Profile = "intended"

    def __post_init__(self) -> None:
        """Refuse what only shows when all parts are there."""
        if self.seed < 0 or self.threads < 1:
            raise SirecError(f"seed {self.seed} must be 0 or more, threads {self.threads} 1 or more")
        for stage in self.stages:
            parse_metric(stage.metric)
        titles = [stage.title for stage in self.stages]
        if len(set(titles)) < len(titles):
            raise SirecError(f"stages: two share a title ({', '.join(titles)})")


@dataclass(frozen=True)
class Protocol:
    """A paper's settings: assignments over a run's configuration, and the attributes its main tables use.

    `attributes` lists, in order of preference, names of which the first that the data have is used; if none fits, all are.
    """

    name: str
    source: str
    attributes: tuple[str, ...]
    assignments: Mapping[str, object] = field(default_factory=dict)


PROTOCOLS: Mapping[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol("comif", "COMIF §IV: d = 128, batch 512, brand (Amazon) or city (Yelp)", ("brand", "city")),
        Protocol(
            "difsr",
            "DIF-SR §4: d = 256, batch 2048, categories; validation every 2 epochs",
            ("category", "categories"),
            {"width": 256, "budget": 2048, "evaluate_every": 2, "patience": 11},
        ),
    )
}


def resolve(
    model: str,
    data: Dataset,
    *,
    protocol: str = "comif",
    profile: Profile = "intended",
    settings: Mapping[str, Any] | None = None,
    assignments: Sequence[str] = (),
    where: str = "configuration",
) -> RunConfig:
    """The configuration of `model` on `data`: defaults, protocol, profile, then `settings` (a tree) and `assignments`.

    Raises `SirecError` for an unknown name or key, a value that does not fit, or a combination without meaning.
    """
    declaration = model_class(model)
    if protocol not in PROTOCOLS:
        raise unknown("protocol", protocol, PROTOCOLS)
    if profile not in ("intended", "published"):
        raise unknown("profile", profile, ["intended", "published"])
    chosen = PROTOCOLS[protocol]
    base = RunConfig(
        data=DataConfig(name=data.name, attributes=_preferred(chosen, data)),
        model=declaration(),  # type: ignore[arg-type]
        stages=declaration.stages,
        protocol=protocol,
        profile=profile,
    )
    tree = dump(base)
    _assign_where_known(tree, chosen.assignments)
    _assign_where_known(tree, declaration.published if profile == "published" else {})
    tree = merge(tree, settings or {}, where)
    return load(RunConfig, override(tree, assignments), where)


def merge(tree: Any, over: Any, where: str) -> Any:
    """`over` laid over `tree`: mappings key by key, lists of named things by name, all else replaced.

    An element of a named list that is not in `tree` is appended; `{name: x, remove: true}` takes one out.
    """
    if isinstance(tree, Mapping) and isinstance(over, Mapping):
        if "name" in over and over["name"] != tree.get("name"):
            return dict(over)
        return {**tree, **{key: merge(tree[key], value, where) if key in tree else value for key, value in over.items()}}
    if isinstance(tree, list) and isinstance(over, list) and _is_titled(tree) and _is_titled(over):
        mine = {title_of(element): element for element in tree}
        for element in over:
            if element.get("remove"):
                mine.pop(title_of(element), None)
            else:
                mine[title_of(element)] = merge(mine.get(title_of(element), {}), element, where)
        return list(mine.values())
    return over


def _is_titled(elements: list[Any]) -> bool:
    return all(isinstance(element, Mapping) and title_of(element) is not None for element in elements)


def _preferred(protocol: Protocol, data: Dataset) -> tuple[str, ...]:
    mine = [f.name for f in data.fields if f.kind == "attribute"]
    return next(((name,) for name in protocol.attributes if name in mine), tuple(mine))


def _assign_where_known(tree: Tree, assignments: Mapping[str, object]) -> None:
    """Protocols set switches that a model may lack (a floor has no width): those, and only those, are passed over."""
    for key, value in assignments.items():
        if has(tree, key):
            assign(tree, key, value, "protocol")
