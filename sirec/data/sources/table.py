"""A person's own tables: interactions in any CSV, TSV, JSON-lines or Parquet file, and items.

    interactions: orders.csv              one row per interaction; may be compressed
    user: customer                        its column of users, likewise `item` and `time`
    behaviours: {rating: stars}           name -> column of the interactions
    items: products.csv                   one row per item, or several that add up; optional
    attributes: {brand: maker}            name -> column
    title: name                           a column

The column of an attribute or of the title is looked for in the table of items first, and then among
the interactions, where an item's values may differ from row to row: all of them count. A behaviour
holds numbers if most of its first values are numbers, else texts; `texts` names behaviours that are
texts although they look like numbers (`01`). Items without a row in the table of items have no
attributes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa

from sirec.data.reading import formats, frames
from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.context import ReadingContext
from sirec.data.reading.dialect import check_encoding
from sirec.data.reading.formats import AnyTable, Format
from sirec.data.reading.headers import with_option
from sirec.data.reading.table_files import find_table
from sirec.data.reading.time_columns import NONE, TimeChoice, choose_times
from sirec.data.sources.base import ItemRows, RawData, Source, check_behaviours, written_options
from sirec.data.value_forms.written_numbers import read_number
from sirec.errors import SirecError, unknown
from sirec.shell import arguments

SETTABLE = ("delimiter", "encoding", "columns", "format")
SETTABLE_FOR_ITEMS = ("delimiter", "encoding")


@dataclass(frozen=True)
class TableSource(Source):
    """Paths and the names of columns.

    Attributes:
        interactions: path of the interactions, relative to the folder that is read, or to the
            working directory if none is given; likewise `items`.
        user: column of the users; likewise `item`.
        time: column of the times; `none` for none. Without it, a column of a known name is taken
            (`time_columns`).
        time_format: `strptime` format of times that are neither ISO 8601 nor seconds since 1970.
        behaviours: name of a behaviour -> column of the interactions.
        texts: behaviours that are texts although they look like numbers.
        attributes: name of an attribute -> column of the items or the interactions.
        items: path of the table of items, if there is one.
        items_key: its column of items, if it is not called as in the interactions.
        title: column of the items' titles.
        separator: what stands between several values of an attribute in one cell of text.
        delimiter: what stands between the cells of a text file, if not what its ending says.
        encoding: encoding of CSV and TSV files that are not UTF-8, such as cp1252.
        columns: names of the columns of interactions without a header.
        format: format of the interactions, if their ending does not say it.
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
        """Refuse options that contradict each other, and an unknown encoding."""
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
        check_encoding(self.encoding)

    def instructions(self) -> str:
        """The files that the options name."""
        return " and ".join(path for path in (self.interactions, self.items) if path)

    def read(self, folder: Path | None = None, context: ReadingContext | None = None) -> RawData:
        """Read the tables.

        Args:
            folder: the folder that the paths are relative to; None means the working directory.
            context: receives the progress, and counts bad lines that may be skipped.

        Raises:
            SirecError: for a missing file or column, or with file, line and column of the first
                mistake.
        """
        context = context or ReadingContext()
        opened = self._open(folder)
        self._check_keys(opened)
        homes: dict[str, AnyTable] = {}
        for column in self._columns_of_items():
            homes[column] = _home(column, opened)
        interactions, items = opened[-1], opened[0]
        times = self._times(interactions, homes)
        wanted = self._columns_of_interactions(interactions, homes, times, context)
        events = _read(interactions, wanted, context)
        if times.column is not None:
            times = times.confirmed(events.column(times.column))
        read = {id(interactions): (events, self.item)}
        rows: ItemRows | None = None
        if items is not interactions:
            key = self.items_key or self.item
            columns = [WantedColumn(key), *self._described(homes, items, context)]
            read[id(items)] = (_read(items, columns, context), key)
            rows = ItemRows(items.file.name, frames.distinct_items(*read[id(items)]))
        attributes: dict[str, pd.DataFrame] = {}
        for name, column in self.attributes.items():
            attributes[name] = _values(*read[id(homes[column])], column)
        titles = None
        if self.title:
            titles = frames.titles(*read[id(homes[self.title])], self.title)
        return RawData(
            interactions=frames.interactions(
                events,
                user=self.user,
                item=self.item,
                time=times.column,
                behaviours=self.behaviours,
            ),
            attributes=attributes,
            titles=titles,
            source={"name": self.name, **written_options(self), **times.found_option},
            files=tuple(table.file.path for table in reversed(opened)),
            time_column=times.column,
            unused_times=times.doubtful,
            notes=times.notes(),
            items=rows,
            declared_texts=frozenset(self.texts),
        )

    def _times(self, interactions: AnyTable, homes: Mapping[str, AnyTable]) -> TimeChoice:
        """The column of times; `homes` says in which table a column that describes items is."""
        described = [name for name in homes if homes[name] is interactions]
        taken = [self.user, self.item, *self.behaviours.values(), *described]
        choice = choose_times(
            self.time,
            interactions.header,
            taken,
            lambda name: [row.get(name) for row in interactions.first_rows],
            self.time_format,
        )
        choice.check_format(self.time_format)
        return choice

    def _open(self, folder: Path | None) -> list[AnyTable]:
        """The table of items, if there is one, and the interactions."""
        interactions = formats.opened(
            find_table(folder, self.interactions, "--interactions"),
            self.format,
            self.delimiter,
            self.columns or None,
            self.encoding,
            SETTABLE,
        )
        if self.items is None:
            return [interactions]
        file = find_table(folder, self.items, "--items")
        items = formats.opened(file, None, self.delimiter, None, self.encoding, SETTABLE_FOR_ITEMS)
        return [items, interactions]

    def _check_keys(self, opened: Sequence[AnyTable]) -> None:
        """Raise `SirecError` for a table without the columns that identify its rows.

        They are looked for first: where a header is none, all columns are missing.
        """
        interactions, items = opened[-1], opened[0]
        keys = [WantedColumn(self.user), WantedColumn(self.item)]
        described = [*self.behaviours.values(), *self._columns_of_items()]
        is_named = self.time is not None and self.time != NONE
        times = [WantedColumn(self.time or "", "time")] if is_named else []
        wanted = [*keys, *times, *map(WantedColumn, described)]
        for column, option in zip([*keys, *times], ("--user", "--item", "--time"), strict=False):
            if column.key not in interactions.header:
                raise with_option(interactions.lacking(column.key, wanted), option)
        if items is not interactions:
            key = self.items_key or self.item
            if key not in items.header:
                raise with_option(items.lacking(key), "--items-key")

    def _columns_of_items(self) -> Sequence[str]:
        """Columns that describe items, in any of the tables."""
        titles = [self.title] if self.title else []
        return [*self.attributes.values(), *titles]

    def _columns_of_interactions(
        self,
        interactions: AnyTable,
        homes: Mapping[str, AnyTable],
        times: TimeChoice,
        context: ReadingContext,
    ) -> list[WantedColumn]:
        """The columns to read of the interactions; `homes` says in which table a column is."""
        behaviours: list[WantedColumn] = []
        for name in self.behaviours:
            behaviours.append(context.behaviour(name, self._behaviour(name, interactions)))
        keys = [WantedColumn(self.user), WantedColumn(self.item)]
        timed = [times.wanted(times.column, self.time_format)] if times.column else []
        return [*keys, *timed, *behaviours, *self._described(homes, interactions, context)]

    def _described(
        self, homes: Mapping[str, AnyTable], table: AnyTable, context: ReadingContext
    ) -> list[WantedColumn]:
        """The columns that describe items and are in `table`; `homes` says where each one is."""
        wanted: list[WantedColumn] = []
        for name, column in self.attributes.items():
            if homes[column] is table:
                separator = context.separator(name, self.separator)
                wanted.append(WantedColumn(column, "texts", required=False, separator=separator))
        if self.title and homes[self.title] is table:
            wanted.append(WantedColumn(self.title, required=False))
        return wanted

    def _behaviour(self, name: str, interactions: AnyTable) -> WantedColumn:
        """The column of a behaviour, with its kind by the first values."""
        column = self.behaviours[name]
        values: list[Any] = []
        for row in interactions.first_rows:
            if row.get(column) not in (None, ""):
                values.append(row[column])
        is_number = name not in self.texts and _are_numbers(values)
        if not is_number:
            return WantedColumn(column)
        texts = ", ".join([*self.texts, name])
        return WantedColumn(column, "number", option=arguments("--set", f"texts=[{texts}]"))


def _home(column: str, described: Sequence[AnyTable]) -> AnyTable:
    """The first of the tables that has the column."""
    known: dict[str, None] = {}
    for table in described:
        if column in table.header:
            return table
        known |= dict.fromkeys(table.header)
    names = " and ".join(str(table.file) for table in described)
    raise unknown("column", column, known, names)


def _read(table: AnyTable, columns: Sequence[WantedColumn], context: ReadingContext) -> pa.Table:
    """Read the columns of a table.

    Raises:
        SirecError: if a column is missing, with the nearest name; or for what is wrong in the file.
    """
    for column in columns:
        if column.key not in table.header:
            raise table.lacking(column.key, columns)
    return table.read(columns, context)


def _are_numbers(values: Sequence[Any]) -> bool:
    """Whether most of the values are numbers, or texts of numbers, and no other is a number that
    is written in another way (`1,000.50`): those are read as texts, and then as numbers together.
    """
    numbers = pd.to_numeric(pd.Series(values, dtype=object), errors="coerce")
    are_plain = numbers.notna().to_numpy()
    for index in np.flatnonzero(~are_plain).tolist():
        text = str(values[index])
        if read_number(text, ".") is not None or read_number(text, ",") is not None:
            return False
    return bool(are_plain.sum() * 2 > len(values))


def _values(table: pa.Table, item: str, column: str) -> pd.DataFrame:
    """The table of an attribute in `RawData`, each value of an item once."""
    return frames.lists_to_rows(table, item, column).drop_duplicates(ignore_index=True)
