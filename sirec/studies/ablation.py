"""Switched off: a model against itself without one of its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sirec.errors import SirecError
from sirec.models import MODELS
from sirec.studies.experiment import Experiment, RowPlan


@dataclass(frozen=True)
class Switch:
    """A part that can be switched off: the objectives to leave out."""

    name: str
    title: str
    without: tuple[str, ...] = ()


SWITCHES: Mapping[str, Switch] = {
    switch.name: switch
    for switch in (
        Switch("upa", "without UPA", ("upa",)),
        Switch("iaa", "without IAA", ("iaa",)),
        Switch("aap", "without AAP", ("aap",)),
    )
}


def ablation(model: str | None, off: Sequence[str], seeds: Sequence[int], settings: Mapping[str, Any]) -> Experiment:
    """The whole model against each switch alone and, with several, against all of them together, all with these settings.

    Without `model`, the first whose stages have what is to be switched off. Raises `SirecError` if no model does.
    """
    switches = [SWITCHES[name] for name in off]
    if not switches:
        raise SirecError("nothing is switched off", f"choose one or more of: {', '.join(f'--no-{name}' for name in SWITCHES)}")
    chosen = model or _owner(switches)
    title = MODELS[chosen].title
    whole = RowPlan(model=chosen, set=settings)
    rows = {title: whole}
    rows |= {f"{title} {switch.title}": replace(whole, without=switch.without, is_variant=True) for switch in switches}
    if len(switches) > 1:
        without = tuple(name for switch in switches for name in switch.without)
        rows[f"{title} without all of these"] = replace(whole, without=without, is_variant=True)
    names = ", ".join(f"--no-{switch.name}" for switch in switches)
    return Experiment(title=f"{title}: {names}", rows=rows, seeds=tuple(dict.fromkeys(seeds)), against=title)


def _owner(switches: Sequence[Switch]) -> str:
    wanted = {name for switch in switches for name in switch.without}
    for name, model in MODELS.items():
        if wanted <= {part.name for stage in model.stages for part in stage.objectives}:
            return name
    raise SirecError(f"no model has all of: {', '.join(sorted(wanted))}", "switch them off one by one")
