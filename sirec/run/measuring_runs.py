"""Which runs are rows of `sirec worth`: models of one field, of all but one, of none.

Whoever writes `comif` does not mean them, unless `sirec train` was asked for them.

Nothing here needs torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from sirec.run.evaluation_log import request_time

# Records of studies whose rows measure fields, below a results folder.
MEASURING = ("worth/*.json", "studies/worth_*.json")


def measuring_runs(results: Path) -> set[Path]:
    """The resolved folders of runs that measure fields; records that cannot be read name none.

    Args:
        results: the results folder.
    """
    found: set[Path] = set()
    for pattern in MEASURING:
        for record in results.glob(pattern):
            with suppress(OSError, ValueError, KeyError, TypeError):
                for line in json.loads(record.read_text(encoding="utf-8"))["runs"]:
                    found.add((results / line["run"]).resolve())
    return found


def without_measuring(runs: Iterable[Path], results: Path) -> list[Path]:
    """The runs that somebody may mean, in their order: all but rows that nobody asked for.

    Args:
        runs: folders of runs.
        results: the results folder.

    Raises:
        SirecError: for a damaged log of a run that measures fields.
    """
    measuring = measuring_runs(results)
    found: list[Path] = []
    for run in runs:
        if run.resolve() not in measuring or request_time(run):
            found.append(run)
    return found
