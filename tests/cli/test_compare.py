"""`sirec compare`, `sirec evaluate --recommendations` and `sirec report`, as they are typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage

from .conftest import SMALL, Call, Outcome


@pytest.fixture
def runs(sirec: Call) -> list[str]:
    """A trained model's folder, and a floor's."""
    calls = (("sasrec", SMALL), ("transitions", []))
    return [
        json.loads(sirec("train", model, "--data", "shop", "--json", *more).out)["run"]
        for model, more in calls
    ]


@pytest.fixture
def theirs(prepared: Path) -> Path:
    """Lists of ten: the same items for everybody, best first."""
    data = storage.load(prepared / "data" / "shop")
    users, items = data.user_names[1:], data.item_names[1:11]
    table = pd.DataFrame(
        [(user, item, 10 - rank) for user in users for rank, item in enumerate(items)]
    )
    table.to_csv(prepared / "theirs.csv", index=False, header=["user", "item", "score"])
    np.save(prepared / "theirs.npy", np.zeros((len(users), data.item_count)))
    return prepared / "theirs.csv"


def refused(outcome: Outcome) -> str:
    """What a refusal says; nothing is on stdout."""
    assert (outcome.code, outcome.out) == (2, ""), outcome
    return " ".join(outcome.err.split())


def test_compare_says_first_what_is_unfair(sirec: Call, runs: list[str]) -> None:
    """On a screen the first line is the warning; JSON has four tables in the same order; metrics
    and history can be chosen.
    """
    screen = sirec("compare", *runs)
    assert screen.out.startswith("NOT LIKE WITH LIKE: the runs differ in training")
    found = json.loads(
        sirec("compare", *runs, "--history", "mask", "--metric", "MRR@7", "--json").out
    )
    assert [table["title"] for table in found["tables"][1:]] == [
        "What else differs",
        "Results",
        "Overlap of hits",
    ]
    assert found["tables"][0]["title"].startswith("NOT LIKE WITH LIKE")
    assert [row["label"] for row in found["tables"][2]["rows"]] == ["MRR@7"]
    assert "masked out of" in found["tables"][2]["notes"][0]
    assert len(json.loads(sirec("compare", *runs, "--configuration", "--json").out)["tables"]) == 2


@pytest.mark.parametrize("command", ["compare", "evaluate"])
def test_a_metric_asked_for_twice_is_asked_for_once(
    sirec: Call, runs: list[str], command: str
) -> None:
    """Tables, corrections and sentences are those of the one metric; with another one (control)
    they are not.
    """
    once, twice, two = (
        sirec(command, *runs, "--json", *(part for name in names for part in ("--metric", name)))
        for names in (["Recall@20"], ["recall@20", "Recall@20"], ["Recall@20", "Recall@10"])
    )
    assert (twice.code, twice.out) == (0, once.out), twice.err
    assert two.out != once.out


def test_compare_refuses_other_data(sirec: Call, runs: list[str], prepared: Path) -> None:
    """Runs on different data are not paired; their configurations can be."""
    storage.write(prepared / "data", prepare(DemoSource(users=200, items=100).read(), "corner"))
    other = json.loads(sirec("train", "transitions", "--data", "corner", "--json").out)["run"]
    shutil.rmtree(prepared / "data" / "corner")
    said = refused(sirec("compare", runs[1], other))
    assert "made on different data" in said
    assert "--configuration" in said
    assert "differ in data" in sirec("compare", runs[1], other, "--configuration").out
    shutil.rmtree(prepared / "results" / "runs" / "corner")


def test_lists_stand_beside_runs(sirec: Call, runs: list[str], theirs: Path) -> None:
    """Lists and scores of other tools are rows of the table; cutoffs that lists do not reach are
    not available, or refused.
    """
    both = ["--recommendations", "theirs.csv", "--data", "shop"]
    table = json.loads(sirec("evaluate", runs[1], *both, "--json").out)["tables"][0]
    assert [row["label"] for row in table["rows"]] == ["Item transitions", "theirs"]
    assert table["rows"][1]["cells"]["Recall@20"] == {"missing": "lists too short for the cutoff"}
    assert 0 < table["rows"][1]["cells"]["Recall@10"]["value"] < 1
    said = refused(sirec("evaluate", runs[1], *both, "--metric", "Recall@20"))
    assert "exact to cutoff 10" in said
    scores = sirec(
        "evaluate",
        "--recommendations",
        "theirs.npy",
        "--order",
        "codes",
        "--data",
        "shop",
        "--json",
    )
    assert "theirs (100 %)" in " ".join(
        json.loads(scores.out)["tables"][0]["notes"]
    )  # every score is 0: all targets tie


def test_two_lists_need_a_baseline(sirec: Call, theirs: Path) -> None:
    """Lists have no validation to choose by: without --against that is said; with it (control) they
    are compared.
    """
    shutil.copy(theirs, theirs.with_name("others.csv"))
    call = [
        "evaluate",
        "--recommendations",
        "theirs.csv",
        "--recommendations",
        "others.csv",
        "--data",
        "shop",
    ]
    assert "--against" in refused(sirec(*call))
    assert "others – theirs" in sirec(*call, "--against", "theirs", "--full").out


@pytest.mark.slow
def test_a_report_is_written(sirec: Call, runs: list[str], prepared: Path) -> None:
    """It holds the tables of the folder; without any it is refused and not begun."""
    place = prepared / "empty"
    assert "no tables" in refused(sirec("report", "--out", str(place)))
    assert not place.exists()
    assert sirec("evaluate", *runs, "--name", "pair").code == 0
    outcome = sirec("report", "--json")
    report = prepared / json.loads(outcome.out)["report"]
    assert '<a id="pair"></a>' in report.read_text()


def test_help_has_an_example(sirec: Call) -> None:
    """Each shows a call that works."""
    for command in ("compare", "evaluate", "report"):
        assert f"sirec {command}" in sirec(command, "--help").out
