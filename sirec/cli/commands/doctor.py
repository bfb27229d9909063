"""`sirec doctor`: is this machine fit, and what is installed."""

from __future__ import annotations

from sirec.cli import options
from sirec.cli.console import print_json, say, say_next, stdout
from sirec.shell import command


def doctor(
    out: options.Out = options.RESULTS,
    data_root: options.DataRoot = options.DATA_ROOT,
    as_json: options.Json = False,
) -> None:
    """Check the environment: versions, processor, folders, a tiny training run.

    Example: sirec doctor
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from sirec.studies.analyses.health import check

    findings = check(data_root, out)
    if as_json:
        print_json([{"what": f.what, "found": f.found, "is_good": f.is_good} for f in findings])
        return
    table = Table("what", "found", "", box=box.SIMPLE_HEAD, show_edge=False)
    fit, unfit = Text("ok", style="green"), Text("look here", style="red")
    for finding in findings:
        table.add_row(finding.what, finding.found, fit if finding.is_good else unfit)
    stdout.print(table)
    bad = [finding.what for finding in findings if not finding.is_good]
    say(f"look at: {', '.join(bad)}" if bad else "all good")
    say_next(command("datasets") if any(data_root.glob("*")) else command("prepare", "demo"))
