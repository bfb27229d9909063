"""Files of recommendations that another tool made, with the raw ids of the data set.

Lists are tables (CSV, TSV, JSON lines, Parquet) with the columns user, item, and rank (lowest
first) or score (highest first). With both columns the rank decides. Ranks only order a list: they
may begin at 0, and numbers may be left out.

Scores are NumPy arrays (`.npy`), users by items. Their rows and columns are in the order of the
codes of the data set (`codes`; the padding's column may be there or not), or of the lists `users`
and `items` of raw ids in a JSON file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sirec.data.dataset import Dataset
from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.context import SHOWN, BadLines, ReadingContext
from sirec.data.reading.files import RawFile
from sirec.data.reading.formats import AnyTable, opened
from sirec.errors import SirecError, unknown
from sirec.evaluation.external_lists import ItemCodes, Lists, Recommendations, ScoreTable
from sirec.run.files import read_json

CODES = "codes"
NAMED = 3  # how many unknown names a remark shows
# Sign of the column that orders lists, so that the highest comes first. The first column that a
# file has decides.
ORDERS: Mapping[str, float] = {"rank": -1.0, "score": 1.0}


class NoBadLines(BadLines):
    """Refuses every bad line: none of a list may be left out."""

    def add(self, where: str, problem: str, line: str = "") -> None:
        """Refuse a line.

        Args:
            where: file and line.
            problem: what is wrong.
            line: the line itself.

        Raises:
            SirecError: always.
        """
        quoted = f": '{line[:SHOWN]}'" if line else ""
        raise SirecError(
            f"{where}: {problem}{quoted}", "every line needs user, item and rank or score"
        )


def read_recommendations(path: Path, data: Dataset, order: str | None = None) -> Recommendations:
    """What a file recommends to the users of a data set.

    Args:
        path: the file.
        data: the data set.
        order: the order of an array's rows and columns: `codes`, or a JSON file with the lists
            `users` and `items`. Lists name users and items and have no order.

    Raises:
        SirecError: with file, line and column of what is wrong; and if no user or no item is one
            of the data set.
    """
    if not path.is_file():
        raise SirecError(
            f"{path}: no such file",
            "expected a table with user, item and rank or score, or an array of scores",
        )
    return READERS.get(path.suffix, read_lists)(path, data, order)


def read_lists(path: Path, data: Dataset, order: str | None = None) -> Lists:
    """Lists from a table of any known format.

    Args:
        path: the file.
        data: the data set.
        order: must be None.

    Raises:
        SirecError: as `read_recommendations` does, and if an order is given.
    """
    if order is not None:
        raise SirecError(f"{path}: lists name users and items, and need no --order", "leave it out")
    table = opened(RawFile(path, path.stat().st_size))
    by = _ordering_column(table)
    read = table.read(
        [WantedColumn("user"), WantedColumn("item"), WantedColumn(by, "number")],
        ReadingContext(bad_lines=NoBadLines()),
    )
    users, unknown_users = _column_codes(read, "user", data.user_names, path)
    items, unknown_items = _column_codes(read, "item", data.item_names, path)
    length = np.bincount(users[users > 0], minlength=data.user_count + 1)
    real = (users > 0) & (items > 0)
    users, items, keys = users[real], items[real], ORDERS[by] * read.column(by).to_numpy()[real]
    _refuse_repeats(users, items, data, path)
    return Lists(users, items, keys, length, _left_out(unknown_users, unknown_items, data))


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


READERS: Mapping[str, Callable[[Path, Dataset, str | None], Recommendations]] = {
    ".npy": read_scores
}


def _ordering_column(table: AnyTable) -> str:
    """The column that orders the lists of a table."""
    for name in ("user", "item"):
        if name not in table.header:
            raise unknown("column", name, table.header, str(table.file))
    for name in ORDERS:
        if name in table.header:
            return name
    raise SirecError(
        f"{table.file}: neither rank nor score among its columns",
        f"columns: {', '.join(table.header)}",
    )


def _column_codes(
    table: pa.Table, key: str, names: Sequence[str], where: Path
) -> tuple[ItemCodes, list[str]]:
    """Long[N]: the code of each line's name, 0 for an unknown one; and the unknown names."""
    column = table.column(key).combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0)
    codes, lacking = _codes(column.dictionary.to_pylist(), key, names, where)
    return codes[column.indices.to_numpy(zero_copy_only=False)], lacking


def _codes(
    given: Sequence[str], key: str, names: Sequence[str], where: Path
) -> tuple[ItemCodes, list[str]]:
    """The code of each given name, 0 for an unknown one; and the unknown names.

    Raises:
        SirecError: if all names are unknown.
    """
    code_of = {name: code for code, name in enumerate(names) if code}
    codes = np.array([code_of.get(name, 0) for name in given], dtype=np.int64)
    if not codes.any():
        shown = ", ".join(f"'{name}'" for name in names[1 : NAMED + 1])
        raise SirecError(
            f"{where}: no {key} in it is one of the data set ('{given[0]}')",
            f"its raw ids: {shown}, …",
        )
    return codes, [given[index] for index in np.flatnonzero(codes == 0).tolist()]


def _left_out(users: Sequence[str], items: Sequence[str], data: Dataset) -> tuple[str, ...]:
    """Remarks on the users and items that the data set lacks."""
    remarks: list[str] = []
    for key, names in (("user", users), ("item", items)):
        if names:
            shown = ", ".join(f"'{name}'" for name in names[:NAMED])
            if len(names) > NAMED:
                shown += ", …"
            plural = "s" * (len(names) > 1)
            remarks.append(f"{len(names):,} {key}{plural} not in {data.name} left out ({shown})")
    return tuple(remarks)


def _refuse_repeats(users: ItemCodes, items: ItemCodes, data: Dataset, path: Path) -> None:
    pairs, counts = np.unique(users * data.item_codes + items, return_counts=True)
    if (counts > 1).any():
        user, item = divmod(int(pairs[counts > 1][0]), data.item_codes)
        raise SirecError(
            f"{path}: user '{data.user_names[user]}' has item '{data.item_names[item]}' "
            f"{counts.max()} times",
            "a list has each item once",
        )


def _array(path: Path) -> npt.NDArray[Any]:
    try:
        scores: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SirecError(
            f"{path}: not a readable NumPy array: {str(error).splitlines()[0][:100]}"
        ) from None
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
    user_codes, unknown_users = _codes(users, "user", data.user_names, sidecar)
    item_codes, unknown_items = _codes(items, "item", data.item_names, sidecar)
    row = _positions(user_codes, data.user_count)
    column = _positions(item_codes, data.item_count)
    lacking = np.flatnonzero(column[1:] < 0) + 1
    if len(lacking):
        raise SirecError(
            f"{sidecar}: {len(lacking):,} items of {data.name} are not in it, "
            f"first '{data.item_names[lacking[0]]}'",
            "scores cover every item; for fewer, write lists",
        )
    remarks = _left_out(unknown_users, unknown_items, data)
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
    ids = [str(name) for name in order[key]]
    distinct = len(set(ids))
    if len(ids) != count or distinct < count:
        raise SirecError(
            f"{sidecar}: {len(ids):,} {key}, {distinct:,} of them different, "
            f"for an array with {count:,}",
            "expected one id each, in the order of rows and columns",
        )
    return ids
