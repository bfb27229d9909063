"""Each command, called as the README shows it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sirec.data.audit import NEED_TIMES
from sirec.data.prepare.pipeline import PrepareOptions, prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.split import Temporal
from sirec.data.store import storage
from sirec.models import MODELS

from .conftest import SMALL, Call

TINY = [part for part in SMALL if part not in ("--threads", "1")] + ["--set", "threads=1"]


def test_several_runs_make_one_table_with_paired_differences(sirec: Call, prepared: Path) -> None:
    """`evaluate` of a model and a floor: both rows, their difference, and a sentence about it."""
    runs = []
    for model in ("sasrec", "transitions"):
        outcome = sirec(
            "train", model, "--data", "shop", "--json", *(SMALL if model == "sasrec" else [])
        )
        runs.append(json.loads(outcome.out)["run"])
    outcome = sirec("evaluate", *runs, "--history", "mask", "--json", "--name", "two")
    result = json.loads(outcome.out)
    assert [row["label"] for row in result["tables"][0]["rows"]] == ["SASRec", "Item transitions"]
    assert "history masked" in result["tables"][0]["title"]
    assert "SASRec" in result["sentences"][0]
    assert {path.suffix for path in (prepared / "results" / "tables").glob("two.*")} == {
        ".md",
        ".csv",
        ".json",
    }


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
    outcome = sirec("ablate", "--no-upa", "--no-iaa", "--data", "shop", "--json", *TINY)
    rows = [row["label"] for row in json.loads(outcome.out)["tables"][0]["rows"]]
    assert rows == ["COMIF", "COMIF without UPA", "COMIF without IAA", "COMIF without all of these"]


def test_a_papers_table_is_the_default_and_draws_again_without_training(sirec: Call) -> None:
    """`ablate` alone is COMIF's Table 6; a second call trains nothing, `--render-only` says the
    same; `dif` has two tables.
    """
    first = sirec("ablate", "--data", "shop", "--json", *TINY)
    rows = [row["label"] for row in json.loads(first.out)["tables"][0]["rows"]]
    assert rows == ["All sources at the attention", "+ embedding fusion", "+ IAA", "+ UPA (COMIF)"]
    again = sirec("ablate", "modules", "--data", "shop", "--json", *TINY)
    assert again.err.count("already trained") == 4
    assert (
        sirec("ablate", "modules", "--data", "shop", "--json", "--render-only", *TINY).out
        == first.out
        == again.out
    )
    titles = [
        value["title"]
        for value in json.loads(sirec("ablate", "dif", "--data", "shop", "--json", *TINY).out)
    ]
    assert titles == ["DIF and AAP, on and off", "Side information of DIF-SR, one by one"]


def test_jobs_change_nothing_but_the_time(sirec: Call, prepared: Path) -> None:
    """Two seeds, one run at a time and two: record and tables agree byte for byte; other seeds
    (control) have others.
    """
    files: dict[str, dict[str, bytes]] = {}
    (prepared / "two.yaml").write_text(
        "title: Two\nrows: "
        "{A: {model: sasrec}, B: {model: popularity}, C: {model: sasrec, set: {heads: 1}}}"
    )
    for jobs, seeds in (("1", "0,1"), ("2", "0,1"), ("1", "2,3")):
        out = prepared / f"jobs{jobs}-{seeds}" / "results"
        shown = sirec(
            "study",
            "two.yaml",
            "--data",
            "shop",
            "--seeds",
            seeds,
            "--jobs",
            jobs,
            "--out",
            str(out),
            "--full",
            *TINY,
        )
        assert shown.code == 0, shown.err
        assert f"Seeds per row: 2 (seeds {seeds.replace(',', ', ')});" in " ".join(
            shown.out.split()
        )
        files[jobs + seeds] = {}
        for folder in ("studies", "tables"):
            for path in (out / folder).glob("*.*"):
                name = f"{folder}/{path.name.split('_seeds')[0]}{path.suffix}"
                files[jobs + seeds][name] = path.read_bytes()
    assert len(files["10,1"]) == 4
    assert files["10,1"] == files["20,1"]
    assert files["10,1"] != files["12,3"]


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_a_page(sirec: Call, name: str) -> None:
    """`models NAME` shows what the model is and how it compared with the original; as JSON it
    carries its defaults.
    """
    page = " ".join(sirec("models", name).out.split())
    assert MODELS[name].title in page
    assert (f"Beside the original: {MODELS[name].checked}." in page) != MODELS[
        name
    ].is_training_free
    assert json.loads(sirec("models", name, "--json").out)["name"] == name


def test_models_and_datasets_list_what_there_is(sirec: Call) -> None:
    """The lists hold every model and every prepared set."""
    assert {row["name"] for row in json.loads(sirec("models", "--json").out)} == set(MODELS)
    assert "shop" in [row["name"] for row in json.loads(sirec("datasets", "--json").out)]


def test_an_audit_is_a_screen(sirec: Call) -> None:
    """`audit` says everything on one screen; as JSON it has the same figures as plain values."""
    screen = sirec("audit", "shop")
    values = json.loads(sirec("audit", "shop", "--json").out)
    lines = screen.out.splitlines()
    assert screen.code == 0
    assert len(lines) <= 45
    assert max(map(len, lines)) <= 100
    assert lines[0].startswith(f"shop: {values['statistics']['users']} users")
    said = " ".join(screen.out.split())
    assert (
        f"{100 * values['leakage']['training']:.1f} % of training is later than a test target"
        in said
    )
    assert f"{100 * values['repeats']['users']:.1f} % of users come back to an item" in said
    assert f"rating: {values['behaviours']['rating']} values" in said
    for signal in values["order"]:
        assert (
            f"{signal['metric']} {signal['ordered']:.4f}, shuffled {signal['shuffled']:.4f}" in said
        )
    assert "unknown" not in said


def test_an_audit_without_times_says_what_is_unknown(sirec: Call, prepared: Path) -> None:
    """Ties and leakage need times: without them the screen and the JSON say so."""
    raw = DemoSource(users=300, items=100).read()
    untimed = replace(raw, interactions=raw.interactions.drop(columns="timestamp"))
    folder = storage.write(prepared / "untimed", prepare(untimed, "shop"))
    arguments = ("audit", "shop", "--data-root", str(folder.parent))
    said = " ".join(sirec(*arguments).out.split())
    assert said.count("unknown: the data were prepared without times") == 3
    assert "ordered by file (no times)" in said
    values = json.loads(sirec(*arguments, "--json").out)
    assert (values["leakage"], values["statistics"]["tied_last_pairs"]) == (None, None)
    assert set(values["unknown"]) == set(NEED_TIMES)


def test_a_temporal_split_is_seen_wherever_it_matters(sirec: Call, prepared: Path) -> None:
    """The list of data sets, the audit and a run's table name the split and count its targets."""
    options = PrepareOptions(split=Temporal(target="first"))
    made = prepare(DemoSource(users=300, items=100).read(), "shop", options)
    place = ("--data-root", str(storage.write(prepared / "temporal", made).parent))
    few = made.statistics.test_targets
    assert few is not None
    assert 0 < few < 300
    listed = " ".join(sirec("datasets", *place).out.split())
    assert options.split.text in listed
    assert f"{few} a test target" in listed
    audited = " ".join(sirec("audit", "shop", *place).out.split())
    assert options.split.text in audited
    assert f"{few} targets, of which" in audited
    assert "0.0 % of training is later than a test target" in audited
    call = (
        "train",
        "transitions",
        "--data",
        "shop",
        "--test",
        *place,
        "--out",
        str(prepared / "temporal" / "results"),
    )
    trained = " ".join(sirec(*call).out.split())
    assert (
        f"Split of shop: {options.split.text}; {few} of {made.statistics.users} users have a "
        "target." in trained
    )


def test_proposals_on_another_split_are_said_to_be_without_a_table(
    sirec: Call, prepared: Path
) -> None:
    """A study that names proposals is drawn on data split by time, too; on the papers' split
    (control) it has that table.
    """
    rows = "rows: {A: {model: popularity}, T: {model: transitions}}"
    (prepared / "proposing.yaml").write_text(f"title: x\nproposals: [transitions]\n{rows}\n")
    made = prepare(
        DemoSource(users=300, items=100).read(),
        "later",
        PrepareOptions(split=Temporal(target="first")),
    )
    place = str(
        storage.write(prepared / "by_time", made).parent
    )  # beside the others it would be the last one prepared
    titles, said = {}, {}
    for data, root in (("later", place), ("shop", "data")):
        call = (
            "study",
            "proposing.yaml",
            "--data",
            data,
            "--data-root",
            root,
            "--out",
            "proposing",
            "--json",
        )
        tables = json.loads(sirec(*call).out)["tables"]
        titles[data] = [table["title"] for table in tables]
        said[data] = any(
            "No gains over baselines: later not split" in note
            for table in tables
            for note in table["notes"]
        )
    assert said == {"later": True, "shop": False}
    assert len(titles["shop"]) == len(titles["later"]) + 1


def test_doctor_trains_something(sirec: Call) -> None:
    """The check-up trains a tiny model twice and finds the repeats equal."""
    findings = {finding["what"]: finding for finding in json.loads(sirec("doctor", "--json").out)}
    assert findings["a tiny training"]["is_good"]


def test_help_has_an_example(sirec: Call) -> None:
    """Every command's help shows a call that works."""
    for command in (
        "quickstart",
        "prepare",
        "datasets",
        "audit",
        "models",
        "train",
        "evaluate",
        "ablate",
        "study",
        "doctor",
    ):
        assert f"sirec {command}" in sirec(command, "--help").out
