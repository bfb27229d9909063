"""`sirec study`: an experiment file into runs and tables."""

from __future__ import annotations

from typing import Annotated

import typer

from sirec.cli import options
from sirec.cli.console import loading, say
from sirec.shell import command


def study(
    experiment: Annotated[
        str,
        typer.Argument(
            help="Experiment file, or the name of one that ships with sirec; or a measurement:"
            " correlation."
        ),
    ],
    only: Annotated[
        list[str] | None,
        typer.Option(help="Train only these rows; repeatable.", show_default=False),
    ] = None,
    data: options.Data = None,
    set_: options.Set = None,
    seeds: options.Seeds = None,
    jobs: options.Jobs = None,
    cluster: options.Cluster = None,
    device: options.Device = "cpu",
    again: options.Again = False,
    render_only: options.RenderOnly = False,
    dry_run: options.DryRun = False,
    out: options.Out = options.RESULTS,
    data_root: options.DataRoot = options.DATA_ROOT,
    full: options.Full = False,
    as_json: options.Json = False,
) -> None:
    """Train the missing runs of an experiment and print its tables; the tables are also written to
    results/tables.

    A run that was stopped goes on from its last epoch. With --only, rows are
    trained without drawing tables.

    Example: sirec study overall --data beauty --jobs 2

    Example: sirec study overall --data beauty --jobs 16 --cluster auto
    """
    with loading():
        from sirec import api
    from sirec.cli.analyses import MeasurementOptions, run_measurement
    from sirec.cli.console import StudyBars, say_next, say_next_without, show
    from sirec.config import parse_assignments
    from sirec.errors import SirecError
    from sirec.studies.analyses.base import ANALYSES

    if experiment in ANALYSES:
        if only or set_ or seeds or (jobs or 1) > 1 or cluster or again or dry_run:
            raise SirecError(
                f"{experiment} measures finished runs and trains none",
                f"{command(experiment, '--help')} lists its options",
            )
        measurement = MeasurementOptions((), None, None, data, options.SAMPLED_USERS, 0)
        run_measurement(
            experiment,
            measurement,
            out,
            data_root,
            render_only=render_only,
            as_json=as_json,
            full=full,
        )
        return
    made = api.run_study(
        experiment,
        only=only or (),
        data=data,
        seeds=options.parse_seeds(seeds),
        set=parse_assignments(set_ or []),
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
    if dry_run:
        show(made, as_json=as_json, full=full)
        say_next_without("--dry-run")
        return
    if only:
        say("only these rows; the tables come with the whole study")
        say_next(command("study", experiment))
        return
    show(made, as_json=as_json, full=full, afterwards=2, next_commands=[command("report")])
