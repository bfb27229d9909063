"""`sirec evaluate`: finished runs into one table."""

from __future__ import annotations

from typing import Annotated

import typer

from sirec.cli import options
from sirec.cli.console import say


def evaluate(
    runs: Annotated[list[str], typer.Argument(help="Run folders, or the first digits of their ids.")],
    history: options.HistoryRule = options.History.keep,
    split: Annotated[str, typer.Option(help="test or valid.")] = "test",
    metric: Annotated[list[str] | None, typer.Option(help="Recall@K, NDCG@K or MRR@K; repeatable.", show_default=False)] = None,
    against: Annotated[
        str | None, typer.Option(help="Model or row to compare with; without it the best on validation.")
    ] = None,
    recompute: Annotated[bool, typer.Option("--recompute", help="Rank anew with the stored weights.")] = False,
    name: Annotated[
        str | None, typer.Option(help="Also write results/tables/NAME.md, .csv and .tex.", show_default=False)
    ] = None,
    out: options.Out = options.RESULTS,
    data_root: options.DataRoot = options.DATA_ROOT,
    as_json: options.Json = False,
) -> None:
    """Evaluate finished runs by full ranking; several make one table with paired differences.

    Example: sirec evaluate results/runs/beauty/comif/3f2a91 --history mask
    """
    from sirec.cli.common import recompute_ranks, show
    from sirec.data.split import PARTS
    from sirec.errors import unknown
    from sirec.evaluation.metrics import DEFAULT_METRICS, parse_metric
    from sirec.report.entries import View
    from sirec.run.store import Store
    from sirec.studies.comparison import compare_entries
    from sirec.studies.runs import entries

    if split not in PARTS:
        raise unknown("split", split, PARTS)
    metrics = [parse_metric(text) for text in metric] if metric else DEFAULT_METRICS
    folders = list(dict.fromkeys(Store(out).find(reference) for reference in runs))
    for folder in folders if recompute else ():
        recompute_ranks(folder, data_root)
    comparison = compare_entries(entries(folders), metrics=metrics, views=[View(split, history.value)], against=against)
    show(comparison, as_json=as_json)
    if name:
        say(f"written: {comparison.write(out / 'tables', name)}")
