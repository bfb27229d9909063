"""`sirec copy`: finished runs for others, without their weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sirec.cli import options
from sirec.cli.console import StudyBars, loading, say, say_next, stdout
from sirec.shell import command


def copy(
    to: Annotated[Path, typer.Option(help="Results folder to copy into; not the runs' own.")],
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            help="Run folders, first digits of ids, or models: their newest run.",
            show_default=False,
        ),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(help="Copy all runs of a study, and its record.", show_default=False),
    ] = None,
    without_ranks: Annotated[
        bool,
        typer.Option(
            "--without-ranks",
            help="Withhold ranks of single users: metrics stay, intervals and tests do not.",
        ),
    ] = False,
    out: options.Out = options.RESULTS,
) -> None:
    """Copy finished runs for others: what tables are drawn from, without weights.

    Ranks of single users are withheld where you ask for it, and of data whose
    terms forbid to pass them on (Yelp). Every file is compared with its digest.
    The tables of a study are drawn in the new place by sirec study NAME
    --render-only --out FOLDER, where NAME is what it was run by.

    Example: sirec copy demo/sasrec demo/comif --to published

    Example: sirec copy --study overall --to published
    """
    with loading():
        from sirec import api_copy

    copies = api_copy.copy_runs(
        runs or (),
        to=to,
        study=study,
        without_ranks=without_ranks,
        results=out,
        watcher=StudyBars(),
    )
    for each in copies:
        what = "" if each.has_ranks else ", without ranks of single users"
        done = "there already" if each.was_there else "copied"
        line = f"{done}: {each.run.path}{what}"
        stdout.print(line, markup=False, highlight=False, soft_wrap=True)
    say(f"{len(copies)} run{'s' * (len(copies) != 1)} in {to}")
    chosen = ("--study", study) if study else ()
    say_next(command("runs", *chosen, "--out", to))
