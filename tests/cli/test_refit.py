"""`sirec train --refit`: the same settings on all interactions, and nothing to evaluate."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

import sirec as library
from sirec.config import read_yaml
from sirec.data.store import storage
from sirec.data.tasks.rows import training_items
from sirec.run.build import set_up
from sirec.run.snapshot import Snapshot
from sirec.run.store import RunFolder

from .conftest import SMALL, Call

OUT = ("--out", "refits")
DEVICE = ("--device", "cpu")


def train(sirec: Call, *call: str) -> RunFolder:
    """Train in a results folder of these tests, and open the run."""
    outcome = sirec("train", *call, *DEVICE, *OUT, "--json")
    assert outcome.code == 0, outcome.err
    return RunFolder(Path(json.loads(outcome.out)["run"]))


@pytest.fixture
def run(sirec: Call) -> RunFolder:
    """A run of three epochs, of which the second may be the best."""
    return train(sirec, "sasrec", "--data", "shop", *SMALL)


@pytest.fixture
def refit(sirec: Call, run: RunFolder) -> RunFolder:
    """Its refit."""
    return train(sirec, "--refit", "shop/sasrec")


def test_it_has_the_epochs_of_the_best_and_reads_all_interactions(
    run: RunFolder, refit: RunFolder, prepared: Path
) -> None:
    """The settings are those of the run. Control: the run itself reads less."""
    reports = [json.loads(line) for line in (run.path / "epochs.jsonl").read_text().splitlines()]
    best = max(report["epoch"] for report in reports if report["is_best"])
    mine, theirs = read_yaml(refit.path / "config.yaml"), read_yaml(run.path / "config.yaml")
    [stage], [stage_of_run] = mine.pop("stages"), theirs.pop("stages")
    assert stage == stage_of_run | {"epochs": best, "keeps": "last"}
    assert mine.pop("refit") == {"of": run.id, "hidden_items": 0.0, "hiding_seed": 0}
    assert theirs.pop("refit") is None
    assert mine == theirs
    assert len((refit.path / "epochs.jsonl").read_text().splitlines()) == best
    data = storage.load(prepared / "data/shop")

    def count(folder: RunFolder) -> int:
        with library.api.torch_state_restored():
            built = set_up(folder.config(), data, torch.device("cpu"))
        return len(training_items(built.data)[1])

    assert count(refit) == len(data.items)
    assert count(run) == len(data.items) - 2 * data.user_count


def test_it_repeats_to_the_bit_and_is_not_trained_twice(
    sirec: Call, run: RunFolder, refit: RunFolder
) -> None:
    """Trained again it has the same weights; a second call takes it as it is. Control: the run has
    other weights.
    """
    before = (refit.path / "model.safetensors").read_bytes()
    written = (refit.path / "DONE").stat().st_mtime_ns
    assert train(sirec, "--refit", run.id) == refit
    assert (refit.path / "DONE").stat().st_mtime_ns == written
    assert train(sirec, "--refit", str(run.path), "--again") == refit
    assert (refit.path / "model.safetensors").read_bytes() == before
    assert (run.path / "model.safetensors").read_bytes() != before
    assert not (refit.path / "ranks.parquet").exists()
    assert library.refit("shop/sasrec", results="refits", device="cpu") == refit


def test_one_that_was_stopped_goes_on_to_the_same_bits(
    sirec: Call, run: RunFolder, refit: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after its first epoch. Control: it had not finished."""
    before = (refit.path / "model.safetensors").read_bytes()
    shutil.rmtree(refit.path)

    def save_and_stop(snapshot: Snapshot, path: Path) -> None:
        save(snapshot, path)
        raise KeyboardInterrupt

    save = Snapshot.save
    with monkeypatch.context() as patched:
        patched.setattr(Snapshot, "save", save_and_stop)
        assert sirec("train", "--refit", run.id, *DEVICE, *OUT).code == 130
    assert not refit.is_done
    assert train(sirec, "--refit", run.id) == refit
    assert (refit.path / "model.safetensors").read_bytes() == before


def test_names_mean_the_run_and_with_refit_its_refit(
    sirec: Call, run: RunFolder, refit: RunFolder
) -> None:
    """So `shop/sasrec` stays unambiguous; whoever recommends with the run hears of its refit."""
    user = ("--user", "user 00001", "-k", "2", "--json", *OUT)
    outcome = sirec("recommend", "shop/sasrec", *user)
    assert f"shop/sasrec: {run.path}, the only one" in outcome.err
    assert f"its refit has them: {run.id}/refit" in outcome.err
    of_refit = sirec("recommend", "shop/sasrec/refit", *user)
    assert "its refit" not in of_refit.err.replace("its refit:", "")
    assert of_refit.out == sirec("recommend", refit.id, *user).out != outcome.out
    assert sirec("verify", "refits").code == 0
    listed = json.loads(sirec("runs", *OUT, "--json").out)
    assert {each["id"]: each["refit_of"] for each in listed} == {run.id: None, refit.id: run.id}
    assert "refit" in sirec("runs", *OUT, "--sort", "NDCG@10").out
    assert (
        sirec("coldstart", "--models", "sasrec", "--data", "shop", "--minimum", "20", *OUT).code
        == 0
    )


def test_without_a_refit_the_command_that_makes_one_is_told(
    sirec: Call, run: RunFolder, prepared: Path
) -> None:
    shutil.copytree(run.path, prepared / "alone/runs/shop/sasrec" / run.id)
    outcome = sirec("recommend", "sasrec", "--user", "user 00001", "--out", "alone")
    assert f"sirec train --refit {run.id} --out alone" in outcome.err
    assert sirec("recommend", "sasrec/refit", "--user", "x", "--out", "alone").code == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (("evaluate", "{refit}"), "nothing left to evaluate it on"),
        (("evaluate", "{refit}", "--recompute"), "nothing left to evaluate it on"),
        (("evaluate", "shop/sasrec/refit"), "evaluate the run that it repeats, {run}"),
        (("compare", "{run}", "{refit}"), "nothing left to evaluate it on"),
        (("coldstart", "{refit}"), "nothing left to evaluate it on"),
        (("train", "--refit", "{refit}"), "a refit itself"),
        (("train", "--refit", "shop/sasrec/refit"), "a refit itself"),
        (("train", "--refit", "popularity"), "baseline without training"),
        (("train", "--refit", "shop/nothing"), "'shop/nothing' is not a run"),
        (("train", "--refit", "shop/sasrec", "--seed", "1"), "--seed is given too"),
        (("train", "--refit", "shop/sasrec", "--set", "width=4"), "--set is given too"),
        (("train", "--refit", "shop/sasrec", "--threads", "2"), "--threads is given too"),
        (("train", "comif", "--refit", "shop/sasrec"), "a model is given too"),
        (("train",), "which model?"),
        (("train", "sasrec", "--set", "refit.of=x", "--data", "shop"), "use --refit RUN"),
    ],
)
def test_what_has_no_meaning_is_refused(
    sirec: Call, run: RunFolder, refit: RunFolder, call: tuple[str, ...], message: str
) -> None:
    """One line each, and the refit is as it was."""
    train(sirec, "popularity", "--data", "shop")
    before = (refit.path / "DONE").read_bytes()
    named = {"run": run.id, "refit": refit.id}
    outcome = sirec(*(each.format(**named) for each in call), *OUT)
    assert outcome.code == 2, outcome.out
    assert message.format(**named) in outcome.err
    assert "Traceback" not in outcome.err
    assert (refit.path / "DONE").read_bytes() == before


def test_other_data_are_refused(
    sirec: Call, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunFolder, "fingerprint", lambda run: "0" * 16)
    outcome = sirec("train", "--refit", run.id, "--again", *OUT)
    assert outcome.code == 2
    assert "trained on data" in outcome.err
