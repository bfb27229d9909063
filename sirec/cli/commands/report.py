"""`sirec report`: all tables and figures in one file."""

from __future__ import annotations

from sirec.cli import options
from sirec.cli.console import print_json, say


def report(out: options.Out = options.RESULTS, as_json: options.Json = False) -> None:
    """Write every rendered table and figure of a results folder into its report.md, each with how
    it was made.

    Example: sirec report
    """
    from sirec.studies.results_page.page import write_report

    path = write_report(out)
    if as_json:
        print_json({"report": str(path)})
    say(f"written: {path}")
