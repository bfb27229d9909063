"""Draw every table and figure of a results folder anew, from the records and ranks that it holds.

    python scripts/render_results.py [RESULTS]

Nothing is trained or measured. Use it after a change of words or of layout; `compare_numbers.py`
shows that no number changed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sirec.errors import SirecError
from sirec.studies.analyses.base import ANALYSES
from sirec.studies.compare.study_tables import render
from sirec.studies.results_page.page import write_report
from sirec.studies.spec.library import find_experiment, read_experiment


def render_all(results: Path) -> list[str]:
    """Draw what every record says, and the page of all results.

    Args:
        results: the results folder.

    Returns:
        What could not be drawn, each with the reason.
    """
    failed: list[str] = []
    for record in sorted((results / "studies").glob("*.json")):
        try:
            plan = read_experiment(find_experiment(record.stem))
            render(plan, record.stem, results).write(results / "tables", record.stem)
            print(record.stem)
        except SirecError as error:
            failed.append(f"{record.stem}: {error.message}")
    for analysis in ANALYSES.values():
        for record in sorted((results / analysis.folder).glob("*.json")):
            if not record.stem.startswith(analysis.name):
                continue
            drawn = analysis.draw(analysis.read(results, record.stem), results)
            drawn.write(results, record.stem)
            print(record.stem)
    write_report(results)
    return failed


if __name__ == "__main__":
    problems = render_all(Path(sys.argv[1] if len(sys.argv) > 1 else "results"))
    for problem in problems:
        print(f"not drawn: {problem}", file=sys.stderr)
    sys.exit(1 if problems else 0)
