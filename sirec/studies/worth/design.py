"""The rows that tell what fields are worth, as an experiment.

    position alone       no field
    f alone              each field f
    all fields           every field
    all without f        what f adds to the others
    all, f shuffled      with a placebo of f (`sirec.data.placebo`): as many parameters and terms of
                         the loss as all fields, without what f says

The position is part of every row, and all rows have the same budget. Of one field, `f alone` is
`all fields`; of two, `all without f` is the other one alone: a row is trained once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sirec.config import Tree, dump, has
from sirec.data.dataset import Dataset
from sirec.data.fields import POSITION, FieldKind
from sirec.errors import SirecError, unknown
from sirec.models import MODELS, model_class
from sirec.report.results import MissingRow
from sirec.run.config import RunConfig, resolve
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.fields import field_settings
from sirec.studies.spec.row import RowPlan

MODEL = "comif"
SEEDS, QUICK_SEEDS = (0, 1, 2), (0,)
NONE, ALL = "position alone", "all fields"
PLACEBO = "data.placebo"
# The budget of every row, as far as the model has these keys: small enough for a laptop.
SETTINGS: Mapping[str, Any] = {
    "model.width": 64,
    "model.layers": 2,
    "model.heads": 2,
    "model.inner": 128,
    "model.dropout": 0.3,
    "learning_rate": 0.001,
    "budget": 256,
    "epochs": 60,
    "patience": 5,
    "threads": 1,
}
# The functions that fuse fields, by the level at which fields of a kind enter.
FUSIONS: Mapping[str, Mapping[FieldKind, str]] = {
    "embedding": {"attribute": "attribute_fusion", "behaviour": "behaviour_fusion"},
    "query_key": {"attribute": "query_key_fusion", "behaviour": "query_key_fusion"},
    "attention": {"attribute": "score_fusion", "behaviour": "score_fusion"},
}


@dataclass(frozen=True, kw_only=True)
class WorthQuestion:
    """What is asked about a data set.

    Attributes:
        fields: names of attributes and behaviours; None for all that the model reads.
        model: name of the model that all rows have.
        fusion: how fields are fused where they enter (`sum`, `concat` or `gate`); None for the
            model's own way.
        quick: whether only the placebos are compared, with one seed unless more are named.
        protocol: name of the protocol.
        set: settings over those of `SETTINGS`.
    """

    fields: tuple[str, ...] | None = None
    model: str = MODEL
    fusion: str | None = None
    quick: bool = False
    protocol: str = "comif"
    set: Mapping[str, Any] = field(default_factory=dict)

    def name(self, data: str) -> str:
        """What record, tables and figures are called, without seeds and settings.

        Args:
            data: name of the data set.
        """
        parts = ["worth", data]
        if self.model != MODEL:
            parts.append(self.model)
        if self.fusion is not None:
            parts.append(self.fusion)
        if self.fields is not None:
            parts.append("-".join(self.fields))
        if self.protocol != "comif":
            parts.append(self.protocol)
        if self.quick:
            parts.append("quick")
        return "_".join(parts)


@dataclass(frozen=True, kw_only=True)
class FieldRows:
    """The labels of a field's rows.

    Attributes:
        field: name of the field.
        kind: attribute or behaviour.
        placebo: the row in which it is shuffled.
        alone: the row with it alone; None where that is not asked.
        without: the row with all others; None where that is not asked.
    """

    field: str
    kind: FieldKind
    placebo: str
    alone: str | None = None
    without: str | None = None


@dataclass(frozen=True)
class WorthDesign:
    """The rows of a question on a data set.

    Attributes:
        experiment: the experiment to train.
        fields: the labels of each field's rows.
        missing: rows that the model cannot have, and why.
        notes: what was left out of which rows.
        undefined: losses that are not defined for the position alone.
        with_losses: the fields each of which alone defines all losses.
    """

    experiment: Experiment
    fields: tuple[FieldRows, ...]
    missing: tuple[MissingRow, ...] = ()
    notes: tuple[str, ...] = ()
    undefined: tuple[str, ...] = ()
    with_losses: tuple[str, ...] = ()


def design(question: WorthQuestion, data: Dataset) -> WorthDesign:
    """The rows of a question on a data set.

    Args:
        question: what is asked.
        data: the prepared data set.

    Raises:
        SirecError: for an unknown model, field, or key, and where the model reads no field of the
            data.
    """
    fields, notes = _fields(question, data)
    rows = _Rows(question, data, _settings(question, data))
    every = tuple(fields)
    rows.add(ALL, every)
    rows.add(NONE, ())
    found = _rows_of_fields(rows, fields, quick=question.quick)
    experiment = Experiment(
        title=f"What fields of {data.name} are worth",
        rows=rows.plans,
        datasets=(data.name,),
        seeds=QUICK_SEEDS if question.quick else SEEDS,
        protocol=question.protocol,
        set=rows.settings,
        against=ALL,
    )
    return WorthDesign(
        experiment,
        tuple(found),
        tuple(rows.missing),
        (*notes, *rows.notes()),
        undefined=rows.undefined(()),
        with_losses=tuple(name for name in every if not rows.undefined((name,))),
    )


def _rows_of_fields(
    rows: _Rows, fields: Mapping[str, FieldKind], *, quick: bool
) -> list[FieldRows]:
    """Add the rows of each field."""
    every = tuple(fields)
    found: list[FieldRows] = []
    for name, kind in fields.items():
        others = tuple(other for other in every if other != name)
        alone: str | None = None
        without: str | None = None
        if not quick:
            alone = rows.add(f"{name} alone", (name,))
            without = rows.add(f"all without {name}", others)
        placebo = rows.add(f"all, {name} shuffled", every, placebo=name)
        assert placebo is not None, "a placebo has the fields of the whole row"
        found.append(
            FieldRows(field=name, kind=kind, placebo=placebo, alone=alone, without=without)
        )
    return found


class _Rows:
    """The rows of an experiment as they are added; equal ones are one row."""

    def __init__(self, question: WorthQuestion, data: Dataset, settings: Mapping[str, Any]) -> None:
        self.question, self.data, self.settings = question, data, settings
        self.plans: dict[str, RowPlan] = {}
        self.missing: list[MissingRow] = []
        self.left_out: dict[str, list[str]] = {}
        self._by_fields: dict[tuple[tuple[str, ...], str], str] = {}

    def add(self, label: str, fields: tuple[str, ...], placebo: str = "") -> str | None:
        """Add a row, unless there is an equal one.

        Args:
            label: its label.
            fields: the fields that it reads, in the order of the whole row.
            placebo: the field that is shuffled.

        Returns:
            The label of the row; None where the model cannot be built for it.
        """
        key = (fields, placebo)
        if key in self._by_fields:
            return self._by_fields[key]
        settings: dict[str, Any] = dict(field_settings(self.data, fields))
        if placebo:
            settings[PLACEBO] = [placebo]
        try:
            undefined = self._undefined_losses(settings)
        except SirecError as error:
            if not self.plans:
                raise
            self.missing.append(MissingRow(label, self.data.name, error.message))
            return None
        for loss in undefined:
            self.left_out.setdefault(loss, []).append(label)
        self.plans[label] = RowPlan(
            model=self.question.model, set=settings, without=tuple(undefined), is_variant=True
        )
        self._by_fields[key] = label
        return label

    def undefined(self, fields: tuple[str, ...]) -> tuple[str, ...]:
        """The losses that have no meaning for some fields; none where the model has none for them.

        Args:
            fields: the fields.
        """
        try:
            return tuple(self._undefined_losses(field_settings(self.data, fields)))
        except SirecError:
            return ()

    def notes(self) -> list[str]:
        """Which losses which rows lack, because they need a field that these have not."""
        notes: list[str] = []
        for loss, labels in self.left_out.items():
            rows = "all rows" if len(labels) == len(self.plans) else ", ".join(labels)
            notes.append(f"Without the loss {loss}, which needs an attribute of values: {rows}.")
        return notes

    def _undefined_losses(self, settings: Mapping[str, Any]) -> list[str]:
        """The losses that have no meaning for the fields of a row."""
        config = resolve(
            self.question.model,
            self.data,
            protocol=self.question.protocol,
            shared=self.settings,
            assignments=settings,
        )
        return undefined_losses(config, self.data)


def undefined_losses(config: RunConfig, data: Dataset) -> list[str]:
    """Names of a run's objectives that cannot be built for the fields that it reads.

    Args:
        config: configuration of the run.
        data: the whole data set.

    Raises:
        SirecError: if the model itself cannot be built.
    """
    chosen = data.select(config.data.attributes, config.data.behaviours)
    with_position = POSITION in config.data.behaviours
    schema = chosen.schema(config.data.max_length, with_position=with_position)
    model: Any = config.model.build(schema)
    names: dict[str, None] = {}
    for stage in config.stages:
        for objective in stage.objectives:
            try:
                objective.build_for(schema, model)
            except SirecError:
                names[objective.name] = None
    return list(names)


def _fields(question: WorthQuestion, data: Dataset) -> tuple[dict[str, FieldKind], list[str]]:
    """Name -> kind of the fields that are asked about, and notes on those that are not read."""
    declaration = model_class(question.model)
    if declaration.is_training_free:
        raise SirecError(
            f"{declaration.name} is not trained, and reads no field", f"models: {_reading_models()}"
        )
    kinds = {each.name: each.kind for each in data.fields}
    if question.fields is not None:
        field_settings(data, question.fields)
        kinds = {name: kinds[name] for name in question.fields if name != POSITION}
    if not kinds:
        raise SirecError(
            f"{data.name} has no field to ask about",
            "prepare it with attributes of the items or behaviours: sirec prepare --help",
        )
    whole = _resolved(question, data)
    read = {name: kind for name, kind in kinds.items() if whole.model.reads(kind)}
    unread = [name for name in kinds if name not in read]
    if not read or (unread and question.fields is not None):
        kind = kinds[unread[0]]
        raise SirecError(
            f"{declaration.title} reads no {kind}, and so not {', '.join(unread)}",
            f"models that read attributes: {_reading_models()}",
        )
    notes = [f"{declaration.title} does not read: {', '.join(unread)}."] if unread else []
    return read, notes


def _reading_models() -> str:
    """Names of the models that read attributes."""
    return ", ".join(name for name in MODELS if MODELS[name]().reads("attribute"))


def _resolved(question: WorthQuestion, data: Dataset) -> RunConfig:
    """The model as it is declared, with what is set."""
    return resolve(
        question.model, data, protocol=question.protocol, shared=dict(question.set), where="worth"
    )


def _settings(question: WorthQuestion, data: Dataset) -> dict[str, Any]:
    """The settings of all rows: the budget as far as the model has it, the fusion, what is set."""
    tree: Tree = dump(_resolved(question, data))
    settings = {key: value for key, value in SETTINGS.items() if has(tree, key)}
    if question.fusion is not None:
        settings |= _fusion_settings(question, data, tree)
    field_settings(data, (), question.set)  # which fields are read is not to be set
    for key in (PLACEBO, PLACEBO.rpartition(".")[2]):
        if key in question.set:
            raise SirecError(f"worth: {key} cannot be set: rows differ in it", "leave it out")
    for key, value in question.set.items():
        if not has(tree, key):
            raise unknown("key", key, tree["model"], f"{question.model}: --set")
        settings[key] = value
    return settings


def _fusion_settings(question: WorthQuestion, data: Dataset, tree: Tree) -> dict[str, Any]:
    """The keys of the functions that fuse fields where the model reads them."""
    model = _resolved(question, data).model
    kinds: Sequence[FieldKind] = ("attribute", "behaviour")
    keys: dict[str, Any] = {}
    for kind in kinds:
        key = FUSIONS.get(model.level(kind), {}).get(kind)
        if key is not None and has(tree, key):
            keys[key] = question.fusion
    if not keys:
        raise SirecError(
            f"--fusion {question.fusion}: {model.name} has no choice of fusion", "leave it out"
        )
    return keys
