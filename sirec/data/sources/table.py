"""A table of one's own: any CSV, TSV, JSON-lines or Parquet file of interactions, and a second one
of items if there is one.

    interactions: orders.csv              one row per interaction; `.gz` too
    user: customer                        its column of users, likewise `item` and `time`
    behaviours: {rating: stars}           name -> column of the interactions
    items: products.csv                   one row per item, or several that add up; optional
    attributes: {brand: maker}            name -> column
    title: name                           a column

A column that is an attribute or the title is looked for in the item table first, then among the
interactions, where an item's values may differ from row to row: all of them count. A behaviour
holds numbers if most of its first values are numbers, else texts; `texts` names those that are
texts although they look like numbers (`01`). Items without a row in the item table have no
attributes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pyarrow as pa

from sirec.data.download.fetch import Remote
from sirec.data.reading import formats, tables
from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.context import ReadingContext
from sirec.data.reading.files import RawFile, RawFiles
from sirec.data.reading.formats import AnyTable, Format
from sirec.data.sources.base import RawData, Source, check_behaviours, written_options
from sirec.errors import SirecError, unknown


@dataclass(frozen=True)
class TableSource(Source):
    """Paths and the names of columns.

    Paths are relative to the folder that is read, or to the working directory if none is given.
    `time_format` is a `strptime` format of times that are neither ISO 8601 nor seconds. `items_key`
    is the item table's column of items, if it is not called as in the interactions. `separator`
    stands between several values of an attribute in one cell of text, `delimiter` between the cells
    of a text file; `encoding` is that of CSV and TSV files that are not UTF-8, such as cp1252.
    `columns` names those of interactions without a header; `format` is that of the interactions if
    their ending does not tell it.
    """

    name: ClassVar[str] = "table"
    needs_files: ClassVar[bool] = False  # the paths are options, and may lead anywhere

    interactions: str
    user: str = "user"
    item: str = "item"
    time: str | None = None
    time_format: str | None = None
    behaviours: Mapping[str, str] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    items: str | None = None
    items_key: str | None = None
    title: str | None = None
    separator: str = "|"
    delimiter: str | None = None
    encoding: str | None = None
    columns: tuple[str, ...] = ()
    format: Format | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        check_behaviours(self.behaviours)
        for name in self.texts:
            if name not in self.behaviours:
                raise unknown("behaviour", name, self.behaviours, "texts")
        if self.items_key and not self.items:
            raise SirecError(
                "items_key names a column of the item table, and there is none",
                "say items, or leave it out",
            )
        if not self.separator or self.delimiter == "":
            raise SirecError("separator and delimiter need at least one character each")
        try:
            " ".encode(self.encoding or "utf-8")
        except LookupError:
            raise SirecError(
                f"'{self.encoding}' is not an encoding",
                "for example: utf-8, utf-16, cp1252, latin-1",
            ) from None

    def remotes(self) -> tuple[Remote, ...]:
        """None: the files are a person's own."""
        return ()

    def instructions(self) -> str:
        """The files that the options name."""
        return " and ".join(path for path in (self.interactions, self.items) if path)

    def home(self) -> str:
        """Its own."""
        return self.name

    def read(self, place: Path | None = None, reading: ReadingContext | None = None) -> RawData:
        """Read the files. Raises `SirecError` with file, line and column of the first mistake, or
        the nearest column's name.
        """
        reading = reading or ReadingContext()
        log = formats.opened(
            self._file(place, self.interactions),
            self.format,
            self.delimiter,
            self.columns or None,
            self.encoding,
        )
        catalogue = (
            formats.opened(self._file(place, self.items), None, self.delimiter, None, self.encoding)
            if self.items
            else None
        )
        described = [catalogue, log] if catalogue else [log]
        homes = {column: _home(column, described) for column in self._of_items()}
        behaviours = [self._behaviour(name, log) for name in self.behaviours]
        times = [WantedColumn(self.time, "time", format=self.time_format)] if self.time else []
        events = _read(
            log,
            [
                WantedColumn(self.user),
                WantedColumn(self.item),
                *times,
                *behaviours,
                *self._wanted(homes, log),
            ],
            reading,
        )
        found = {id(log): (events, self.item)}
        if catalogue:
            key = self.items_key or self.item
            found[id(catalogue)] = (
                _read(catalogue, [WantedColumn(key), *self._wanted(homes, catalogue)], reading),
                key,
            )
        return RawData(
            tables.interactions(
                events, user=self.user, item=self.item, time=self.time, behaviours=self.behaviours
            ),
            {
                name: _values(*found[id(homes[column])], column)
                for name, column in self.attributes.items()
            },
            tables.titles(*found[id(homes[self.title])], self.title) if self.title else None,
            {"name": self.name, **written_options(self)},
            tuple(table.file.path for table in (log, catalogue) if table),
        )

    def _file(self, place: Path | None, path: str) -> RawFile:
        where = (place or Path()) / path
        return RawFiles(where, "a file with a table").need(where.name)

    def _of_items(self) -> Sequence[str]:
        return [*self.attributes.values(), *([self.title] if self.title else [])]

    def _wanted(self, homes: Mapping[str, AnyTable], table: AnyTable) -> list[WantedColumn]:
        """The columns of items that one of the tables has."""
        mine = [column for column in self.attributes.values() if homes[column] is table]
        titles = [self.title] if self.title and homes[self.title] is table else []
        return [
            *(
                WantedColumn(column, "texts", required=False, separator=self.separator)
                for column in mine
            ),
            *(WantedColumn(column, required=False) for column in titles),
        ]

    def _behaviour(self, name: str, log: AnyTable) -> WantedColumn:
        column = self.behaviours[name]
        values = [row[column] for row in log.first_rows if row.get(column) not in (None, "")]
        return WantedColumn(
            column, "number" if name not in self.texts and _are_numbers(values) else "text"
        )


def _home(column: str, described: Sequence[AnyTable]) -> AnyTable:
    for table in described:
        if column in table.header:
            return table
    names = " and ".join(str(table.file) for table in described)
    raise unknown(
        "column", column, dict.fromkeys(name for table in described for name in table.header), names
    )


def _read(table: AnyTable, columns: Sequence[WantedColumn], reading: ReadingContext) -> pa.Table:
    """Read the columns, once it is sure that each is there."""
    for column in columns:
        if column.key not in table.header:
            raise unknown("column", column.key, table.header, str(table.file))
    return table.read(columns, reading)


def _are_numbers(values: Sequence[Any]) -> bool:
    """Whether most of the values are numbers, or texts that are."""
    numbers = pd.to_numeric(pd.Series(values, dtype=object), errors="coerce")
    return bool(numbers.notna().sum() * 2 > len(values))


def _values(table: pa.Table, item: str, column: str) -> pd.DataFrame:
    return tables.lists_to_rows(table, item, column).drop_duplicates(ignore_index=True)
