"""Prepared folders: what comes back, what is refused, and what survives a failure."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from unsealed import reads_unsealed, unseal_dataset

from sirec import config
from sirec.data.dataset import Dataset
from sirec.data.prepare.pipeline import Prepared, PrepareOptions, prepare
from sirec.data.sources.base import RawData
from sirec.data.split import LeaveOneOut, Temporal
from sirec.data.store import storage
from sirec.data.store.replacement import NOT_ALLOWED, Replacement
from sirec.errors import SirecError

LOOSE = PrepareOptions(core=0)
ALLOWED = Replacement(is_allowed=True)


def raw_data(shift: int = 0, *, timed: bool = True) -> RawData:
    """Three users, four items, two attributes and a rating; `shift` makes another data set of the
    same shape.
    """
    rows = [
        (f"u{user}", f"i{(user * step + step + shift) % 4}", 5 - step, 1 + (user + step) % 3)
        for user in range(3)
        for step in range(4)
    ]
    frame = pd.DataFrame(rows, columns=["user", "item", "timestamp", "rating"])
    brand = pd.DataFrame({"item": ["i0", "i1"], "value": ["Acme", "Bolt"]})
    category = pd.DataFrame({"item": ["i0", "i0", "i2"], "value": ["Soap", "Bath", "Bath"]})
    titles = pd.DataFrame({"item": ["i0", "i1"], "title": ["A soap", ""]})
    return RawData(
        frame if timed else frame.drop(columns="timestamp"),
        {"brand": brand, "category": category},
        titles,
    )


@pytest.fixture
def prepared() -> Prepared:
    """Code the small data set."""
    return prepare(raw_data(), "tiny", LOOSE)


def assert_same(left: Dataset, right: Dataset) -> None:
    """Equal in every array and every name."""
    assert left.name == right.name
    assert left.fingerprint() == right.fingerprint()
    assert torch.equal(left.offsets, right.offsets)
    assert torch.equal(left.items, right.items)
    assert left.behaviours.keys() == right.behaviours.keys()
    assert all(
        torch.equal(left.behaviours[name], right.behaviours[name]) for name in left.behaviours
    )
    assert [(f.name, f.kind, f.size) for f in left.fields] == [
        (f.name, f.kind, f.size) for f in right.fields
    ]
    for mine, theirs in zip(left.fields, right.fields, strict=True):
        assert mine.kind == "behaviour" or torch.equal(mine.values, theirs.values)
    for names in ("item_names", "user_names", "titles", "vocabularies"):
        assert getattr(left, names) == getattr(right, names)


def test_round_trip(tmp_path: Path, prepared: Prepared) -> None:
    """What is written comes back: arrays, names, times, figures."""
    folder = storage.write(tmp_path, prepared)
    assert_same(storage.load(folder), prepared.dataset)
    timestamps = storage.load_timestamps(folder)
    assert timestamps is not None
    assert prepared.timestamps is not None
    assert torch.equal(timestamps.ticks, prepared.timestamps.ticks)
    assert timestamps.per_second == prepared.timestamps.per_second
    manifest = storage.read_manifest(folder)
    assert manifest.statistics == prepared.statistics
    assert manifest.options == LOOSE
    assert prepared.dataset.titles == ["", "A soap", "i1", "i2", "i3"]


tables = st.dictionaries(st.integers(0, 6), st.lists(st.integers(0, 9), max_size=4), max_size=7)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 6), min_size=3, max_size=8), min_size=1, max_size=5),
    tables,
    st.booleans(),
)
def test_round_trip_of_anything(
    tmp_path_factory: pytest.TempPathFactory,
    users: list[list[int]],
    values: dict[int, list[int]],
    timed: bool,
) -> None:
    """The round trip holds for any lengths, repeats, and attribute lists, empty ones included."""
    rows = [
        (f"u{user}", f"i{item}", step)
        for user, items in enumerate(users)
        for step, item in enumerate(items)
    ]
    frame = pd.DataFrame(rows, columns=["user", "item", "timestamp"])
    pairs = [(f"i{item}", f"v{value}") for item, chosen in values.items() for value in chosen]
    raw = RawData(
        frame if timed else frame.drop(columns="timestamp"),
        {"tag": pd.DataFrame(pairs, columns=["item", "value"], dtype=object)},
    )
    coded = prepare(raw, "x", LOOSE)
    folder = storage.write(tmp_path_factory.mktemp("data"), coded)
    assert_same(storage.load(folder), coded.dataset)
    assert (storage.load_timestamps(folder) is None) == (not timed)


def timely() -> Prepared:
    """The small data set with users who come at seconds 2 to 5, 3 to 6, 4 to 7, split at 4 and
    6.
    """
    rule = Temporal(valid_from="1970-01-01T00:00:04", test_from="1970-01-01T00:00:06")
    raw = raw_data()
    late = raw.interactions["timestamp"] + raw.interactions["user"].str[1:].astype(int)
    raw = replace(raw, interactions=raw.interactions.assign(timestamp=late))
    return prepare(raw, "timely", PrepareOptions(core=0, split=rule))


def test_a_split_survives_its_folder(tmp_path: Path) -> None:
    """What a temporal split holds out is cut anew from the stored times, and is the same."""
    made = timely()
    folder = storage.write(tmp_path, made)
    loaded = storage.load(folder)
    assert_same(loaded, made.dataset)
    assert loaded.held_out.agrees_with(made.dataset.held_out)
    assert (
        loaded.held_out.split == made.options.split == storage.read_manifest(folder).options.split
    )
    assert storage.read_manifest(folder).statistics == made.statistics
    assert not loaded.held_out.agrees_with(
        prepare(raw_data(), "x", LOOSE).dataset.held_out
    )  # control


@reads_unsealed
def test_a_split_whose_times_changed_is_refused(tmp_path: Path) -> None:
    """Times decide what is held out: a folder with others, or with none, is not what was
    prepared.
    """
    folder = unseal_dataset(storage.write(tmp_path, timely()))
    for since, problem in (
        (5, "do not have the fingerprint"),
        (2, "no user has two interactions before"),
    ):
        change(
            folder / "interactions.parquet",
            lambda t, since=since: t.assign(
                timestamp=t["timestamp"].mask(t["timestamp"] >= since, 9)
            ),
        )
        with pytest.raises(
            SirecError, match=rf"{folder.name}.*{problem}.*the prepared folder was changed"
        ):
            storage.load(folder)
    change(folder / "interactions.parquet", lambda t: t.drop(columns="timestamp"))
    with pytest.raises(SirecError, match="the column 'timestamp' is missing"):
        storage.load(folder)


@reads_unsealed
def test_folders_from_before_splits_are_leave_one_out(tmp_path: Path, prepared: Prepared) -> None:
    """A manifest without a split, and without counts of targets, is read as it always was."""
    folder = unseal_dataset(storage.write(tmp_path, prepared))
    tree = config.read_yaml(folder / "dataset.yaml")
    assert tree["options"].pop("split") == {"name": "leave-one-out"}
    assert [tree["statistics"].pop(f"{part}_targets") for part in ("valid", "test")] == [3, 3]
    (folder / "dataset.yaml").write_text(config.to_yaml(tree))
    assert_same(storage.load(folder), prepared.dataset)
    assert storage.read_manifest(folder).options.split == LeaveOneOut()
    assert storage.read_manifest(folder).statistics.test_targets is None


def test_another_data_set_is_not_the_same(tmp_path: Path, prepared: Prepared) -> None:
    """The control of the round trip: shifted items are noticed."""
    other = prepare(raw_data(shift=1), "tiny", LOOSE)
    with pytest.raises(AssertionError):
        assert_same(storage.load(storage.write(tmp_path, other)), prepared.dataset)


def test_files_are_recorded(tmp_path: Path) -> None:
    """The manifest has the size and the sha256 of every raw file."""
    source = tmp_path / "raw.txt"
    source.write_text("abc")
    raw = raw_data()
    coded = prepare(
        RawData(raw.interactions, source={"name": "table"}, files=(source,)), "tiny", LOOSE
    )
    manifest = storage.read_manifest(storage.write(tmp_path / "data", coded))
    # FIPS 180-4's own example
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert [(file.name, file.bytes, file.sha256) for file in manifest.files] == [
        ("raw.txt", 3, digest)
    ]
    assert manifest.source == {"name": "table"}


def test_writing_again_replaces(tmp_path: Path, prepared: Prepared) -> None:
    """A second write replaces the first, and nothing else is left beside it; equal data give equal
    bytes.
    """
    folder = storage.write(tmp_path, prepared)
    before = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    storage.write(tmp_path, prepared)
    assert {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    storage.write(tmp_path, prepare(raw_data(timed=False), "tiny", LOOSE), ALLOWED)
    assert storage.load_timestamps(folder) is None
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def from_file(
    root: Path, content: str, options: PrepareOptions = LOOSE, shift: int = 0
) -> Prepared:
    """What is coded of a raw file, whose digest tells it from others."""
    root.mkdir(exist_ok=True)
    (root / "raw.txt").write_text(content)
    raw = replace(raw_data(shift), source={"name": "table"}, files=(root / "raw.txt",))
    return prepare(raw, "tiny", options)


def test_the_same_recipe_of_the_same_files_replaces(tmp_path: Path) -> None:
    """A version that reads the same files otherwise replaces what an older one made of them."""
    storage.write(tmp_path / "data", from_file(tmp_path / "old", "abc"))
    newer = from_file(tmp_path / "new", "abc", shift=1)
    assert_same(storage.load(storage.write(tmp_path / "data", newer)), newer.dataset)


@pytest.mark.parametrize(
    ("content", "options", "difference"),
    [
        ("abd", LOOSE, "their raw files differ"),
        ("abc", PrepareOptions(core=1), r"they differ in core \(0 → 1\)"),
        ("abc", PrepareOptions(core=0, bins={"rating": "2"}), "they differ in bins.rating"),
    ],
)
def test_another_recipe_or_other_files_replace_only_where_that_is_said(
    tmp_path: Path, content: str, options: PrepareOptions, difference: str
) -> None:
    """The older one stands; the message says what would be lost, and with a word it is replaced."""
    older = from_file(tmp_path / "old", "abc")
    folder = storage.write(tmp_path / "data", older)
    newer = from_file(tmp_path / "new", content, options, shift=1)
    with pytest.raises(SirecError, match=f"3 users and 12 interactions; .*{difference}") as caught:
        storage.write(tmp_path / "data", newer)
    assert "--replace" in (caught.value.hint or "")
    assert_same(storage.load(folder), older.dataset)
    storage.write(tmp_path / "data", newer, ALLOWED)
    assert_same(storage.load(folder), newer.dataset)


def test_equal_contents_replace_whatever_the_recipe(tmp_path: Path, prepared: Prepared) -> None:
    """Runs keep their data where arrays and names are the same; other names are other contents."""
    folder = storage.write(tmp_path / "data", from_file(tmp_path / "old", "abc"))
    storage.write(tmp_path / "data", from_file(tmp_path / "new", "xyz", PrepareOptions(core=1)))
    renamed = raw_data()
    renamed.interactions["user"] = "new " + renamed.interactions["user"]
    other = prepare(renamed, "tiny", LOOSE)
    assert other.dataset.fingerprint() == prepared.dataset.fingerprint()
    with pytest.raises(SirecError, match="another data set of this name"):
        storage.write(tmp_path / "data", other)
    assert_same(storage.load(folder), prepared.dataset)


@pytest.mark.parametrize("replacement", [NOT_ALLOWED, ALLOWED])
def test_what_is_no_data_set_is_never_replaced(
    tmp_path: Path, prepared: Prepared, replacement: Replacement
) -> None:
    """A folder of a person's own with the name of the data set; an empty one holds nothing."""
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "thesis.txt").write_text("years")
    with pytest.raises(SirecError, match="something is there already"):
        storage.write(tmp_path, prepared, replacement)
    assert (tmp_path / "tiny" / "thesis.txt").read_text() == "years"
    (tmp_path / "tiny" / "thesis.txt").unlink()
    storage.write(tmp_path, prepared, replacement)


def test_a_data_set_that_cannot_be_read_is_replaced_only_where_that_is_said(
    tmp_path: Path, prepared: Prepared
) -> None:
    """Nobody knows what is lost with a broken manifest; broken tables of the same data are none."""
    folder = storage.write(tmp_path, prepared)
    (folder / "items.parquet").write_bytes(b"PAR1")
    storage.write(tmp_path, prepared)
    (folder / "dataset.yaml").write_text("format: [")
    with pytest.raises(SirecError, match="what would be replaced is not known") as caught:
        storage.write(tmp_path, prepared)
    assert "--replace" in (caught.value.hint or "")
    storage.write(tmp_path, prepared, ALLOWED)
    assert_same(storage.load(folder), prepared.dataset)


@pytest.mark.parametrize("failing", ["write_tables", "describe_prepared"])
def test_a_failed_write_changes_nothing(
    tmp_path: Path, prepared: Prepared, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk fills up, the old folder stands, and no half of a new one."""
    folder = storage.write(tmp_path, prepared)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, failing, fail)
    with pytest.raises(SirecError, match="could not be written: No space left on device"):
        storage.write(tmp_path, prepare(raw_data(shift=1), "tiny", LOOSE), ALLOWED)
    assert_same(storage.load(folder), prepared.dataset)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_a_failed_rename_puts_the_old_one_back(
    tmp_path: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the new folder cannot take its place, the old one is moved back."""
    folder = storage.write(tmp_path, prepared)
    rename = Path.rename

    def refuse_new(path: Path, target: Path) -> Path:
        if ".new-" in path.name:
            raise PermissionError(13, "Permission denied")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse_new)
    with pytest.raises(SirecError, match="Permission denied"):
        storage.write(tmp_path, prepare(raw_data(shift=1), "tiny", LOOSE), ALLOWED)
    assert folder.is_dir()  # already, not only at the next look
    assert_same(storage.load(folder), prepared.dataset)


@pytest.mark.parametrize(
    "look",
    [storage.load, lambda folder: storage.find(folder.parent, folder.name), storage.read_manifest],
)
def test_a_power_cut_between_the_renames_loses_nothing(
    tmp_path: Path, prepared: Prepared, look: Callable[[Path], object]
) -> None:
    """A folder that was moved aside and never replaced is put back by the next look at it."""
    folder = storage.write(tmp_path, prepared)
    folder.rename(tmp_path / ".tiny.old")
    look(folder)
    assert_same(storage.load(folder), prepared.dataset)


def test_what_was_moved_aside_is_listed(tmp_path: Path, prepared: Prepared) -> None:
    """A data set whose replacement stopped half-way is there, also before a look has put it back,
    and is there once.
    """
    folder = storage.write(tmp_path, prepared)
    shutil.copytree(folder, tmp_path / ".tiny.old")
    assert storage.list_datasets(tmp_path) == ["tiny"]
    shutil.rmtree(folder)
    assert storage.list_datasets(tmp_path) == ["tiny"]
    assert_same(storage.load(storage.find(tmp_path, "tiny")), prepared.dataset)


def test_the_disk_keeps_the_new_before_the_old_goes(
    tmp_path: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All files and folders are synced before the rename, and the names above them after it and
    before the old is deleted.
    """
    folder = storage.write(tmp_path, prepared)
    rename, remove, sync = Path.rename, shutil.rmtree, os.fsync
    events: list[tuple[str, object]] = []
    monkeypatch.setattr(
        os, "fsync", lambda handle: (events.append(("sync", os.fstat(handle).st_ino)), sync(handle))
    )
    monkeypatch.setattr(
        Path, "rename", lambda path, to: (events.append(("rename", to.name)), rename(path, to))[1]
    )
    monkeypatch.setattr(
        shutil,
        "rmtree",
        lambda path, **how: (events.append(("delete", path.name)), remove(path, **how)),
    )
    storage.write(tmp_path, prepared)
    renamed = events.index(("rename", "tiny"))
    parts = {path.stat().st_ino for path in (folder, *folder.rglob("*"))}
    assert len(parts) == 9
    assert {("sync", part) for part in parts} <= set(events[:renamed])
    assert (
        renamed
        < events.index(("sync", tmp_path.stat().st_ino))
        < events.index(("delete", ".tiny.old"), renamed)
    )


@pytest.mark.parametrize(
    "look", [storage.load, lambda folder: storage.find(folder.parent, folder.name), storage.restore]
)
def test_a_look_between_the_renames_waits(
    tmp_path: Path,
    prepared: Prepared,
    look: Callable[[Path], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever looks while a data set is being replaced puts nothing back: the writer keeps its
    work, and the look sees it.
    """
    folder = storage.write(tmp_path, prepared)
    fresh = prepare(raw_data(shift=1), "tiny", LOOSE)
    rename = Path.rename
    seen: list[Future[object]] = []

    def look_in_between(path: Path, target: Path) -> Path:
        if ".new-" in path.name:
            seen.append(looks.submit(look, folder))
            wait(seen, timeout=0.2)  # time enough to do harm
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", look_in_between)
    with ThreadPoolExecutor(1) as looks:
        storage.write(tmp_path, fresh, ALLOWED)
    [result] = [each.result() for each in seen]
    if isinstance(result, Dataset):
        assert_same(result, fresh.dataset)
    assert_same(storage.load(folder), fresh.dataset)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_what_cannot_be_put_back_is_said(
    tmp_path: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk refuses, the error names the folder that holds the data."""
    folder = storage.write(tmp_path, prepared)
    folder.rename(tmp_path / ".tiny.old")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(
        SirecError, match=r"\.tiny\.old: could not be moved back to tiny: Permission denied"
    ):
        storage.read_manifest(folder)


def test_finding(tmp_path: Path, prepared: Prepared) -> None:
    """Data sets are listed by name; folders without a manifest and hidden ones are none."""
    storage.write(tmp_path, prepared)
    storage.write(tmp_path, prepare(raw_data(), "beauty", LOOSE))
    (tmp_path / "notes").mkdir()
    shutil.copytree(tmp_path / "tiny", tmp_path / ".tiny.new-1")
    assert storage.list_datasets(tmp_path) == ["beauty", "tiny"]
    assert storage.find(tmp_path, "tiny") == tmp_path / "tiny"
    assert storage.list_datasets(tmp_path / "nothing") == []


@pytest.mark.parametrize("look", [storage.find, lambda root, name: storage.load(root / name)])
def test_unknown_name(
    tmp_path: Path, prepared: Prepared, look: Callable[[Path, str], object]
) -> None:
    """A name that is not there is answered with the nearest one."""
    storage.write(tmp_path, prepared)
    with pytest.raises(SirecError, match="'tinny' is not a data set") as caught:
        look(tmp_path, "tinny")
    assert caught.value.hint == "did you mean 'tiny'? data sets: tiny"


def edit(path: Path, old: str, new: str) -> None:
    """Change one text in a file."""
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


NOT_UTF8 = pa.StringArray.from_buffers(
    2, pa.py_buffer(np.array([0, 1, 5], np.int32)), pa.py_buffer(b"\xffBolt")
)


def lists(values: list[object]) -> pa.Array:
    """Lists of codes as an attribute's column holds them."""
    return pa.array(values, pa.list_(pa.int32()))


def change_table(path: Path, name: str, values: pa.Array) -> None:
    """Replace one column of a Parquet file, whatever its type was."""
    table = pq.read_table(path)
    pq.write_table(table.set_column(table.column_names.index(name), name, values), path)


def change(path: Path, do: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Change a Parquet file."""
    do(pq.read_table(path).to_pandas()).to_parquet(path)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no manifest": (lambda f: (f / "dataset.yaml").unlink(), "no dataset.yaml"),
    "no interactions": (
        lambda f: (f / "interactions.parquet").unlink(),
        "interactions.parquet: no such file",
    ),
    "no items": (lambda f: (f / "items.parquet").unlink(), "items.parquet: no such file"),
    "no vocabulary": (
        lambda f: (f / "vocabulary" / "brand.parquet").unlink(),
        "brand.parquet: no such file",
    ),
    "other version": (
        lambda f: edit(f / "dataset.yaml", "format: 1", "format: 9"),
        "format 9, this version reads format 1",
    ),
    "unknown key": (
        lambda f: edit(f / "dataset.yaml", "  users: 3", "  users: 3\n  usrs: 3"),
        "'usrs' is not a key",
    ),
    "broken manifest": (
        lambda f: edit(f / "dataset.yaml", "statistics:", "statistics: ["),
        "not valid YAML",
    ),
    "truncated": (
        lambda f: (f / "items.parquet").write_bytes(b"PAR1"),
        "items.parquet: not a readable Parquet file",
    ),
    "fewer rows": (
        lambda f: change(f / "interactions.parquet", lambda t: t.iloc[:-1]),
        "11 rows, expected 12",
    ),
    "fewer items": (
        lambda f: change(f / "items.parquet", lambda t: t.iloc[:-1]),
        "3 rows, expected 4",
    ),
    "fewer names": (
        lambda f: change(f / "vocabulary" / "category.parquet", lambda t: t.iloc[1:]),
        "1 rows, expected 2",
    ),
    "edited item": (
        lambda f: change(f / "interactions.parquet", lambda t: t.assign(item=1)),
        "do not have the fingerprint",
    ),
    "order": (
        lambda f: change(f / "interactions.parquet", lambda t: t.iloc[::-1]),
        "do not have the fingerprint",
    ),
    "lost column": (
        lambda f: change(f / "interactions.parquet", lambda t: t.drop(columns="rating")),
        "the column 'rating' is missing",
    ),
    "lost attribute": (
        lambda f: change(f / "items.parquet", lambda t: t.drop(columns="brand")),
        "the column 'brand' is missing",
    ),
    "text codes": (
        lambda f: change(f / "interactions.parquet", lambda t: t.assign(item="x")),
        "not whole numbers",
    ),
    "a text that is not UTF-8": (
        lambda f: change_table(f / "vocabulary" / "brand.parquet", "name", NOT_UTF8),
        "Invalid UTF8 sequence",
    ),
    "nulls in an attribute": (
        lambda f: change_table(f / "items.parquet", "brand", lists([[1], None, [], [2]])),
        "the column 'brand' lacks 1 values",
    ),
    "a null within a cell of an attribute": (
        lambda f: change_table(f / "items.parquet", "brand", lists([[1, None], [], [], [2]])),
        "the column 'brand' lacks 1 values",
    ),
    "numbers in an attribute": (
        lambda f: change_table(f / "items.parquet", "brand", pa.array([1, 2, 1, 2])),
        "the column 'brand' holds int64, not lists of whole numbers",
    ),
    "a code beyond the vocabulary": (
        lambda f: change_table(f / "items.parquet", "brand", lists([[9], [], [], [2]])),
        "the column 'brand' has the number 9, expected 1 to 2",
    ),
    "a cell with very many values": (
        lambda f: change_table(f / "items.parquet", "brand", lists([[1] * 2000, [], [], [2]])),
        "2,000 numbers in one cell",
    ),
    "a negative user": (
        lambda f: change(
            f / "interactions.parquet", lambda t: t.assign(user=t["user"].replace(1, -1))
        ),
        "the column 'user' has the number -1, expected 1 to 3",
    ),
    "a user whose counts would fill the memory": (
        lambda f: change(
            f / "interactions.parquet", lambda t: t.assign(user=t["user"].replace(3, 2_000_000_000))
        ),
        "the column 'user' has the number 2,000,000,000, expected 1 to 3",
    ),
    "that many users in the manifest as well": (
        lambda f: edit(f / "dataset.yaml", "  users: 3", "  users: 2000000000"),
        "user.parquet: 3 rows, expected 2,000,000,000",
    ),
    "an item 0": (
        lambda f: change(f / "interactions.parquet", lambda t: t.assign(item=t["item"] - 1)),
        "the column 'item' has the number 0",
    ),
    "a behaviour beyond its codes": (
        lambda f: change(f / "interactions.parquet", lambda t: t.assign(rating=77)),
        "the column 'rating' has the number 77",
    ),
    "ids as numbers": (
        lambda f: change(f / "items.parquet", lambda t: t.assign(id=7)),
        "the column 'id' holds int64, not texts",
    ),
    "a title that is missing": (
        lambda f: change(f / "items.parquet", lambda t: t.assign(title=[None, "a", "b", "c"])),
        "the column 'title' lacks 1 values",
    ),
    "items in another order": (
        lambda f: change(f / "items.parquet", lambda t: t.assign(item=[2, 1, 3, 4])),
        "the column 'item' does not count the items",
    ),
    "no Parquet at all": (
        lambda f: (f / "vocabulary" / "user.parquet").write_bytes(bytes(range(256)) * 9),
        "user.parquet: not a readable Parquet file",
    ),
    "an empty file": (
        lambda f: (f / "interactions.parquet").write_bytes(b""),
        "interactions.parquet: not a readable Parquet file",
    ),
    "a folder for a file": (
        lambda f: ((f / "items.parquet").unlink(), (f / "items.parquet").mkdir()),
        "items.parquet: not a readable Parquet file",
    ),
    "null codes": (
        lambda f: change(
            f / "interactions.parquet", lambda t: t.assign(rating=t["rating"].where(t.index > 0))
        ),
        "not whole numbers",
    ),
}


@reads_unsealed
@pytest.mark.parametrize("case", DAMAGE)
def test_damaged_folders(tmp_path: Path, prepared: Prepared, case: str) -> None:
    """Each kind of damage to a prepared folder is a SirecError that says where, with digests or
    without; the whole folder is read.
    """
    damage, message = DAMAGE[case]
    folder = storage.write(tmp_path / "sealed", prepared)
    storage.load(folder)  # the control: nothing is wrong before
    damage(folder)
    with pytest.raises(SirecError, match=str(folder)):
        storage.load(folder)
    folder = unseal_dataset(storage.write(tmp_path / "unsealed", prepared))
    storage.load(folder)
    damage(folder)
    with pytest.raises(SirecError) as caught:
        storage.load(folder)
    assert message in caught.value.message
    assert str(folder) in caught.value.message


def test_what_is_prepared_is_found_and_described_without_torch(
    tmp_path: Path, prepared: Prepared
) -> None:
    """Reading the contents (control) needs it."""
    code = """if True:
        import sys
        from pathlib import Path
        from sirec.data.store import finding
        root = Path(sys.argv[1])
        found = [finding.read_manifest(root / name) for name in finding.list_datasets(root)]
        print(len(found), found[0].statistics.users, found[0].options.split.text)
        print("torch" in sys.modules)
        from sirec.data.store import storage
        print("torch" in sys.modules)
    """
    storage.write(tmp_path, prepared)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["1 3 leave-one-out", "False", "True"]
