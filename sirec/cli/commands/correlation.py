"""`sirec correlation`: COMIF's equations 3 and 4, terms of scores by origin, on finished runs."""

from __future__ import annotations

from typing import Annotated

import typer

from sirec.cli import options


def correlation(
    runs: Annotated[
        list[str] | None,
        typer.Argument(help="Run folders, first digits of ids, or models: their newest run."),
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(
            help="Models, separated by commas; without any those that fuse differently.",
            show_default=False,
        ),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(help="Take the runs of this study, under its names.", show_default=False),
    ] = None,
    data: options.Data = None,
    users: options.SampledUsers = options.SAMPLED_USERS,
    seed: options.Seed = 0,
    name: Annotated[
        str | None,
        typer.Option(
            help="Name of record, tables and figures; without it, one from data and options.",
            show_default=False,
        ),
    ] = None,
    render_only: Annotated[
        bool, typer.Option("--render-only", help="Draw what was measured before.")
    ] = False,
    out: options.Out = options.RESULTS,
    data_root: options.DataRoot = options.DATA_ROOT,
    full: options.Full = False,
    as_json: options.Json = False,
) -> None:
    """Measure how much of attention and relevance joins items with side information (COMIF eq.
    3-4), by fusion.

    Example: sirec correlation --data beauty --models sasrec,sasrecf,nova,dif-sr,comif
    """
    from sirec.cli.analyses import MeasurementOptions, run_measurement

    asked = MeasurementOptions(tuple(runs or ()), study, models, data, users, seed, name)
    run_measurement(
        "correlation", asked, out, data_root, render_only=render_only, as_json=as_json, full=full
    )
