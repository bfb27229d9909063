"""What is alike in a fair comparison: one list for tables and for two runs, whatever the stages of
a model.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sirec.data.dataset import Dataset
from sirec.objectives.stage import Stage
from sirec.report.notes import protocol_sentences
from sirec.report.result_set import ResultSet
from sirec.run.config import RunConfig, resolve
from sirec.run.store import RunFolder
from sirec.studies.compare.fairness import ABSENT, CONDITIONS, by_stage, conditions_of
from sirec.studies.compare.run_results import run_results
from sirec.studies.compare.two_runs import shared_settings

pytestmark = pytest.mark.usefixtures("runs_of_any_name")

FIRST = Stage(title="pretrain", learning_rate=0.002, epochs=30, keeps="last")


def written(config: RunConfig, folder: Path) -> RunFolder:
    """A run that has a configuration and nothing else."""
    folder.mkdir()
    run = RunFolder(folder)
    run.write_config(config, "00ff")
    return run


def test_all_stages_are_told(tiny: Dataset, tmp_path: Path) -> None:
    """What two stages share is said once, what not under their titles, epochs always; one stage
    (control) has no title.
    """
    one = resolve("sasrec", tiny)
    both = replace(one, stages=(FIRST, one.stages[0]))
    single, double = (
        conditions_of(written(config, tmp_path / str(len(config.stages)))) for config in (one, both)
    )
    assert double["learning rate"] == "pretrain 0.002, then train 0.0001"
    assert double["epochs at most"] == "pretrain 30, then train 200"
    assert double["selected by"] == "pretrain nothing (last epoch), then train validation Recall@20"
    assert double["patience"] == "pretrain none, then train 10 evaluations"
    assert double["loss"] == single["loss"] == "1 item"
    assert single["epochs at most"] == "200"
    assert by_stage(
        (FIRST, replace(FIRST, title="again")), lambda stage: str(stage.epochs), each=True
    ) == ("pretrain 30, then again 30")


def test_a_table_tells_budget_and_size(tiny: Dataset, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Epochs, width, layers, heads and dropout stand in the protocol, or among what rows differ
    in.
    """
    monkeypatch.setattr(RunFolder, "ranks", lambda self: None)
    usual = resolve("comif", tiny)
    unlike = {
        "epochs": 1,
        "width": 32,
        "layers": 1,
        "heads": 2,
        "dropout": 0.1,
        "inner": 64,
        "seed": 3,
    }
    other = resolve("sasrec", tiny, assignments=unlike)
    folders = [written(usual, tmp_path / "a"), written(other, tmp_path / "b")]
    [line] = [
        note
        for note in protocol_sentences(ResultSet(run_results(folders[:1])))
        if note.startswith("Protocol: ")
    ]
    for said in (
        "width 128",
        "layers 3",
        "heads 4",
        "dropout 0.5",
        "epochs at most 200",
        "fields brand, position",
    ):
        assert said in line
    assert "inner width" not in line  # a detail, until rows differ in it
    notes = " ".join(protocol_sentences(ResultSet(run_results(folders))))
    for name in (
        "epochs at most",
        "width",
        "layers",
        "heads",
        "dropout",
        "inner width",
        "fields",
        "loss",
    ):
        assert f"The rows differ in {name}: " in notes
    assert "The rows differ in layers: 3 (COMIF); 1 (SASRec)." in notes


def test_tables_and_pairs_have_one_list(tiny: Dataset, tmp_path: Path) -> None:
    """What two runs differ in is what a table with both says its rows differ in; a model without
    heads has none.
    """
    sides = (
        written(resolve("comif", tiny), tmp_path / "a"),
        written(resolve("gru4rec", tiny, assignments={"learning_rate": 0.5}), tmp_path / "b"),
    )
    first, second = ({**conditions_of(side), **conditions_of(side, details=True)} for side in sides)
    unlike = {name for name in first if name in second and first[name] != second[name]}
    of_pair = {found.name for found in shared_settings(sides) if not found.are_alike}
    assert {"learning rate", "heads", "fields", "loss"} <= unlike <= of_pair
    assert of_pair - unlike == {"inner width", "attention dropout"}  # which a recurrence lacks
    assert conditions_of(sides[1])["heads"] == ABSENT
    assert {found.name for found in shared_settings(sides)} == {
        "history",
        *(condition.name for condition in CONDITIONS),
    }
