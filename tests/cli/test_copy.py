"""`sirec copy`, as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import sirec as library
from cli.conftest import SMALL, Call
from sirec.errors import SirecError
from sirec.papers import record_data as record
from sirec.papers.record_data import RecordData

OWN = ("--out", "copied_from")
STUDY = """title: Small
set: {threads: 1}
against: popularity
rows: {Popularity: {model: popularity}, Item transitions: {model: transitions}}
"""


@pytest.fixture
def results(sirec: Call, prepared: Path) -> Path:
    """A results folder with a study of two rows, and a trained run."""
    (prepared / "copied.yaml").write_text(STUDY)
    assert sirec("study", "copied.yaml", "--data", "shop", *OWN).code == 0
    assert sirec("train", "sasrec", "--data", "shop", *SMALL, *OWN).code == 0
    return prepared / "copied_from"


def _table(folder: Path) -> str:
    return (folder / "tables" / "copied_on_shop.md").read_text()


def _recalls(table: dict[str, Any]) -> list[float]:
    return [row["cells"]["Recall@20"]["value"] for row in table["rows"]]


def test_a_copied_study_is_drawn_alike(sirec: Call, results: Path, tmp_path: Path) -> None:
    """With ranks the table is the same to the byte; without them it has the values only."""
    whole, metrics = tmp_path / "whole", tmp_path / "metrics"
    study = ("copy", "--study", "copied_on_shop")
    call = sirec(*study, "--to", str(whole), *OWN)
    assert call.code == 0, call.err
    assert f"next: sirec runs --study copied_on_shop --out {whole}" in call.err
    call = sirec(*study, "--to", str(metrics), "--without-ranks", *OWN)
    assert call.code == 0, call.err
    assert call.out.count("without ranks of single users") == 2
    for folder in (whole, metrics):
        again = ("study", "copied.yaml", "--render-only", "--data", "shop")
        drawn = sirec(*again, "--out", str(folder))
        assert drawn.code == 0, drawn.err
        assert sirec("verify", str(folder)).code == 0
        assert ("single users were withheld" in drawn.out) == (folder == metrics)
    assert _table(whole) == _table(results)
    assert "Ranks of single users were withheld from runs on shop" in _table(metrics)
    assert "paired" in _table(whole).lower()
    assert "paired" not in _table(metrics).lower()


def test_runs_without_ranks_are_shown_and_not_compared(
    sirec: Call, results: Path, tmp_path: Path
) -> None:
    """Values are the same; what needs ranks ends with one line that says why, and exit code 2."""
    call = sirec("copy", "sasrec", "popularity", "--to", str(tmp_path), "--without-ranks", *OWN)
    assert call.code == 0, call.err
    out = ("--out", str(tmp_path))
    shown = sirec("evaluate", "sasrec", "popularity", "--json", *out)
    expected = sirec("evaluate", "sasrec", "popularity", "--json", *OWN)
    [values], [own] = (json.loads(each.out)["tables"][:1] for each in (shown, expected))
    assert _recalls(values) == _recalls(own)
    for words in (("compare", "sasrec", "popularity"), ("coldstart", "sasrec", "popularity")):
        refused = sirec(*words, *out)
        assert refused.code == 2
        assert "withheld when this run was copied" in refused.err
    assert sirec("runs", *out).code == 0
    assert "0 damaged" in sirec("runs", "--sort", "Recall@3", *out).out


def test_terms_of_data_withhold_ranks_unasked(
    sirec: Call, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data whose terms forbid it lose their ranks without an option; others keep them."""
    terms = RecordData(
        name="shop", fingerprint="", command="", source="", differs="", terms="",
        withholds_ranks=True,
    )  # fmt: skip
    assert "without ranks" not in sirec("copy", "sasrec", "--to", str(tmp_path / "a"), *OWN).out
    monkeypatch.setattr("sirec.api_copy.record_data", lambda: {"shop": terms})
    call = sirec("copy", "sasrec", "--to", str(tmp_path / "b"), *OWN)
    assert call.code == 0
    assert "without ranks of single users" in call.out
    assert not list(tmp_path.glob("b/runs/*/covariates-*"))
    assert list(tmp_path.glob("a/runs/*/covariates-*"))
    assert record.record_data()["yelp"].withholds_ranks


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", "elsewhere"), "there is nothing to copy"),
        (("nothing", "--to", "elsewhere"), "'nothing'"),
        (("--study", "copied_", "--to", "elsewhere"), "'copied_'"),
        (("sasrec", "--to", "copied_from"), "the run itself"),
        (("sasrec", "--to", "copied.yaml"), "could not be written"),
    ],
)
def test_wrong_calls_get_one_line(
    sirec: Call, results: Path, words: tuple[str, ...], said: str
) -> None:
    """What is wrong, and exit code 2."""
    call = sirec("copy", *words, *OWN)
    assert call.code == 2
    assert said in call.err
    assert len(call.err.strip().splitlines()) <= 3


def test_the_library_copies_as_the_command(results: Path, tmp_path: Path) -> None:
    """`sirec.copy_runs` gives the copies; a second call says that they were there."""
    [made] = library.copy_runs("sasrec", to=tmp_path, results=results)
    [again] = library.copy_runs(made.run, to=tmp_path / "further", results=results)
    assert made.has_ranks
    assert again.run.ranks().equals(made.run.ranks())
    with pytest.raises(SirecError, match="nothing to copy"):
        library.copy_runs(to=tmp_path, results=results)
