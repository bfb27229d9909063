"""`sirec quickstart`: five models and two training-free baselines on the generated demo set."""

from __future__ import annotations

from sirec.cli import options
from sirec.cli.console import print_text, say, stdout

NAME = "quickstart"


def quickstart(
    out: options.Out = options.RESULTS, data_root: options.DataRoot = options.DATA_ROOT
) -> None:
    """Generate the demo data, train five models and two training-free baselines, and say what the
    comparison means.

    Example: sirec quickstart
    """
    from sirec import api
    from sirec.cli.console import StudyBars
    from sirec.report.render import to_rich

    made = api.run_study(NAME, results=out, data_root=data_root, watcher=StudyBars())
    table, *_, differences = made.tables
    stdout.print(to_rich(table))
    stdout.print(to_rich(differences))
    print_text(made.sentences[-1])
    say(
        "next: sirec models; sirec prepare --help; sirec train comif --data demo --set heads=2;"
        " sirec ablate --no-upa"
    )
