"""A snapshot is the old one or the new one, never half of one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from sirec.data import tensors as tensors_module
from sirec.errors import Remark, SirecError
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
    monkeypatch.setattr(module, "VERSION", "0")
    _snapshot(1).save(path)
    monkeypatch.undo()
    with pytest.raises(SirecError, match="snapshot version 0, expected 2"):
        Snapshot.load(path)


def _rewrite(path: Path, change: Callable[[dict[str, Any], dict[str, str]], object]) -> None:
    """Change tensors or header of a snapshot and leave its digest."""
    with safe_open(path, framework="pt") as file:
        header = dict(file.metadata())
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    change(tensors, header)
    save_file(tensors, path, metadata=header)


def _state(header: dict[str, str], **changes: object) -> None:
    header["state"] = json.dumps(json.loads(header["state"]) | changes)


CHANGES: dict[str, Callable[[dict[str, Any], dict[str, str]], object]] = {
    "a value": lambda tensors, header: tensors["model/x"].mul_(2),
    "a row": lambda tensors, header: tensors["model/x"][:1].zero_(),
    "a shape": lambda tensors, header: tensors.update({"model/x": torch.ones(2)}),
    "a type": lambda tensors, header: tensors.update({"model/x": tensors["model/x"].double()}),
    "a name": lambda tensors, header: tensors.update({"model/y": tensors.pop("model/x")}),
    "a tensor less": lambda tensors, header: tensors.pop("model/x"),
    "a tensor more": lambda tensors, header: tensors.update({"model/y": torch.ones(1)}),
    "the stage": lambda tensors, header: _state(header, stage=7),
    "a counter": lambda tensors, header: _state(header, counters={"epoch": 9}),
    "the reports": lambda tensors, header: _state(header, reports=[]),
    "no state": lambda tensors, header: header.pop("state"),
    "no digest": lambda tensors, header: header.pop("digest"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_changed_snapshot_is_refused(tmp_path: Path, case: str) -> None:
    """Tensors and counters have a digest; the line names the file and says what to do."""
    path = tmp_path / "snapshot.safetensors"
    _snapshot(1).save(path)
    assert Snapshot.load(path) is not None
    _rewrite(path, CHANGES[case])
    with pytest.raises(SirecError, match=str(path)) as caught:
        Snapshot.load(path)
    assert caught.value.hint == "delete it to start this run anew"


def test_a_snapshot_of_another_run_is_refused(tmp_path: Path) -> None:
    """The digest has the id of the run; in a folder of the same name (control) it is read."""
    for name in ("a/one", "a/two", "b/one"):
        (tmp_path / name).mkdir(parents=True)
    _snapshot(1).save(tmp_path / "a" / "one" / "snapshot.safetensors")
    data = (tmp_path / "a" / "one" / "snapshot.safetensors").read_bytes()
    for name in ("a/two", "b/one"):
        (tmp_path / name / "snapshot.safetensors").write_bytes(data)
    assert Snapshot.load(tmp_path / "b" / "one" / "snapshot.safetensors") is not None
    with pytest.raises(SirecError, match="not the snapshot that this run wrote"):
        Snapshot.load(tmp_path / "a" / "two" / "snapshot.safetensors")


def test_every_flipped_byte_is_refused_or_harmless(tmp_path: Path) -> None:
    """A bit flipped anywhere is refused, or what is loaded is the same."""
    path = tmp_path / "snapshot.safetensors"
    _snapshot(1).save(path)
    original, harmless = path.read_bytes(), 0
    for place in range(len(original)):
        flipped = bytearray(original)
        flipped[place] ^= 1 << (place % 8)
        path.write_bytes(bytes(flipped))
        try:
            loaded = Snapshot.load(path)
        except SirecError:
            continue
        harmless += 1
        assert loaded is not None
        assert (loaded.stage, loaded.counters) == (0, {"epoch": 1})
        assert torch.equal(loaded.tensors["model/x"], torch.full((3,), 1.0))
    assert harmless < len(original) / 10


def test_a_snapshot_without_a_digest_is_read_with_a_remark(tmp_path: Path) -> None:
    """As version 0.2 wrote it."""
    path = tmp_path / "snapshot.safetensors"
    _snapshot(1).save(path)

    def older(tensors: dict[str, Any], header: dict[str, str]) -> None:
        header.pop("digest")
        header["version"] = "1"

    _rewrite(path, older)
    with pytest.warns(Remark, match="a snapshot without a digest"):
        loaded = Snapshot.load(path)
    assert loaded is not None
    assert loaded.counters == {"epoch": 1}
