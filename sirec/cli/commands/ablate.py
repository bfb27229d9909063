"""`sirec ablate`: a model against itself without some of its parts, and the papers' ablation
tables.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from sirec.cli import options
from sirec.cli.console import loading
from sirec.shell import command
from sirec.studies.spec.switches import SWITCHES


class TableName(StrEnum):
    """The papers' ablation tables."""

    modules = "modules"
    fusion = "fusion"
    side_info = "side-info"
    dif = "dif"


def _off(name: str) -> Any:
    """The option that switches a part off."""
    switch = SWITCHES[name]
    return typer.Option(switch.flag, help=f"{switch.meaning[0].upper()}{switch.meaning[1:]}.")


def ablate(
    table: Annotated[
        TableName | None,
        typer.Argument(
            help="A paper's tables: modules, fusion, side-info (COMIF Tables 6, 4, 5), dif (DIF-SR"
            " Tables 4, 5); modules if nothing is switched off.",
            show_default=False,
        ),
    ] = None,
    no_upa: Annotated[bool, _off("upa")] = False,
    no_iaa: Annotated[bool, _off("iaa")] = False,
    no_embedding_fusion: Annotated[bool, _off("embedding-fusion")] = False,
    no_attention_fusion: Annotated[bool, _off("attention-fusion")] = False,
    no_aap: Annotated[bool, _off("aap")] = False,
    no_dif: Annotated[bool, _off("dif")] = False,
    model: Annotated[
        str | None,
        typer.Option(help="Which model; without it the one that has the part.", show_default=False),
    ] = None,
    data: options.Data = None,
    fields: options.FieldNames = None,
    set_: options.Set = None,
    seeds: options.Seeds = None,
    jobs: options.Jobs = None,
    device: options.Device = "cpu",
    protocol: options.ProtocolName = "comif",
    profile: options.ProfileOption = options.ProfileName.intended,
    again: options.Again = False,
    history: options.HistoryOption = options.History.keep,
    render_only: options.RenderOnly = False,
    dry_run: options.DryRun = False,
    out: options.Out = options.RESULTS,
    data_root: options.DataRoot = options.DATA_ROOT,
    full: options.Full = False,
    as_json: options.Json = False,
) -> None:
    """Train a model in full and with a part switched off, and print both with the paired
    difference; or make a paper's ablation table.

    Switches combine. side-info adds --fields one by one, in the order given.

    Example: sirec ablate --no-upa

    Example: sirec ablate modules --data beauty

    Example: sirec ablate side-info --data shop --fields brand,price,rating
    """
    with loading():
        from sirec import api
    from sirec.cli.console import StudyBars, say_next_without, show
    from sirec.config import parse_assignments

    switches = {
        "upa": no_upa,
        "iaa": no_iaa,
        "embedding-fusion": no_embedding_fusion,
        "attention-fusion": no_attention_fusion,
        "aap": no_aap,
        "dif": no_dif,
    }
    made = api.ablate(
        table.value if table else None,
        without=[name for name, is_off in switches.items() if is_off],
        fields=options.parse_names(fields),
        model=model,
        data=data,
        seeds=options.parse_seeds(seeds),
        set=parse_assignments(set_ or []),
        protocol=protocol,
        profile=profile.value,
        history=history.value,
        jobs=jobs,
        device=device,
        again=again,
        render_only=render_only,
        dry_run=dry_run,
        results=out,
        data_root=data_root,
        watcher=StudyBars(),
    )
    if dry_run:
        show(*made, as_json=as_json, full=full)
        say_next_without("--dry-run")
        return
    show(*made, as_json=as_json, full=full, next_commands=[command("report")])
