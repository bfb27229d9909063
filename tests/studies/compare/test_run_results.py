"""Runs get the labels a person needs to tell them apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sirec.data.dataset import Dataset
from sirec.data.split import LeaveOneOut, Temporal
from sirec.run.config import resolve
from sirec.run.store import RunFolder
from sirec.studies.compare.run_results import run_result as one
from sirec.studies.compare.run_results import run_results
from sirec.studies.spec.plan import without_objective

pytestmark = pytest.mark.usefixtures("runs_of_any_name")


def test_labels_say_what_differs(tiny: Dataset, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Two settings of one model differ by their settings, seeds of one setting share a label, a
    model alone has its title.
    """
    whole = resolve("comif", tiny)
    configs = [
        whole,
        replace(whole, seed=1),
        resolve("comif", tiny, assignments={"heads": 2}),
        without_objective(whole, "upa"),
        resolve("sasrec", tiny),
    ]
    folders = []
    for number, config in enumerate(configs):
        folders.append(RunFolder(tmp_path / str(number)))
        folders[-1].path.mkdir()
        folders[-1].write_config(config, "0")
    monkeypatch.setattr(RunFolder, "ranks", lambda self: None)
    labels = [made.label for made in run_results(folders)]
    assert labels[0] == labels[1]
    assert labels[2] != labels[0]
    assert "heads=2" in labels[2]
    assert labels[3] == "COMIF (heads=4, no upa)"
    assert labels[4] == "SASRec"
    assert one(folders[0]).label == "COMIF"  # control: nothing to tell apart, nothing said


def test_a_run_knows_the_split_of_its_data(tiny: Dataset, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """No printed value is that of a run on a temporal split; leave-one-out (control) is what the
    papers did, and unwritten.
    """
    monkeypatch.setattr(RunFolder, "ranks", lambda self: None)
    config = resolve("sasrec", tiny)
    for split, is_variant in (
        (Temporal(target="first"), True),
        (LeaveOneOut(), False),
        (None, False),
    ):
        folder = RunFolder(tmp_path / str(split))
        folder.path.mkdir()
        folder.write_config(config, "0", split)
        assert folder.config() == config
        assert folder.fingerprint() == "0"
        made = one(folder)
        assert (made.split, made.is_variant) == (split or LeaveOneOut(), is_variant)
        assert ("split:" in (folder.path / "config.yaml").read_text()) == is_variant
