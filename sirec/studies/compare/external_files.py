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

import numpy as np
import pyarrow as pa

from sirec.data.dataset import Dataset
from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.context import SHOWN, BadLines, ReadingContext
from sirec.data.reading.files import RawFile
from sirec.data.reading.formats import AnyTable, opened
from sirec.errors import SirecError
from sirec.evaluation.external_lists import ItemCodes, Lists, Recommendations
from sirec.studies.compare.external_names import codes_of, left_out
from sirec.studies.compare.external_scores import read_scores

# Sign of the column that orders lists, so that the highest comes first. The first column that a
# file has decides.
ORDERS: Mapping[str, float] = {"rank": -1.0, "score": 1.0}


class NoBadLines(BadLines):
    """Refuses every bad line: none of a list may be left out."""

    def add(
        self,
        where: str,
        problem: str,
        line: str = "",
        kind: str | None = None,
        remedy: str | None = None,
    ) -> None:
        """Refuse a line.

        Args:
            where: file and line.
            problem: what is wrong.
            line: the line itself.
            kind: is not needed.
            remedy: is not needed: no option of a command can be named.

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
    return Lists(users, items, keys, length, left_out(unknown_users, unknown_items, data))


READERS: Mapping[str, Callable[[Path, Dataset, str | None], Recommendations]] = {
    ".npy": read_scores
}


def _ordering_column(table: AnyTable) -> str:
    """The column that orders the lists of a table."""
    for name in ("user", "item"):
        if name not in table.header:
            raise table.lacking(name, [WantedColumn("user"), WantedColumn("item")])
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
    codes, lacking = codes_of(column.dictionary.to_pylist(), key, names, where)
    return codes[column.indices.to_numpy(zero_copy_only=False)], lacking


def _refuse_repeats(users: ItemCodes, items: ItemCodes, data: Dataset, path: Path) -> None:
    pairs, counts = np.unique(users * data.item_codes + items, return_counts=True)
    if (counts > 1).any():
        user, item = divmod(int(pairs[counts > 1][0]), data.item_codes)
        raise SirecError(
            f"{path}: user '{data.user_names[user]}' has item '{data.item_names[item]}' "
            f"{counts.max()} times",
            "a list has each item once",
        )
