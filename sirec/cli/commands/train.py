"""`sirec train`: one run."""

from __future__ import annotations

from typing import Annotated

import typer

from sirec.cli import options
from sirec.cli.console import print_json, say, stdout


def train(
    model: Annotated[
        str,
        typer.Argument(
            help="Which model; sirec models lists them.", autocompletion=options.complete_model
        ),
    ],
    data: options.Data = None,
    set_: options.Set = None,
    seed: options.Seed = 0,
    threads: options.Threads = 2,
    precision: options.PrecisionOption = options.PrecisionName.fp32,
    device: options.Device = "cpu",
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
    from sirec.cli.common import shared_dataset, train_all
    from sirec.config import parse_assignments
    from sirec.models import model_class
    from sirec.report.render import to_rich
    from sirec.report.results import View
    from sirec.run.config import resolve
    from sirec.run.execute import device_named
    from sirec.run.store import Store
    from sirec.studies.compare.comparison import compare_results
    from sirec.studies.compare.run_results import run_result
    from sirec.studies.spec.plan import PlannedRun
    from sirec.training.process_group import joined, own_device

    title = model_class(model).title  # an unknown model is told before any data are touched
    assignments = {
        "seed": seed,
        "threads": threads,
        "precision": precision.value,
        **parse_assignments(set_ or []),
    }
    place = str(device_named(own_device(device)))
    with joined(place) as process_group:
        prepared = shared_dataset(data, data_root, process_group)
        config = resolve(
            model, prepared, protocol=protocol, profile=profile.value, assignments=assignments
        )
        [folder] = train_all(
            [PlannedRun(title, config)],
            prepared,
            Store(out),
            device=place,
            again=again,
            process_group=process_group,
        )
    if not process_group.is_main:
        return
    if as_json:
        metrics = {
            split: values for split, values in folder.metrics().items() if split == "valid" or test
        }
        print_json({"run": str(folder.path), "metrics": metrics, "timings": folder.timings()})
        return
    for split in ("valid", "test") if test else ("valid",):
        for table in compare_results([run_result(folder)], title=title, views=[View(split)]).tables:
            stdout.print(to_rich(table))
    say(f"run: {folder.path}\ntest: sirec evaluate {folder.path}")
