"""Codes of attributes of items and of users, and the rows of vectors, for what the filters left."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sirec.data.reading.vectors import ItemVectors
from sirec.errors import SirecError

CodeArray = NDArray[np.int64]
MOST_VALUES = 1_000  # that an item may have of an attribute
MOST_CELLS = 1 << 27  # of the table of an attribute: 1 GB of codes, half as much of vectors


def code_attribute(
    field: str, table: pd.DataFrame, items: pd.Index[str], *, split: bool = False
) -> tuple[CodeArray, list[str]]:
    """Code the values of an attribute.

    Args:
        field: the attribute.
        table: its table in `RawData`.
        items: raw ids of the items that are left, in the order of their codes.
        split: whether each word of a text is a value.

    Returns:
        Long[V, F] with each item's distinct values in ascending order, and the names of the values,
        that of the padding first.

    Raises:
        SirecError: where an item has so many values that they mean something else.
    """
    rows = items.get_indexer(pd.Index(table["item"]))
    texts = table["value"].to_numpy()[rows >= 0]
    values = pd.DataFrame({"item": rows[rows >= 0] + 1, "value": texts}, dtype=object).dropna()
    values["value"] = values["value"].str.split() if split else values["value"].str.strip()
    values = values.explode("value").dropna() if split else values[values["value"] != ""]
    names, codes = _sorted_codes(values["value"])
    pairs = np.unique(
        np.stack([values["item"].to_numpy(dtype=np.int64), codes + 1], axis=1), axis=0
    )
    counts = np.bincount(pairs[:, 0], minlength=len(items) + 1)
    _check_width(field, counts, items)
    slots = np.arange(len(pairs)) - (counts.cumsum() - counts)[pairs[:, 0]]
    padded = np.zeros((len(items) + 1, max(counts.max(), 1)), dtype=np.int64)
    padded[pairs[:, 0], slots] = pairs[:, 1]
    return padded, ["", *names]


def _check_width(field: str, counts: CodeArray, items: pd.Index[str]) -> None:
    """Every item's row is as wide as the widest: one with very many values would fill the memory,
    and means something else.
    """
    most = int(counts.max())
    if most > MOST_VALUES or most * len(counts) > MOST_CELLS:
        raise SirecError(
            f"item '{items[int(counts.argmax()) - 1]}' has {most:,} values of {field}",
            "an attribute says what an item is; "
            "what differs from interaction to interaction is a behaviour",
        )


def _sorted_codes(texts: pd.Series[str]) -> tuple[list[str], CodeArray]:
    """Distinct texts in ascending order, and each text's place among them: only what is distinct is
    sorted.
    """
    codes, names = pd.factorize(texts)
    order = sorted(range(len(names)), key=names.__getitem__)
    places = np.empty(len(names), dtype=np.int64)
    places[order] = np.arange(len(names))
    return [str(names[index]) for index in order], places[codes]


def code_vectors(
    field: str, vectors: ItemVectors, items: pd.Index[str]
) -> tuple[NDArray[np.float32], str | None]:
    """Order vectors by the codes of the items.

    Args:
        field: the attribute.
        vectors: the vectors of items, of any that the data have or do not have.
        items: raw ids of the items that are left, in the order of their codes.

    Returns:
        Float32[V, W], 0 for the padding item and for items without a vector; and a note on what
        does not fit, if anything.

    Raises:
        SirecError: where no item has a vector other than 0, or all of them together are too large.
    """
    count, width = len(items), vectors.matrix.shape[1]
    if (count + 1) * width > MOST_CELLS:
        raise SirecError(
            f"{field}: vectors of {width:,} numbers for {count:,} items are too large",
            "reduce them, for example to 128 numbers by a principal component analysis",
        )
    rows = pd.Index(vectors.ids).get_indexer(items)
    known = rows >= 0
    if not known.any():
        raise SirecError(
            f"{field}: none of its {len(vectors.ids):,} vectors is of an item of the data",
            f"an id of it is '{vectors.ids[0]}', an item is called '{items[0]}'",
        )
    table = np.zeros((count + 1, width), dtype=np.float32)
    table[1:][known] = vectors.matrix[rows[known]]
    missing = count - int(table.any(axis=1).sum())
    if missing == count:
        raise SirecError(
            f"{field}: the vectors of all {count:,} items are 0",
            "an item without a vector has 0: are these the right numbers?",
        )
    unused = len(vectors.ids) - int(known.sum())
    parts: list[str] = []
    if missing:
        parts.append(f"{missing:,} of {count:,} items have no vector, and count as without a value")
    if unused:
        parts.append(f"{unused:,} vectors are of items that are not left here")
    return table, f"{field}: {'; '.join(parts)}" if parts else None


def code_of_users(
    field: str, table: pd.DataFrame, users: pd.Index[str]
) -> tuple[CodeArray, list[str]]:
    """Code an attribute of users.

    Args:
        field: the attribute.
        table: its table in `RawData.of_users`.
        users: raw ids of the users that are left, in the order of their codes.

    Returns:
        Long[U], the code of each user, 0 without a value; and the names of the codes, that of the
        padding first.

    Raises:
        SirecError: where a user has several values, and where no user of the table is left.
    """
    listed = pd.unique(table["user"])
    if len(listed) and (users.get_indexer(pd.Index(listed)) < 0).all():
        raise SirecError(
            f"{field}: none of its {len(listed):,} users is a user of the data",
            f"an id of it is '{listed[0]}', a user is called '{users[0]}'",
        )
    codes, names = code_attribute(field, table.rename(columns={"user": "item"}), users)
    several = (codes > 0).sum(axis=1) > 1
    if several.any():
        user = int(several.argmax())
        values = ", ".join(f"'{names[code]}'" for code in codes[user] if code)
        raise SirecError(
            f"user '{users[user - 1]}' has several values of {field}: {values}",
            "an attribute of users is one value each: keep one, or split it into several columns",
        )
    return codes[1:, 0], names
