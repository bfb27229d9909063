"""An experiment that gives every row the same trials: validation decides, other seeds follow, and nothing is trained twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sirec.evaluation.metrics import parse_metric, summarise
from sirec.run.store import RunFolder

from .conftest import Call

PLAN = """
title: Searched
seeds: [0, 1]
set: {width: 8, heads: 2, layers: 1, inner: 8, epochs: 2, threads: 1}
search: {learning_rate: [0.00001, 0.01], dropout: [0.0, 0.4]}
against: A
rows:
  A: {model: sasrec}
  B: {model: popularity}
  C: {model: comif, set: {learning_rate: 0.003}}
"""


def _validation(run: Path) -> float:
    ranks = RunFolder(run).ranks().ranks["valid"]["keep"]
    return summarise(ranks, [parse_metric("Recall@20")])["Recall@20"]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_validation_decides_and_other_seeds_follow(sirec: Call, prepared: Path, jobs: str) -> None:
    """Four trials of a row, two of one that sets its own rate, none of a floor; the best has the other seed's run, too."""
    (prepared / "searched.yaml").write_text(PLAN)
    out = prepared / f"searched{jobs}"
    call = ("study", "searched.yaml", "--data", "shop", "--out", str(out), "--jobs", jobs)
    shown = sirec(*call)
    assert shown.code == 0, shown.err
    assert shown.err.count(": done") + shown.err.count("done, ") >= 4
    record = json.loads((out / "studies" / "searched_on_shop.json").read_text())

    runs = {row: [out / line["run"] for line in record["runs"] if line["row"] == row] for row in "ABC"}
    assert {row: len(mine) for row, mine in runs.items()} == {"A": 2, "B": 1, "C": 2}
    tried = {label: [trial for trial in record["trials"] if trial["label"] == label] for label in "AC"}
    assert [trial["setting"] for trial in tried["A"]] == [
        {"learning_rate": rate, "dropout": dropout} for rate in (0.00001, 0.01) for dropout in (0.0, 0.4)
    ]
    assert [trial["setting"] for trial in tried["C"]] == [{"dropout": 0.0}, {"dropout": 0.4}]
    for label, trials in tried.items():
        values = [_validation(out / trial["run"]) for trial in trials]
        assert [trial["value"] for trial in trials] == values
        chosen = [trial for trial in trials if trial["is_chosen"]]
        assert [trial["value"] for trial in chosen] == [max(values)]
        assert min(values) < max(values)  # control
        configs = [RunFolder(run).config() for run in runs[label]]
        assert runs[label][0] == out / chosen[0]["run"]
        assert [config.seed for config in configs] == [0, 1]
        assert configs[0].stages == configs[1].stages
    trained = 4 + 1 + 1 + 2 + 1  # trials of A, its other seed, the floor, trials of C, its other seed
    assert len(list(out.glob("runs/shop/*/*/DONE"))) == trained

    said = " ".join(shown.out.split())
    assert "Trials of each row that is trained: 2 or 4 (dropout 0.0 or 0.4, learning_rate 1e-05 or 0.01)" in said
    again = sirec(*call)
    assert again.out == shown.out
    assert again.err.count("already trained") == trained  # nothing is trained twice
    assert sirec(*call[:6], "--render-only").out == shown.out


def test_only_one_row_of_a_search_is_trained_to_its_seeds(sirec: Call, prepared: Path) -> None:
    (prepared / "searched.yaml").write_text(PLAN)
    out = prepared / "searched-only"
    assert sirec("study", "searched.yaml", "--data", "shop", "--out", str(out), "--only", "C").code == 0
    assert len(list(out.glob("runs/shop/comif/*/DONE"))) == 3
    assert not (out / "studies").exists()


def test_what_is_asked_for_is_not_searched(sirec: Call, prepared: Path) -> None:
    """`--set` takes a key out of the search, and the study has another name."""
    (prepared / "searched.yaml").write_text(PLAN)
    out = prepared / "searched-set"
    call = ("study", "searched.yaml", "--data", "shop", "--out", str(out), "--seeds", "0", "--set", "dropout=0.1")
    assert sirec(*call).code == 0
    [record] = (out / "studies").iterdir()
    assert record.stem == "searched_on_shop_seeds_0_dropout_0.1"
    stored = json.loads(record.read_text())
    assert {trial["label"]: trial["setting"] for trial in stored["trials"]}.keys() == {"A"}
    assert len(stored["trials"]) == 2


@pytest.mark.parametrize(
    ("search", "what"),
    [
        ("{learning_rate: []}", "search.learning_rate has no values to try"),
        ("{learning_rate: [0.1, 0.1]}", "search.learning_rate: 0.1 is there twice"),
        ("{width: [8, 16]}", "width is under set and under search"),
        ("{learning_rat: [0.1, 0.2]}", "'learning_rat' is not a key"),
        ("{seed: [1, 2]}", "seed cannot be set"),
    ],
)
def test_a_search_that_cannot_be_is_one_line(sirec: Call, prepared: Path, search: str, what: str) -> None:
    """Nothing is trained, and nothing written."""
    (prepared / "wrong.yaml").write_text(PLAN.replace("{learning_rate: [0.00001, 0.01], dropout: [0.0, 0.4]}", search))
    outcome = sirec("study", "wrong.yaml", "--data", "shop", "--out", "untouched")
    assert outcome.code == 2
    assert what in " ".join(outcome.err.split())
    assert not (prepared / "untouched").exists()
