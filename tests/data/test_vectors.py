"""Vectors of items: read from three kinds of files, checked, stored, and read again checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

import sirec
from sirec.data.beside import Beside
from sirec.data.prepare.pipeline import Prepared, PrepareOptions, prepare
from sirec.data.reading.vectors import ItemVectors, checked_vectors, read_vectors
from sirec.data.sources.base import RawData
from sirec.data.store import storage
from sirec.errors import SirecError

IDS = ["a", "b", "7"]
MATRIX = np.arange(12, dtype=np.float64).reshape(3, 4) - 3


def save_npz(folder: Path) -> Path:
    """Both arrays in one file."""
    np.savez(folder / "text.npz", names=np.array(IDS), rows=MATRIX)
    return folder / "text.npz"


def save_npy(folder: Path) -> Path:
    """The ids in a text file beside the array."""
    np.save(folder / "text.npy", MATRIX)
    (folder / "text.txt").write_text("a\nb\n7\n")
    return folder / "text.npy"


def save_parquet(folder: Path) -> Path:
    """A column of lists, and one of ids; a null is no vector."""
    rows = [*MATRIX.tolist(), None]
    pq.write_table(pa.table({"id": [*IDS, "none"], "vector": rows}), folder / "text.parquet")
    return folder / "text.parquet"


@pytest.mark.parametrize("save", [save_npz, save_npy, save_parquet])
def test_each_kind_of_file_gives_the_same(save: Callable[[Path], Path], tmp_path: Path) -> None:
    """Ids in the order of the file, and their vectors."""
    vectors = read_vectors("text", save(tmp_path))
    assert vectors.ids == ("a", "b", "7")
    assert np.array_equal(vectors.matrix, MATRIX.astype(np.float32))


def test_ids_of_numbers_are_written_as_interactions_have_them() -> None:
    """7 and not 7.0."""
    assert checked_vectors("text", [7, 8.0, np.float64(9), b"x"], np.ones((4, 1))).ids == (
        "7",
        "8",
        "9",
        "x",
    )


def with_one(value: float) -> Any:
    """The matrix with another number in its second row."""
    changed = MATRIX.copy()
    changed[1, 2] = value
    return changed


@pytest.mark.parametrize(
    ("ids", "matrix", "message"),
    [
        (IDS, MATRIX[0], "the vectors are 4"),
        (IDS, MATRIX[:, :0], "the vectors are 3 x 0"),
        (IDS, MATRIX[None], "the vectors are 1 x 3 x 4"),
        (IDS, MATRIX.astype(str), "the vectors hold <U32, no numbers"),
        (IDS, MATRIX > 1, "the vectors hold bool"),
        (IDS, with_one(np.nan), r"row 2 \(item 'b'\) has a number that is missing or infinite"),
        (IDS, with_one(np.inf), "row 2"),
        (IDS, with_one(1e300), "row 2"),
        (IDS[:2], MATRIX, "2 ids for 3 vectors"),
        ([], MATRIX[:0], "0 ids for 0 vectors"),
        (["a", "b", "a"], MATRIX, "item 'a' has two vectors, in rows 1 and 3"),
        (["a", "", "c"], MATRIX, "row 2 has no id"),
        (["a", None, "c"], MATRIX, "row 2 has no id"),
        (IDS, np.zeros((3, 70_000), dtype=np.float16), "vectors of 70,000 numbers"),
    ],
)
def test_vectors_that_cannot_be_meant_are_refused(ids: Any, matrix: Any, message: str) -> None:
    """One line with the place, and what would be right. Control: the right ones are read."""
    assert checked_vectors("text", IDS, MATRIX).ids
    with pytest.raises(SirecError, match=message) as caught:
        checked_vectors("text", ids, matrix)
    assert caught.value.hint
    assert "\n" not in caught.value.message


def objects(path: Path) -> None:
    np.savez(path / "x.npz", ids=np.array(IDS, dtype=object), vectors=MATRIX)


def three_arrays(path: Path) -> None:
    np.savez(path / "x.npz", ids=np.array(IDS), vectors=MATRIX, more=MATRIX)


def noise(path: Path) -> None:
    (path / "x.npz").write_bytes(b"PK\x03\x04 nothing of the kind")


def without_ids(path: Path) -> None:
    np.save(path / "x.npy", MATRIX)


def half(path: Path) -> None:
    (path / "x.npy").write_bytes(save_npy(path).read_bytes()[:60])
    (path / "x.txt").write_text("a\nb\n7\n")


def uneven(path: Path) -> None:
    pq.write_table(pa.table({"item": IDS, "v": [[1.0], [1.0, 2.0], [3.0]]}), path / "x.parquet")


def no_lists(path: Path) -> None:
    pq.write_table(pa.table({"item": IDS, "v": [1.0, 2.0, 3.0]}), path / "x.parquet")


def two_lists(path: Path) -> None:
    rows = MATRIX.tolist()
    pq.write_table(pa.table({"item": IDS, "v": rows, "w": rows}), path / "x.parquet")


def two_ids(path: Path) -> None:
    table = {"sku": IDS, "asin": IDS, "v": MATRIX.tolist()}
    pq.write_table(pa.table(table), path / "x.parquet")


def a_table(path: Path) -> None:
    (path / "x.csv").write_text("item,1,2\na,1,2\n")


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (objects, "pickle"),
        (three_arrays, "expected ids"),
        (noise, "not readable arrays"),
        (without_ids, r"no x\.txt beside it"),
        (half, "not a readable NumPy array"),
        (uneven, "row 2 has 2 numbers, row 1 1"),
        (no_lists, "expected a column of lists of numbers, found none"),
        (two_lists, "expected a column of lists of numbers, found v, w"),
        (two_ids, "expected a column of ids, found sku, asin"),
        (a_table, r"the ending '\.csv' is none of vectors"),
        (lambda path: None, "no such file"),
    ],
)
def test_files_that_are_no_vectors_are_refused(
    write: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    """One line with the file, and how to write one that is read."""
    write(tmp_path)
    found = [path for path in tmp_path.iterdir() if path.stem == "x" and path.suffix != ".txt"]
    with pytest.raises(SirecError, match=message) as caught:
        read_vectors("text", found[0] if found else tmp_path / "x.npz")
    assert "\n" not in caught.value.message


def raw(*, ids: list[str] | None = None, name: str = "text") -> RawData:
    """Four users and items, with vectors of three items and of one that has no interaction."""
    rows = [(f"u{user}", f"i{(user + step) % 4}") for user in range(4) for step in range(4)]
    brand = pd.DataFrame({"item": ["i0", "i1"], "value": ["x", "y"]}, dtype=object)
    vectors = ItemVectors(
        tuple(ids or ["i0", "i1", "i3", "z"]), np.arange(1, 9, dtype=np.float32).reshape(4, 2)
    )
    table = pd.DataFrame(rows, columns=["user", "item"])
    return RawData(table, {"brand": brand}, vectors={name: vectors})


def prepared(**options: Any) -> Prepared:
    """The small data set with vectors."""
    return prepare(raw(), "tiny", PrepareOptions(core=0, **options))


def test_items_without_a_vector_have_zeros_and_are_counted() -> None:
    """Rows follow the codes of the items; what does not fit is a note, and without it none."""
    made = prepared()
    field = made.dataset.fields[1]
    assert (field.name, field.kind, field.form, field.size) == ("text", "attribute", "vector", 2)
    of = dict(zip(made.dataset.item_names, field.vectors.tolist(), strict=True))
    assert of == {"": [0, 0], "i0": [1, 2], "i1": [3, 4], "i2": [0, 0], "i3": [5, 6]}
    assert made.dataset.item_names[3] == "i2"
    note = "text: 1 of 4 items have no vector, and count as without a value; 1 vectors are of items"
    assert any(each.startswith(note) for each in made.notes)
    whole = prepare(raw(ids=["i0", "i1", "i2", "i3"]), "tiny", PrepareOptions(core=0))
    assert not any("vector" in each for each in whole.notes)
    assert made.statistics.attributes[1].items == 3


def test_vectors_of_other_items_alone_and_of_a_taken_name_are_refused() -> None:
    """The message shows an id of either side; two fields have two names."""
    with pytest.raises(SirecError, match="none of its 4 vectors is of an item") as caught:
        prepare(raw(ids=["1", "2", "3", "4"]), "tiny", PrepareOptions(core=0))
    assert "'1', an item is called 'i0'" in (caught.value.hint or "")
    with pytest.raises(SirecError, match="'brand' names two fields"):
        prepare(raw(name="brand"), "tiny", PrepareOptions(core=0))
    zeros = {"text": ItemVectors(("i0",), np.zeros((1, 2), dtype=np.float32))}
    with pytest.raises(SirecError, match="the vectors of all 4 items are 0"):
        prepare(replace(raw(), vectors=zeros), "tiny", PrepareOptions(core=0))
    assert len(prepared(without=("text",)).dataset.fields) == 1


def test_a_stored_data_set_comes_back_with_its_vectors(tmp_path: Path) -> None:
    """Every number, and the fingerprint; the file of vectors has a digest."""
    made = prepared()
    data = storage.load(storage.write(tmp_path, made))
    assert torch.equal(data.fields[1].vectors, made.dataset.fields[1].vectors)
    assert data.fields[1].form == "vector"
    assert data.fingerprint() == made.dataset.fingerprint()
    assert "vectors.safetensors" in storage.read_manifest(tmp_path / "tiny").digests


@pytest.mark.parametrize("damage", ["gone", "cut", "other"])
def test_damaged_vectors_are_one_line(damage: str, tmp_path: Path) -> None:
    """A file that is missing, cut, or another one names itself and what to do."""
    folder = storage.write(tmp_path, prepared())
    path = folder / "vectors.safetensors"
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-3])
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(SirecError, match=r"vectors\.safetensors") as caught:
        storage.load(folder)
    assert "--replace" in (caught.value.hint or "")


def test_joined_and_merged_ids_take_their_vectors_along() -> None:
    """`--join text` finds I0 as i0, with its vector; without it (control) there is none."""
    upper = ["I0", "I1", "i2", "i3"]
    one = prepare(raw(ids=upper), "tiny", PrepareOptions(core=0))
    assert one.statistics.attributes[1].items == 2
    two = prepare(raw(ids=upper), "tiny", PrepareOptions(core=0, join="text"))
    assert two.statistics.attributes[1].items == 4


def test_vectors_from_memory_and_from_files_are_one(tmp_path: Path) -> None:
    """DataFrames with an array or a file, and files with a file, give one fingerprint."""
    source = raw()
    frame = source.interactions
    path = tmp_path / "text.npz"
    vectors = source.vectors["text"]
    np.savez(path, ids=np.array(vectors.ids), vectors=vectors.matrix)
    frame.to_csv(tmp_path / "orders.csv", index=False)
    given: dict[str, Any] = {"options": {"core": 0}, "data_root": tmp_path / "data"}
    arrays = {"text": (vectors.ids, vectors.matrix)}
    made = [
        sirec.prepare(frame, name="one", vectors=arrays, **given),
        sirec.prepare(frame, name="two", vectors={"text": path}, **given),
        sirec.prepare(
            "table",
            name="three",
            vectors={"text": path},
            source_options={"interactions": str(tmp_path / "orders.csv")},
            **given,
        ),
    ]
    assert len({each.prepared.dataset.fingerprint() for each in made}) == 1
    manifest = storage.read_manifest(made[2].folder)
    assert manifest.source is not None
    assert manifest.source["beside.vectors"] == f"text={path}"
    assert "text.npz" in [file.name for file in manifest.files]
    with pytest.raises(SirecError, match="neither a file nor ids with an array"):
        sirec.prepare(frame, name="four", vectors={"text": vectors.matrix}, **given)


def test_columns_of_users_need_a_table_of_users() -> None:
    """They are refused before anything is read."""
    with pytest.raises(SirecError, match="none is named"):
        Beside(user_attributes={"age": "age"})
