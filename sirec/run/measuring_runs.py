"""Which runs are rows of `sirec worth`: models of one field, of all but one, of none.

Whoever writes `comif` does not mean them, unless `sirec train` was asked for them.

Nothing here needs torch.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

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
