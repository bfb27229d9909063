"""What the models are, read off their declarations: COMIF's Table 2, for all of them and with what
it leaves out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import torch

from sirec.config import dump, leaves, permitted_values
from sirec.core.model import Recommender
from sirec.data.dataset import Dataset
from sirec.data.fields import Field, FieldKind
from sirec.evaluation.metrics import DEFAULT_METRICS
from sirec.models import MODELS
from sirec.models.declaration import Declaration
from sirec.objectives.base import SupervisionSignal
from sirec.papers import PAPERS
from sirec.papers.tables import metric_tables, published_table
from sirec.report.published import PrintedRow
from sirec.run.build import set_up
from sirec.run.config import DataConfig, Profile, RunConfig, resolve
from sirec.studies.spec.tuning import Tuning, space_of

OnePass = Literal["yes", "masked items", "no"]
KINDS: tuple[FieldKind, ...] = get_args(FieldKind)
SIGNALS: tuple[SupervisionSignal, ...] = get_args(SupervisionSignal)
PROFILES: tuple[Profile, ...] = get_args(Profile)
ProfileColumn = Literal["declared", "intended", "published"]
READINGS: tuple[ProfileColumn, ...] = get_args(ProfileColumn)
PUBLISHED_DATASETS = ("beauty", "sports", "toys", "yelp")


@dataclass(frozen=True)
class FieldPlacement:
    """Where fields of a kind enter a model.

    Attributes:
        level: the level at which they enter; `none` where they do not.
        fusion: the function that fuses them there.
        candidates: whether they are fused into the item vectors that are scored, too.
    """

    level: str
    fusion: str | None
    candidates: bool = False

    @property
    def text(self) -> str:
        """The text in tables: `embedding (sum), candidates`."""
        if self.level == "none":
            return "–"
        entry = f"{self.level} ({self.fusion})" if self.fusion else self.level
        return f"{entry}, candidates" if self.candidates else entry


@dataclass(frozen=True)
class ModelCard:
    """What a model is, as its declaration says."""

    model: type[Declaration]

    @cached_property
    def places(self) -> Mapping[FieldKind, FieldPlacement]:
        """Where each kind of side information enters."""
        config = self.model()
        placements: dict[FieldKind, FieldPlacement] = {}
        for kind in KINDS:
            candidates = config.at_candidates(kind)
            placements[kind] = FieldPlacement(config.level(kind), config.fusion(kind), candidates)
        return placements

    @property
    def signals(self) -> list[SupervisionSignal]:
        """What the self-supervised losses of the model are about."""
        found: set[SupervisionSignal | None] = set()
        for stage in self.model.stages:
            found |= {objective.signal for objective in stage.objectives}
        return [signal for signal in SIGNALS if signal in found]

    @property
    def tasks(self) -> list[str]:
        """The task of each stage."""
        return [stage.task.name for stage in self.model.stages]

    @cached_property
    def one_pass(self) -> OnePass | None:
        """Whether the last stage trains every position of a sequence in one pass.

        `masked items`: it trains the masked positions, which read what follows them, too. None for
        a training-free baseline.
        """
        if not self.model.stages:
            return None
        task = self.model.stages[-1].task
        if task.visible == "all":
            return "masked items"
        if task.every_position and _built(self.model, stand_in(), "comif").single_pass:
            return "yes"
        return "no"

    @property
    def objectives(self) -> list[list[str]]:
        """The objectives of each stage."""
        stages: list[list[str]] = []
        for stage in self.model.stages:
            stages.append([objective.name for objective in stage.objectives])
        return stages

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.model.name,
            "title": self.model.title,
            **{kind: asdict(place) for kind, place in self.places.items()},
            "self_supervised": self.signals,
            "tasks": self.tasks,
            "objectives": self.objectives,
            "one_pass": self.one_pass,
            "source": self.model.source,
        }


@dataclass(frozen=True)
class ConfigKey:
    """A key of a run's configuration, with its values.

    Attributes:
        path: the dotted path of the key.
        values: what the model declares, and what a run has under each profile; a column without
            the key (another task may lack it) is absent.
        takes: which values it may have, such as `from 1 to 256 layers`; empty for a text.
    """

    path: str
    values: Mapping[ProfileColumn, object]
    takes: str = ""

    def text(self, reading: ProfileColumn) -> str:
        """The value as `--set` takes it, or a dash where the column has no such key."""
        return _plain(self.values[reading]) if reading in self.values else "–"


def entries() -> list[ModelCard]:
    """The cards of all models, training-free baselines first."""
    return list(map(ModelCard, MODELS.values()))


def stand_in() -> Dataset:
    """One user and three items with a brand and a category, for what does not depend on data."""
    values = torch.tensor([[0], [1], [1], [1]])
    fields = tuple(Field(name, "attribute", 2, values) for name in ("brand", "category"))
    return Dataset("stand-in", torch.tensor([0, 3]), torch.tensor([1, 2, 3]), fields)


def parameters(model: type[Declaration], data: Dataset, protocol: str = "comif") -> int:
    """The number of trained parameters of a model.

    Args:
        model: the model.
        data: the data set that it is built for.
        protocol: the protocol.
    """
    made = _built(model, data, protocol)
    return sum(part.numel() for part in made.parameters() if part.requires_grad)


def settings(
    model: type[Declaration], data: Dataset | None = None, protocol: str = "comif"
) -> list[ConfigKey]:
    """Every setting of a run of a model; none for a training-free baseline.

    Args:
        model: the model.
        data: the data set, whose tuned settings a protocol may have; None for no data set.
        protocol: the protocol.

    Raises:
        SirecError: for an unknown protocol.
    """
    data = data or stand_in()
    declared = RunConfig(data=DataConfig(name=data.name), model=model(), stages=model.stages)
    configs: dict[ProfileColumn, RunConfig] = {"declared": declared}
    for profile in PROFILES:
        configs[profile] = resolve(model.name, data, protocol=protocol, profile=profile)
    if model.is_training_free:
        return []
    columns: dict[ProfileColumn, dict[str, object]] = {}
    takes: dict[str, str] = {}
    for column in READINGS:
        columns[column] = dict(_settings(configs[column]))
        for steps, words in permitted_values(configs[column]):
            takes[".".join(steps)] = words
    paths = dict.fromkeys([*columns["intended"], *columns["published"]])
    keys: list[ConfigKey] = []
    for path in paths:
        having = [column for column in READINGS if path in columns[column]]
        values = {column: columns[column][path] for column in having}
        keys.append(ConfigKey(path, values, takes.get(path, "")))
    return keys


def search_space(model: type[Declaration], protocol: str = "comif") -> dict[str, str]:
    """What `sirec sweep` tries of a model's settings where nobody names a space.

    Args:
        model: the model.
        protocol: the protocol, whose setting is the first trial.

    Returns:
        Key -> its values or its interval, in words; nothing for a training-free baseline.
    """
    config = resolve(model.name, stand_in(), protocol=protocol)
    space = space_of(Tuning(trials=2), model.name, dump(config), {})
    return {key: dimension.text for key, dimension in space.items()}


def printed(model: type[Declaration]) -> list[dict[str, Any]]:
    """What papers print for a model: a row for each paper and data set that has the model.

    A paper's other tables count where its main table lacks the model.
    """
    rows: list[dict[str, Any]] = []
    for paper in PAPERS:
        for dataset in PUBLISHED_DATASETS:
            row = _printed(model, paper, dataset)
            if row is not None:
                rows.append(row)
    return rows


def printed_taxonomy() -> dict[str, tuple[str, str, str]]:
    """COMIF's own Table 2: model as printed -> levels of attributes and behaviours, and what is
    self-supervised.
    """
    table = published_table("comif_table2_taxonomy").set_index("model")
    return {
        str(name): (
            str(row["attribute_fusion"]),
            str(row["behaviour_fusion"]),
            str(row["self_supervised"]),
        )
        for name, row in table.iterrows()
    }


def _built(model: type[Declaration], data: Dataset, protocol: str) -> Recommender:
    return set_up(resolve(model.name, data, protocol=protocol), data, torch.device("cpu")).model


def _settings(config: RunConfig) -> Iterator[tuple[str, object]]:
    """(path, value) of a configuration; what is in a list is named by its path, a task by its
    value.
    """
    tree = {
        "data": {"max_length": config.data.max_length},
        "model": dump(config.model),
        "stages": dump(config.stages),
    }
    for path, value in leaves(tree):
        if path[-2:] == ("task", "name"):
            yield ".".join(path[:-1]), value
        elif path[-1] not in ("name", "title") and not path[-1].isdigit() and not _has_parts(value):
            yield ".".join(path), value


def _has_parts(value: object) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list) and any(isinstance(part, Mapping) for part in value)
    )


def _plain(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)


def _printed(model: type[Declaration], paper: str, dataset: str) -> dict[str, Any] | None:
    """The row of the first table that has the model on the data set."""
    for table in metric_tables(paper, by_model=True):
        row = PrintedRow(table, {"model": model.title})
        values = {metric.name: row.value(dataset, metric.name) for metric in DEFAULT_METRICS}
        found = next((value for value in values.values() if value is not None), None)
        if found is not None:
            figures = {
                name: None if value is None else value.value for name, value in values.items()
            }
            return {
                "paper": PAPERS[paper].label,
                "table": found.table,
                "dataset": dataset,
                "history": found.history,
                **figures,
            }
    return None
