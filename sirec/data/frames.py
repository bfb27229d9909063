"""Interactions and items in pandas DataFrames, as raw data that can be prepared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from sirec.data.sources.base import RawData, check_behaviours
from sirec.errors import SirecError, unknown

NANOSECONDS = 1_000_000_000  # of a second


@dataclass(frozen=True)
class FrameColumns:
    """Which columns of DataFrames are what.

    Attributes:
        user: column of users.
        item: column of items, in both frames.
        time: column of times, as datetimes (UTC where they name no zone) or seconds since 1970.
        behaviours: name of a behaviour -> its column of the interactions.
        attributes: name of an attribute -> its column of the items; a cell holds one value, or a
            list of values.
        title: column of the items with their titles.
    """

    user: str = "user"
    item: str = "item"
    time: str | None = None
    behaviours: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    title: str | None = None

    def __post_init__(self) -> None:
        """Refuse behaviours whose names are taken."""
        check_behaviours(self.behaviours)


def read_frames(
    interactions: pd.DataFrame, items: pd.DataFrame | None, columns: FrameColumns
) -> RawData:
    """Raw data from DataFrames.

    Args:
        interactions: one row per interaction; where times are equal or unknown, the order of the
            rows decides which interaction is later.
        items: one row per item, or several rows that add up; without it, attributes and titles
            are columns of the interactions.
        columns: which columns are what.

    Raises:
        SirecError: for a column that is not there, and an interaction without user, item or time.
    """
    described = interactions if items is None else items
    where = "interactions" if items is None else "items"
    keys = [columns.user, columns.item, *columns.behaviours.values()]
    _check_columns([*keys, *_given(columns.time)], interactions, "interactions")
    of_items = [columns.item, *columns.attributes.values(), *_given(columns.title)]
    _check_columns(of_items, described, where)
    table = pd.DataFrame({"user": _texts(interactions[columns.user], "interactions")})
    table["item"] = _texts(interactions[columns.item], "interactions")
    if columns.time is not None:
        table["timestamp"] = _seconds(interactions[columns.time])
    for name, column in columns.behaviours.items():
        table[name] = interactions[column].to_numpy()
    attributes: dict[str, pd.DataFrame] = {}
    for name, column in columns.attributes.items():
        attributes[name] = _values(described, columns.item, column)
    titles: pd.DataFrame | None = None
    if columns.title is not None:
        titles = _values(described, columns.item, columns.title)
        titles = titles.rename(columns={"value": "title"}).drop_duplicates("item")
        titles = titles.reset_index(drop=True)
    return RawData(table, attributes, titles, {"name": "frames"})


def columns_by_name(columns: Mapping[str, str] | Iterable[str]) -> dict[str, str]:
    """Name -> column; a list names columns that are called as they are."""
    if isinstance(columns, Mapping):
        return dict(columns)
    if isinstance(columns, str):
        return {columns: columns}
    return {column: column for column in columns}


def _given(column: str | None) -> list[str]:
    return [] if column is None else [column]


def _check_columns(columns: Sequence[str], frame: pd.DataFrame, where: str) -> None:
    for column in columns:
        if column not in frame.columns:
            raise unknown("column", column, map(str, frame.columns), where)


def _texts(values: pd.Series[Any], where: str) -> pd.Series[Any]:
    """The values as texts, numbered from 0."""
    if values.isna().any():
        row = int(np.flatnonzero(values.isna())[0])
        raise SirecError(f"{where}: row {row} has no {values.name}", "leave such rows out")
    return values.astype(str).reset_index(drop=True)


def _seconds(times: pd.Series[Any]) -> pd.Series[Any]:
    """Whole seconds since 1970 UTC, numbered from 0."""
    if times.isna().any():
        row = int(np.flatnonzero(times.isna())[0])
        raise SirecError(f"interactions: row {row} has no {times.name}", "leave such rows out")
    times = times.reset_index(drop=True)
    if pd.api.types.is_numeric_dtype(times):
        return times.astype("int64")
    try:
        moments = pd.to_datetime(times, utc=True)
    except (ValueError, TypeError) as error:
        what = f"interactions: {times.name} is not a time: {error}"
        raise SirecError(what, "give datetimes, or seconds since 1970") from None
    return moments.astype("datetime64[ns, UTC]").astype("int64") // NANOSECONDS


def _values(frame: pd.DataFrame, item: str, column: str) -> pd.DataFrame:
    """Item and value of a column, one row per value, without repetition."""
    pairs = frame[[item, column]].explode(column).dropna().astype(str)
    return pairs.set_axis(["item", "value"], axis=1).drop_duplicates(ignore_index=True)
