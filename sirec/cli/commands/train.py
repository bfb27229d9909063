"""`sirec train`: one run, or one for each of several seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sirec.cli import options
from sirec.cli.console import loading, print_json, say, say_next
from sirec.errors import SirecError
from sirec.shell import command

if TYPE_CHECKING:
    from sirec.api_results import TrainedRuns
    from sirec.data.split import HeldOutPart
    from sirec.run.store import RunFolder

# What may be said beside --refit, by the names of parameters.
REFIT_OPTIONS = ("refit", "device", "again", "out", "data_root", "as_json", "plugin_files")


def train(
    context: typer.Context,
    model: Annotated[
        str | None,
        typer.Argument(
            help="Which model; sirec models lists them.",
            autocompletion=options.complete_model,
            show_default=False,
        ),
    ] = None,
    data: options.Data = None,
    fields: options.FieldNames = None,
    set_: options.Set = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Decides every random choice; 0 without it.", show_default=False),
    ] = None,
    seeds: options.Seeds = None,
    threads: options.Threads = 2,
    precision: options.PrecisionOption = options.PrecisionName.fp32,
    device: options.Device = "auto",
    protocol: options.ProtocolName = "comif",
    profile: options.ProfileOption = options.ProfileName.intended,
    again: options.Again = False,
    dry_run: options.DryRun = False,
    out: options.Out = options.RESULTS,
    data_root: options.DataRoot = options.DATA_ROOT,
    test: Annotated[
        bool,
        typer.Option(
            "--test", help="Show test too. Choose settings by validation, which is shown."
        ),
    ] = False,
    refit: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Train this finished run anew on all interactions, to recommend with it: its"
            " settings and its number of epochs. A refit cannot be evaluated.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="config.yaml of a run, or a file with some of its keys: train what it says. Other"
            " options override it, which is told.",
            show_default=False,
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Train a model, resuming where an earlier call was stopped, and show how it does on
    validation.

    Example: sirec train comif --data beauty --set heads=2

    Example: sirec train comif --data beauty --seeds 0,1,2

    Example: sirec train --refit beauty/comif

    Example: sirec train --config results/runs/beauty/comif/3f2a91/config.yaml --seeds 1,2

    Several processes share the work if torchrun starts them: torchrun
    --nproc-per-node 2 -m sirec train comif --data beauty
    """
    with loading():
        from sirec import api, api_config
    from sirec.cli.console import StudyBars
    from sirec.config import parse_assignments

    if refit is not None:
        _refuse_other_settings(context)
        _refit(refit, device, again, out, data_root, as_json)
        return
    assignments = parse_assignments(set_ or [])
    if config is not None:
        _refuse_with_config(context, model, config)
        overriding = {"threads": threads, "precision": precision.value}
        for name in overriding:
            if _is_given(context, name):
                assignments.setdefault(name, overriding[name])
        trained = api_config.train_config(
            config,
            data,
            fields=options.parse_names(fields),
            seeds=_seeds_beside_config(seed, options.parse_seeds(seeds)),
            set=assignments,
            device=device,
            again=again,
            dry_run=dry_run,
            results=out,
            data_root=data_root,
            watcher=StudyBars(),
        )
        _show_trained(trained, test=test, as_json=as_json)
        return
    if model is None:
        remedy = "name one that sirec models lists, or say --config FILE or --refit RUN"
        raise SirecError("which model?", remedy)
    trained = api.train(
        model,
        data,
        fields=options.parse_names(fields),
        seeds=_chosen_seeds(seed, options.parse_seeds(seeds)),
        set=assignments,
        threads=threads,
        precision=precision.value,
        device=device,
        protocol=protocol,
        profile=profile.value,
        again=again,
        dry_run=dry_run,
        results=out,
        data_root=data_root,
        watcher=StudyBars(),
    )
    _show_trained(trained, test=test, as_json=as_json)


def _is_given(context: typer.Context, name: str) -> bool:
    """Whether an option, by the name of its parameter, was typed."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _refuse_other_settings(context: typer.Context) -> None:
    """Raise `SirecError` for an option that a refit, which repeats a run, cannot have."""
    for name in context.params:
        if _is_given(context, name) and name not in REFIT_OPTIONS:
            option = "a model" if name == "model" else f"--{name.rstrip('_').replace('_', '-')}"
            raise SirecError(
                f"--refit repeats a run as it is, and {option} is given too",
                "leave it out, or train a run with that setting first",
            )


def _refit(run: str, device: str, again: bool, out: Path, data_root: Path, as_json: bool) -> None:
    """Train the refit of a run, and say what can be done with it."""
    with loading():
        from sirec import api_refit
    from sirec.cli.console import StudyBars

    folder = api_refit.refit(
        run, device=device, again=again, results=out, data_root=data_root, watcher=StudyBars()
    )
    if as_json:
        print_json({"run": str(folder.path), "refit_of": folder.repeated})
        return
    say(f"refit: {folder.path}")
    say("trained on all interactions, so there is nothing left to evaluate it on")
    say_next(command("recommend", folder.id, "--all", "--to", "recommendations.parquet"))


def _refuse_with_config(context: typer.Context, model: str | None, config: Path) -> None:
    """Raise `SirecError` for what a configuration file decides, and nothing may override."""
    if model is not None:
        raise SirecError(
            f"--config {config} names the model, and '{model}' is given too",
            "leave the model out, or train it with --set",
        )
    for name in ("protocol", "profile"):
        if _is_given(context, name):
            raise SirecError(
                f"--config {config} has all settings, and --{name} is given too",
                "leave it out, or change the file",
            )


def _seeds_beside_config(seed: int | None, seeds: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """The seeds of --seed or --seeds; None, which is the file's own, where neither is given."""
    return None if seed is None and seeds is None else _chosen_seeds(seed, seeds)


def _chosen_seeds(seed: int | None, seeds: tuple[int, ...] | None) -> tuple[int, ...]:
    """The seeds of --seed or --seeds; 0 where neither is given."""
    if seeds is None:
        return (seed or 0,)
    if seed is not None:
        raise SirecError(
            "--seed and --seeds are both given", "leave one of them out: --seeds takes one too"
        )
    return seeds


def _show_trained(trained: TrainedRuns, *, test: bool, as_json: bool) -> None:
    """Print what was trained, or would be; of several processes only the first one prints."""
    from sirec.cli.console import say_next_without, show

    if trained.forecast is not None:
        show(trained.forecast, as_json=as_json)
        say_next_without("--dry-run")
    elif trained.is_main:
        _show(list(trained), test=test, as_json=as_json)


def _show(runs: Sequence[RunFolder], *, test: bool, as_json: bool) -> None:
    """Print how the runs of one model do, as one row; as JSON, several runs are a list."""
    from sirec.cli.console import show
    from sirec.models import model_class
    from sirec.report.results import View
    from sirec.studies.compare.comparison import compare_results
    from sirec.studies.compare.run_results import run_result

    splits: tuple[HeldOutPart, ...] = ("valid", "test") if test else ("valid",)
    if as_json:
        values: list[dict[str, Any]] = []
        for run in runs:
            metrics = {split: run.metrics()[split] for split in splits}
            values.append({"run": str(run.path), "metrics": metrics, "timings": run.timings()})
        print_json(values if len(values) > 1 else values[0])
        return
    results = list(map(run_result, runs))
    title = model_class(runs[0].model).title
    for split in splits:
        made = compare_results(results, title=title, views=[View(split)])
        show(made, as_json=False, afterwards=1 + len(runs))
    for run in runs:
        say(f"run: {run.path}")
    say_next(command("evaluate", *(run.path for run in runs)))
