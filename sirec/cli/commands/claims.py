"""`sirec claims`: what the papers claim, and whether the results bear it out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sirec.cli import options
from sirec.cli.console import loading, print_json, say, say_next, show
from sirec.shell import command


def claims(
    results: Annotated[Path, typer.Argument(help="Results folder.")] = options.RESULTS,
    paper: Annotated[
        str | None,
        typer.Option(
            help="The claims of this paper alone; questions: what no paper asks.",
            show_default=False,
        ),
    ] = None,
    full: options.Full = False,
    as_json: options.Json = False,
) -> None:
    """Decide the claims of the papers from stored ranks: holds, does not hold, not decided, not
    run, not available.

    One seed never decides a comparison of trained models. What is undecided says
    how many seeds would decide it. Without --paper the tables are written to
    results/tables/claims.md.

    Example: sirec claims --paper comif
    """
    with loading():
        from sirec import api
    from sirec.studies.claims.table import NAME, claims_comparison

    if as_json:
        print_json([verdict.to_dict() for verdict in api.claims(paper, results=results)])
        return
    comparison = claims_comparison(results, paper)
    written = comparison.write(results / "tables", NAME) if paper is None else None
    show(comparison, as_json=False, full=full, afterwards=2)
    if written is not None:
        say(f"written: {written}")
    say_next(command("report"))
