"""`sirec coldstart`: finished runs by how rare the target is, how long the history."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sirec.cli import options

if TYPE_CHECKING:
    from sirec.run.store import RecordedRun


def coldstart(
    runs: Annotated[
        list[str] | None,
        typer.Argument(help="Run folders, first digits of ids, or models: their newest run."),
    ] = None,
    data: options.Data = None,
    models: Annotated[
        str | None,
        typer.Option(
            help="Separated by commas; else all of a study, else transitions,sasrec,dif-sr,comif.",
            show_default=False,
        ),
    ] = None,
    study: Annotated[
        str | None, typer.Option(help="Take the runs of this study.", show_default=False)
    ] = None,
    train: Annotated[
        bool,
        typer.Option(
            "--train",
            help="Train what is missing first, as rows of that study; without one of overall.",
        ),
    ] = False,
    jobs: options.Jobs = None,
    device: options.Device = "cpu",
    bins: Annotated[
        list[str] | None,
        typer.Option(
            help="popularity=5,10,20,50 or length=…: the last value of each bin; repeatable.",
            show_default=False,
        ),
    ] = None,
    minimum: Annotated[
        int, typer.Option(help="Users a bin needs; with fewer it joins a neighbour.")
    ] = 200,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            help="Recall@K or HR@K, NDCG@K, MRR@K or MAP@K; repeatable.", show_default=False
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            help="Model or row to compare with; without it the run named first, else SASRec, else"
            " the best on validation."
        ),
    ] = None,
    history: options.HistoryOption = options.History.keep,
    name: Annotated[
        str | None, typer.Option(help="Name of the tables and figures.", show_default=False)
    ] = None,
    render_only: Annotated[
        bool, typer.Option("--render-only", help="Draw anew what was drawn under that name.")
    ] = False,
    out: options.Out = options.RESULTS,
    data_root: options.DataRoot = options.DATA_ROOT,
    full: options.Full = False,
    as_json: options.Json = False,
) -> None:
    """Compare models on groups of users: rare and frequent targets, short and long histories
    (COMIF's Figures 5 and 6).

    It reads the stored ranks of finished runs; --train trains runs that are
    missing. Tables and figures are written to results/tables and results/figures.

    Example: sirec coldstart --data beauty --models sasrec,dif-sr,comif --train
    """
    from sirec.cli.analyses import default_data, print_drawn
    from sirec.errors import SirecError
    from sirec.evaluation.user_groups import with_ends
    from sirec.studies.analyses.cold_start import COLD_START, METRICS, ColdStart, default_name
    from sirec.studies.analyses.names import check_name

    name = check_name(name)
    if not train and ((jobs or 1) > 1 or device != "cpu"):
        raise SirecError(
            "--jobs and --device are about training, and nothing is trained", "say --train"
        )
    if train and (render_only or runs):
        other = "--render-only" if render_only else "run folders"
        raise SirecError(f"--train and {other}: there is nothing to train", "leave one of them out")
    if render_only:
        name = name or default_name(data or default_data(data_root)(), history.value)
        asked = COLD_START.read(out, name)
    else:
        declared = with_ends(bins or [])  # mistakes in it come before any training
        if train:
            chosen = _trained(data, models, study, jobs, device, out, data_root)
        else:
            chosen = _chosen(runs or [], data, models, study, out, data_root)
            if runs and against is None:
                against = chosen[0].label
        asked = ColdStart(
            bins={grouping: each.ends for grouping, each in declared.items()},
            minimum=minimum,
            metrics=tuple(metric or METRICS),
            history=history.value,
            against=against,
            runs=tuple(chosen),
        )
    drawn = COLD_START.draw(asked, out)
    name = name or default_name(drawn.dataset, history.value)
    COLD_START.keep(asked, out, name)
    print_drawn(drawn, out, name, as_json=as_json, full=full)


def _chosen(
    runs: Sequence[str],
    data: str | None,
    models: str | None,
    study: str | None,
    out: Path,
    data_root: Path,
) -> list[RecordedRun]:
    """Finished runs."""
    from sirec.cli.analyses import comma_separated, default_data
    from sirec.cli.console import say
    from sirec.studies.analyses.cold_start import COLD_START
    from sirec.studies.compare.select_runs import RunChoice

    choice = RunChoice(tuple(runs), study, comma_separated(models), data, say)
    found = choice.find(out, COLD_START.models, default_data(data_root))
    return [run.recorded(out) for run in found]


def _trained(
    data: str | None,
    models: str | None,
    study: str | None,
    jobs: int | None,
    device: str,
    out: Path,
    data_root: Path,
) -> list[RecordedRun]:
    """The runs of an experiment's rows, after training what is missing."""
    from sirec.cli.analyses import comma_separated, default_data
    from sirec.cli.console import StudyBars
    from sirec.studies.analyses.cold_start import MODELS
    from sirec.studies.compare.select_runs import EVERY_MODEL, rows_of
    from sirec.studies.launch.study import Study, find_plan
    from sirec.studies.spec.overrides import Variation

    variation = Variation(data=data or default_data(data_root)())
    plan, name = find_plan(study or EVERY_MODEL, None, variation)
    launched = Study(plan, name, out, data_root, device, jobs=jobs, watcher=StudyBars())
    rows = rows_of(plan, comma_separated(models) or (() if study else MODELS))
    found = launched.only(rows).run(keeps_record=False)
    return [folder.labelled(run.label).recorded(out) for run, folder in found]
