"""A prepared folder is believed only where every file is as it was written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from unsealed import unseal_dataset

from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage
from sirec.data.store.seal import seal_dataset
from sirec.errors import Remark, SirecError

REGIONS = 16  # places of each file in which a bit is flipped


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small prepared data set."""
    root = tmp_path_factory.mktemp("whole")
    return storage.write(root, prepare(DemoSource(users=60, items=30).read(), "shop"))


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    return Path(shutil.copytree(whole, tmp_path / "shop"))


def rewrite(path: Path, column: str, change: Callable[[pd.Series], pd.Series]) -> None:
    """Change a column of a Parquet file and keep its types."""
    table = pq.read_table(path)
    frame = table.to_pandas()
    frame[column] = change(frame[column])
    pq.write_table(pa.Table.from_pandas(frame, table.schema, preserve_index=False), path)


def edit(path: Path, old: str, new: str) -> None:
    """Change a text in a file."""
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


DAMAGE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "item ids in reverse": (
        "items.parquet",
        lambda path: rewrite(path, "id", lambda ids: ids[::-1].to_numpy()),
    ),
    "one item id": (
        "items.parquet",
        lambda path: rewrite(path, "id", lambda ids: ids.replace(ids[3], "another")),
    ),
    "names of users in reverse": (
        "vocabulary/user.parquet",
        lambda path: rewrite(path, "name", lambda names: names[::-1].to_numpy()),
    ),
    "names of brands in reverse": (
        "vocabulary/brand.parquet",
        lambda path: rewrite(path, "name", lambda names: names[::-1].to_numpy()),
    ),
    "times an hour later": (
        "interactions.parquet",
        lambda path: rewrite(path, "timestamp", lambda times: times + 3600),
    ),
    "one time": (
        "interactions.parquet",
        lambda path: rewrite(path, "timestamp", lambda times: times.mask(times.index == 5, 1)),
    ),
    "mean length": (
        "dataset.yaml",
        lambda path: edit(path, "mean_per_user: ", "mean_per_user: 1"),
    ),
    "shares of ties": (
        "dataset.yaml",
        lambda path: edit(path, "tied_last_pairs: 0.", "tied_last_pairs: 0.9"),
    ),
    "a filter": ("dataset.yaml", lambda path: edit(path, "core: 5", "core: 10")),
    "the name": ("dataset.yaml", lambda path: edit(path, "name: shop", "name: shp")),
    "no digest of itself": (
        "dataset.yaml",
        lambda path: path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1])),
    ),
    "no manifest left": ("dataset.yaml", lambda path: path.write_text("")),
    "another file's digest": (
        "dataset.yaml",
        lambda path: edit(path, "items.parquet: ", "items.parquet: 0"),
    ),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_changed_folder_is_refused_in_one_line(folder: Path, case: str) -> None:
    """What the fingerprint does not cover is covered by digests: the file is named, with what to
    do. Control: the copy is read before it is damaged.
    """
    storage.load(folder)
    name, damage = DAMAGE[case]
    damage(folder / name)
    with pytest.raises(SirecError) as caught:
        storage.load(folder)
    assert str(folder / name) in caught.value.message
    assert "\n" not in caught.value.message
    assert "prepare it again" in str(caught.value.hint)


def test_times_are_checked_where_they_alone_are_read(folder: Path) -> None:
    """`sirec export` and `sirec audit` read times besides the data set."""
    assert storage.load_timestamps(folder) is not None
    rewrite(folder / "interactions.parquet", "timestamp", lambda times: times + 1)
    with pytest.raises(SirecError, match=r"interactions\.parquet: not what was written"):
        storage.load_timestamps(folder)


def flip(path: Path, place: int) -> None:
    """Flip one bit of a file."""
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << (place % 8)
    path.write_bytes(bytes(data))


def test_no_flipped_bit_is_read(folder: Path, whole: Path) -> None:
    """In every file, a bit flipped anywhere is refused; the whole folder is read again after."""
    for original in sorted(whole.rglob("*")):
        if original.is_dir():
            continue
        path = folder / original.relative_to(whole)
        size = original.stat().st_size
        for place in range(0, size, max(1, size // REGIONS)):
            flip(path, place)
            with pytest.raises(SirecError):
                storage.load(folder)
            path.write_bytes(original.read_bytes())
    storage.load(folder)


def test_a_folder_without_digests_is_read_with_a_remark_and_can_be_sealed(folder: Path) -> None:
    """As version 0.2 wrote it; sealed it is as if it had been prepared now, and is sealed once."""
    written = (folder / "dataset.yaml").read_bytes()
    unseal_dataset(folder)
    with pytest.warns(Remark, match="without digests"):
        storage.load(folder)
    assert seal_dataset(folder)
    assert (folder / "dataset.yaml").read_bytes() == written
    storage.load(folder)
    assert not seal_dataset(folder)


def test_a_damaged_folder_is_not_sealed(folder: Path) -> None:
    """Digests are added to what can be read, never to what is known to be damaged."""
    unseal_dataset(folder)
    rewrite(folder / "interactions.parquet", "item", lambda items: items[::-1].to_numpy())
    with pytest.raises(SirecError, match="the prepared folder was changed"):
        seal_dataset(folder)
    assert "digest" not in (folder / "dataset.yaml").read_text()
