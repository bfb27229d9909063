"""Switched off: a model against itself without some of its parts, and the papers' ablation tables
by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sirec.errors import SirecError
from sirec.models import MODELS, model_class
from sirec.objectives.base import ObjectiveConfig
from sirec.papers import PROTOCOLS
from sirec.studies.spec.experiment import Experiment, RowPlan
from sirec.studies.spec.library import find_experiment, read_experiment
from sirec.studies.spec.switches import DEFAULT_TABLE, SWITCHES, TABLES, Switch


def asked_for(
    table: str | None, model: str | None, off: Sequence[str], protocol: str
) -> dict[str, Experiment]:
    """Name -> experiment: a paper's tables, or what is switched off; without either the default
    table.

    Raises `SirecError` for both at once, for a model without a switch, and as `ablation` does.
    """
    if not off and model is not None:
        raise SirecError(
            f"--model {model}: nothing is switched off",
            f"choose one or more of: {_flags(SWITCHES)}",
        )
    if table is not None and off:
        raise SirecError(
            f"{table} and {_flags(off)} are two questions", "ask for a table, or switch parts off"
        )
    if off:
        plan = ablation(model, off, protocol)
        whole = next(iter(plan.rows.values())).model
        return {"_".join(["ablate", whole, *(f"no-{name}" for name in off)]): plan}
    return {name: read_experiment(find_experiment(name)) for name in TABLES[table or DEFAULT_TABLE]}


def ablation(model: str | None, off: Sequence[str], protocol: str = "comif") -> Experiment:
    """The whole model against each switch alone and, with several, against all of them together.

    Without `model`, the first that has all the parts. Raises `SirecError` if none has, or if a
    switch leads to another model and `protocol`, under which they are to be trained, tunes only one
    of the two.
    """
    switches = [SWITCHES[name] for name in off]
    if not switches:
        raise SirecError("nothing is switched off", f"choose one or more of: {_flags(SWITCHES)}")
    chosen = _owner(switches) if model is None else model_class(model).name
    _check(chosen, switches, protocol)
    title = MODELS[chosen].title
    whole = RowPlan(model=chosen)
    rows = {title: whole}
    rows |= {f"{title} without {switch.part}": switched_off(whole, [switch]) for switch in switches}
    if len(switches) > 1:
        rows[f"{title} without all of these"] = switched_off(whole, switches)
    notes = tuple(f"{switch.flag}: {switch.meaning}." for switch in switches)
    return Experiment(title=f"{title}: {_flags(off)}", rows=rows, against=title, notes=notes)


def switched_off(row: RowPlan, switches: Sequence[Switch]) -> RowPlan:
    """A row without these parts, each of which its model has."""
    edits = [switch.edits[row.model] for switch in switches]
    without = tuple(name for edit in edits for name in edit.without)
    settings = {key: value for edit in edits for key, value in edit.set.items()}
    model = next((edit.model for edit in edits if edit.model is not None), row.model)
    if model == row.model:
        return replace(
            row, set={**row.set, **settings}, without=(*row.without, *without), is_variant=True
        )
    kept = tuple(
        part for part in _objectives(row.model, model) if part.name not in (*row.without, *without)
    )
    return replace(
        row,
        model=model,
        set={**row.set, **settings},
        with_=(*row.with_, *kept),
        without=(),
        is_variant=True,
    )


def _flags(names: Iterable[str]) -> str:
    return ", ".join(SWITCHES[name].flag for name in names)


def _objectives(model: str, other: str) -> list[ObjectiveConfig]:
    """What a model minimises by default and another does not."""
    mine, others = (
        [part for stage in MODELS[name].stages for part in stage.objectives]
        for name in (model, other)
    )
    return [part for part in mine if part.name not in {each.name for each in others}]


def _owner(switches: Sequence[Switch]) -> str:
    for model in switches[0].edits:
        if all(model in switch.edits for switch in switches):
            return model
    names = ", ".join(sorted(switch.name for switch in switches))
    raise SirecError(f"no model has all of: {names}", "switch them off one by one")


def _check(model: str, switches: Sequence[Switch], protocol: str) -> None:
    for switch in switches:
        if model not in switch.edits:
            raise SirecError(
                f"{switch.flag}: {MODELS[model].title} has no such part",
                f"models: {', '.join(switch.edits)}",
            )
        other = switch.edits[model].model
        tuned = set(PROTOCOLS[protocol].tuned) if protocol in PROTOCOLS else set()
        if other is not None and model in tuned and other not in tuned:
            what = f"{switch.flag}: protocol {protocol} has settings tuned for {model} that {other} would not get"
            raise SirecError(what, "use --protocol comif or difsr")
