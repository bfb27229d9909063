"""`sirec quickstart`: five models and two training-free baselines on the generated demo set."""

from __future__ import annotations

from sirec.cli import options
from sirec.cli.console import loading

NAME = "quickstart"


def quickstart(
    out: options.Out = options.RESULTS, data_root: options.DataRoot = options.DATA_ROOT
) -> None:
    """Generate the demo data, train five models and two training-free baselines, and say what the
    comparison means.

    Example: sirec quickstart
    """
    with loading():
        from sirec import api
    from sirec.cli.console import StudyBars, show

    made = api.run_study(NAME, results=out, data_root=data_root, watcher=StudyBars())
    show(
        made,
        as_json=False,
        next_commands=[
            "sirec models",
            "sirec prepare --help",
            "sirec train comif --data demo --set heads=2",
            "sirec ablate --no-upa",
        ],
    )
