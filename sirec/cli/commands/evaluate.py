"""`sirec evaluate`: finished runs into one table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sirec.cli import options
from sirec.cli.console import loading
from sirec.shell import command


def evaluate(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            help="Run folders, first digits of ids, or models: their newest run.",
            show_default=False,
        ),
    ] = None,
    recommendations: Annotated[
        list[Path] | None,
        typer.Option(
            help="Another tool's lists (user, item, rank or score) or scores (.npy); repeatable.",
            show_default=False,
        ),
    ] = None,
    order: Annotated[
        str | None,
        typer.Option(
            help="Order of users and items in an array of scores: codes, or a JSON file of ids.",
            show_default=False,
        ),
    ] = None,
    data: options.Data = None,
    history: options.HistoryOption = options.History.keep,
    split: Annotated[str, typer.Option(help="test or valid.")] = "test",
    metric: Annotated[
        list[str] | None,
        typer.Option(
            help="Recall@K or HR@K, NDCG@K, MRR@K or MAP@K; of stored lists Coverage@K, Gini@K,"
            " Popularity@K, Novelty@K, Diversity(brand)@K; repeatable.",
            show_default=False,
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            help="Model or row to compare with; previous: the row above; first: the first row, as"
            " without it where runs are named."
        ),
    ] = None,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Rank anew with the stored weights.")
    ] = False,
    lists: Annotated[
        int | None,
        typer.Option(
            help="Store lists of this many items for all test users, and show their metrics.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Also write results/tables/NAME.md, .csv and LaTeX.", show_default=False),
    ] = None,
    out: options.Out = options.RESULTS,
    data_root: options.DataRoot = options.DATA_ROOT,
    full: options.Full = False,
    as_json: options.Json = False,
) -> None:
    """Evaluate finished runs by full ranking. Several runs make one table with paired differences;
    the run that is named first is the baseline.

    With --recommendations, the output of other tools is ranked in the same way
    and stands beside the runs. Lists of K items give metrics up to cutoff K; a
    user without a list counts as a miss.

    Example: sirec evaluate results/runs/beauty/comif/3f2a91 --history mask

    Example: sirec evaluate sasrec comif

    Example: sirec evaluate sasrec comif --lists 10

    Example: sirec evaluate 3f2a91 --data beauty --recommendations theirs.csv
    """
    with loading():
        from sirec import api
    from sirec.cli.console import StudyBars, show
    from sirec.report.results import FIRST

    made = api.evaluate(
        runs or (),
        recommendations=recommendations or (),
        order=order,
        data=data,
        split=split,
        history=history.value,
        metrics=metric or (),
        against=against or (FIRST if runs else None),
        recompute=recompute,
        lists=lists,
        name=name,
        results=out,
        data_root=data_root,
        watcher=StudyBars(),
    )
    chosen = runs or ()
    following = command("compare" if len(chosen) == 2 else "coldstart", *chosen)
    show(made, as_json=as_json, full=full, next_commands=[following] if chosen else ())
