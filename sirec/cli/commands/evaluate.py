"""`sirec evaluate`: finished runs into one table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sirec.cli import options
from sirec.cli.console import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sirec.report.results import RunResult


def evaluate(
    runs: Annotated[
        list[str] | None,
        typer.Argument(help="Run folders, or the first digits of their ids.", show_default=False),
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
            help="Order of an array of scores: codes, or a JSON file of ids.", show_default=False
        ),
    ] = None,
    data: options.Data = None,
    history: options.HistoryOption = options.History.keep,
    split: Annotated[str, typer.Option(help="test or valid.")] = "test",
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Recall@K, NDCG@K or MRR@K; repeatable.", show_default=False),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            help="Model or row to compare with, or previous: the row above; without it the best on validation."
        ),
    ] = None,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Rank anew with the stored weights.")
    ] = False,
    name: Annotated[
        str | None,
        typer.Option(help="Also write results/tables/NAME.md, .csv and .tex.", show_default=False),
    ] = None,
    out: options.Out = options.RESULTS,
    data_root: options.DataRoot = options.DATA_ROOT,
    as_json: options.Json = False,
) -> None:
    """Evaluate finished runs by full ranking; several make one table with paired differences.

    With --recommendations, what other tools recommend is ranked the same way and stands beside the
    runs. Lists of K items give metrics up to cutoff K; a user without a list misses.

    Example: sirec evaluate results/runs/beauty/comif/3f2a91 --history mask
    Example: sirec evaluate 3f2a91 --data beauty --recommendations theirs.csv
    """
    from sirec.cli.common import dataset, recompute_ranks, show
    from sirec.data.split import PARTS
    from sirec.errors import SirecError, unknown
    from sirec.evaluation.metrics import DEFAULT_METRICS, parse_metrics
    from sirec.report.results import View
    from sirec.run.store import Store
    from sirec.studies.analyses.names import check_name
    from sirec.studies.compare.comparison import compare_results
    from sirec.studies.compare.external import recommended, refuse_unknown
    from sirec.studies.compare.run_results import run_results

    if split not in PARTS:
        raise unknown("split", split, PARTS)
    name = check_name(name)
    metrics = parse_metrics(metric or ()) or DEFAULT_METRICS
    if order is not None and not recommendations:
        raise SirecError(
            "--order is that of an array of scores, and there is none",
            "say --recommendations FILE.npy",
        )
    folders = list(dict.fromkeys(Store(out).find(reference) for reference in runs or ()))
    for folder in folders if recompute else ():
        recompute_ranks(folder, data_root)
    view = View(split, history.value)
    rows = run_results(folders)
    notes: list[str] = []
    if recommendations:
        theirs, notes = recommended(
            recommendations, dataset(data or _only(rows), data_root), split, order
        )
        refuse_unknown(theirs, metrics, view, are_named=bool(metric))
        rows += theirs
    comparison = compare_results(rows, metrics=metrics, views=[view], against=against, notes=notes)
    show(comparison, as_json=as_json)
    if name:
        say(f"written: {comparison.write(out / 'tables', name)}")


def _only(rows: Sequence[RunResult]) -> str | None:
    """The one data set of these runs, if there is one."""
    names = {row.dataset for row in rows}
    return names.pop() if len(names) == 1 else None
