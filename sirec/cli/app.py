"""The command line and its error boundary.

Exit codes: 0 done, 1 a bug (with its traceback), 2 something the user can put right, 130
interrupted (resumable).
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from rich.markup import escape

from sirec import process
from sirec.cli.commands import (
    ablate,
    audit,
    coldstart,
    compare,
    correlation,
    datasets,
    doctor,
    evaluate,
    export,
    models,
    prepare,
    quickstart,
    rankcheck,
    report,
    study,
    train,
)
from sirec.cli.console import stderr
from sirec.cli.plugins import with_plugins
from sirec.errors import SirecError

INTERRUPTED = 130

app = typer.Typer(
    name="sirec",
    no_args_is_help=True,
    invoke_without_command=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback()
def common(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Side-information sequential recommendation: does it help, which kind, fused where, is the
    gain real.
    """
    if version:
        from importlib.metadata import version as installed

        print("sirec", installed("sirec"))
        raise typer.Exit


for command in (
    quickstart.quickstart,
    prepare.prepare,
    datasets.datasets,
    audit.audit,
    export.export,
    models.models,
    train.train,
    evaluate.evaluate,
    compare.compare,
    ablate.ablate,
    coldstart.coldstart,
    rankcheck.rankcheck,
    correlation.correlation,
    study.study,
    report.report,
    doctor.doctor,
):
    app.command()(with_plugins(command))


def main() -> None:
    """Run the command line; only a `SirecError` becomes one line and a hint."""
    process.configure()  # before a command loads torch
    try:
        app(standalone_mode=True)
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            stderr.print(
                "stopped; the same command goes on from the last finished epoch", highlight=False
            )
        raise
    except SirecError as error:
        stderr.print(
            f"[bold red]error:[/] {escape(error.message)}", soft_wrap=True, highlight=False
        )
        if error.hint:
            stderr.print(f"[bold]hint:[/]  {escape(error.hint)}", soft_wrap=True, highlight=False)
        sys.exit(2)
    except BrokenPipeError:  # `sirec … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
