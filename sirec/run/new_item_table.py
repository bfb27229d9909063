"""A table of new items: raw ids, titles and values of attributes into the codes of a data set."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sirec.data.dataset import Dataset
from sirec.data.fields import Field
from sirec.data.new_items import NewItems
from sirec.data.prepare.bins import Bins, bins_of_names
from sirec.errors import SirecError, unknown

ITEM, TITLE = "item", "title"
SEPARATOR = "|"  # between the values of a cell, as exported tables have it
SHOWN = 3  # unknown values that a remark names


def read_new_items(
    table: pd.DataFrame, data: Dataset, where: str, told: Callable[[str], None]
) -> NewItems:
    """The items of a table.

    Args:
        table: one row an item, with the columns `item`, one for each attribute of `data`, and
            perhaps `title`. A cell with several values is a list, or a text with `|` between them;
            a number of an attribute in bins is the number; a vector is a list of numbers.
        data: the data set with the fields that the model reads.
        where: what messages begin with.
        told: called with values that are not known, and items that have none.

    Raises:
        SirecError: for a missing column, an empty or repeated id, an id that the data have, and a
            table in which no item has a known value.
    """
    attributes = [field for field in data.fields if field.table is not None]
    for column in (ITEM, *(field.name for field in attributes)):
        if column not in table:
            raise unknown("column", column, map(str, table.columns), where)
    names = _new_names(table[ITEM], data, where)
    tables: dict[str, Tensor] = {}
    for field in attributes:
        read = _vectors if field.form == "vector" else _codes
        tables[field.name] = read(table[field.name].tolist(), field, data, where, told)
    is_known = torch.stack([(rows != 0).any(dim=1) for rows in tables.values()]).any(dim=0)
    if not bool(is_known.any()):
        raise SirecError(
            f"{where}: no item has a value that {data.name} knows",
            f"write values as the data set does, for example {_example(attributes[0], data)}",
        )
    if not bool(is_known.all()):
        lacking = int((~is_known).sum())
        told(f"{where}: {lacking:,} of {len(names):,} items have no known value: left out")
    titles = table[TITLE].fillna("").astype(str).tolist() if TITLE in table else [""] * len(names)
    kept = is_known.nonzero().squeeze(1).tolist()
    return NewItems(
        [names[row] for row in kept],
        [titles[row] for row in kept],
        {name: rows[is_known] for name, rows in tables.items()},
    )


def _new_names(cells: pd.Series, data: Dataset, where: str) -> list[str]:
    """The raw ids, each of which is new and there once."""
    if not len(cells):
        raise SirecError(f"{where}: no rows in it", "expected one row for each new item")
    names: list[str] = []
    known, seen = set(data.item_names), set()
    for row, cell in enumerate(cells.tolist(), start=1):
        name = "" if cell is None or pd.isna(cell) else str(cell)
        if not name:
            raise SirecError(f"{where}: row {row} has no item", "give it an id, or leave it out")
        if name in known:
            raise SirecError(
                f"{where}: row {row}: {data.name} has the item {name} already",
                "leave it out: it is recommended by what is known of it",
            )
        if name in seen:
            raise SirecError(
                f"{where}: row {row}: the item {name} is there twice",
                f"one row an item; several values in a cell have {SEPARATOR} between them",
            )
        seen.add(name)
        names.append(name)
    return names


def _codes(
    cells: Sequence[object], field: Field, data: Dataset, where: str, told: Callable[[str], None]
) -> Tensor:
    """Long[N, F]: codes of the values of each item."""
    names = data.vocabularies.get(field.name, ())
    codes = {name: code for code, name in enumerate(names) if code}
    bins = bins_of_names(field.name, names[1:])
    rows: list[list[int]] = []
    missing: dict[str, None] = {}
    for cell in cells:
        row: dict[int, None] = {}
        for value in _values(cell, codes):
            name = value if bins is None else _bin_of(value, bins)
            if name in codes:
                row[codes[name]] = None
            else:
                missing[value] = None
        rows.append(list(row))
    if missing:
        named = ", ".join(list(missing)[:SHOWN]) + (", …" if len(missing) > SHOWN else "")
        values = "value is" if len(missing) == 1 else "values are"
        told(f"{where}: {field.name}: {len(missing):,} {values} unknown ({named}): left out")
    width = max(1, *map(len, rows))
    return torch.tensor([row + [0] * (width - len(row)) for row in rows])


def _bin_of(value: str, bins: Bins) -> str:
    """The name of the bin of a number; what is no number stays as it is."""
    try:
        number = float(value)
    except ValueError:
        return value
    if not math.isfinite(number):
        return value
    [code] = bins.code(np.array([number])).tolist()
    return bins.names[code]


def _values(cell: object, known: dict[str, int]) -> list[str]:
    """The values in a cell, as texts."""
    if isinstance(cell, str):
        return [cell] if cell in known else [part for part in cell.split(SEPARATOR) if part]
    if hasattr(cell, "__iter__"):
        return [str(value) for value in cell]
    if _is_missing(cell):
        return []
    return [str(cell)]


def _vectors(
    cells: Sequence[object], field: Field, data: Dataset, where: str, told: Callable[[str], None]
) -> Tensor:
    """Float[N, W]: the vector of each item, 0 where there is none."""
    width = field.vectors.shape[1]
    rows = torch.zeros(len(cells), width)
    for row, cell in enumerate(cells):
        if _is_missing(cell):
            continue
        try:
            values = torch.as_tensor(cell, dtype=torch.float32)
        except (TypeError, ValueError, RuntimeError):
            values = torch.zeros(0)
        if values.shape != (width,) or not bool(values.isfinite().all()):
            raise SirecError(
                f"{where}: row {row + 1}: {field.name}: expected a list of {width} numbers",
                "give a Parquet file whose cells are lists of numbers",
            )
        rows[row] = values
    return rows


def _is_missing(cell: object) -> bool:
    """Whether a cell that is no list holds nothing."""
    return not hasattr(cell, "__iter__") and bool(pd.isna(cell))  # type: ignore[call-overload]


def _example(field: Field, data: Dataset) -> str:
    names = data.vocabularies.get(field.name, ())
    return f"{field.name} {names[1]}" if len(names) > 1 else f"a vector for {field.name}"
