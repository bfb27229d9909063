"""One call of the command line for `screens.py`: counts the rows of the tables that it draws.

    python screens_side.py COUNTS WORD…

It runs with the code that `PYTHONPATH` names, an earlier version too.
"""

from __future__ import annotations

import atexit
import sys
from pathlib import Path
from typing import Any

from rich.table import Table

drawn: dict[int, int] = {}
kept: list[Table] = []  # so that no two tables have one identity
draw = Table.__rich_console__


def _counted(table: Table, console: Any, options: Any) -> Any:
    """Draw a table, and note how many rows it has; help is drawn in tables of other kinds."""
    if id(table) not in drawn:
        kept.append(table)
    drawn[id(table)] = table.row_count
    return draw(table, console, options)


def _write(path: Path) -> None:
    """Write how many rows all tables had."""
    path.write_text(str(sum(drawn.values())), encoding="utf-8")


if __name__ == "__main__":
    counts = Path(sys.argv[1])
    sys.argv = ["sirec", *sys.argv[2:]]
    Table.__rich_console__ = _counted  # type: ignore[method-assign]
    atexit.register(_write, counts)
    from sirec.cli.app import main

    main()
