"""`sirec train --seeds`: a run for each seed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import SMALL, Call


def test_seeds_are_runs_of_one_row(sirec: Call, tmp_path: Path) -> None:
    """Those that `--seed` trains (control: the run of seed 1 is trained once); the screen has their
    mean, and the command that is printed next works.
    """
    train = ["train", "sasrec", "--data", "shop", *SMALL, "--out", str(tmp_path)]
    several = sirec(*train, "--seeds", "1,2", "--json")
    assert several.code == 0, several.err
    first, second = json.loads(several.out)
    assert first["run"] != second["run"]
    alone = sirec(*train, "--seed", "1", "--json")
    assert json.loads(alone.out)["run"] == first["run"]
    assert "already trained" in alone.err
    values = [run["metrics"]["valid"]["keep"]["Recall@20"] for run in (first, second)]
    screen = sirec(*train, "--seeds", "1,2")
    assert f"{sum(values) / 2:.4f}" in screen.out
    assert all(f"run: {run['run']}" in screen.err for run in (first, second))
    [following] = [line for line in screen.err.splitlines() if line.startswith("next: ")]
    assert sirec(*following.removeprefix("next: sirec ").split()).code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seeds", "0,1", "--seed", "0"], "--seed and --seeds are both given"),
        (["--seeds", "0,x"], "expected whole numbers separated by commas"),
        (["--seeds", ""], "expected whole numbers separated by commas"),
        (["--seeds", "0,0"], "expected different ones"),
        (["--seeds", "0,1", "--set", "seed=3"], "seed is set, and several seeds are given"),
    ],
)
def test_seeds_that_make_no_sense_are_refused(
    sirec: Call, tmp_path: Path, options: list[str], message: str
) -> None:
    """In one line, before anything is trained."""
    outcome = sirec("train", "sasrec", "--data", "shop", *options, "--out", str(tmp_path))
    assert outcome.code == 2
    assert message in " ".join(outcome.err.split())
    assert not list(tmp_path.iterdir())
