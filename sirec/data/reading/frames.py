"""The tables of `RawData` from Arrow tables whose texts are dictionaries (`tables.py`)."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


def interactions(
    table: pa.Table,
    *,
    user: str,
    item: str,
    time: str | None = None,
    behaviours: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Make the table of interactions in `RawData`, with users and items as categories.

    Args:
        table: an Arrow table.
        user: its column of users.
        item: its column of items.
        time: its column of times, as the readers give them; None if there are none.
        behaviours: name of a behaviour -> its column.
    """
    keys = {"user": user, "item": item}
    if time:
        keys["timestamp"] = time
    keys |= behaviours or {}
    return pa.table({name: table.column(key) for name, key in keys.items()}).to_pandas()


def first_rows(table: pa.Table, key: str) -> pa.Table:
    """Keep the first row of each text in a column.

    Args:
        table: an Arrow table.
        key: its column of texts.
    """
    codes = table.column(key).combine_chunks().indices.to_numpy(zero_copy_only=False)
    return table.filter(pa.array(~pd.Series(codes).duplicated().to_numpy()))


def lists_to_rows(table: pa.Table, item: str, values: str) -> pd.DataFrame:
    """Make the table of an attribute in `RawData`: one row per value.

    Args:
        table: an Arrow table.
        item: its column of items.
        values: its column of values, which are texts or lists of texts.
    """
    column = table.column(values).combine_chunks()
    items = table.column(item).combine_chunks()
    if pa.types.is_list(column.type):
        items, column = items.take(pc.list_parent_indices(column)), pc.list_flatten(column)
    keep = pc.is_valid(column)
    rows = pa.table(
        {
            "item": items.filter(keep).cast(pa.string()),
            "value": column.filter(keep).cast(pa.string()),
        }
    )
    return rows.to_pandas()


def distinct_items(table: pa.Table, item: str) -> list[str]:
    """List the items that have a row in a table.

    Args:
        table: an Arrow table.
        item: its column of items.
    """
    items: list[str] = table.column(item).unique().cast(pa.string()).to_pylist()
    return items


def titles(table: pa.Table, item: str, title: str) -> pd.DataFrame:
    """Make the table of titles in `RawData`: an item's first title, for items that have one.

    Args:
        table: an Arrow table.
        item: its column of items.
        title: its column of titles.
    """
    items = table.column(item).cast(pa.string())
    texts = table.column(title).cast(pa.string())
    rows = pa.table({"item": items, "title": texts}).filter(pc.is_valid(texts)).to_pandas()
    return rows.drop_duplicates("item", ignore_index=True)
