"""`sirec worth`: what each field of a data set is worth to a recommender."""

from __future__ import annotations

from typing import Annotated

import typer

from sirec.cli import options
from sirec.cli.console import loading
from sirec.shell import command


def worth(
    data: Annotated[
        str | None,
        typer.Argument(
            help="Prepared data set; without it the last prepared one, else the demo.",
            show_default=False,
        ),
    ] = None,
    fields: Annotated[
        str | None,
        typer.Option(
            help="Attributes and behaviours, separated by commas; without it all.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(help="Model of all rows.", autocompletion=options.complete_model)
    ] = "comif",
    fusion: Annotated[
        str | None,
        typer.Option(
            help="How the model fuses fields: sum, concat or gate; without it as declared.",
            show_default=False,
        ),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="A hint first: only rows with a shuffled field; one seed unless --seeds is given.",
        ),
    ] = False,
    top: Annotated[
        int, typer.Option(help="Length of the list of suggestions that a customer sees.")
    ] = 20,
    margin: Annotated[
        float,
        typer.Option(help="A worth of at most this many customers in 1,000 counts as nothing."),
    ] = 5.0,
    set_: options.Set = None,
    seeds: options.Seeds = None,
    jobs: options.Jobs = None,
    cluster: options.Cluster = None,
    device: options.Device = "cpu",
    protocol: options.ProtocolName = "comif",
    history: options.HistoryOption = options.History.keep,
    again: options.Again = False,
    full: Annotated[
        bool, typer.Option("--full", help="Print the tables of groups and of rows as well.")
    ] = False,
    render_only: options.RenderOnly = False,
    dry_run: options.DryRun = False,
    out: options.Out = options.RESULTS,
    data_root: options.DataRoot = options.DATA_ROOT,
    as_json: options.Json = False,
) -> None:
    """Tell what each attribute and behaviour is worth: all fields against all fields with the
    values of one of them shuffled, with intervals over users and seeds.

    It first says how many trainings that takes and about how long, and goes on
    where it was stopped. See docs/worth.md.

    Example: sirec worth shop

    Example: sirec worth shop --fields brand,price --jobs 2
    """
    with loading():
        from sirec import api
    from sirec.cli.console import StudyBars, say_next, say_next_without, show
    from sirec.config import parse_assignments

    drawn = api.worth(
        data,
        fields=options.parse_names(fields),
        model=model,
        fusion=fusion,
        quick=quick,
        top=top,
        margin=margin,
        seeds=options.parse_seeds(seeds),
        set=parse_assignments(set_ or []),
        protocol=protocol,
        history=history.value,
        jobs=jobs,
        cluster=cluster,
        device=device,
        again=again,
        render_only=render_only,
        dry_run=dry_run,
        results=out,
        data_root=data_root,
        watcher=StudyBars(),
    )
    show(drawn.comparison, as_json=as_json, full=full)
    if dry_run:
        say_next_without("--dry-run")
    else:
        say_next(command("report"))
