"""`sirec verify`: whether a results folder is whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sirec.cli import options
from sirec.cli.console import loading, print_json, say, say_next, stage_bars, stdout
from sirec.shell import command

if TYPE_CHECKING:
    from sirec.studies.results_page.verify import Verification

SHOWN = 12  # lines on what differs; --json has all


def verify(
    results: Annotated[Path, typer.Argument(help="Results folder.")] = options.RESULTS,
    seal: Annotated[
        bool,
        typer.Option("--seal", help="First give digests to what version 0.2 wrote without."),
    ] = False,
    data_root: options.DataRoot = options.DATA_ROOT,
    as_json: options.Json = False,
) -> None:
    """Check all of a results folder and of the prepared data sets, and draw its tables anew.

    Every file is compared with the digest that was written with it, ids of runs
    and metrics are computed anew, and so are tables, the data of figures and the
    report. The answer is identical, or what differs, with exit code 2.

    Example: sirec verify results
    """
    with loading():
        from sirec import api

    with stage_bars() as progress:
        found = api.verify(results, data_root=data_root, seal=seal, progress=progress)
    if as_json:
        print_json(found.to_dict())
    else:
        _show(found, results)
    found.check()


def _show(found: Verification, results: Path) -> None:
    """Print a table of what was checked, remarks, what differs, and the answer."""
    from rich.table import Table

    table = Table(box=None)
    table.add_column("")
    for name in ("checked", "without digests", "differ"):
        table.add_column(name, justify="right")
    for kind in found.kinds:
        counts = (kind.checked, kind.unchecked, len(kind.differences))
        table.add_row(kind.kind, *map(str, counts))
    stdout.print(table)
    for kind in found.kinds:
        for remark in kind.remarks:
            say(f"remark: {remark}")
    if found.unchecked:
        say(f"remark: {found.unchecked} without digests (sirec verify --seal adds them)")
    for line in found.differences[:SHOWN]:
        stdout.print(line, markup=False, highlight=False, soft_wrap=True)
    if len(found.differences) > SHOWN:
        say(f"and {len(found.differences) - SHOWN} more (--json has all)")
    if found.is_identical:
        stdout.print("identical", highlight=False)
        elsewhere = ("--out", results) if results != options.RESULTS else ()
        say_next(command("runs", *elsewhere))
