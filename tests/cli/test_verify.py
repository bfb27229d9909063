"""`sirec verify`, as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from unsealed import unseal_run

import sirec as library
from cli.conftest import SMALL, Call


@pytest.fixture(scope="module")
def results(prepared: Path) -> Path:
    """A results folder of this file's own."""
    return prepared / "verified"


def _trained(sirec: Call, results: Path) -> Path:
    """The folder of a small finished run."""
    call = sirec("train", "sasrec", "--data", "shop", *SMALL, "--out", str(results))
    assert call.code == 0, call.err
    [config] = results.glob("runs/shop/sasrec/*/config.yaml")
    return config.parent


def test_identical_is_said_and_what_differs_ends_with_2(sirec: Call, results: Path) -> None:
    """One screen; a changed file is named on stdout, and the error says how many there are."""
    run = _trained(sirec, results)
    call = sirec("verify", str(results))
    assert call.code == 0, call.err
    assert call.out.splitlines()[-1] == "identical"
    assert len(call.out.splitlines()) < 12
    path = run / "timings.json"
    original = path.read_text()
    path.write_text(original.replace("epochs", "epoch"))
    call = sirec("verify", str(results))
    assert call.code == 2
    assert f"{path}: not what the run wrote" in call.out
    assert "1 difference" in call.err
    assert "identical" not in call.out
    call = sirec("verify", str(results), "--json")
    assert call.code == 2
    assert json.loads(call.out)["is_identical"] is False
    path.write_text(original)
    assert json.loads(sirec("verify", str(results), "--json").out)["is_identical"] is True


@pytest.mark.filterwarnings("default::sirec.errors.Remark")
def test_old_runs_are_remarked_on_once_and_sealed(sirec: Call, results: Path) -> None:
    """The remark is one line a command, and gone once digests are there."""
    run = _trained(sirec, results)
    unseal_run(run)
    call = sirec("evaluate", str(run))
    assert call.code == 0
    assert call.err.count("runs without digests") == 1
    assert "1 without digests" in sirec("verify", str(results)).err
    assert sirec("verify", str(results), "--seal").code == 0
    assert "without digests" not in sirec("evaluate", str(run)).err


def test_a_changed_weight_is_refused_by_recompute(sirec: Call, results: Path) -> None:
    """Exit code 2, and the ranks are those that were there."""
    run = _trained(sirec, results)
    before = (run / "ranks.parquet").read_bytes()
    weights = run / "model.safetensors"
    original = weights.read_bytes()
    weights.write_bytes(original[:-3] + bytes([original[-3] ^ 1]) + original[-2:])
    call = sirec("evaluate", str(run), "--recompute")
    assert call.code == 2
    assert "model.safetensors: not what the run wrote" in call.err
    assert (run / "ranks.parquet").read_bytes() == before
    weights.write_bytes(original)
    assert sirec("evaluate", str(run), "--recompute").code == 0  # control


def test_the_library_verifies(sirec: Call, results: Path) -> None:
    """`sirec.verify` gives what the command prints."""
    _trained(sirec, results)
    found = library.verify(results, data_root="data")
    assert found.is_identical
    assert {kind.kind for kind in found.kinds} >= {"runs", "tables", "data sets"}


def test_no_such_folder_is_one_line(sirec: Call) -> None:
    """It is named."""
    call = sirec("verify", "nowhere")
    assert call.code == 2
    assert "nowhere: no such folder" in call.err
