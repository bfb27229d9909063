"""Draw every table and figure of a results folder anew, from the records and ranks that it holds.

    python scripts/render_results.py [RESULTS]

Nothing is trained or measured. Use it after a change of words or of layout; `compare_numbers.py`
shows that no number changed. `sirec verify` draws the same and compares it with what is there.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sirec.errors import SirecError
from sirec.studies.results_page.page import write_report
from sirec.studies.results_page.redraw import drawings


def render_all(results: Path) -> list[str]:
    """Draw what every record says, and the page of all results.

    Args:
        results: the results folder.

    Returns:
        What could not be drawn, each with the reason.
    """
    failed: list[str] = []
    for picture in (*results.glob("figures/*.svg"), *results.glob("figures/*.pdf")):
        picture.unlink()  # one whose data are unchanged would be kept as it was drawn before
    for drawing in drawings(results):
        try:
            drawing.draw().write(results, drawing.name)
            print(drawing.name)
        except SirecError as error:
            failed.append(f"{drawing.name}: {error.message}")
    write_report(results)
    return failed


if __name__ == "__main__":
    problems = render_all(Path(sys.argv[1] if len(sys.argv) > 1 else "results"))
    for problem in problems:
        print(f"not drawn: {problem}", file=sys.stderr)
    sys.exit(1 if problems else 0)
