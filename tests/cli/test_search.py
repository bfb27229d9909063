"""An experiment that gives every row the same trials: validation decides, other seeds follow, and
nothing is trained twice.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sirec.evaluation.metrics import parse_metric, summarise
from sirec.run.store import RunFolder
from sirec.studies.launch.progress import StudyProgress
from sirec.studies.spec.plan import PlannedRun

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
    """Four trials of a row, two of one that sets its own rate, none of a floor; the best has the
    other seed's run, too.
    """
    (prepared / "searched.yaml").write_text(PLAN)
    out = prepared / f"searched{jobs}"
    call = ("study", "searched.yaml", "--data", "shop", "--out", str(out), "--jobs", jobs)
    shown = sirec(*call)
    assert shown.code == 0, shown.err
    for setting in ("learning_rate 1e-05, dropout 0.0", "learning_rate 0.01, dropout 0.4"):
        assert f"A, {setting}: done" in " ".join(shown.err.split())
    record = json.loads((out / "studies" / "searched_on_shop.json").read_text())

    runs = {
        row: [out / line["run"] for line in record["runs"] if line["row"] == row] for row in "ABC"
    }
    assert {row: len(mine) for row, mine in runs.items()} == {"A": 2, "B": 1, "C": 2}
    tried = {
        label: [trial for trial in record["trials"] if trial["label"] == label] for label in "AC"
    }
    assert [trial["setting"] for trial in tried["A"]] == [
        {"learning_rate": rate, "dropout": dropout}
        for rate in (0.00001, 0.01)
        for dropout in (0.0, 0.4)
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
    trained = (
        4 + 1 + 1 + 2 + 1
    )  # trials of A, its other seed, the floor, trials of C, its other seed
    assert len(list(out.glob("runs/shop/*/*/DONE"))) == trained

    said = " ".join(shown.out.split())
    assert "Trials of each row: 2 or 4 (dropout 0.0 or 0.4, learning_rate 1e-05 or 0.01)" in said
    again = sirec(*call)
    assert again.out == shown.out
    assert again.err.count("already trained") == trained  # nothing is trained twice
    assert sirec(*call[:6], "--render-only").out == shown.out


def test_only_one_row_of_a_search_is_trained_to_its_seeds(sirec: Call, prepared: Path) -> None:
    (prepared / "searched.yaml").write_text(PLAN)
    out = prepared / "searched-only"
    assert (
        sirec("study", "searched.yaml", "--data", "shop", "--out", str(out), "--only", "C").code
        == 0
    )
    assert len(list(out.glob("runs/shop/comif/*/DONE"))) == 3
    assert not (out / "studies").exists()


def test_what_is_asked_for_is_not_searched(sirec: Call, prepared: Path) -> None:
    """`--set` takes a key out of the search, and the study has another name."""
    (prepared / "searched.yaml").write_text(PLAN)
    out = prepared / "searched-set"
    call = (
        "study",
        "searched.yaml",
        "--data",
        "shop",
        "--out",
        str(out),
        "--seeds",
        "0",
        "--set",
        "dropout=0.1",
    )
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
def test_a_search_that_cannot_be_is_one_line(
    sirec: Call, prepared: Path, search: str, what: str
) -> None:
    """Nothing is trained, and nothing written."""
    (prepared / "wrong.yaml").write_text(
        PLAN.replace("{learning_rate: [0.00001, 0.01], dropout: [0.0, 0.4]}", search)
    )
    outcome = sirec("study", "wrong.yaml", "--data", "shop", "--out", "untouched")
    assert outcome.code == 2
    assert what in " ".join(outcome.err.split())
    assert not (prepared / "untouched").exists()


@pytest.mark.parametrize("how", ["row", "file", "option"])
def test_a_key_is_the_same_however_it_is_spelled(sirec: Call, prepared: Path, how: str) -> None:
    """`model.dropout` of a row, of all rows or of the command line leaves no `dropout` to search,
    and is what is trained.
    """
    where = {
        "row": "A: {model: sasrec, set: {model.dropout: 0.2}}",
        "file": "A: {model: sasrec}",
        "option": "A: {model: sasrec}",
    }
    plan = PLAN.replace("A: {model: sasrec}", where[how]).replace(
        "learning_rate: [0.00001, 0.01], ", ""
    )
    if how == "file":
        plan = plan.replace("set: {width: 8", "set: {model.dropout: 0.2, width: 8")
    (prepared / "spelled.yaml").write_text(plan)
    out = prepared / f"spelled-{how}"
    options = ["--set", "model.dropout=0.2"] if how == "option" else []
    assert (
        sirec(
            "study", "spelled.yaml", "--data", "shop", "--seeds", "0", "--out", str(out), *options
        ).code
        == 0
    )
    [run] = out.glob("runs/shop/sasrec/*")
    assert getattr(RunFolder(run).config().model, "dropout") == 0.2  # noqa: B009 - not every model has one
    [record] = (out / "studies").iterdir()
    tried = {trial["label"] for trial in json.loads(record.read_text()).get("trials", [])}
    assert tried == ({"C"} if how == "row" else set())


def test_a_row_that_had_one_try_is_named(sirec: Call, prepared: Path) -> None:
    """It sets what the others search; nothing is said of a floor."""
    (prepared / "alone.yaml").write_text(PLAN.replace(", dropout: [0.0, 0.4]", ""))
    out = prepared / "alone"
    shown = sirec("study", "alone.yaml", "--data", "shop", "--seeds", "0", "--out", str(out))
    assert "decided; one of C, which set what is searched" in " ".join(shown.out.split())


def test_a_floor_is_not_searched(sirec: Call, prepared: Path) -> None:
    """Even for a key that it has."""
    (prepared / "floor.yaml").write_text(
        PLAN.replace(
            "{learning_rate: [0.00001, 0.01], dropout: [0.0, 0.4]}", "{max_length: [5, 10]}"
        )
    )
    out = prepared / "floor"
    assert sirec("study", "floor.yaml", "--data", "shop", "--out", str(out)).code == 0
    assert len(list(out.glob("runs/shop/popularity/*/DONE"))) == 1


def test_a_study_cut_off_is_drawn_up_to_the_row_it_is_at(
    sirec: Call, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped while a row is searched, the record ends above it, so that no row is set against one
    that is not above it.
    """
    last = "  D: {model: sasrecf, set: {learning_rate: 0.003, dropout: 0.1}}\n"
    rows = f"rows:\n  B: {{model: popularity}}\n  A: {{model: sasrec}}\n{last}"
    (prepared / "cut.yaml").write_text(PLAN[: PLAN.index("against")] + "against: previous\n" + rows)
    out, seen = prepared / "cut", []

    def stop(run: PlannedRun, folder: RunFolder) -> None:
        seen.append(run.row)
        finish(progress[0], run, folder)
        if len(seen) == 7:  # the floor, four trials, and the two seeds of the last row
            raise KeyboardInterrupt

    finish, progress = StudyProgress.finish, []
    monkeypatch.setattr(
        StudyProgress,
        "finish",
        lambda self, run, folder: (progress.append(self), stop(run, folder))[1],
    )
    sirec("study", "cut.yaml", "--data", "shop", "--out", str(out))
    record = json.loads((out / "studies" / "cut_on_shop.json").read_text())
    assert seen == ["B", "A", "A", "A", "A", "D", "D"]
    assert [line["row"] for line in record["runs"]] == ["B"]
