"""`sirec sweep`: search settings of models, each with the same number of trials."""

from __future__ import annotations

from typing import Annotated

import typer

from sirec.cli import options
from sirec.cli.console import loading
from sirec.shell import command


def sweep(
    models: Annotated[
        list[str],
        typer.Argument(
            help="Which models; each gets the same number of trials.",
            autocompletion=options.complete_model,
        ),
    ],
    data: options.Data = None,
    trials: Annotated[
        int, typer.Option(help="Trials of each model, its declared settings among them.")
    ] = 8,
    try_: Annotated[
        list[str] | None,
        typer.Option(
            "--try",
            help="KEY=VALUES to try instead of what a model declares; repeatable:"
            " dropout='[0.1, 0.3]', learning_rate='{low: 0.0001, high: 0.01, log: true}'.",
            show_default=False,
        ),
    ] = None,
    sampler: Annotated[
        str, typer.Option(help="What proposes settings: tpe (extra search) or random.")
    ] = "tpe",
    sampler_seed: Annotated[int, typer.Option(help="Seed of the sampler's draws.")] = 0,
    set_: options.Set = None,
    seeds: options.Seeds = None,
    jobs: options.Jobs = None,
    device: options.Device = "cpu",
    render_only: options.RenderOnly = False,
    dry_run: options.DryRun = False,
    out: options.Out = options.RESULTS,
    data_root: options.DataRoot = options.DATA_ROOT,
    full: options.Full = False,
    as_json: options.Json = False,
) -> None:
    """Search the settings of models. Validation alone decides; the first trial has the declared
    settings.

    A search that was stopped goes on with the same proposals.

    Example: sirec sweep sasrec comif --data beauty --trials 8

    Example: sirec sweep comif --try iaa.weight='[0.4, 0.8, 1.2]' --sampler random
    """
    with loading():
        from sirec import api_sweep
    from sirec.cli.console import StudyBars, say_next, say_next_without, show
    from sirec.config import parse_assignments

    made = api_sweep.sweep(
        models,
        data,
        trials=trials,
        sampler=sampler,
        space=parse_assignments(try_ or [], "--try"),
        sampler_seed=sampler_seed,
        seeds=options.parse_seeds(seeds) or (0,),
        set=parse_assignments(set_ or []),
        jobs=jobs,
        device=device,
        render_only=render_only,
        dry_run=dry_run,
        results=out,
        data_root=data_root,
        watcher=StudyBars(),
    )
    if not dry_run:
        made = made.with_table(made.tables[-1])
    show(made, as_json=as_json, full=full)
    if dry_run:
        say_next_without("--dry-run")
    else:
        say_next(command("runs"))
