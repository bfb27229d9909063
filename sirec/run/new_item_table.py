"""A table of new items: raw ids, titles and values of attributes into the codes of a data set."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sirec.data.dataset import Dataset
from sirec.data.fields import Field
from sirec.data.new_items import NewItems
from sirec.data.prepare.bins import Bins, bins_of_names
from sirec.data.prepare.filters import PrepareOptions
from sirec.data.value_forms.html_text import cleaned
from sirec.data.value_forms.list_literals import list_values
from sirec.data.value_forms.written_numbers import Decimal, number_column
from sirec.errors import SirecError, unknown

ITEM, TITLE = "item", "title"
SEPARATOR = "|"  # between the values of a cell, as exported tables have it
SHOWN = 3  # unknown values that a remark names


def read_new_items(
    table: pd.DataFrame,
    data: Dataset,
    where: str,
    told: Callable[[str], None],
    options: PrepareOptions | None = None,
) -> NewItems:
    """The items of a table.

    Args:
        table: one row an item, with the columns `item`, one for each attribute of `data`, and
            perhaps `title`. A cell with several values is a list, or a text with `|` between them;
            a number of an attribute in bins is the number; a vector is a list of numbers.
        data: the data set with the fields that the model reads.
        where: what messages begin with.
        told: called with values that are not known, and items that have none.
        options: with which the data set was prepared: a table that is written as its table of items
            was (`lists`, `clean`, `decimal`) is read as that was.

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
        cells = table[field.name].tolist()
        if field.form == "vector":
            tables[field.name] = _vectors(cells, field, where)
        else:
            writing = _Writing.of(field, data, options or PrepareOptions())
            tables[field.name] = _codes(cells, writing, where, told)
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


@dataclass(frozen=True, eq=False)
class _Writing:
    """How the values of an attribute are written.

    Attributes:
        field: name of the attribute.
        codes: code of each value that is known.
        bins: its bins, if it is a number.
        form: how its cells hold lists, if the data were prepared with `lists`.
        clean: whether the data were prepared with `clean`.
        decimal: the sign before decimals, if the data were prepared with one.
    """

    field: str
    codes: dict[str, int]
    bins: Bins | None
    form: str | None
    clean: bool
    decimal: Decimal | None

    @classmethod
    def of(cls, field: Field, data: Dataset, options: PrepareOptions) -> _Writing:
        names = data.vocabularies.get(field.name, ())
        codes = {name: code for code, name in enumerate(names) if code}
        bins = bins_of_names(field.name, names[1:])
        form = options.lists.get(field.name)
        return cls(field.name, codes, bins, form, options.clean, options.decimal)

    def values(self, cell: object) -> list[str | float]:
        """The values in a cell: texts, and numbers that are no texts."""
        if isinstance(cell, str):
            return list(self._parts(cell))
        if hasattr(cell, "__iter__"):
            return [_text_or_number(value) for value in cell]
        return [] if _is_missing(cell) else [_text_or_number(cell)]

    def _parts(self, cell: str) -> list[str]:
        if cell in self.codes:
            return [cell]
        if self.form is None:
            parts = cell.split(SEPARATOR)
        else:
            [parts] = list_values([cell], self.form)
        if self.clean:
            parts = list(map(cleaned, parts))
        return [part for part in parts if part]

    def names(self, values: Iterable[str | float], where: str) -> dict[str | float, str]:
        """The name that each value has in the data, if it were there; numbers have that of their
        bin.

        Raises `SirecError` for texts that may be two numbers.
        """
        if self.bins is None:
            return {value: str(value) for value in values}
        numbers: dict[str | float, float] = {}
        texts: list[str] = []
        for value in values:
            if not isinstance(value, str):
                numbers[value] = value
            elif value not in self.codes:
                texts.append(value)
        column = number_column(texts, self.decimal)
        if column is not None:
            if column.ambiguous is not None and not column.is_certain:
                raise SirecError(
                    f"{where}: {self.field}: '{column.ambiguous}' may be two numbers",
                    "write it without a sign between thousands, and with a point before decimals",
                )
            numbers.update(column.numbers)
        names = {value: str(value) for value in values}
        for value, number in numbers.items():
            if math.isfinite(number):
                [code] = self.bins.code(np.array([number])).tolist()
                names[value] = self.bins.names[code]
        return names


def _codes(
    cells: Sequence[object], writing: _Writing, where: str, told: Callable[[str], None]
) -> Tensor:
    """Long[N, F]: codes of the values of each item."""
    found = [writing.values(cell) for cell in cells]
    distinct = dict.fromkeys(chain.from_iterable(found))
    names = writing.names(distinct, where)
    missing = [str(value) for value in distinct if names[value] not in writing.codes]
    rows: list[list[int]] = []
    for values in found:
        row: dict[int, None] = {}
        for value in values:
            code = writing.codes.get(names[value])
            if code is not None:
                row[code] = None
        rows.append(list(row))
    if missing:
        named = ", ".join(missing[:SHOWN]) + (", …" if len(missing) > SHOWN else "")
        count = "value is" if len(missing) == 1 else "values are"
        told(f"{where}: {writing.field}: {len(missing):,} {count} unknown ({named}): left out")
    width = max(1, *map(len, rows))
    return torch.tensor([row + [0] * (width - len(row)) for row in rows])


def _text_or_number(value: object) -> str | float:
    """A number as such, and anything else as a text."""
    if isinstance(value, (int, float, np.integer, np.floating)):
        return int(value) if float(value).is_integer() else float(value)
    return str(value)


def _vectors(cells: Sequence[object], field: Field, where: str) -> Tensor:
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
