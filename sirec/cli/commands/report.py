"""`sirec report`: the results of a folder on one page."""

from __future__ import annotations

from sirec.cli import options
from sirec.cli.console import print_json, say, say_next
from sirec.shell import command


def report(out: options.Out = options.RESULTS, as_json: options.Json = False) -> None:
    """Write report.html and report.md into a results folder: what was found, then a table and a
    figure for each question, and how it was made. Draws the figures of studies.

    Example: sirec report
    """
    from sirec.studies.results_page.page import write_report

    page, text = write_report(out)
    if as_json:
        print_json({"html": str(page), "report": str(text)})
    say(f"written: {page}, {text}")
    say_next(command("verify", out))
