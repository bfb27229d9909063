"""Each command, called as the README shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sirec.models import MODELS

from .conftest import SMALL, Call


def test_several_runs_make_one_table_with_paired_differences(sirec: Call, prepared: Path) -> None:
    """`evaluate` of a model and a floor: both rows, their difference, and a sentence about it."""
    runs = []
    for model in ("sasrec", "transitions"):
        outcome = sirec("train", model, "--data", "shop", "--json", *(SMALL if model == "sasrec" else []))
        runs.append(json.loads(outcome.out)["run"])
    outcome = sirec("evaluate", *runs, "--history", "mask", "--json", "--name", "two")
    result = json.loads(outcome.out)
    assert [row["label"] for row in result["tables"][0]["rows"]] == ["SASRec", "Item transitions"]
    assert "history masked" in result["tables"][0]["title"]
    assert "SASRec" in result["sentences"][0]
    assert {path.suffix for path in (prepared / "results" / "tables").glob("two.*")} == {".md", ".csv", ".tex"}


def test_training_twice_trains_once(sirec: Call, prepared: Path) -> None:
    """A finished run is taken as it is; `--again` trains it anew to the same ranks."""
    call = ["train", "sasrecf", "--data", "shop", *SMALL]
    assert "done" in sirec(*call).err
    [run] = (prepared / "results" / "runs" / "shop" / "sasrecf").iterdir()
    first = (run / "ranks.parquet").stat().st_mtime_ns, (run / "ranks.parquet").read_bytes()
    assert "already trained" in sirec(*call).err
    assert (run / "ranks.parquet").stat().st_mtime_ns == first[0]
    assert "done" in sirec(*call, "--again").err
    assert (run / "ranks.parquet").stat().st_mtime_ns > first[0]
    assert (run / "ranks.parquet").read_bytes() == first[1]


def test_ablation_prints_full_against_switched_off(sirec: Call) -> None:
    """`ablate --no-upa --no-iaa`: the full model, each part off alone, and both off."""
    settings = [part for part in SMALL if part not in ("--threads", "1")]
    outcome = sirec("ablate", "--no-upa", "--no-iaa", "--data", "shop", "--json", *settings, "--set", "threads=1")
    rows = [row["label"] for row in json.loads(outcome.out)["tables"][0]["rows"]]
    assert rows == ["COMIF", "COMIF without UPA", "COMIF without IAA", "COMIF without all of these"]


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_a_page(sirec: Call, name: str) -> None:
    """`models NAME` shows what the model is; as JSON it carries its defaults."""
    assert MODELS[name].title in sirec("models", name).out
    assert json.loads(sirec("models", name, "--json").out)["name"] == name


def test_models_and_datasets_list_what_there_is(sirec: Call) -> None:
    """The lists hold every model and every prepared set."""
    assert {row["name"] for row in json.loads(sirec("models", "--json").out)} == set(MODELS)
    assert [row["name"] for row in json.loads(sirec("datasets", "--json").out)] == ["shop"]


def test_doctor_trains_something(sirec: Call) -> None:
    """The check-up trains a tiny model twice and finds the repeats equal."""
    findings = {finding["what"]: finding for finding in json.loads(sirec("doctor", "--json").out)}
    assert findings["a tiny training"]["is_good"]


def test_help_has_an_example(sirec: Call) -> None:
    """Every command's help shows a call that works."""
    for command in ("quickstart", "prepare", "datasets", "models", "train", "evaluate", "ablate", "study", "doctor"):
        assert f"sirec {command}" in sirec(command, "--help").out
