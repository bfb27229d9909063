"""Vectors of items from a file: NumPy arrays or Parquet.

FILE.npz       two arrays: the ids [N] and the vectors [N, W], of any names
FILE.npy       the vectors [N, W]; FILE.txt beside it has the ids, one a line
FILE.parquet   a column of ids, and a column whose cells are lists of W numbers
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sirec.data.artefacts import ARRAY_DAMAGE, read_array
from sirec.disk import read_fault
from sirec.errors import SirecError, unknown
from sirec.memory import gigabytes, memory_size

ID_COLUMNS = ("item", "item_id", "id")
SAVE = "numpy.savez(FILE, ids=ids, vectors=vectors)"
LEFT_OUT = "leave out the rows of items without a vector"
WIDEST = 1 << 16  # numbers of a vector


@dataclass(frozen=True, eq=False)
class ItemVectors:
    """Vectors of items, such as those of a text or an image encoder.

    Attributes:
        ids: raw ids of N items, none of them twice.
        matrix: Float32[N, W], finite, one row an item.
    """

    ids: tuple[str, ...]
    matrix: NDArray[np.float32]


def read_vectors(name: str, path: Path) -> ItemVectors:
    """Read the vectors of an attribute from a file.

    Args:
        name: the attribute.
        path: the file.

    Raises:
        SirecError: for a file that is missing, damaged or of another form, and for ids and vectors
            that `checked_vectors` refuses.
    """
    if not path.is_file():
        siblings = path.parent.glob("*") if path.parent.is_dir() else ()
        hint = unknown("file", path.name, [each.name for each in siblings if each.is_file()]).hint
        raise SirecError(f"{path}: no such file", hint)
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise SirecError(
            f"{path}: the ending '{path.suffix}' is none of vectors",
            f"{', '.join(READERS)} are read: {SAVE}",
        )
    ids, matrix = READERS[suffix](name, path)
    return checked_vectors(str(path), ids, matrix)


def checked_vectors(where: str, ids: Sequence[object], matrix: NDArray[Any]) -> ItemVectors:
    """Vectors that can be used, with ids as texts.

    Args:
        where: the file, or what the vectors are called, for messages.
        ids: the ids of the items.
        matrix: [N, W], one row an item.

    Raises:
        SirecError: for another shape, what is no number, infinite or missing numbers, and ids that
            are empty, there twice, or of another number than the rows.
    """
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        shape = " x ".join(map(str, matrix.shape)) or "a single number"
        raise SirecError(f"{where}: the vectors are {shape}", "expected one row an item: N x W")
    if matrix.dtype.kind not in "fiu":
        raise SirecError(f"{where}: the vectors hold {matrix.dtype}, no numbers", SAVE)
    if matrix.shape[1] > WIDEST:
        raise SirecError(
            f"{where}: vectors of {matrix.shape[1]:,} numbers",
            f"expected one row an item, and at most {WIDEST:,} numbers in it; is it transposed?",
        )
    turned = len(ids) == matrix.shape[1]
    if len(ids) != len(matrix) or not len(ids):
        raise SirecError(
            f"{where}: {len(ids):,} ids for {len(matrix):,} vectors",
            "expected one id a row" + ("; are the vectors transposed?" if turned else ""),
        )
    texts = tuple(map(_id_text, ids))
    _check_ids(where, texts)
    with np.errstate(over="ignore"):
        narrow = np.array(matrix, dtype=np.float32)
    bad = np.asarray(~np.isfinite(narrow).all(axis=1))
    if bad.any():
        row = int(bad.argmax())
        raise SirecError(
            f"{where}: row {row + 1} (item '{texts[row]}') has a number that is missing or infinite"
            f"; {int(bad.sum()):,} of {len(bad):,} rows are so",
            LEFT_OUT,
        )
    return ItemVectors(texts, narrow)


def _id_text(value: object) -> str:
    """An id as the interactions have it: 7 and not 7.0, trimmed."""
    if isinstance(value, bytes):
        return value.decode(errors="replace").strip()
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return "" if value is None else str(value).strip()


def _check_ids(where: str, ids: Sequence[str]) -> None:
    """Refuse ids that are empty, or there twice."""
    first: dict[str, int] = {}
    for row, each in enumerate(ids):
        if each in ("", "nan"):
            raise SirecError(f"{where}: row {row + 1} has no id", "give it one, or leave it out")
        if each in first:
            raise SirecError(
                f"{where}: item '{each}' has two vectors, in rows {first[each] + 1} and {row + 1}",
                "keep one of them, or their mean",
            )
        first[each] = row


def _npy(name: str, path: Path) -> tuple[Sequence[object], NDArray[Any]]:
    """The array, and the ids in the text file beside it."""
    matrix = read_array(path)
    beside = path.with_suffix(".txt")
    if not beside.is_file():
        raise SirecError(
            f"{path}: it has no ids, and there is no {beside.name} beside it",
            f"write the ids there, one a line, or both into one file: {SAVE}",
        )
    try:
        text = beside.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SirecError(f"{beside}: not UTF-8: {error.reason}", "save it in UTF-8") from None
    except OSError as error:
        raise read_fault(beside, error) from None
    return text.splitlines(), matrix


def _npz(name: str, path: Path) -> tuple[Sequence[object], NDArray[Any]]:
    """The array of two axes, and that of one axis."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(each.file_size for each in archive.infolist())
        memory = memory_size()
        if memory is not None and size > memory:
            what = f"{gigabytes(size)} do not fit into {gigabytes(memory)} of memory"
            raise SirecError(f"{path}: {what}", "reduce the vectors")
        with np.load(path, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
    except (zipfile.BadZipFile, *ARRAY_DAMAGE) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:100]
        hint = "save ids as texts: ids.astype(str)" if "pickle" in reason else SAVE
        raise SirecError(f"{path}: not readable arrays: {reason}", hint) from None
    ids = [key for key, array in arrays.items() if array.ndim == 1]
    vectors = [key for key, array in arrays.items() if array.ndim == 2]
    if len(ids) != 1 or len(vectors) != 1:
        shapes = [f"{key} ({' x '.join(map(str, arrays[key].shape))})" for key in arrays]
        raise SirecError(
            f"{path}: expected ids (N) and vectors (N x W), found {', '.join(shapes) or 'nothing'}",
            SAVE,
        )
    return arrays[ids[0]].tolist(), arrays[vectors[0]]


def _parquet(name: str, path: Path) -> tuple[Sequence[object], NDArray[Any]]:
    """The column of lists, without its nulls, and the column of ids."""
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = (str(error).splitlines() or ["damaged"])[0][:100]
        raise SirecError(
            f"{path}: not a readable Parquet file: {reason}", "is it complete?"
        ) from None
    lists = [field.name for field in table.schema if _is_of_numbers(field.type)]
    column = _chosen(path, "a column of lists of numbers", lists, (name, "vector", "embedding"))
    others = [field.name for field in table.schema if field.name not in lists]
    key = _chosen(path, "a column of ids", others, ID_COLUMNS)
    table = table.filter(pc.is_valid(table[column]))
    cells = table[column].combine_chunks()
    counts = pc.list_value_length(cells).to_numpy(zero_copy_only=False)
    uneven = np.flatnonzero(counts != counts[:1])
    if len(uneven):
        row = int(uneven[0])
        raise SirecError(
            f"{path}: row {row + 1} has {int(counts[row]):,} numbers, row 1 {int(counts[0]):,}",
            "vectors have equally many numbers",
        )
    flat = pc.list_flatten(cells).to_numpy(zero_copy_only=False)
    width = int(counts[0]) if len(counts) else 0
    return table[key].to_pylist(), np.asarray(flat).reshape(len(table), width)


def _is_of_numbers(kind: pa.DataType) -> bool:
    """Whether a column's cells are lists of numbers."""
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if not is_list and not pa.types.is_fixed_size_list(kind):
        return False
    return bool(pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type))


def _chosen(path: Path, what: str, columns: Sequence[str], usual: Sequence[str]) -> str:
    """The only column of a kind, or else the one with a usual name."""
    if len(columns) == 1:
        return columns[0]
    for name in usual:
        if name in columns:
            return name
    found = f"found {', '.join(columns)}" if columns else "found none"
    raise SirecError(f"{path}: expected {what}, {found}", f"call it {usual[0]}")


READERS: Mapping[str, Callable[[str, Path], tuple[Sequence[object], NDArray[Any]]]] = {
    ".npz": _npz,
    ".npy": _npy,
    ".parquet": _parquet,
}
"""The readers of files of vectors, by their ending."""
