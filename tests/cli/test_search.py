"""An experiment that gives every row the same trials.

Validation decides, the other seeds follow, and nothing is trained twice.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sirec.config import dump
from sirec.evaluation.metrics import parse_metric, summarise
from sirec.run.store import RunFolder
from sirec.studies.launch.progress import StudyProgress
from sirec.studies.spec.plan import PlannedRun

from .conftest import Call

OTHERS = "Searched: rows that were not searched: test, history kept on shop"
SEARCH = "{learning_rate: [0.00001, 0.01], dropout: [0.0, 0.4]}"
PLAN = f"""
title: Searched
seeds: [0, 1]
set: {{width: 8, heads: 2, layers: 1, inner: 8, epochs: 2, threads: 1}}
search: {SEARCH}
against: A
rows:
  A: {{model: sasrec}}
  B: {{model: popularity}}
  C: {{model: comif, set: {{learning_rate: 0.003}}}}
"""


def validation_recall(run: Path) -> float:
    """A run's Recall@20 on validation, from its ranks."""
    ranks = RunFolder(run).ranks().ranks["valid"]["keep"]
    return summarise(ranks, [parse_metric("Recall@20")])["Recall@20"]


def stored_record(out: Path) -> dict[str, Any]:
    """The record of the one study in a folder of results."""
    [path] = (out / "studies").iterdir()
    record: dict[str, Any] = json.loads(path.read_text())
    return record


def with_key(lines: list[dict[str, Any]], key: str, value: str) -> list[dict[str, Any]]:
    """The lines of a record that have a value under a key."""
    return [line for line in lines if line[key] == value]


def finished_runs(out: Path, model: str = "*") -> int:
    """How many runs of a model have finished."""
    return len(list(out.glob(f"runs/shop/{model}/*/DONE")))


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_validation_decides_and_other_seeds_follow(sirec: Call, prepared: Path, jobs: str) -> None:
    """A has four trials, C sets its own rate and has two, the training-free B has none.

    The setting of the best trial is trained with the other seed, too.
    """
    (prepared / "searched.yaml").write_text(PLAN)
    out = prepared / f"searched{jobs}"
    call = ("study", "searched.yaml", "--data", "shop", "--out", str(out), "--jobs", jobs)
    shown = sirec(*call, "--full")
    assert shown.code == 0, shown.err
    for setting in ("learning_rate 1e-05, dropout 0.0", "learning_rate 0.01, dropout 0.4"):
        assert f"A, {setting}: done" in " ".join(shown.err.split())

    record = json.loads((out / "studies" / "searched_on_shop.json").read_text())
    expected = {
        "A": [
            {"learning_rate": 0.00001, "dropout": 0.0},
            {"learning_rate": 0.00001, "dropout": 0.4},
            {"learning_rate": 0.01, "dropout": 0.0},
            {"learning_rate": 0.01, "dropout": 0.4},
        ],
        "C": [{"dropout": 0.0}, {"dropout": 0.4}],
    }
    for row, settings in expected.items():
        trials = with_key(record["trials"], "label", row)
        assert [trial["setting"] for trial in trials] == settings
        values = [validation_recall(out / trial["run"]) for trial in trials]
        assert [trial["value"] for trial in trials] == values
        assert min(values) < max(values)  # control
        [chosen] = [trial for trial in trials if trial["is_chosen"]]
        assert chosen["value"] == max(values)
        first, second = with_key(record["runs"], "row", row)
        assert first["run"] == chosen["run"]
        config, other = (
            RunFolder(out / first["run"]).config(),
            RunFolder(out / second["run"]).config(),
        )
        assert (config.seed, other.seed) == (0, 1)
        assert config.stages == other.stages
    assert len(with_key(record["runs"], "row", "B")) == 1

    # The trials and the other seed of A, the one run of B, the trials and the other seed of C.
    trained = (4 + 1) + 1 + (2 + 1)
    assert finished_runs(out) == trained
    said = " ".join(shown.out.split())
    assert "Trials of each row: 2 or 4 (dropout 0.0 or 0.4, learning_rate 1e-05 or 0.01)" in said
    again = sirec(*call, "--full")
    assert again.out == shown.out
    assert again.err.count("already trained") == trained  # nothing is trained twice
    assert sirec(*call[:6], "--render-only", "--full").out == shown.out


def test_one_row_of_a_search_is_trained_with_all_its_seeds(sirec: Call, prepared: Path) -> None:
    """`--only` trains its trials and its other seed, and keeps no record."""
    (prepared / "searched.yaml").write_text(PLAN)
    out = prepared / "searched-only"
    call = ("study", "searched.yaml", "--data", "shop", "--out", str(out), "--only", "C")
    assert sirec(*call).code == 0
    assert finished_runs(out, "comif") == finished_runs(out) == 3
    assert not (out / "studies").exists()


def test_what_is_set_is_not_searched(sirec: Call, prepared: Path) -> None:
    """`--set` takes a key out of the search, and the study has another name."""
    (prepared / "searched.yaml").write_text(PLAN)
    out = prepared / "searched-set"
    call = ("study", "searched.yaml", "--data", "shop", "--out", str(out), "--seeds", "0")
    assert sirec(*call, "--set", "dropout=0.1").code == 0
    [path] = (out / "studies").iterdir()
    assert path.stem == "searched_on_shop_seeds_0_dropout_0.1"
    trials = stored_record(out)["trials"]
    assert len(trials) == len(with_key(trials, "label", "A")) == 2


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ("{learning_rate: []}", "search.learning_rate has no values to try"),
        ("{learning_rate: [0.1, 0.1]}", "search.learning_rate: 0.1 is there twice"),
        ("{width: [8, 16]}", "width is under set and under search"),
        ("{learning_rat: [0.1, 0.2]}", "'learning_rat' is not a key"),
        ("{seed: [1, 2]}", "seed cannot be set"),
    ],
)
def test_an_impossible_search_is_refused_in_one_line(
    sirec: Call, prepared: Path, search: str, message: str
) -> None:
    """Nothing is trained, and nothing written."""
    (prepared / "wrong.yaml").write_text(PLAN.replace(SEARCH, search))
    outcome = sirec("study", "wrong.yaml", "--data", "shop", "--out", "untouched")
    assert outcome.code == 2
    assert message in " ".join(outcome.err.split())
    assert not (prepared / "untouched").exists()


@pytest.mark.parametrize(
    ("changed", "to", "options", "searched"),
    [
        ("{model: sasrec}", "{model: sasrec, set: {model.dropout: 0.2}}", [], {"C"}),
        ("set: {width: 8", "set: {model.dropout: 0.2, width: 8", [], set()),
        ("{model: sasrec}", "{model: sasrec}", ["--set", "model.dropout=0.2"], set()),
    ],
    ids=["row", "file", "option"],
)
def test_a_key_is_the_same_however_it_is_written(
    sirec: Call, tmp_path: Path, changed: str, to: str, options: list[str], searched: set[str]
) -> None:
    """`model.dropout` of a row, a file or the command line leaves no `dropout` to search."""
    assert PLAN.count(changed) == 1
    plan = PLAN.replace(changed, to).replace("learning_rate: [0.00001, 0.01], ", "")
    (tmp_path / "written.yaml").write_text(plan)
    call = ("study", str(tmp_path / "written.yaml"), "--data", "shop", "--seeds", "0")
    assert sirec(*call, "--out", str(tmp_path), *options).code == 0
    [run] = tmp_path.glob("runs/shop/sasrec/*")
    assert dump(RunFolder(run).config().model)["dropout"] == 0.2
    trials = stored_record(tmp_path).get("trials", [])
    assert {trial["label"] for trial in trials} == searched


def test_a_row_with_one_trial_is_named_below_the_table(sirec: Call, prepared: Path) -> None:
    """It sets what the others search; nothing is said of a training-free baseline."""
    (prepared / "alone.yaml").write_text(PLAN.replace(", dropout: [0.0, 0.4]", ""))
    out = prepared / "alone"
    call = ("study", "alone.yaml", "--data", "shop", "--seeds", "0", "--out", str(out))
    shown = sirec(*call, "--full")
    assert "decided; one of C, which set what is searched" in " ".join(shown.out.split())


def test_a_training_free_baseline_is_not_searched(sirec: Call, prepared: Path) -> None:
    """This holds even for a key that it has."""
    (prepared / "history.yaml").write_text(PLAN.replace(SEARCH, "{max_length: [5, 10]}"))
    out = prepared / "history"
    assert sirec("study", "history.yaml", "--data", "shop", "--out", str(out)).code == 0
    assert finished_runs(out, "popularity") == 1


def test_an_interrupted_study_is_drawn_up_to_the_row_that_is_searched(
    sirec: Call, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later rows are left out, so that no row is compared with one that is not above it."""
    last = "  D: {model: sasrecf, set: {learning_rate: 0.003, dropout: 0.1}}\n"
    rows = f"rows:\n  B: {{model: popularity}}\n  A: {{model: sasrec}}\n{last}"
    beginning = PLAN[: PLAN.index("against")]
    (prepared / "stopped.yaml").write_text(f"{beginning}against: previous\n{rows}")
    out, seen = prepared / "stopped", []
    finish = StudyProgress.finish

    def finish_and_stop(progress: StudyProgress, run: PlannedRun, folder: RunFolder) -> None:
        seen.append(run.row)
        finish(progress, run, folder)
        if len(seen) == 7:  # B, the four trials of A, and both seeds of D
            raise KeyboardInterrupt

    monkeypatch.setattr(StudyProgress, "finish", finish_and_stop)
    sirec("study", "stopped.yaml", "--data", "shop", "--out", str(out))
    assert seen == ["B", "A", "A", "A", "A", "D", "D"]
    assert [line["row"] for line in stored_record(out)["runs"]] == ["B"]


@pytest.mark.parametrize("against", ["A", "previous"])
def test_searched_and_unsearched_rows_have_tables_of_their_own(
    sirec: Call, prepared: Path, against: str
) -> None:
    """A row with many trials is not compared with one that had a single run.

    The training-free B stands in both. Control: without D no table says so.
    """
    row = f"  D: {{model: sasrec, set: {{learning_rate: 0.003, dropout: 0.1}}, against: {against}}}"
    (prepared / "mixed.yaml").write_text(PLAN.replace("[0, 1]", "[0]") + row + "\n")
    call = ("study", "mixed.yaml", "--data", "shop", "--out", str(prepared / "mixed"))
    assert sirec(*call).code == 0
    drawn = json.loads(sirec(*call, "--render-only", "--json").out)
    rows: dict[str, list[str]] = {}
    for table in drawn["tables"]:
        rows[table["title"]] = list(dict.fromkeys(line["label"] for line in table["rows"]))
    assert rows["Searched: test, history kept on shop"] == ["A", "B", "C"]
    assert rows[OTHERS] == ["B", "D"]
    assert rows["Searched: search, validation Recall@20"] == ["A", "C"]
    shown = " ".join(sirec(*call, "--render-only").out.split())
    assert "Rows that were not searched have tables of their own: D." in shown
    for sentence in drawn["sentences"]:
        assert not ("A" in sentence.split() and "D" in sentence.split())
    (prepared / "mixed.yaml").write_text(PLAN.replace("[0, 1]", "[0]"))
    assert sirec(*call).code == 0
    assert "not searched" not in sirec(*call, "--render-only", "--full").out
