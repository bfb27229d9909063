"""`sirec train`: one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sirec.cli import options
from sirec.cli.console import print_json, say, say_next
from sirec.shell import command

if TYPE_CHECKING:
    from sirec.data.split import HeldOutPart


def train(
    model: Annotated[
        str,
        typer.Argument(
            help="Which model; sirec models lists them.", autocompletion=options.complete_model
        ),
    ],
    data: options.Data = None,
    fields: options.FieldNames = None,
    set_: options.Set = None,
    seed: options.Seed = 0,
    threads: options.Threads = 2,
    precision: options.PrecisionOption = options.PrecisionName.fp32,
    device: options.Device = "auto",
    protocol: options.ProtocolName = "comif",
    profile: options.ProfileOption = options.ProfileName.intended,
    again: options.Again = False,
    out: options.Out = options.RESULTS,
    data_root: options.DataRoot = options.DATA_ROOT,
    test: Annotated[
        bool,
        typer.Option(
            "--test", help="Show test too. Choose settings by validation, which is shown."
        ),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Train a model, resuming where an earlier call was stopped, and show how it does on
    validation.

    Example: sirec train comif --data beauty --set heads=2

    Several processes share the work if torchrun starts them: torchrun --nproc-per-node 2 -m sirec
    train comif --data beauty
    """
    from sirec import api
    from sirec.cli.console import StudyBars, show
    from sirec.config import parse_assignments
    from sirec.models import model_class
    from sirec.report.results import View
    from sirec.studies.compare.comparison import compare_results
    from sirec.studies.compare.run_results import run_result

    trained = api.train(
        model,
        data,
        fields=options.parse_names(fields),
        seeds=seed,
        set=parse_assignments(set_ or []),
        threads=threads,
        precision=precision.value,
        device=device,
        protocol=protocol,
        profile=profile.value,
        again=again,
        results=out,
        data_root=data_root,
        watcher=StudyBars(),
    )
    if not trained.is_main:
        return
    [run] = trained
    splits: tuple[HeldOutPart, ...] = ("valid", "test") if test else ("valid",)
    if as_json:
        metrics = {split: run.metrics()[split] for split in splits}
        print_json({"run": str(run.path), "metrics": metrics, "timings": run.timings()})
        return
    title = model_class(model).title
    for split in splits:
        show(compare_results([run_result(run)], title=title, views=[View(split)]), as_json=False)
    say(f"run: {run.path}")
    say_next(command("evaluate", run.path))
