"""A run is believed only where every file is as the run wrote it, and is replaced as a whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.torch import load_file, save_file
from unsealed import reads_unsealed, unseal_run

from sirec.data.dataset import Dataset
from sirec.errors import Remark, SirecError
from sirec.models import model_class
from sirec.run import manifest as module
from sirec.run.config import resolve
from sirec.run.execute import execute, rank_again
from sirec.run.manifest import FILES, read_manifest
from sirec.run.store import RunFolder, Store
from sirec.studies.compare.run_results import run_result

SMALL = {"width": 8, "heads": 2, "layers": 1, "inner": 8, "epochs": 2, "threads": 1}
PLACES = 24  # of each file, at which a bit is flipped in the gate


@pytest.fixture(scope="module")
def whole(tiny: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with one finished run."""
    root = tmp_path_factory.mktemp("whole")
    execute(resolve("comif", tiny, assignments=SMALL), tiny, Store(root))
    return root


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> RunFolder:
    """A copy of it to damage."""
    shutil.copytree(whole, tmp_path / "results")
    [run] = Store(tmp_path / "results").all()
    return run


def read_all(run: RunFolder) -> object:
    """What tables and commands read of a run."""
    run_result(run)
    run.timings()
    run.environment()
    run.weights()
    return run.checked_file("epochs.jsonl")


def edit(path: Path, old: str, new: str) -> None:
    """Change a text in a file."""
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


def change_ranks(path: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Change every column of ranks and keep everything else of the file."""
    table = pq.read_table(path)
    columns = [pa.array(change(table[name].to_numpy())) for name in table.column_names]
    pq.write_table(pa.table(columns, schema=table.schema), path)


def change_weight(path: Path) -> None:
    """Change one value of one tensor."""
    tensors = load_file(path)
    first = tensors[min(tensors)]
    first.view(-1)[0] += 0.25
    save_file(tensors, path)


def restamp(folder: Path, change: Callable[[dict[str, object]], object]) -> None:
    """Change the manifest as a mistaken tool would, which leaves its digest as it was."""
    values = json.loads((folder / "DONE").read_text())
    change(values)
    (folder / "DONE").write_text(json.dumps(values))


DAMAGE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a seed": ("config.yaml", lambda p: edit(p, "seed: 0", "seed: 1")),
    "a rate": ("config.yaml", lambda p: edit(p, "learning_rate: ", "learning_rate: 1")),
    "a name of data": ("config.yaml", lambda p: edit(p, "name: tiny", "name: tinny")),
    "a fingerprint": ("config.yaml", lambda p: edit(p, "fingerprint: ", "fingerprint: 0")),
    "a split": ("config.yaml", lambda p: p.write_text(p.read_text() + "split: {name: temporal}\n")),
    "a revision": ("config.yaml", lambda p: edit(p, "comif@1", "comif@2")),
    "no revisions": ("config.yaml", lambda p: p.write_text(p.read_text().split("revisions")[0])),
    "an empty configuration": ("config.yaml", lambda p: p.write_text("")),
    "no configuration": ("config.yaml", lambda p: p.unlink()),
    "users in reverse": ("ranks.parquet", lambda p: change_ranks(p, lambda r: r[::-1].copy())),
    "ranks beyond 22 are 22": (
        "ranks.parquet",
        lambda p: change_ranks(p, lambda r: np.minimum(r, 22).astype(np.int32)),
    ),
    "ranks beyond 41 twice as far": (
        "ranks.parquet",
        lambda p: change_ranks(p, lambda r: np.where(r > 41, 2 * r, r).astype(np.int32)),
    ),
    "ranks written again, the same": ("ranks.parquet", lambda p: change_ranks(p, lambda r: r)),
    "half of the ranks": ("ranks.parquet", lambda p: p.write_bytes(p.read_bytes()[:200])),
    "no ranks": ("ranks.parquet", lambda p: p.unlink()),
    "empty metrics": ("metrics.json", lambda p: p.write_text('{"valid": {}, "test": {}}')),
    "no metric": ("metrics.json", lambda p: p.write_text("{}")),
    "ties": ("metrics.json", lambda p: edit(p, '"ties": {', '"ties": {"x": 1.0,')),
    "faster": ("timings.json", lambda p: edit(p, '"epochs": 2', '"epochs": 1')),
    "timings of another kind": ("timings.json", lambda p: p.write_text("[]")),
    "an environment of another kind": ("environment.json", lambda p: p.write_text("[]")),
    "another processor": ("environment.json", lambda p: edit(p, '"threads": 1', '"threads": 8')),
    "a loss": ("epochs.jsonl", lambda p: edit(p, '"loss": ', '"loss": 1')),
    "a weight": ("model.safetensors", change_weight),
    "no weights inside": ("model.safetensors", lambda p: save_file({}, p)),
    "an empty manifest": ("DONE", lambda p: p.write_text("")),
    "a manifest of nothing": ("DONE", lambda p: p.write_text("{}")),
    "a manifest that is a list": ("DONE", lambda p: p.write_text("[]")),
    "a manifest without ranks": (
        "DONE",
        lambda p: restamp(p.parent, lambda values: values["files"].pop("ranks.parquet")),  # type: ignore[attr-defined]
    ),
    "a manifest of another format": (
        "DONE",
        lambda p: restamp(p.parent, lambda values: values.update(format=2)),
    ),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_changed_file_is_refused_in_one_line(run: RunFolder, case: str) -> None:
    """The line names the file, and a second one says what to do. Control: the copy is read before
    it is damaged.
    """
    read_all(run)
    name, damage = DAMAGE[case]
    damage(run.path / name)
    with pytest.raises(SirecError) as caught:
        read_all(run)
    assert str(run.path / name) in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_no_flipped_bit_is_read(run: RunFolder) -> None:
    """A bit flipped at a sample of places of every file is refused."""
    _flip_everywhere(run, PLACES)


@pytest.mark.slow
def test_no_flipped_bit_is_read_anywhere(run: RunFolder) -> None:
    """Every byte of every file, one after the other."""
    _flip_everywhere(run, None)


def _flip_everywhere(run: RunFolder, places: int | None) -> None:
    for name in ("DONE", *FILES):
        path = run.path / name
        original = path.read_bytes()
        step = 1 if places is None else max(1, len(original) // places)
        for place in range(0, len(original), step):
            flipped = bytearray(original)
            flipped[place] ^= 1 << (place % 8)
            path.write_bytes(bytes(flipped))
            with pytest.raises(SirecError):
                run.checked_file(name if name != "DONE" else "ranks.parquet")
        path.write_bytes(original)
    read_all(run)  # control: whole again


def test_a_renamed_folder_is_told_from_a_run(run: RunFolder) -> None:
    """The id follows from what is stored, whatever the folder is called."""
    moved = run.path.with_name("0123456789ab")
    run.path.rename(moved)
    with pytest.raises(SirecError, match="the configuration was changed, or the folder renamed"):
        RunFolder(moved).config()


def test_weights_that_were_not_kept_are_not_missing(run: RunFolder, tiny: Dataset) -> None:
    """Deleted weights leave a whole run, which cannot be ranked anew."""
    (run.path / "model.safetensors").unlink()
    assert run_result(run).ranks.users > 0
    with pytest.raises(SirecError, match="the weights of this run were not kept") as caught:
        rank_again(run, tiny)
    assert "--again" in str(caught.value.hint)


def test_a_changed_weight_ranks_nothing(run: RunFolder, tiny: Dataset) -> None:
    """The ranks that were there stay; with the right weights (control) they are made again."""
    before = (run.path / "ranks.parquet").read_bytes()
    rank_again(run, tiny)
    assert (run.path / "ranks.parquet").read_bytes() == before
    change_weight(run.path / "model.safetensors")
    with pytest.raises(SirecError, match=r"model\.safetensors: not what the run wrote"):
        rank_again(run, tiny)
    assert (run.path / "ranks.parquet").read_bytes() == before
    run.ranks()


@pytest.mark.parametrize("name", ["ranks.parquet", "metrics.json"])
def test_the_hint_of_damaged_ranks_works(run: RunFolder, tiny: Dataset, name: str) -> None:
    """Ranked anew with the stored weights, the run is whole and has the bytes that it had."""
    original = (run.path / name).read_bytes()
    (run.path / name).write_bytes(b"damaged")
    with pytest.raises(SirecError) as caught:
        run.ranks()
    assert caught.value.hint is not None
    assert f"sirec evaluate {run.path} --recompute" in caught.value.hint
    rank_again(run, tiny)
    assert (run.path / name).read_bytes() == original
    read_all(run)


def with_other_weights(run: RunFolder) -> None:
    """Make it a run that ranks otherwise once it is ranked anew."""
    weights = load_file(run.path / "model.safetensors")
    for value in weights.values():
        value.mul_(-1)
    save_file(weights, run.path / "model.safetensors")
    (run.path / "DONE").unlink()
    run.finish()


def at_each_rename(monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]) -> None:
    """Call something before every rename."""
    for name in ("rename", "replace"):
        original = getattr(Path, name)

        def move(path: Path, target: Path, original: Any = original) -> Any:
            do()
            return original(path, target)

        monkeypatch.setattr(Path, name, move)


def test_a_recomputation_that_stops_leaves_old_or_new(
    run: RunFolder, tiny: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Killed before any of its renames, ranks and metrics are both old or both new, and the next
    recomputation tidies up.
    """
    with_other_weights(run)
    old, outcomes = run.ranks(), []
    for stop_at in range(20):
        copy = RunFolder(Path(shutil.copytree(run.path, tmp_path / str(stop_at) / run.id)))
        renames = iter(range(100))

        def stop(renames: Any = renames, stop_at: int = stop_at) -> None:
            if next(renames) == stop_at:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            at_each_rename(patch, stop)
            with suppress(KeyboardInterrupt):
                rank_again(copy, tiny)
        outcomes.append(not copy.ranks().equals(old))
        rank_again(copy, tiny)
        assert not copy.ranks().equals(old)
        hidden = [path.name for path in copy.path.iterdir() if path.name.startswith(".")]
        assert hidden == [".lock"]
        if next(renames) <= stop_at:
            break
    assert 6 < len(outcomes) < 20  # control: it was stopped before each, and once not at all
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == {False, True}


def test_readers_meet_old_or_new_ranks_while_they_are_replaced(
    run: RunFolder, tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader before each rename sees a whole run, the old one first and the new one later."""
    with_other_weights(run)
    old, looks = run.ranks(), []
    at_each_rename(monkeypatch, lambda: looks.append(not run.ranks().equals(old)))
    rank_again(run, tiny)
    assert set(looks) == {False, True}
    assert looks == sorted(looks)


@reads_unsealed
def test_a_run_without_digests_is_read_by_its_content(run: RunFolder) -> None:
    """As version 0.2 wrote it: its id tells a changed configuration, its metrics tell other
    ranks.
    """
    unseal_run(run.path)
    run_result(run)
    edit(run.path / "config.yaml", "seed: 0", "seed: 1")
    with pytest.raises(SirecError, match="it gives the id"):
        run_result(run)


def test_many_runs_without_digests_are_remarked_on_once(run: RunFolder) -> None:
    """The remark does not depend on the run, so that a command says it once."""
    copy = run.path.parents[1] / "other" / run.path.name
    shutil.copytree(run.path, copy)
    texts = set()
    for path in (run.path, copy):
        unseal_run(path)
        with pytest.warns(Remark, match="runs without digests") as remarks:
            RunFolder(path).metrics()
        texts.add(str(remarks[0].message))
    assert len(texts) == 1


def test_older_revisions_are_a_remark(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the code has moved on, the run is opened and said to be older, with its revisions
    stored or found.
    """
    monkeypatch.setattr(model_class("comif"), "revision", 3)
    with pytest.warns(Remark, match=r"runs with comif@1 are read, but this version has comif@3"):
        config = run.config()
    unseal_run(run.path)
    with pytest.warns(Remark, match="without digests"), pytest.warns(Remark, match="comif@1"):
        assert run.config() == config
    assert replace(config, seed=1) != config


def test_the_manifest_holds_every_file_but_the_logs(run: RunFolder) -> None:
    """It is small, and lists what the folder holds besides itself, the log and the lock."""
    manifest = read_manifest(run.path)
    assert manifest is not None
    others = {"DONE", ".lock", "evaluations.jsonl"}
    assert set(manifest.files) == {path.name for path in run.path.iterdir()} - others
    assert set(manifest.files) == set(module.FILES)
    assert (run.path / "DONE").stat().st_size < 2048
