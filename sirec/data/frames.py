"""Interactions and items in pandas DataFrames, as raw data that can be prepared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from sirec.data.beside import users_to_rows
from sirec.data.reading import frames as tables
from sirec.data.reading.columns import ColumnKind, WantedColumn
from sirec.data.reading.conversions import Converted, bad_rows, convert, problem
from sirec.data.reading.digit_dates import DateChecks
from sirec.data.reading.tables import with_narrow_times
from sirec.data.reading.time_columns import TimeChoice, choose_times
from sirec.data.sources.base import ItemRows, RawData, check_behaviours
from sirec.errors import SirecError, unknown


@dataclass(frozen=True)
class FrameColumns:
    """Which columns of DataFrames are what.

    Attributes:
        user: column of users.
        item: column of items, in both frames.
        time: column of times, as datetimes (UTC where they name no zone) or seconds since 1970;
            `none` for none. Without it, a column of a known name is taken (`time_columns`).
        time_format: `strptime` format of times that are neither.
        behaviours: name of a behaviour -> its column of the interactions.
        attributes: name of an attribute -> its column of the items; a cell holds one value, or a
            list of values.
        title: column of the items with their titles.
        users_key: column of the users in their own frame; None for `user`.
        user_attributes: name of an attribute -> its column of the users.
    """

    user: str = "user"
    item: str = "item"
    time: str | None = None
    time_format: str | None = None
    behaviours: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    title: str | None = None
    users_key: str | None = None
    user_attributes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse behaviours whose names are taken."""
        check_behaviours(self.behaviours)


def read_frames(
    interactions: pd.DataFrame,
    items: pd.DataFrame | None,
    columns: FrameColumns,
    users: pd.DataFrame | None = None,
    unknown: Collection[str] = (),
) -> RawData:
    """Raw data from DataFrames.

    Args:
        interactions: one row per interaction; where times are equal or unknown, the order of the
            rows decides which interaction is later.
        items: one row per item, or several rows that add up; without it, attributes and titles
            are columns of the interactions.
        columns: which columns are what.
        users: one row per user, with their attributes.
        unknown: behaviours of which a row may have no value.

    Raises:
        SirecError: for a column that is missing or there twice, or with row and column of the first
            value that is missing or not of its kind.
    """
    if users is None and columns.user_attributes:
        raise SirecError("user_attributes: there are no users with columns", "say users=")
    described = interactions if items is None else items
    where = "interactions" if items is None else "items"
    times = _times(interactions, columns, is_described=items is None)
    wanted = [WantedColumn(columns.user), WantedColumn(columns.item)]
    if times.column is not None:
        wanted.append(WantedColumn(times.column, "time", format=columns.time_format))
    for name, column in columns.behaviours.items():
        _check_column(column, interactions, "interactions")
        kind: ColumnKind = (
            "number" if pd.api.types.is_numeric_dtype(interactions[column]) else "text"
        )
        may_lack = name in unknown
        option = f"options={{'unknown': ['{name}']}}"
        wanted.append(WantedColumn(column, kind, required=not may_lack, option_if_missing=option))
    events = _table(interactions, wanted, "interactions")
    wanted = [WantedColumn(columns.item)]
    for column in columns.attributes.values():
        wanted.append(WantedColumn(column, "texts", required=False))
    values = _table(described, wanted, where)
    attributes: dict[str, pd.DataFrame] = {}
    for name, column in columns.attributes.items():
        rows = tables.lists_to_rows(values, columns.item, column)
        attributes[name] = rows.drop_duplicates(ignore_index=True)
    titles: pd.DataFrame | None = None
    if columns.title is not None:
        wanted = [WantedColumn(columns.item), WantedColumn(columns.title, required=False)]
        titles = tables.titles(_table(described, wanted, where), columns.item, columns.title)
    table = tables.interactions(
        events,
        user=columns.user,
        item=columns.item,
        time=times.column,
        behaviours=columns.behaviours,
    )
    listed: ItemRows | None = None
    if items is not None:
        listed = ItemRows("items", tables.distinct_items(values, columns.item))
    return RawData(
        table,
        attributes,
        titles,
        {"name": "frames", **times.found_option},
        time_column=times.column,
        unused_times=times.doubtful,
        notes=times.notes(in_python=True),
        items=listed,
        of_users={} if users is None else _of_users(users, columns),
    )


def _of_users(users: pd.DataFrame, columns: FrameColumns) -> dict[str, pd.DataFrame]:
    """The tables of the attributes of users; without names these are all columns."""
    key = columns.users_key or columns.user
    _check_column(key, users, "users")
    others = [str(name) for name in users.columns if name != key]
    chosen = columns.user_attributes or {name: name for name in others}
    wanted = [WantedColumn(key)]
    for column in dict.fromkeys(chosen.values()):
        wanted.append(WantedColumn(column, "texts", required=False))
    read = _table(users, wanted, "users")
    found: dict[str, pd.DataFrame] = {}
    for name, column in chosen.items():
        found[name] = users_to_rows(read, key, column)
    return found


def _times(frame: pd.DataFrame, columns: FrameColumns, *, is_described: bool) -> TimeChoice:
    """The column of times; `is_described` if the frame has the columns that describe items, too."""
    taken = [columns.user, columns.item, *columns.behaviours.values()]
    if is_described:
        taken += [*columns.attributes.values(), columns.title or ""]
    names = [name for name in frame.columns if isinstance(name, str)]
    unique = [name for name, count in Counter(names).items() if count == 1]
    form = columns.time_format
    choice = choose_times(columns.time, unique, taken, lambda name: _array(frame[name]), form)
    choice.check_format(form, in_python=True)
    return choice


def columns_by_name(columns: Mapping[str, str] | Iterable[str]) -> dict[str, str]:
    """Name -> column; a list names columns that are called as they are."""
    if isinstance(columns, Mapping):
        return dict(columns)
    if isinstance(columns, str):
        return {columns: columns}
    return {column: column for column in columns}


def _check_column(column: str, frame: pd.DataFrame, where: str) -> None:
    """Refuse a column that is not in the frame, or is there twice."""
    count = int((frame.columns == column).sum())
    if count == 0:
        raise unknown("column", column, map(str, frame.columns), where)
    if count > 1:
        raise SirecError(f"{where}: {count} columns are called {column}", "rename all but one")


def _table(frame: pd.DataFrame, wanted: Sequence[WantedColumn], where: str) -> pa.Table:
    """The wanted columns, converted as those of files are; texts become dictionaries."""
    converted: list[Converted] = []
    for column in wanted:
        _check_column(column.key, frame, where)
        result = convert(_array(frame[column.key]), column)
        converted.append(result)
    checks = DateChecks(wanted, where, option="time_format=")
    checks.add([result.values for result in converted])
    bad = np.flatnonzero(bad_rows(converted, wanted))
    if len(bad):
        row = int(bad[0])
        key, what = problem(converted, wanted, row) or ("", "")
        hint = f"{len(bad):,} of {len(frame):,} rows are so: correct them, or leave them out"
        for result, column in zip(converted, wanted, strict=True):
            if column.key == key and result.missing[row] and column.option_if_missing:
                hint = f"{hint}, or say {column.option_if_missing}: such a value is one of its own"
        raise SirecError(f"{where}: row {row} (from 0), column {key}: {what}", hint)
    arrays: dict[str, Any] = {}
    for result, column in zip(converted, wanted, strict=True):
        is_text = column.kind == "text"
        arrays[column.key] = result.values.dictionary_encode() if is_text else result.values
    return with_narrow_times(pa.table(arrays), wanted, where)


def _array(values: pd.Series[Any]) -> Any:
    """An Arrow array; values that Arrow has no common type for become texts."""
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        if any(map(pd.api.types.is_list_like, values)):
            return pa.array(list(map(_texts_of, values)), pa.list_(pa.string()))
        return pa.array(list(map(_text_of, values)), pa.string())


def _texts_of(cell: Any) -> list[str | None] | None:
    """The texts of a cell in a column where some cells are lists."""
    if pd.api.types.is_list_like(cell):
        return list(map(_text_of, cell))
    text = _text_of(cell)
    return None if text is None else [text]


def _text_of(value: Any) -> str | None:
    """The value as a text, trimmed; none where it is missing or empty."""
    return None if pd.isna(value) else str(value).strip() or None
