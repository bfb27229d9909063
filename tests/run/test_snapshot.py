"""A snapshot is the old one or the new one, never half of one."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from sirec.data import tensors as tensors_module
from sirec.errors import SirecError
from sirec.run import snapshot as module
from sirec.run.snapshot import Snapshot
from sirec.training.progress import EpochReport


def _snapshot(epoch: int) -> Snapshot:
    report = EpochReport("train", epoch, 1.5, {"item": 1.5}, {}, False, 0.1, 0.2, 3)
    tensors = {"model/x": torch.full((3,), float(epoch))}
    return Snapshot(0, {"epoch": epoch}, [asdict(report)], tensors)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    """Tensors, counters and reports come back; the later one replaces the earlier."""
    path = tmp_path / "snapshot.safetensors"
    assert Snapshot.load(path) is None
    for epoch in (1, 2):
        _snapshot(epoch).save(path)
    loaded = Snapshot.load(path)
    assert loaded is not None
    assert (loaded.stage, loaded.counters, loaded.reports) == (
        0,
        {"epoch": 2},
        _snapshot(2).reports,
    )
    assert torch.equal(loaded.tensors["model/x"], torch.full((3,), 2.0))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_full_disk_keeps_the_last_good_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk refuses, the error says so and the older snapshot still loads."""
    path = tmp_path / "snapshot.safetensors"
    _snapshot(1).save(path)

    def full(tensors: object, target: Path, metadata: object) -> None:
        target.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tensors_module, "save_file", full)
    with pytest.raises(SirecError, match="No space left on device") as error:
        _snapshot(2).save(path)
    assert "free some space" in (error.value.hint or "")
    loaded = Snapshot.load(path)
    assert loaded is not None
    assert loaded.counters == {"epoch": 1}
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_snapshot_of_another_format_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version this code does not know is an error that says what to do."""
    path = tmp_path / "snapshot.safetensors"
    monkeypatch.setattr(module, "VERSION", 0)
    _snapshot(1).save(path)
    monkeypatch.undo()
    with pytest.raises(SirecError, match="snapshot version 0, expected 1"):
        Snapshot.load(path)
