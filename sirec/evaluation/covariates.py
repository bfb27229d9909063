"""Covariates of users, which do not depend on a model: length of history, popularity of targets."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sirec.data.artefacts import StoredColumn, read_table, whole_numbers
from sirec.data.dataset import Dataset
from sirec.data.split import NO_TARGET, PARTS
from sirec.data.store.digests import OWN
from sirec.data.tasks.rows import owners, training_items
from sirec.disk import atomic_file
from sirec.errors import Remark, SirecError

DELETE = (
    "delete it, and run a command that trained a model on these data again: it is written anew, "
    "and what has finished is not trained anew"
)


def covariates(data: Dataset) -> dict[str, np.ndarray]:
    """Covariates of every user.

    Returns:
        Int32[U] for each column. `length` counts the user's interactions. For each part,
        `<part>_popularity` counts the target in the training part, `<part>_seen` is 1 where the
        user had the target before, and `<part>_history` counts the interactions before the target.
        All three are 0 for a user without a target; only these users have a history of 0.
    """
    offsets = data.offsets.cpu().numpy()
    counts = np.bincount(training_items(data)[1].cpu().numpy(), minlength=data.item_codes)
    repeats = _repeats(data)
    columns = {"length": np.diff(offsets)}
    for part in PARTS:
        position = data.held_out.targets[part].cpu().numpy()
        some = np.flatnonzero(position != NO_TARGET)
        target = data.items[position[some]].cpu().numpy()
        facts = {
            "history": position[some] - offsets[some],
            "popularity": counts[target],
            "seen": repeats[position[some]],
        }
        for name, values in facts.items():
            columns[f"{part}_{name}"] = np.zeros(data.user_count, dtype=np.int32)
            columns[f"{part}_{name}"][some] = values
    return {name: values.astype(np.int32) for name, values in columns.items()}


def _repeats(data: Dataset) -> np.ndarray:
    """Bool[N]: whether an interaction's user had its item before."""
    pairs = (owners(data) * data.item_codes + data.items).cpu().numpy()
    repeats = np.ones(len(pairs), dtype=bool)
    repeats[np.unique(pairs, return_index=True)[1]] = False
    return repeats


def write_covariates(data: Dataset, path: Path) -> None:
    """Write the covariates as Parquet, users 1..U in order, with a digest of them.

    Args:
        data: the whole data set.
        path: the file.

    Raises:
        SirecError: where the disk refuses.
    """
    save_covariates(covariates(data), path)


def save_covariates(columns: Mapping[str, np.ndarray], path: Path) -> None:
    """Write columns as Parquet, with a digest of them and of the file's name.

    Args:
        columns: Int32[U] by name.
        path: the file, whose name has the fingerprint of the data.

    Raises:
        SirecError: where the disk refuses.
    """
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    table = table.replace_schema_metadata({OWN: _digest(columns, path)})
    with atomic_file(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_covariates(path: Path, users: int | None = None) -> dict[str, np.ndarray]:
    """Read what `write_covariates` wrote.

    Covariates of version 0.2, without a digest, are read with a `Remark`.

    Args:
        path: the file.
        users: how many users it is about; None where that is not known.

    Returns:
        Int32[U] for each column.

    Raises:
        SirecError: if it is missing, damaged, or of other data.
    """
    names = ["length"]
    for part in PARTS:
        names += [f"{part}_history", f"{part}_popularity", f"{part}_seen"]
    table = read_table(path, [StoredColumn(name) for name in names], DELETE, rows=users)
    columns: dict[str, np.ndarray] = {}
    for name in names:
        columns[name] = whole_numbers(table, name).astype(np.int32)
    metadata = table.schema.metadata or {}
    stored = metadata.get(OWN.encode())
    if set(metadata) - {OWN.encode()}:  # a digest whose key is damaged, too
        raise SirecError(f"{path}: not what was written: its metadata are others", DELETE)
    if stored is None:
        warnings.warn(
            f"{path}: covariates without a digest, which version 0.2 wrote, are read unchecked "
            "(sirec verify --seal adds digests)",
            Remark,
            stacklevel=2,
        )
    elif stored != _digest(columns, path).encode():
        raise SirecError(f"{path}: not what was written: its digest is another one", DELETE)
    return columns


def has_digest(path: Path) -> bool:
    """Whether a readable file of covariates has a digest."""
    return OWN.encode() in (pq.read_metadata(path).metadata or {})


def _digest(columns: Mapping[str, np.ndarray], path: Path) -> str:
    """The sha256 of the file's name, and of names, types and values of the columns."""
    digest = hashlib.sha256(path.name.encode())
    for name, values in columns.items():
        digest.update(f"{name} {values.dtype} {values.shape}".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()
