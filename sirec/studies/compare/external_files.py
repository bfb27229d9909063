"""Files of recommendations, with the raw ids of the data set.

Lists are tables (CSV, TSV, JSON lines, Parquet) with the columns user, item, and rank (lowest
first) or score (highest first). With both columns the rank decides. Ranks only order a list: they
may begin at 0, and have gaps.

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
ORDERS: Mapping[str, float] = {
    "rank": -1.0,
    "score": 1.0,
}  # the first column that is there decides; its sign: highest first


class NoBadLines(BadLines):
    """No line of a list may be left out."""

    def add(self, where: str, problem: str, line: str = "") -> None:
        """Raise `SirecError`."""
        quoted = f": '{line[:SHOWN]}'" if line else ""
        raise SirecError(
            f"{where}: {problem}{quoted}", "every line needs user, item and rank or score"
        )


def read_recommendations(path: Path, data: Dataset, order: str | None = None) -> Recommendations:
    """What a file recommends to the users of a data set; `order` is that of an array (see the
    module).

    Raises `SirecError` naming file, line and column of what is wrong, and where no user or no item
    is known.
    """
    if not path.is_file():
        raise SirecError(
            f"{path}: no such file",
            "expected a table with user, item and rank or score, or an array of scores",
        )
    return READERS.get(path.suffix, read_lists)(path, data, order)


def read_lists(path: Path, data: Dataset, order: str | None = None) -> Lists:
    """Lists from a table of any known format. Raises `SirecError`, see `read_recommendations`."""
    if order is not None:
        raise SirecError(f"{path}: lists name users and items, and need no --order", "leave it out")
    file = RawFile(path, path.stat().st_size)
    table = opened(file)
    by = _ordered_by(table)
    read = table.read(
        [WantedColumn("user"), WantedColumn("item"), WantedColumn(by, "number")],
        ReadingContext(bad_lines=NoBadLines()),
    )
    users, unknown_users = _codes(read, "user", data.user_names, path)
    items, unknown_items = _codes(read, "item", data.item_names, path)
    length = np.bincount(users[users > 0], minlength=data.user_count + 1)
    real = (users > 0) & (items > 0)
    users, items, keys = users[real], items[real], ORDERS[by] * read.column(by).to_numpy()[real]
    _refuse_repeats(users, items, data, path)
    remarks = (
        *_left_out("user", unknown_users, data.name),
        *_left_out("item", unknown_items, data.name),
    )
    return Lists(users, items, keys, length, remarks)


def read_scores(path: Path, data: Dataset, order: str | None = None) -> ScoreTable:
    """Scores from a NumPy array, read block by block as they are needed. Raises `SirecError`, see
    `read_recommendations`.
    """
    if order is None:
        hint = "--order codes for the codes of the data set, or --order IDS.json with the lists users and items"
        raise SirecError(f"{path}: the order of its rows and columns is not said", hint)
    table = _array(path)
    return (
        _in_codes(path, table, data)
        if order == CODES
        else _in_order_of(Path(order), path, table, data)
    )


READERS: Mapping[str, Callable[[Path, Dataset, str | None], Recommendations]] = {
    ".npy": read_scores
}


def _ordered_by(table: AnyTable) -> str:
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


def _codes(
    table: pa.Table, key: str, names: Sequence[str], where: Path
) -> tuple[ItemCodes, list[str]]:
    """Long[N]: the code of each row's name, 0 where the data set lacks it, and the names that it
    lacks.
    """
    column = table.column(key).combine_chunks()
    column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    given = column.dictionary.to_pylist()
    codes, lacking = _known(given, key, names, where)
    return codes[column.indices.to_numpy(zero_copy_only=False)], lacking


def _known(
    given: Sequence[str], key: str, names: Sequence[str], where: Path
) -> tuple[ItemCodes, list[str]]:
    known = {name: code for code, name in enumerate(names) if code}
    codes = np.array([known.get(name, 0) for name in given], dtype=np.int64)
    if not codes.any():
        shown = ", ".join(f"'{name}'" for name in names[1 : NAMED + 1])
        raise SirecError(
            f"{where}: no {key} in it is one of the data set ('{given[0]}')",
            f"its raw ids: {shown}, …",
        )
    return codes, [name for name, code in zip(given, codes, strict=True) if not code]


def _left_out(key: str, names: Sequence[str], data: str) -> list[str]:
    if not names:
        return []
    shown = ", ".join(f"'{name}'" for name in names[:NAMED]) + (", …" if len(names) > NAMED else "")
    return [f"{len(names):,} {key}{'s' * (len(names) > 1)} not in {data} left out ({shown})"]


def _refuse_repeats(users: ItemCodes, items: ItemCodes, data: Dataset, path: Path) -> None:
    pairs, counts = np.unique(users * data.item_codes + items, return_counts=True)
    if (counts > 1).any():
        user, item = divmod(int(pairs[counts > 1][0]), data.item_codes)
        what = f"{path}: user '{data.user_names[user]}' has item '{data.item_names[item]}' {counts.max()} times"
        raise SirecError(what, "a list has each item once")


def _array(path: Path) -> npt.NDArray[Any]:
    try:
        table: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SirecError(
            f"{path}: not a readable NumPy array: {str(error).splitlines()[0][:100]}"
        ) from None
    if table.ndim != 2 or table.dtype.kind not in "fiu":
        raise SirecError(
            f"{path}: {table.dtype} of shape {table.shape}", "expected numbers, users by items"
        )
    return table


def _in_codes(path: Path, table: npt.NDArray[Any], data: Dataset) -> ScoreTable:
    rows, columns = table.shape
    if rows != data.user_count or columns not in (data.item_codes, data.item_count):
        raise SirecError(
            f"{path}: {rows:,} by {columns:,}, but {data.name} has {data.user_count:,} users and {data.item_count:,} items",
            f"expected {data.user_count:,} rows and {data.item_count:,} columns, or one more with the padding's first",
        )
    column = np.maximum(np.arange(data.item_codes) - (data.item_codes - columns), 0)
    return ScoreTable(table, np.arange(-1, data.user_count), column, str(path))


def _in_order_of(sidecar: Path, path: Path, table: npt.NDArray[Any], data: Dataset) -> ScoreTable:
    users, items = (
        _ids(sidecar, key, count)
        for key, count in zip(("users", "items"), table.shape, strict=True)
    )
    rows, unknown_users = _known(users, "user", data.user_names, sidecar)
    columns, unknown_items = _known(items, "item", data.item_names, sidecar)
    row, column = (np.full(count + 1, -1) for count in (data.user_count, data.item_count))
    row[rows[rows > 0]], column[columns[columns > 0]] = (
        np.flatnonzero(rows),
        np.flatnonzero(columns),
    )
    if (column[1:] < 0).any():
        lacking = np.flatnonzero(column[1:] < 0) + 1
        what = f"{sidecar}: {len(lacking):,} items of {data.name} are not in it, first '{data.item_names[lacking[0]]}'"
        raise SirecError(what, "scores cover every item; for fewer, write lists")
    remarks = (
        *_left_out("user", unknown_users, data.name),
        *_left_out("item", unknown_items, data.name),
    )
    return ScoreTable(table, row, np.maximum(column, 0), str(path), remarks)


def _ids(sidecar: Path, key: str, count: int) -> list[str]:
    order = read_json(sidecar)
    if not isinstance(order, dict) or not isinstance(order.get(key), list):
        raise SirecError(
            f"{sidecar}: no list '{key}'",
            'expected {"users": [...], "items": [...]}, the raw ids in order',
        )
    ids = [str(name) for name in order[key]]
    if len(ids) != count or len(set(ids)) < count:
        what = f"{sidecar}: {len(ids):,} {key}, {len(set(ids)):,} of them different, for an array with {count:,}"
        raise SirecError(what, "expected one id each, in the order of rows and columns")
    return ids
