"""The distinct values of a column: what values are looked at and changed by, whatever the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sirec.data.sources.base import RawData


def distinct(values: pd.Series[Any]) -> tuple[NDArray[np.int64], list[str]]:
    """Find the distinct texts of a column.

    Args:
        values: texts, or categories of texts [N]; missing ones have no text.

    Returns:
        The code of each value, Int[N] from 0, or -1 where it is missing, and the distinct texts
        [D]; all of them occur.
    """
    if not isinstance(values.dtype, pd.CategoricalDtype):
        codes, texts = pd.factorize(values)
        return codes, list(map(str, texts))
    places_of_all = values.cat.codes.to_numpy()
    known = places_of_all[places_of_all >= 0]
    occurs = np.bincount(known, minlength=len(values.cat.categories)) > 0
    places = np.append(occurs.cumsum() - 1, -1)  # the last one is that of the code -1
    return places[places_of_all], list(map(str, values.cat.categories[occurs]))


def distinct_counts(values: pd.Series[Any]) -> tuple[list[str], NDArray[np.int64]]:
    """Count the distinct texts of a column without missing values.

    Args:
        values: texts, or categories of texts [N].

    Returns:
        The distinct texts [D], and how often each occurs, Int[D].
    """
    if not isinstance(values.dtype, pd.CategoricalDtype):
        codes, texts = pd.factorize(values)
        return list(map(str, texts)), np.bincount(codes, minlength=len(texts))
    counts = np.bincount(values.cat.codes.to_numpy(), minlength=len(values.cat.categories))
    occurs = counts > 0
    return list(map(str, values.cat.categories[occurs])), counts[occurs]


def text_behaviours(raw: RawData) -> Iterator[str]:
    """Names of the behaviours whose values are texts.

    Args:
        raw: the raw data.
    """
    for name in raw.behaviours:
        if not pd.api.types.is_numeric_dtype(raw.interactions[name]):
            yield name


def with_tables(raw: RawData, change: Callable[[str, pd.DataFrame], pd.DataFrame]) -> RawData:
    """Change each table of values, of items and of users.

    Args:
        raw: the raw data, which stay as they are.
        change: gives another table for an attribute's name and table.
    """
    of_items = {name: change(name, table) for name, table in raw.attributes.items()}
    of_users = {name: change(name, table) for name, table in raw.of_users.items()}
    return replace(raw, attributes=of_items, of_users=of_users)
