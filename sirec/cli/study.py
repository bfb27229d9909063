"""`sirec study`: an experiment file into runs and tables."""

from __future__ import annotations

from dataclasses import replace
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

    With --only, rows are trained without drawing tables: that is how several processes share a study.

    Example: sirec study overall --data beauty
    """
    from sirec.cli.common import StudyCall, show
    from sirec.studies.experiment import find_experiment, read_experiment
    from sirec.studies.rendering import render

    path = find_experiment(experiment)
    plan, name = read_experiment(path), path.stem
    if data and plan.datasets != (data,):
        plan, name = replace(plan, datasets=(data,), notes=()), f"{name}_on_{data}"  # notes speak of the plan's own data
    if only:
        StudyCall(plan.only(only), name, out, data_root, device, again).run(keeps_record=False)
        say("only these rows; the tables come with the whole study")
        return
    if not render_only:
        StudyCall(plan, name, out, data_root, device, again).run()
    comparison = render(plan, name, out)
    written = comparison.write(out / "tables", name)  # before printing: a closed pipe ends the command
    show(comparison, as_json=as_json)
    say(f"written: {written}")
