"""`sirec coldstart` from finished runs to tables and figures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sirec.evaluation.metrics import parse_metric
from sirec.run.store import RunFolder

from .conftest import SMALL, Call

ASKED = ["coldstart", "--out", "cold", "--minimum", "30"]


@pytest.fixture
def trained(sirec: Call, prepared: Path) -> Path:
    """A results folder of its own with one run each of SASRec and the transitions."""
    for model, settings in (("sasrec", SMALL), ("transitions", [])):
        assert sirec("train", model, "--data", "shop", "--out", "cold", *settings).code == 0
    return prepared / "cold"


def test_models_are_found_and_drawn(sirec: Call, trained: Path) -> None:
    """JSON holds the tables, the folders hold them and the figures; bins add up to the run's
    metric; joins are said.
    """
    outcome = sirec(
        *ASKED,
        "--data",
        "shop",
        "--models",
        "transitions,sasrec",
        "--bins",
        "popularity=5,10,20,1000",
        "--json",
    )
    assert outcome.code == 0, outcome.err
    table = json.loads(outcome.out)["tables"][0]
    assert table["title"] == "Cold start on shop: test, history kept, by popularity"
    sizes = [int(column["unit"].replace(",", "")) for column in table["columns"]]
    assert min(sizes) >= 30
    assert sum(sizes[:-1]) == sizes[-1] == 300
    row = next(
        row for row in table["rows"] if (row["label"], row["group"]) == ("SASRec", "Recall@20")
    )
    values = [cell["value"] for cell in row["cells"].values()]
    ranks = (
        RunFolder(next((trained / "runs" / "shop" / "sasrec").iterdir()))
        .ranks()
        .ranks["test"]["keep"]
    )
    assert values[-1] == parse_metric("Recall@20").mean(ranks)
    assert sum(
        size * value for size, value in zip(sizes[:-1], values[:-1], strict=True)
    ) / 300 == pytest.approx(values[-1])
    assert {path.suffix for path in (trained / "tables").glob("coldstart_shop.*")} == {
        ".md",
        ".csv",
        ".json",
    }
    assert {path.suffix for path in (trained / "figures").glob("coldstart_shop_popularity.*")} == {
        ".svg",
        ".pdf",
        ".csv",
    }
    assert any("are one bin" in note for note in table["notes"])


def test_runs_and_a_record_give_the_same_tables(sirec: Call, trained: Path) -> None:
    """Runs named one by one, the record, and a metric named twice make the same tables; masked ones
    differ (control).
    """
    asked = ["coldstart", "--out", "cold", "--minimum", "100", "--metric", "Recall@10"]
    by_model = [*asked, "--data", "shop", "--models", "transitions,sasrec"]
    runs = [
        str(next((trained / "runs" / "shop" / model).iterdir()))
        for model in ("transitions", "sasrec")
    ]
    calls = {
        "one": by_model,
        "two": [*asked, *runs, "--against", "sasrec"],
        "masked": [*by_model, "--history", "mask"],
        "twice": [*by_model, "--metric", "recall@10"],
    }
    for name, call in calls.items():
        outcome = sirec(*call, "--name", name)
        assert outcome.code == 0, outcome.err
    written = {name: (trained / "tables" / f"{name}.csv").read_bytes() for name in calls}
    assert written["one"] == written["two"] == written["twice"] != written["masked"]
    (trained / "tables" / "one.csv").unlink()
    assert sirec("coldstart", "--render-only", "--name", "one", "--out", "cold").code == 0
    assert (trained / "tables" / "one.csv").read_bytes() == written["one"]
    unknown = sirec("coldstart", "--render-only", "--name", "three", "--out", "cold")
    assert (unknown.code, "'three' is not a coldstart table" in unknown.err) == (2, True)


@pytest.mark.usefixtures("runs_of_any_name")
def test_runs_of_different_data_are_refused(sirec: Call, trained: Path) -> None:
    """Two data sets have no bins in common; other data under one name are named; missing covariates
    are, too.
    """
    run = next((trained / "runs" / "shop" / "sasrec").iterdir())
    floor = next((trained / "runs" / "shop" / "transitions").iterdir())
    other = trained / "runs" / "market" / "sasrec" / run.name
    shutil.copytree(run, other)
    config = (other / "config.yaml").read_text()
    (other / "config.yaml").write_text(config.replace("name: shop", "name: market"))
    RunFolder(other).finish()
    outcome = sirec(*ASKED, str(floor), str(other))
    assert (outcome.code, outcome.out) == (2, "")
    assert "runs of different data: shop, market" in " ".join(outcome.err.split())
    (other / "config.yaml").write_text(config.replace("fingerprint: ", "fingerprint: 0000"))
    RunFolder(other).finish()
    assert "made on other data than the rows before it" in " ".join(
        sirec(*ASKED, str(floor), str(other)).err.split()
    )
    assert "no such file" in sirec(*ASKED, str(other)).err
    shutil.rmtree(trained / "runs" / "market")
    assert (
        "two bins of 200" in sirec("coldstart", "--out", "cold", str(floor), str(run)).err
    )  # control: the runs are good


STUDY = """
title: Small
set: {threads: 1, width: 8, layers: 1, heads: 2, inner: 8, epochs: 2}
rows:
  Floor: {model: transitions}
  Items: {model: sasrec}
  Fused early: {model: sasrecf}
"""


def test_what_is_missing_is_trained_on_demand(sirec: Call, prepared: Path) -> None:
    """With --train the rows of the models asked for are trained and no others; again, nothing is;
    runs give the same tables.
    """
    (prepared / "small.yaml").write_text(STUDY)
    asked = [
        "coldstart",
        "--out",
        "fresh",
        "--minimum",
        "100",
        "--study",
        "small.yaml",
        "--data",
        "shop",
    ]
    asked += ["--models", "transitions,sasrec", "--train", "--json"]
    refused = sirec(*(word for word in asked if word != "--train"))
    assert (refused.code, "is not a study" in refused.err) == (
        2,
        True,
    )  # control: there was nothing to read
    first = sirec(*asked, "--jobs", "2")
    assert first.code == 0, first.err
    rows = {row["label"] for row in json.loads(first.out)["tables"][0]["rows"]}
    assert rows == {"Floor", "Items"}
    done = {path: path.stat().st_mtime_ns for path in (prepared / "fresh").rglob("DONE")}
    assert {path.parts[-3] for path in done} == {"transitions", "sasrec"}
    again = sirec(*asked)
    assert again.out == first.out
    assert {path: path.stat().st_mtime_ns for path in (prepared / "fresh").rglob("DONE")} == done
    record = json.loads((prepared / "fresh" / "coldstart" / "coldstart_shop.json").read_text())
    assert [(line["label"], line["run"].split("/")[2]) for line in record["runs"]] == [
        ("Floor", "transitions"),
        ("Items", "sasrec"),
    ]
    drawn = sirec("coldstart", "--render-only", "--data", "shop", "--out", "fresh", "--json")
    assert drawn.out == first.out


def test_corrected_p_values_stand_beside_differences(sirec: Call, trained: Path) -> None:
    """Each grouping has a table of them, of the bins alone, with the mark where differences have
    it.
    """
    outcome = sirec(*ASKED, "--data", "shop", "--models", "transitions,sasrec", "--json")
    tables = {
        table["title"].partition("history kept, ")[2]: table
        for table in json.loads(outcome.out)["tables"]
    }
    assert [title for title in tables if title.endswith("corrected p")]
    for title in [title for title in tables if title.endswith(": differences")]:
        gained, p_values = tables[title], tables[f"{title}, corrected p"]
        assert [row["label"] for row in gained["rows"]] == [
            row["label"] for row in p_values["rows"]
        ]
        for difference, corrected in zip(gained["rows"], p_values["rows"], strict=True):
            assert list(corrected["cells"]) == list(difference["cells"])[:-1]
            for name, cell in corrected["cells"].items():
                assert 0 < cell["value"] <= 1
                assert ("mark" in cell) == ("mark" in difference["cells"][name])
