"""`sirec compare`: two runs beside each other."""

from __future__ import annotations

from typing import Annotated

import typer

from sirec.cli import options
from sirec.cli.console import loading
from sirec.shell import command


def compare(
    first: Annotated[
        str,
        typer.Argument(help="Run folder, first digits of an id, or a model: its newest run."),
    ],
    second: Annotated[str, typer.Argument(help="The run it is compared with.")],
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
    configuration: Annotated[
        bool,
        typer.Option("--configuration", help="Compare configurations only; the data may differ."),
    ] = False,
    out: options.Out = options.RESULTS,
    full: options.Full = False,
    as_json: options.Json = False,
) -> None:
    """Compare two runs: first the settings that differ and may make the comparison unfair, then
    which run is better, and whether both find the same targets.

    Example: sirec compare 3f2a91 7c0d55

    Example: sirec compare demo/sasrec demo/comif
    """
    with loading():
        from sirec import api
    from sirec.cli.console import StudyBars, show

    made = api.compare(
        first,
        second,
        split=split,
        history=history.value,
        metrics=metric or (),
        configuration_only=configuration,
        results=out,
        watcher=StudyBars(),
    )
    following = command("coldstart", first, second)
    show(made, as_json=as_json, full=full, next_commands=[following])
