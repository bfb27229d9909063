"""`sirec train --config`: a run's own configuration, or a file that a person wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from .conftest import SMALL, Call

MODEL = {"name": "sasrec", "width": 8, "heads": 2, "layers": 1, "inner": 8}


@pytest.fixture
def run(sirec: Call, tmp_path: Path) -> Path:
    """The folder of a finished run, in a results folder of its own."""
    results = ["--threads", "1", "--out", str(tmp_path / "first")]
    assert sirec("train", "popularity", "--data", "shop", *results).code == 0
    [folder] = runs_below(tmp_path / "first")
    return folder


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """A results folder of its own."""
    return tmp_path / "others"


def runs_below(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.rglob("DONE"))


def test_the_configuration_of_a_run_gives_the_same_run(
    sirec: Call, run: Path, others: Path
) -> None:
    """The id is the same, from the file and from the folder; nothing is said to be overridden."""
    outcome = sirec("train", "--config", str(run / "config.yaml"), "--out", str(others))
    assert outcome.code == 0, outcome.err
    assert "but" not in outcome.err
    assert [path.name for path in runs_below(others)] == [run.name]
    assert sirec("train", "--config", str(run), "--out", str(others)).code == 0
    assert len(runs_below(others)) == 1


def test_options_override_and_are_told(sirec: Call, run: Path, others: Path) -> None:
    """Seeds and threads of the call, each with what the file says."""
    config = str(run / "config.yaml")
    outcome = sirec(
        "train", "--config", config, "--seeds", "3,4", "--threads", "2", "--out", str(others)
    )
    assert outcome.code == 0, outcome.err
    told = " ".join(outcome.err.split())
    assert "seed 3, 4 (not 0)" in told
    assert "threads 2 (not 1)" in told
    found = [yaml.safe_load((path / "config.yaml").read_text()) for path in runs_below(others)]
    assert sorted(each["seed"] for each in found) == [3, 4]
    assert {each["threads"] for each in found} == {2}


def test_a_persons_file_is_laid_over_the_usual_settings(
    sirec: Call, others: Path, tmp_path: Path
) -> None:
    """What it leaves out is as `sirec train` has it: the two make the same run."""
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({"model": MODEL, "data": "shop", "threads": 1}))
    call = ["--config", str(file), "--set", "epochs=1", "--out", str(others)]
    outcome = sirec("train", *call)
    assert outcome.code == 0, outcome.err
    assert "epochs 1 (not" in outcome.err
    options = [*SMALL, "--set", "epochs=1", "--out", str(others)]
    assert sirec("train", "sasrec", "--data", "shop", *options).code == 0
    assert len(runs_below(others)) == 1


WRONG = {
    "model: sasrek": "'sasrek' is not a model",
    "model: {name: sasrec, widht: 8}": "'widht' is not a key",
    "model: {name: sasrec, width: eight}": "expected a whole number",
    "model: {width: 8}": "expected a name",
    "model: 3": "expected a name",
    "data: shop": "the key 'model' is missing",
    "model: popularity\nepoch: 3": "'epoch' is not a key",
    "model: popularity\nseed: -1": "seed",
    "model: popularity\ndata: {attributes: [colour]}": "colour",
    "model: popularity\nprotocol: comiff": "'comiff' is not a protocol",
    "model: popularity\nrefit: {of: 3f2a91b0c1d2}": "this is a refit",
    "model: popularity\nfingerprint: 7": "fingerprint",
    "- model": "mapping",
    "model: [": "mine.yaml",
    "": "mine.yaml",
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_files_are_one_line(sirec: Call, tmp_path: Path, text: str) -> None:
    """The file is named, with what is wrong; nothing is trained."""
    (tmp_path / "mine.yaml").write_text(text)
    where = ["--out", str(tmp_path / "out"), "--data", "shop"]
    outcome = sirec("train", "--config", str(tmp_path / "mine.yaml"), *where)
    assert outcome.code == 2, outcome.err
    assert WRONG[text] in outcome.err
    assert "Traceback" not in outcome.err
    assert not runs_below(tmp_path)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("comif", "'comif' is given too"),
        ("--protocol difsr", "--protocol is given too"),
        ("--profile published", "--profile is given too"),
        ("--seed 1 --seeds 2", "--seed and --seeds are both given"),
        ("--set seed=1 --seed 2", "seed is set, and seeds are given"),
        ("--set heads=x", "'heads' is not a key"),
        ("--set model.name=comif", "model.name cannot be set"),
        ("--fields colour", "'colour' is not a field"),
        ("--seeds 1,1", "expected different ones"),
        ("--threads 0", "threads"),
        ("--refit popularity", "--config is given too"),
    ],
)
def test_what_does_not_go_with_a_file_is_one_line(
    sirec: Call, run: Path, others: Path, more: str, said: str
) -> None:
    """Options that the file decides, or that do not fit it."""
    call = ["train", "--config", str(run), *more.split(), "--out", str(others)]
    outcome = sirec(*call)
    assert outcome.code == 2, outcome.err
    assert said in outcome.err
    assert not runs_below(others)


def test_a_missing_file_is_one_line(sirec: Call, tmp_path: Path) -> None:
    """A file, and a folder that is no run."""
    for path in (tmp_path / "nowhere.yaml", tmp_path):
        outcome = sirec("train", "--config", str(path))
        assert outcome.code == 2
        assert str(path) in outcome.err.replace("\n", "")
