"""`sirec study`: an experiment file into runs and tables."""

from __future__ import annotations

from typing import Annotated

import typer

from sirec.cli import options
from sirec.cli.console import say


def study(
    experiment: Annotated[str, typer.Argument(help="Experiment file, or the name of one that ships with sirec.")],
    only: Annotated[list[str] | None, typer.Option(help="Train only these rows; repeatable.", show_default=False)] = None,
    data: options.Data = None,
    device: options.Device = "cpu",
    again: options.Again = False,
    render_only: Annotated[bool, typer.Option("--render-only", help="Draw from committed ranks; train nothing.")] = False,
    out: options.Out = options.RESULTS,
    data_root: options.DataRoot = options.DATA_ROOT,
    as_json: options.Json = False,
) -> None:
    """Train what is missing of an experiment and print its tables; they are written to results/tables as well.

    Example: sirec study experiments/beauty_models.yaml
    """
    from sirec.cli.common import run_study, show
    from sirec.studies.experiment import find_experiment, read_experiment
    from sirec.studies.rendering import render

    path = find_experiment(experiment)
    plan = read_experiment(path)
    if only:
        run_study(plan.only(only), path, data, out, data_root, device=device, again=again, keeps_record=False)
        return
    if not render_only:
        run_study(plan, path, data, out, data_root, device=device, again=again)
    comparison = render(plan, path.stem, out)
    show(comparison, as_json=as_json)
    say(f"written: {comparison.write(out / 'tables', path.stem)}")
