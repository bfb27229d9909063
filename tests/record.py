"""The committed record, which a clone has and a source distribution has not."""

from __future__ import annotations

from pathlib import Path

import pytest

RESULTS = Path(__file__).parents[1] / "results"

needs_record = pytest.mark.skipif(
    not (RESULTS / "report.md").exists(),
    reason="the committed results are part of a clone, not of a source distribution",
)
