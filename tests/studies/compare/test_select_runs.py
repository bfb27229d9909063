"""Which finished runs are meant: by name, by study, by model; what is ambiguous is listed, not
guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from unsealed import reads_unsealed

from sirec.config import load
from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.run.config import resolve
from sirec.run.records import replace_record
from sirec.run.store import RunFolder, Store
from sirec.studies.compare.select_runs import (
    rows_of,
    select_by_id,
    select_by_model,
    select_by_study,
)
from sirec.studies.spec.experiment import Experiment

pytestmark = pytest.mark.usefixtures("runs_of_any_name")


@pytest.fixture
def results(tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """SASRec once, COMIF with two seeds and, of other settings, NOVA twice; one DIF-SR that has not
    finished.
    """
    monkeypatch.setattr(RunFolder, "ranks", lambda self: None)
    comif, nova = resolve("comif", tiny), resolve("nova", tiny)
    runs = {
        "sasrec/a1": resolve("sasrec", tiny),
        "comif/b1": comif,
        "comif/b2": replace(comif, seed=1),
        "nova/c1": nova,
        "nova/c2": resolve("nova", tiny, assignments={"heads": 2}),
        "dif-sr/d1": resolve("dif-sr", tiny),
    }
    for name, config in runs.items():
        folder = Store(tmp_path).folder("tiny", *name.split("/"))
        folder.path.mkdir(parents=True)
        folder.write_config(config, "0")
        if name != "dif-sr/d1":
            folder.finish()
    return tmp_path


def study(results: Path, name: str, rows: Mapping[str, Any], runs: Mapping[str, str]) -> None:
    """A study's record: the plan's rows, and label -> run."""
    (results / "studies").mkdir(exist_ok=True)
    lines = [
        {"label": label, "row": label, "run": f"runs/tiny/{run}"} for label, run in runs.items()
    ]
    stored = {"plan": {"rows": rows}, "runs": lines, "missing": []}
    replace_record(results / "studies" / f"{name}.json", stored)


def runs_of(found: list[RunFolder]) -> list[str]:
    """Model and id of each run."""
    return [f"{run.model}/{run.id}" for run in found]


def test_the_only_setting_of_a_model_is_meant(results: Path) -> None:
    """Seeds of one setting go together under one label; two settings are refused with their ids."""
    found = select_by_model(["sasrec", "comif"], "tiny", results)
    assert runs_of(found) == ["sasrec/a1", "comif/b1", "comif/b2"]
    assert [line.label for line in found] == ["SASRec", "COMIF", "COMIF"]
    with pytest.raises(
        SirecError, match="2 finished runs of nova on tiny have different settings"
    ) as refused:
        select_by_model(["sasrec", "nova"], "tiny", results)
    assert "nova/c1, nova/c2" in str(refused.value.hint)


def test_a_missing_run_is_answered_with_the_command_that_trains_it(results: Path) -> None:
    """An unfinished run is none, nor is one on other data; an unknown model is named as such."""
    with pytest.raises(SirecError, match="no finished run of dif-sr on tiny") as missing:
        select_by_model(["sasrec", "dif-sr"], "tiny", results)
    assert "sirec train dif-sr --data tiny" in str(missing.value.hint)
    with pytest.raises(SirecError, match="no finished run of sasrec on other"):
        select_by_model(["sasrec"], "other", results)
    with pytest.raises(SirecError, match="'sasrek' is not a model"):
        select_by_model(["sasrek"], "tiny", results)
    with pytest.raises(SirecError, match="has not finished"):
        select_by_id(["dif-sr/d1"], results)
    assert runs_of(select_by_id(["nova/c2", "sasrec/a1", "nova/c2"], results)) == [
        "nova/c2",
        "sasrec/a1",
    ]  # control


def test_a_study_says_which_of_several_settings(results: Path) -> None:
    """The one study that has all models as they are decides; a row with settings of its own is not
    the model as it is.
    """
    rows = {
        "S": {"model": "sasrec"},
        "N": {"model": "nova"},
        "N2": {"model": "nova", "set": {"heads": 2}},
    }
    study(results, "first", rows, {"S": "sasrec/a1", "N": "nova/c1", "N2": "nova/c2"})
    assert runs_of(select_by_model(["sasrec", "nova"], "tiny", results)) == ["sasrec/a1", "nova/c1"]
    study(results, "same", rows, {"S": "sasrec/a1", "N": "nova/c1"})
    assert runs_of(select_by_model(["sasrec", "nova"], "tiny", results)) == [
        "sasrec/a1",
        "nova/c1",
    ]  # no contradiction
    study(
        results,
        "variants",
        {"S": {"model": "sasrec"}, "N": rows["N2"]},
        {"S": "sasrec/a1", "N": "nova/c2"},
    )
    assert runs_of(select_by_model(["sasrec", "nova"], "tiny", results)) == ["sasrec/a1", "nova/c1"]
    study(results, "other", rows, {"S": "sasrec/a1", "N": "nova/c2"})
    with pytest.raises(SirecError, match="several studies have sasrec, nova on tiny") as refused:
        select_by_model(["sasrec", "nova"], "tiny", results)
    assert "first, other, same" in str(refused.value.hint)
    study(results, "overall_on_tiny", rows, {"S": "sasrec/a1", "N": "nova/c2"})
    assert runs_of(select_by_model(["sasrec", "nova"], "tiny", results)) == [
        "sasrec/a1",
        "nova/c2",
    ]  # the study of every model


def test_rows_to_train_are_those_that_a_record_of_them_would_give(results: Path) -> None:
    """Plain rows of a model, or its others where there is none, of a plan as of its record."""
    settings = {
        "S": {"model": "sasrec"},
        "N": {"model": "nova"},
        "N2": {"model": "nova", "set": {"heads": 2}},
        "C": {"model": "comif", "without": ["upa"]},
    }
    plan = load(Experiment, {"title": "t", "rows": settings}, "x")
    study(
        results, "x", settings, {"S": "sasrec/a1", "N": "nova/c1", "N2": "nova/c2", "C": "comif/b1"}
    )
    for models in ([], ["nova"], ["sasrec", "comif"]):
        assert rows_of(plan, models) == [
            line.label for line in select_by_study("x", results, models=models)
        ]
    assert rows_of(plan, ["nova"]) == ["N"]  # control: a choice is made
    with pytest.raises(SirecError, match="t: no row of dif-sr") as missing:
        rows_of(plan, ["dif-sr"])
    assert missing.value.hint == "models with one: sasrec, nova, comif"


def test_a_named_study_gives_its_rows(results: Path) -> None:
    """All of them, or those of the models named, variants only where nothing else is."""
    rows = {"S": {"model": "sasrec"}, "N2": {"model": "nova", "set": {"heads": 2}}}
    study(results, "x", rows, {"S": "sasrec/a1", "N2": "nova/c2"})
    assert [line.label for line in select_by_study("x", results)] == ["S", "N2"]
    assert [line.label for line in select_by_study("x", results, models=["nova"])] == ["N2"]
    with pytest.raises(SirecError, match="no finished run of dif-sr"):
        select_by_study("x", results, models=["dif-sr"])
    with pytest.raises(SirecError, match="no finished run on other"):
        select_by_study("x", results, data="other")
    with pytest.raises(SirecError, match="'y' is not a study"):
        select_by_study("y", results)


def test_a_listed_run_that_is_no_longer_finished_is_refused(results: Path) -> None:
    """No seed is dropped without a word, whether runs are found by study or by model; rows of
    others (control) are read.
    """
    rows = {"N": {"model": "nova"}, "C": {"model": "comif"}}
    study(results, "x", rows, {"N": "nova/c1", "C": "comif/b1"})
    stored = json.loads((results / "studies" / "x.json").read_text())
    stored["runs"].append({"label": "C", "row": "C", "run": "runs/tiny/comif/b2"})
    replace_record(results / "studies" / "x.json", stored)
    assert runs_of(select_by_model(["comif"], "tiny", results)) == ["comif/b1", "comif/b2"]
    (results / "runs" / "tiny" / "comif" / "b2" / "DONE").unlink()
    for models in ([], ["comif"]):
        with pytest.raises(SirecError, match="comif/b2: this run has not finished"):
            select_by_study("x", results, models=models)
    with pytest.raises(SirecError, match="comif/b2: this run has not finished"):
        select_by_model(["comif"], "tiny", results)
    assert runs_of(select_by_study("x", results, models=["nova"])) == ["nova/c1"]


def test_what_is_found_by_model_goes_by_its_model(results: Path) -> None:
    """A row is called after its part in a study, which means nothing elsewhere; found by study
    (control) it keeps that name.
    """
    rows = {"DIF-SR without all of these": {"model": "sasrec"}}
    study(results, "ablate_dif-sr", rows, {"DIF-SR without all of these": "sasrec/a1"})
    assert [line.label for line in select_by_model(["sasrec"], "tiny", results)] == ["SASRec"]
    assert [line.label for line in select_by_study("ablate_dif-sr", results)] == [
        "DIF-SR without all of these"
    ]


@reads_unsealed
@pytest.mark.parametrize(
    "text",
    ["{", "{}", "[]", '{"plan": {"rows": {}}, "runs": [{"label": "A", "row": "A", "run": "x"}]}'],
)
def test_a_damaged_record_is_named_with_what_to_do(results: Path, text: str) -> None:
    """It may hold the very runs that are asked for, so it is not passed over; without it (control)
    they are found.
    """
    path = results / "studies" / "theirs.json"
    assert select_by_model(["sasrec"], "tiny", results)
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(SirecError, match=r"theirs\.json") as refused:
        select_by_model(["sasrec"], "tiny", results)
    assert refused.value.hint == "make it anew: sirec study theirs, or delete it"
