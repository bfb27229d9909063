"""`sirec rankcheck`: DIF-SR's Figure 1, ranks of attention's scores, on finished runs."""

from __future__ import annotations

from typing import Annotated

import typer

from sirec.cli import options


def rankcheck(
    runs: Annotated[
        list[str] | None,
        typer.Argument(help="Run folders, first digits of ids, or models: their newest run."),
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(
            help="Models, separated by commas; without any those of the figure.", show_default=False
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
    """Measure the ranks of attention's score matrices (DIF-SR Figure 1), beside their bound and
    untrained weights.

    Tables and figures are written to results/tables and results/figures.

    Example: sirec rankcheck --data beauty --models sasrecf,nova,dif-sr
    """
    from sirec.cli.analyses import MeasurementOptions, run_measurement

    asked = MeasurementOptions(tuple(runs or ()), study, models, data, users, seed, name)
    run_measurement(
        "rankcheck", asked, out, data_root, render_only=render_only, as_json=as_json, full=full
    )
