"""Covariates of users, which do not depend on a model: length of history, popularity of targets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sirec.data.artefacts import StoredColumn, read_table, whole_numbers
from sirec.data.dataset import Dataset
from sirec.data.split import NO_TARGET, PARTS
from sirec.data.tasks.rows import owners, training_items
from sirec.disk import atomic_file


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
    """Write the covariates as Parquet, users 1..U in order.

    Args:
        data: the whole data set.
        path: the file.

    Raises:
        SirecError: where the disk refuses.
    """
    table = pa.table({name: pa.array(values) for name, values in covariates(data).items()})
    with atomic_file(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_covariates(path: Path, users: int) -> dict[str, np.ndarray]:
    """Read what `write_covariates` wrote.

    Args:
        path: the file.
        users: how many users it is about.

    Returns:
        Long[U] for each column.

    Raises:
        SirecError: if it is missing, damaged, or of other data.
    """
    hint = "delete it: it is written anew when a model is trained on these data"
    names = ["length"]
    for part in PARTS:
        names += [f"{part}_history", f"{part}_popularity", f"{part}_seen"]
    table = read_table(path, [StoredColumn(name) for name in names], hint, rows=users)
    return {name: whole_numbers(table, name) for name in names}
