"""Data with the name of the committed ones that are others: studies and comparisons say so."""

from __future__ import annotations

from pathlib import Path

from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage
from sirec.papers.record_data import record_data

from .conftest import Call

PLAN = """
title: Two baselines
rows:
  Popularity: {model: popularity}
  Item transitions: {model: transitions}
"""


def test_other_data_of_a_committed_name_are_told(sirec: Call, tmp_path: Path) -> None:
    """The warning has both fingerprints and the command that prepares the committed data; it comes
    once, before training, when tables are drawn again, and in a comparison. Data of another name
    (control) have none.
    """
    file = tmp_path / "two.yaml"
    file.write_text(PLAN)
    known = record_data()["beauty"]
    for name in ("beauty", "shop"):
        made = prepare(DemoSource(users=60, items=40).read(), name)
        storage.write(tmp_path / "data", made)
        places = ("--out", str(tmp_path / "results"), "--data-root", str(tmp_path / "data"))
        study = ("study", str(file), "--data", name, *places)
        runs = (f"{name}/popularity", f"{name}/transitions")
        for words in (study, (*study, "--render-only"), ("compare", *runs, *places[:2])):
            outcome = sirec(*words)
            assert outcome.code == 0, outcome.err
            told = " ".join(outcome.err.split())
            warning = f"{name} is {made.dataset.fingerprint()} here, not the {known.fingerprint}"
            expected = 0 if name == "shop" else 1
            assert told.count(warning) == expected, words
            if expected:
                assert known.command in told
