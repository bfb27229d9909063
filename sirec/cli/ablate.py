"""`sirec ablate`: a model against itself without one of its parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from sirec.cli import options
from sirec.cli.console import say


def ablate(
    no_upa: Annotated[bool, typer.Option("--no-upa", help="Leave out COMIF's user-preference alignment.")] = False,
    no_iaa: Annotated[bool, typer.Option("--no-iaa", help="Leave out COMIF's item-attribute alignment.")] = False,
    no_aap: Annotated[bool, typer.Option("--no-aap", help="Leave out DIF-SR's attribute prediction.")] = False,
    model: Annotated[
        str | None, typer.Option(help="Which model; without it the one that has the part.", show_default=False)
    ] = None,
    seeds: Annotated[str, typer.Option(help="Seeds, separated by commas; three or more speak of the method.")] = "0",
    data: options.Data = None,
    set_: options.Set = None,
    device: options.Device = "cpu",
    protocol: options.ProtocolName = "comif",
    profile: options.Profile = options.ProfileName.intended,
    again: options.Again = False,
    history: options.HistoryRule = options.History.keep,
    out: options.Out = options.RESULTS,
    data_root: options.DataRoot = options.DATA_ROOT,
    as_json: options.Json = False,
) -> None:
    """Train the full model and the switched-off one, and print both with the paired difference. Switches combine.

    Example: sirec ablate --no-upa
    """
    from sirec.cli.common import StudyCall, dataset, show
    from sirec.config import parse_assignments
    from sirec.errors import SirecError
    from sirec.models import model_class
    from sirec.report.entries import View
    from sirec.studies.ablation import ablation
    from sirec.studies.rendering import render

    if model is not None:
        model_class(model)
    try:
        numbers = [int(text) for text in seeds.split(",")]
    except ValueError:
        raise SirecError(f"--seeds {seeds}: expected whole numbers separated by commas", "for example: --seeds 0,1,2") from None
    off = [name for name, is_off in (("upa", no_upa), ("iaa", no_iaa), ("aap", no_aap)) if is_off]
    plan = ablation(model, off, numbers, parse_assignments(set_ or []))
    plan = replace(plan, datasets=(dataset(data, data_root).name,), protocol=protocol, profile=profile.value)
    chosen = next(iter(plan.rows.values())).model
    name = "_".join(["ablate", *plan.datasets, chosen, *(f"no-{part}" for part in off)])
    StudyCall(plan, name, out, data_root, device, again).run()
    comparison = render(plan, name, out, views=[View("test", history.value)])
    written = comparison.write(out / "tables", name)  # before printing: a closed pipe ends the command
    show(comparison, as_json=as_json)
    say(f"written: {written}")
