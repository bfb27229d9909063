"""Equal search: every row has as many trials, validation decides, and a stopped search goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sirec.run.store import RunFolder
from sirec.studies.launch.progress import StudyProgress
from sirec.studies.spec.plan import PlannedRun

from .conftest import Call

SMALL = ("width=8", "heads=2", "layers=1", "inner=8", "epochs=2", "threads=1")
TRY = ("dropout=[0.0, 0.2, 0.4]", "learning_rate={low: 0.0001, high: 0.01, log: true}")


def swept(out: Path, *models: str, sampler: str = "random", trials: int = 3) -> list[str]:
    """The words of a search of these models on the small data set."""
    words = ["sweep", *models, "--data", "shop", "--trials", str(trials), "--sampler", sampler]
    for setting in SMALL:
        words += ["--set", setting]
    for setting in TRY:
        words += ["--try", setting]
    return [*words, "--out", str(out)]


def record_of(out: Path) -> dict[str, Any]:
    """The record of the one study in a folder of results."""
    [path] = (out / "studies").iterdir()
    stored: dict[str, Any] = json.loads(path.read_text())
    return stored


def trials_of(out: Path, label: str) -> list[dict[str, Any]]:
    """The recorded trials of a row."""
    return [trial for trial in record_of(out)["trials"] if trial["label"] == label]


def test_every_row_has_as_many_trials_and_the_first_is_as_declared(
    sirec: Call, tmp_path: Path
) -> None:
    """The best on validation is taken; proposals lie in the space, and not all are the first."""
    shown = sirec(*swept(tmp_path, "sasrec", "gru4rec"), "--full")
    assert shown.code == 0, shown.err
    record = record_of(tmp_path)
    for row, label, dropout, rate in (
        ("SASRec", "SASRec", 0.5, 0.0001),
        ("GRU4Rec", "GRU4Rec", 0.3, 0.0001),
    ):
        trials = trials_of(tmp_path, label)
        assert len(trials) == 3
        assert trials[0]["setting"] == {"dropout": dropout, "learning_rate": rate}
        values = [trial["value"] for trial in trials]
        [chosen] = [trial for trial in trials if trial["is_chosen"]]
        assert chosen["value"] == max(values)
        [run] = [line["run"] for line in record["runs"] if line["row"] == row]
        assert run == chosen["run"]
        for trial in trials[1:]:
            assert trial["setting"]["dropout"] in (0.0, 0.2, 0.4, dropout)
            assert 0.0001 <= trial["setting"]["learning_rate"] <= 0.01
            assert trial["setting"] != trials[0]["setting"]
    assert "Trials of each searched row: 3, the first as declared" in " ".join(shown.out.split())
    again = sirec(*swept(tmp_path, "sasrec", "gru4rec"), "--full")
    assert again.out == shown.out
    assert again.err.count("already trained") == len(list(tmp_path.glob("runs/shop/*/*/DONE")))


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_stopped_search_goes_on_with_the_same_proposals(
    sirec: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sampler: str
) -> None:
    """Stopped after two trials and begun again, it ends with the trials of one that was not."""
    if sampler == "tpe":
        pytest.importorskip("optuna")
    trials = 5
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert sirec(*swept(whole, "sasrec", sampler=sampler, trials=trials)).code == 0
    finish, seen = StudyProgress.finish, []

    def finish_and_stop(progress: StudyProgress, run: PlannedRun, folder: RunFolder) -> None:
        seen.append(run)
        finish(progress, run, folder)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(StudyProgress, "finish", finish_and_stop)
        sirec(*swept(stopped, "sasrec", sampler=sampler, trials=trials))
    assert sirec(*swept(stopped, "sasrec", sampler=sampler, trials=trials)).code == 0
    expected, found = trials_of(whole, "SASRec"), trials_of(stopped, "SASRec")
    assert found == expected
    assert len({json.dumps(trial["setting"]) for trial in expected}) > 2  # control: they differ


def test_a_row_that_sets_a_key_is_searched_over_the_others(sirec: Call, tmp_path: Path) -> None:
    """Its number of trials is that of all; a training-free baseline has none."""
    text = f"""
title: Tuned
seeds: [0]
set: {{{", ".join(setting.replace("=", ": ") for setting in SMALL)}}}
tune: {{trials: 2, sampler: random, space: {{dropout: [0.0, 0.4], learning_rate: [0.01, 0.001]}}}}
rows:
  A: {{model: sasrec}}
  B: {{model: sasrec, set: {{dropout: 0.3}}}}
  C: {{model: popularity}}
"""
    (tmp_path / "tuned.yaml").write_text(text)
    call = ("study", str(tmp_path / "tuned.yaml"), "--data", "shop", "--out", str(tmp_path))
    assert sirec(*call).code == 0
    assert [set(trial["setting"]) for trial in trials_of(tmp_path, "A")] == [
        {"dropout", "learning_rate"}
    ] * 2
    assert [set(trial["setting"]) for trial in trials_of(tmp_path, "B")] == [{"learning_rate"}] * 2
    assert trials_of(tmp_path, "C") == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--sampler", "annealing"), "'annealing' is not a sampler"),
        (("--try", "dropout=0.1"), "expected two values or more"),
        (("--try", "learning_rate={low: 0.1, high: 0.01}"), "is empty"),
        (("--trials", "1"), "trials"),
        (("--try", "learning_rat=[0.1, 0.2]"), "'learning_rat' is not a key"),
        (("--try", "seed=[1, 2]"), "seed cannot be set"),
    ],
)
def test_an_impossible_search_is_refused_in_one_line(
    sirec: Call, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    """Nothing is trained, and nothing written."""
    words = ("sweep", "sasrec", "--data", "shop", "--out", str(tmp_path), "--sampler", "random")
    outcome = sirec(*words, *options)
    assert outcome.code == 2
    assert message in " ".join(outcome.err.split())
    assert list(tmp_path.iterdir()) == []


def test_a_baseline_without_training_is_no_search(sirec: Call, tmp_path: Path) -> None:
    """It is refused by name, and so is a model that is named twice."""
    for models, message in (("popularity", "is not trained"), ("sasrec", "named twice")):
        outcome = sirec("sweep", models, models, "--data", "shop", "--out", str(tmp_path))
        assert outcome.code == 2
        assert message in outcome.err
    assert list(tmp_path.iterdir()) == []
