"""Damaged files of a run are refused by one line each, and never reach a library's arithmetic."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from unsealed import reads_unsealed

import sirec
from sirec.data.artefacts import read_array
from sirec.data.dataset import Dataset
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.tensors import load_tensors
from sirec.errors import SirecError
from sirec.evaluation.covariates import read_covariates, write_covariates
from sirec.evaluation.ranks import RankTable
from sirec.run.build import load_model
from sirec.run.config import resolve
from sirec.run.execute import execute, folder_of
from sirec.run.snapshot import Snapshot
from sirec.run.store import RunFolder, Store
from sirec.run.watcher import Silent
from sirec.training.progress import EpochReport

SMALL = {"width": 8, "heads": 2, "layers": 1, "inner": 8, "epochs": 3, "threads": 1}


class Stop(Silent):
    """Ends a training after its first epoch, as a person would."""

    def epoch(self, report: EpochReport) -> None:
        """Stop."""
        raise KeyboardInterrupt


@pytest.fixture(scope="module")
def data() -> Dataset:
    """A small data set."""
    return prepare(DemoSource(users=120, items=60).read(), "shop").dataset


@pytest.fixture(scope="module")
def begun(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that was stopped after its first epoch."""
    store = Store(tmp_path_factory.mktemp("begun"))
    config = resolve("sasrec", data, assignments=SMALL)
    with pytest.raises(KeyboardInterrupt):
        execute(config, data, store, watcher=Stop())
    return folder_of(config, data, store)


Tensors = dict[str, Tensor]
State = dict[str, Any]
Damage = Callable[[Tensors, State], None]


def first(tensors: Tensors, beginning: str) -> str:
    """The first tensor whose name begins so."""
    return min(name for name in tensors if name.startswith(beginning))


def set_tensor(beginning: str, change: Callable[[Tensor], Tensor]) -> Damage:
    """A damage of one tensor."""

    def damage(tensors: Tensors, state: State) -> None:
        name = first(tensors, beginning)
        tensors[name] = change(tensors[name]).contiguous()

    return damage


def without(beginning: str) -> Damage:
    """A damage: one tensor less."""

    def damage(tensors: Tensors, state: State) -> None:
        del tensors[first(tensors, beginning)]

    return damage


def set_state(key: str, value: object) -> Damage:
    """A damage of the state in the header."""
    return lambda tensors, state: state.update({key: value})


DAMAGE: dict[str, tuple[Damage, str]] = {
    "a moment of another shape": (
        set_tensor("adam/", lambda value: value.flatten()[:1]),
        "expected",
    ),
    "a moment of another type": (set_tensor("adam/", lambda value: value.double()), "float64"),
    "weights of another shape": (set_tensor("model/", lambda value: value[:1]), "expected"),
    "best weights of another shape": (
        set_tensor("best/", lambda value: value[..., :1]),
        "expected",
    ),
    "a weight less": (without("model/"), "is missing"),
    "a best weight less": (without("best/"), "is missing"),
    "a moment less": (without("adam/"), "is missing"),
    "one of another model": (
        lambda tensors, state: tensors.update({"model/other": torch.zeros(2)}),
        "is not expected",
    ),
    "a stage that is not there": (set_state("stage", 7), "stage 7, but this run has 1 stages"),
    "a negative stage": (set_state("stage", -1), "stage -1"),
    "a stage in words": (set_state("stage", "one"), "stage: expected a whole number"),
    "no counters": (set_state("counters", {}), "the key 'epoch' is missing"),
    "counters of another kind": (set_state("counters", [1]), "counters"),
    "more epochs than there are": (
        lambda tensors, state: state["counters"].update(epoch=99),
        "epoch 99 of 3",
    ),
    "patience in words": (
        lambda tensors, state: state["counters"]["stopping"].update(patience="long"),
        "patience: expected a whole number",
    ),
    "an unknown counter": (
        lambda tensors, state: state["counters"]["stopping"].update(mood=1),
        "'mood' is not a key",
    ),
    "reports without losses": (set_state("reports", [{"epoch": 1}]), "is missing"),
    "reports of another kind": (set_state("reports", 5), "reports"),
}


@reads_unsealed
@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_snapshot_is_one_line(
    begun: RunFolder, data: Dataset, tmp_path: Path, case: str
) -> None:
    """Training does not go on from what is not the state of this run, though it has no digest that
    would tell.
    """
    damage, message = DAMAGE[case]
    results = begun.path.parents[3]
    shutil.copytree(results, tmp_path / "results")
    path = tmp_path / "results" / begun.snapshot_path.relative_to(results)
    tensors, header = load_tensors(path, "")
    state = json.loads(header["state"])
    damage(tensors, state)
    save_file(tensors, path, metadata={"version": "1", "state": json.dumps(state)})
    with pytest.raises(SirecError) as caught:
        execute(begun.config(), data, Store(tmp_path / "results"))
    assert message in caught.value.message
    assert str(path) in caught.value.message
    assert "delete it" in (caught.value.hint or "")


def test_an_undamaged_snapshot_goes_on(begun: RunFolder, data: Dataset, tmp_path: Path) -> None:
    """The control: read and written again without a damage, training ends."""
    results = begun.path.parents[3]
    shutil.copytree(results, tmp_path / "results")
    path = tmp_path / "results" / begun.snapshot_path.relative_to(results)
    tensors, header = load_tensors(path, "")
    save_file(tensors, path, metadata=header)
    assert execute(begun.config(), data, Store(tmp_path / "results")).is_done


@pytest.mark.parametrize("content", [b"", b"\x00" * 64, b"\xff" * 64, b"9" * 4096])
def test_a_snapshot_that_is_none(tmp_path: Path, content: bytes) -> None:
    """Whatever bytes are there."""
    (tmp_path / "snapshot.safetensors").write_bytes(content)
    with pytest.raises(SirecError, match="not a readable file of tensors"):
        Snapshot.load(tmp_path / "snapshot.safetensors")


def test_weights_of_another_model(data: Dataset, tmp_path: Path) -> None:
    """Another width, another model, a weight less: told before the model is filled."""
    store = Store(tmp_path)
    config = resolve("sasrec", data, assignments={**SMALL, "epochs": 1})
    run = execute(config, data, store)
    path = run.path / "model.safetensors"
    weights = load_file(path)
    name = first(weights, "")
    damages: list[Tensors] = [
        {**weights, name: weights[name][:1].contiguous()},
        {key: value for key, value in weights.items() if key != name},
        {**weights, "other": torch.zeros(1)},
        {},
    ]
    for damaged in damages:
        save_file(damaged, path)
        with pytest.raises(SirecError, match=f"{run.path}"):
            load_model(run, data)
        with pytest.raises(SirecError):
            sirec.run.execute.rank_again(run, data)
    save_file(weights, path)
    load_model(run, data)  # the control


def test_ranks_and_covariates_are_read_against_a_schema(data: Dataset, tmp_path: Path) -> None:
    """Columns of another type, with nulls, of negative numbers, or not there."""
    path = tmp_path / "covariates.parquet"
    write_covariates(data, path)
    table = pq.read_table(path)
    read_covariates(path, data.user_count)  # the control
    for values in (
        pa.array(["x"] * len(table)),
        pa.array([None, *[1] * (len(table) - 1)], pa.int32()),
        pa.array([-1] * len(table)),
        pa.array([2**40] * len(table)),
        pa.array([[1]] * len(table)),
    ):
        pq.write_table(table.set_column(0, "length", values), path)
        with pytest.raises(SirecError, match="the column 'length'"):
            read_covariates(path, data.user_count)
        pq.write_table(pa.table(dict.fromkeys(("valid_keep", "valid_mask"), values)), path)
        with pytest.raises(SirecError, match="the column"):
            RankTable.from_parquet(path)


HEADERS = [
    b"",
    b"\x93NUMPY",
    b"\x93NUMPY\x01\x00\x76\x00" + b"{" * 118,
    b"\x93NUMPY\x01\x00\x76\x00" + b"(" * 118,
    b"\x93NUMPY\x01\x00\x76\x00" + b"'\xff" * 59,
    b"\x93NUMPY\x09\x09\x76\x00" + b" " * 118,
    b"\x93NUMPY\x01\x00\x40\x00" + b"{'descr': '<f4', 'fortran_order': False, 'shape': (9, 9e9)}",
    b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b"{}",
    b"PK\x03\x04" + b"\x00" * 40,
]
DICTIONARIES = [
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 9), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 9), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (1, 9), }",
    "{'descr': 'no', 'fortran_order': False, 'shape': (1, 9), }",
    "{'descr': '<f4', 'fortran_order': 0, 'shape': (1, 9), }",
    "{'descr': ('<f4', (2**40,)), 'fortran_order': False, 'shape': (1, 9), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': 9, }",
    "[" * 60,
    "-" * 100,
    "{'descr': 2, 'fortran_order': False, 'shape': (1,), }",
]
WHOLE = [b"\x93NUMPY\x01\x00\x76\x00" + text.encode().ljust(117) + b"\n" for text in DICTIONARIES]


@pytest.mark.parametrize("content", [*HEADERS, *WHOLE], ids=range(len(HEADERS) + len(WHOLE)))
def test_arrays_with_garbled_headers(tmp_path: Path, content: bytes) -> None:
    """Whatever stands in the place of a header."""
    path = tmp_path / "scores.npy"
    path.write_bytes(content)
    with pytest.raises(SirecError, match=r"scores\.npy: "):
        read_array(path)


def test_an_archive_of_arrays_is_none(tmp_path: Path) -> None:
    """And an array is one (the control)."""
    path = tmp_path / "scores.npy"
    with path.open("wb") as file:
        np.savez(file, a=np.zeros(3))
    with pytest.raises(SirecError, match="not a readable NumPy array"):
        read_array(path)
    np.save(path, np.zeros((2, 3)))
    assert read_array(path).shape == (2, 3)
