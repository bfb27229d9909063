"""The figures of a data set."""

from __future__ import annotations

import pandas as pd
import pytest

from sirec.data.prepare.pipeline import PrepareOptions, prepare
from sirec.data.sources.base import RawData


def test_figures() -> None:
    """The figures of a table small enough to count by hand."""
    rows = [
        ("u", "a", 0),
        ("u", "b", 1),
        ("u", "c", 1),
        ("v", "a", 0),
        ("v", "b", 1),
        ("v", "a", 2),
        ("v", "c", 3),
    ]
    found = prepare(
        RawData(pd.DataFrame(rows, columns=["user", "item", "timestamp"])),
        "x",
        PrepareOptions(core=0),
    ).statistics
    assert (found.users, found.items, found.interactions, found.training_examples) == (2, 3, 7, 1)
    assert (found.mean_per_user, found.mean_per_item, found.median_length) == (3.5, 2.3333, 3.5)
    assert found.tied_last_pairs == 0.5
    assert found.sparsity == pytest.approx(1 - 7 / 6, abs=1e-6)
    assert found.as_dict()["users"] == 2
    untimed = prepare(
        RawData(
            pd.DataFrame(rows, columns=["user", "item", "timestamp"]).drop(columns="timestamp")
        ),
        "x",
        PrepareOptions(core=0),
    ).statistics
    assert untimed.tied_last_pairs is None
