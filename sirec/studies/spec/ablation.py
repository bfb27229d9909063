"""Ablations: a model compared with itself without some of its parts, and the papers' tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.models import MODELS, model_class
from sirec.objectives.base import ObjectiveConfig
from sirec.papers import PROTOCOLS
from sirec.papers.protocol import Protocol
from sirec.shell import arguments
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.library import find_experiment, read_experiment
from sirec.studies.spec.row import RowPlan
from sirec.studies.spec.side_information import one_by_one
from sirec.studies.spec.switches import (
    DEFAULT_TABLE,
    SIDE_INFORMATION,
    SWITCHES,
    TABLES,
    Switch,
)


def requested_experiments(
    table: str | None,
    model: str | None,
    off: Sequence[str],
    protocol: str,
    data: Dataset,
    fields: Sequence[str] | None = None,
) -> dict[str, Experiment]:
    """The experiments that `sirec ablate` is to run, by name.

    Args:
        table: name of a paper's tables; if nothing is switched off either, the default table's.
        model: name of the model whose parts are switched off, None for the first that has them.
        off: names of the switched-off parts.
        protocol: name of the protocol.
        data: the prepared data set.
        fields: the fields that the table of side information adds one by one.

    Raises:
        SirecError: for two questions at once, for a model without parts, and as `ablation` does.
    """
    if fields is not None and table != SIDE_INFORMATION:
        raise SirecError("--fields goes with side-info alone", "sirec ablate side-info --fields …")
    if model is not None and not off:
        raise SirecError(f"--model {model}: nothing is switched off", _hint_of_all_switches())
    if table is not None and off:
        raise SirecError(
            f"{table} and {_flags(off)} are two questions", "ask for a table, or switch parts off"
        )
    if not off:
        plans: dict[str, Experiment] = {}
        for name in TABLES[table or DEFAULT_TABLE]:
            plans[name] = read_experiment(find_experiment(name))
        return one_by_one(plans, data, fields) if table == SIDE_INFORMATION else plans
    plan = ablation(model, off, protocol)
    whole = next(iter(plan.rows.values()))
    study = f"ablate_{whole.model}"
    for part in off:
        study += f"_no-{part}"
    return {study: plan}


def ablation(model: str | None, off: Sequence[str], protocol: str = "comif") -> Experiment:
    """The whole model compared with itself without each part, and without all of them.

    Args:
        model: name of the model; None for the first that has all the parts.
        off: names of the switched-off parts.
        protocol: name of the protocol under which all rows are trained.

    Raises:
        SirecError: if no model has all the parts, and if a row is another model and the protocol
            tunes one of the two models only.
    """
    switches = [SWITCHES[name] for name in off]
    if not switches:
        raise SirecError("nothing is switched off", _hint_of_all_switches())
    chosen = _first_with_all(off) if model is None else model_class(model).name
    for switch in switches:
        _check(chosen, switch, protocol)
    title = MODELS[chosen].title
    whole = RowPlan(model=chosen)
    rows, notes = {title: whole}, []
    for switch in switches:
        rows[f"{title} without {switch.part}"] = switched_off(whole, [switch])
        notes.append(f"{switch.flag}: {switch.meaning}.")
    if len(switches) > 1:
        rows[f"{title} without all of these"] = switched_off(whole, switches)
    return Experiment(title=f"{title}: {_flags(off)}", rows=rows, against=title, notes=tuple(notes))


def switched_off(row: RowPlan, switches: Sequence[Switch]) -> RowPlan:
    """A row without some parts.

    Args:
        row: the row with all its parts.
        switches: the parts to leave out, each of which the row's model has.
    """
    settings, without, model = dict(row.set), list(row.without), row.model
    for switch in switches:
        edit = switch.edits[row.model]
        settings.update(edit.set)
        without += edit.without
        if model == row.model and edit.model is not None:
            model = edit.model
    if model == row.model:
        return replace(row, set=settings, without=tuple(without), is_variant=True)
    # The other model is trained by the same objectives: those that it lacks are added to it.
    with_ = list(row.with_)
    own = [objective.name for objective in _objectives(model)]
    for objective in _objectives(row.model):
        if objective.name not in (*own, *without):
            with_.append(objective)
    return replace(row, model=model, set=settings, with_=tuple(with_), without=(), is_variant=True)


def _objectives(model: str) -> list[ObjectiveConfig]:
    objectives: list[ObjectiveConfig] = []
    for stage in MODELS[model].stages:
        objectives += stage.objectives
    return objectives


def _first_with_all(parts: Sequence[str]) -> str:
    for model in SWITCHES[parts[0]].edits:
        if all(model in SWITCHES[part].edits for part in parts):
            return model
    raise SirecError(
        f"no model has all of: {', '.join(sorted(parts))}", "switch them off one by one"
    )


def _check(model: str, switch: Switch, protocol: str) -> None:
    """Raise `SirecError` unless the model has the part, and keeps the protocol without it."""
    if model not in switch.edits:
        raise SirecError(
            f"{switch.flag}: {MODELS[model].title} has no such part",
            f"models: {', '.join(switch.edits)}",
        )
    other = switch.edits[model].model
    if other is None or protocol not in PROTOCOLS:
        return
    if not _treats_alike(PROTOCOLS[protocol], model, other):
        tuned, untuned = (model, other) if model in PROTOCOLS[protocol].tuned else (other, model)
        fair = [name for name, each in PROTOCOLS.items() if _treats_alike(each, model, other)]
        raise SirecError(
            f"{switch.flag}: protocol {protocol} has settings tuned for {tuned} "
            f"that {untuned} would not get",
            f"use {' or '.join(arguments('--protocol', name) for name in fair)}",
        )


def _treats_alike(protocol: Protocol, model: str, other: str) -> bool:
    """Whether a protocol tunes both models or neither."""
    return (model in protocol.tuned) == (other in protocol.tuned)


def _hint_of_all_switches() -> str:
    return f"choose one or more of: {_flags(SWITCHES)}"


def _flags(names: Iterable[str]) -> str:
    return ", ".join(SWITCHES[name].flag for name in names)
