"""`sirec quickstart`: five models and two floors on the generated demo set, minutes on a laptop."""

from __future__ import annotations

from sirec.cli import options
from sirec.cli.console import say, stdout

NAME = "quickstart"


def quickstart(
    out: options.Out = options.RESULTS, data_root: options.DataRoot = options.DATA_ROOT
) -> None:
    """Generate the demo data, train five models beside two floors, and say what the comparison
    means.

    Example: sirec quickstart
    """
    from sirec.cli.common import StudyCall
    from sirec.report.render import to_rich
    from sirec.studies.compare.study_tables import render
    from sirec.studies.spec.library import find_experiment, read_experiment

    plan = read_experiment(find_experiment(NAME))
    StudyCall(plan, NAME, out, data_root).run()
    comparison = render(plan, NAME, out)
    table, *_, differences = comparison.tables
    stdout.print(to_rich(table))
    stdout.print(to_rich(differences))
    stdout.print(comparison.sentences[-1], markup=False, highlight=False)
    say(f"written: {comparison.write(out / 'tables', NAME)}")
    say(
        "next: sirec models; sirec prepare --help; sirec train comif --data demo --set heads=2; sirec ablate --no-upa"
    )
