"""Scores that another tool gave to all items, as NumPy arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sirec.config import read_json
from sirec.data.artefacts import read_array
from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.evaluation.external_lists import ItemCodes, ScoreTable
from sirec.studies.compare.external_names import codes_of, left_out

CODES = "codes"


def read_scores(path: Path, data: Dataset, order: str | None = None) -> ScoreTable:
    """Scores from a NumPy array, which is read block by block as it is needed.

    Args:
        path: the file.
        data: the data set.
        order: the order of rows and columns, see `read_recommendations`.

    Raises:
        SirecError: as `read_recommendations` does, and if no order is given.
    """
    if order is None:
        raise SirecError(
            f"{path}: the order of its rows and columns is not said",
            "--order codes for the codes of the data set, "
            "or --order IDS.json with the lists users and items",
        )
    scores = _array(path)
    if order == CODES:
        return _in_codes(path, scores, data)
    return _in_order_of(Path(order), path, scores, data)


def _array(path: Path) -> npt.NDArray[Any]:
    scores = read_array(path)
    if scores.ndim != 2 or scores.dtype.kind not in "fiu":
        raise SirecError(
            f"{path}: {scores.dtype} of shape {scores.shape}", "expected numbers, users by items"
        )
    return scores


def _in_codes(path: Path, scores: npt.NDArray[Any], data: Dataset) -> ScoreTable:
    """An array in the order of the data set's codes, with or without the padding's column."""
    rows, columns = scores.shape
    if rows != data.user_count or columns not in (data.item_codes, data.item_count):
        raise SirecError(
            f"{path}: {rows:,} by {columns:,}, but {data.name} has {data.user_count:,} users "
            f"and {data.item_count:,} items",
            f"expected {data.user_count:,} rows and {data.item_count:,} columns, "
            "or one more with the padding's first",
        )
    without_padding = data.item_codes - columns
    column = np.maximum(np.arange(data.item_codes) - without_padding, 0)
    return ScoreTable(scores, np.arange(-1, data.user_count), column, str(path))


def _in_order_of(sidecar: Path, path: Path, scores: npt.NDArray[Any], data: Dataset) -> ScoreTable:
    """An array in the order of the raw ids that a JSON file lists."""
    users = _ids(sidecar, "users", scores.shape[0])
    items = _ids(sidecar, "items", scores.shape[1])
    user_codes, unknown_users = codes_of(users, "user", data.user_names, sidecar)
    item_codes, unknown_items = codes_of(items, "item", data.item_names, sidecar)
    row = _positions(user_codes, data.user_count)
    column = _positions(item_codes, data.item_count)
    lacking = np.flatnonzero(column[1:] < 0) + 1
    if len(lacking):
        raise SirecError(
            f"{sidecar}: {len(lacking):,} items of {data.name} are not in it, "
            f"first '{data.item_names[lacking[0]]}'",
            "scores cover every item; for fewer, write lists",
        )
    remarks = left_out(unknown_users, unknown_items, data)
    return ScoreTable(scores, row, np.maximum(column, 0), str(path), remarks)


def _positions(codes: ItemCodes, count: int) -> ItemCodes:
    """Long[count + 1]: code -> its position in the list, -1 for codes that are not in it."""
    positions = np.full(count + 1, -1)
    positions[codes[codes > 0]] = np.flatnonzero(codes)
    return positions


def _ids(sidecar: Path, key: str, count: int) -> list[str]:
    """The raw ids of one axis of an array."""
    order = read_json(sidecar)
    if not isinstance(order, dict) or not isinstance(order.get(key), list):
        raise SirecError(
            f"{sidecar}: no list '{key}'",
            'expected {"users": [...], "items": [...]}, the raw ids in order',
        )
    ids = list(map(str, order[key]))
    distinct = len(set(ids))
    if len(ids) != count or distinct < count:
        raise SirecError(
            f"{sidecar}: {len(ids):,} {key}, {distinct:,} of them different, "
            f"for an array with {count:,}",
            "expected one id each, in the order of rows and columns",
        )
    return ids
