"""The command line and its error boundary.

Exit codes: 0 done, 1 a bug (with its traceback), 2 something the user can put right, 130
interrupted (resumable).
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, TextIO

import typer

from sirec import process
from sirec.cli import streams
from sirec.cli.commands import (
    ablate,
    attentionmaps,
    audit,
    claims,
    coldstart,
    compare,
    copy,
    correlation,
    datasets,
    doctor,
    evaluate,
    export,
    models,
    newitems,
    prepare,
    quickstart,
    rankcheck,
    recommend,
    report,
    runs,
    statistics,
    study,
    sweep,
    train,
    verify,
    worth,
)
from sirec.cli.console import say, say_error
from sirec.cli.plugins import with_plugins
from sirec.disk import disk_faults
from sirec.errors import Remark, SirecError

WRONG, INTERRUPTED = 2, 130

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
    sweep.sweep,
    runs.runs,
    evaluate.evaluate,
    compare.compare,
    copy.copy,
    recommend.recommend,
    newitems.newitems,
    ablate.ablate,
    worth.worth,
    coldstart.coldstart,
    rankcheck.rankcheck,
    attentionmaps.attentionmaps,
    correlation.correlation,
    statistics.statistics,
    study.study,
    claims.claims,
    report.report,
    verify.verify,
    doctor.doctor,
):
    app.command()(with_plugins(command))


def main() -> None:
    """Run the command line; only a `SirecError` becomes one line and a hint."""
    process.configure()  # before a command loads torch
    streams.settle()
    warnings.showwarning = _show_warning
    code = _call()
    try:
        streams.flush_output()
    except SirecError as error:
        code = _told(error)
    sys.exit(code)


def _call() -> int | str | None:
    """Run the command that was typed; returns its exit code."""
    try:
        with disk_faults():
            _refuse_broken_text(sys.argv[1:])
            app(standalone_mode=True)
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            say("stopped; the same command goes on from the last finished epoch")
        return stop.code
    except BrokenPipeError:  # `sirec … | head`
        return 0
    except SirecError as error:
        return _told(error)
    return 0


def _refuse_broken_text(words: Sequence[str]) -> None:
    """Raise `SirecError` for a word that is not UTF-8, unless it is a file, which may be called so.

    It would be written into records and tables, which are UTF-8.
    """
    for word in words:
        try:
            word.encode("utf-8")
        except UnicodeEncodeError:
            if not os.path.lexists(word):
                raise SirecError(f"'{word}' is not UTF-8", "say it in UTF-8") from None


def _told(error: SirecError) -> int:
    with suppress(OSError):  # stderr may be on a full disk as well
        say_error(error)
    return WRONG


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a remark as one line, and any other warning as Python does."""
    if issubclass(category, Remark):
        say(f"remark: {message}")
    else:
        text = warnings.formatwarning(message, category, filename, lineno, line)
        print(text, end="", file=file or sys.stderr)
