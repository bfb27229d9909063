"""What the models are, read off their declarations: COMIF's Table 2, for all of them and with what it leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

import torch

from sirec.config import dump
from sirec.core.model import SequentialModel
from sirec.data.dataset import Dataset
from sirec.data.fields import Kind
from sirec.evaluation.metrics import DEFAULT_METRICS
from sirec.models import MODELS
from sirec.models.declaration import Declaration
from sirec.report.published import OVERALL as MAIN_TABLES
from sirec.report.published import PAPERS, TITLES, PrintedRow, published_table
from sirec.run.config import resolve
from sirec.run.execute import set_up

KINDS: tuple[Kind, ...] = get_args(Kind)
PUBLISHED_DATASETS = ("beauty", "sports", "toys", "yelp")


@dataclass(frozen=True)
class Place:
    """Where fields of a kind enter a model and what fuses them there; `level` is none where they do not."""

    level: str
    fusion: str | None

    @property
    def text(self) -> str:
        """As a table has it: `embedding (sum)`."""
        return "–" if self.level == "none" else f"{self.level} ({self.fusion})" if self.fusion else self.level


@dataclass(frozen=True)
class Entry:
    """A model in the taxonomy, as it is declared."""

    model: type[Declaration]

    @cached_property
    def places(self) -> Mapping[Kind, Place]:
        """Where each kind of side information enters."""
        config = self.model()
        return {kind: Place(config.level(kind), config.fusion(kind)) for kind in KINDS}

    @property
    def lessons(self) -> list[Kind]:
        """The kinds of side information that self-supervised losses teach."""
        taught = {part.teaches for stage in self.model.stages for part in stage.objectives}
        return [kind for kind in KINDS if kind in taught]

    @property
    def tasks(self) -> list[str]:
        """The task of each stage."""
        return [stage.task.name for stage in self.model.stages]

    @property
    def objectives(self) -> list[list[str]]:
        """The objectives of each stage."""
        return [[part.name for part in stage.objectives] for stage in self.model.stages]

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.model.name,
            "title": self.model.title,
            **{kind: {"level": place.level, "fusion": place.fusion} for kind, place in self.places.items()},
            "self_supervised": self.lessons,
            "tasks": self.tasks,
            "objectives": self.objectives,
            "source": self.model.source,
        }


@dataclass(frozen=True)
class Built:
    """A model as built for a data set: its trained numbers, and whether one pass trains every position of a sequence."""

    parameters: int
    causal: bool
    single_pass: bool


def entries() -> list[Entry]:
    """Every model, floors first."""
    return [Entry(model) for model in MODELS.values()]


def built(model: type[Declaration], data: Dataset) -> Built:
    """Build a model with its defaults under protocol `comif` for a data set."""
    made = set_up(resolve(model.name, data), data, torch.device("cpu")).model
    parameters = sum(part.numel() for part in made.parameters() if part.requires_grad)
    sequential = isinstance(made, SequentialModel)
    return Built(parameters, sequential and made.causal, sequential and made.single_pass)


def settings(model: type[Declaration]) -> list[tuple[str, str, str]]:
    """(path, default, value under the profile `published`) of everything that the model's configuration holds."""
    switched = dict(model.published)
    declared = _leaves("model", dump(model()))
    for stage in dump(model.stages):
        declared += _leaves(f"stages.{stage['title']}", stage)
    rows = [(path, _plain(value), _plain(switched.pop(path)) if path in switched else "") for path, value in declared]
    return rows + [(path, "", _plain(value)) for path, value in switched.items()]


def printed(model: type[Declaration]) -> list[dict[str, Any]]:
    """What the papers' main tables print for a model: a row for each paper and data set that has it."""
    rows = []
    for paper in PAPERS:
        row = PrintedRow(MAIN_TABLES[paper], {"model": model.title})
        for dataset in PUBLISHED_DATASETS:
            values = {metric.name: row.value(dataset, metric.name) for metric in DEFAULT_METRICS}
            if any(values.values()):
                figures = {name: None if value is None else value.value for name, value in values.items()}
                rows.append({"paper": TITLES[paper], "dataset": dataset, **figures})
    return rows


def printed_taxonomy() -> dict[str, tuple[str, str, str]]:
    """COMIF's own Table 2: model as printed -> levels of attributes and behaviours, and what is self-supervised."""
    table = published_table("comif_table2_taxonomy").set_index("model")
    return {
        str(name): (str(row["attribute_fusion"]), str(row["behaviour_fusion"]), str(row["self_supervised"]))
        for name, row in table.iterrows()
    }


def _leaves(path: str, value: object) -> list[tuple[str, object]]:
    if isinstance(value, Mapping):
        return [leaf for key, part in value.items() if key != "name" for leaf in _leaves(f"{path}.{key}", part)] or [
            (path, value.get("name"))
        ]
    if isinstance(value, list) and value and all(isinstance(part, Mapping) for part in value):
        return [leaf for part in value for leaf in _leaves(f"{path}.{part['name']}", part)]
    return [(path, value)]


def _plain(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, Mapping):
        rest = ", ".join(f"{key} {part}" for key, part in value.items() if key != "name")
        return f"{value.get('name', '')} {rest}".strip()
    return ", ".join(map(str, value)) or "none" if isinstance(value, list | tuple) else str(value)
