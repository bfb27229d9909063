"""A table of any format behind one face: the names of its columns, its first rows as they stand,
and its wanted columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Protocol

import pyarrow as pa

from sirec.data.reading import delimited, json_lines, parquet, tables
from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.context import ReadingContext
from sirec.data.reading.delimited import CSV, TSV, Dialect
from sirec.data.reading.files import RawFile
from sirec.errors import SirecError

Format = Literal["csv", "tsv", "parquet", "jsonl"]
PEEKED = 10_000  # rows
SEPARATORS = ";,|\t"  # what may stand between the cells of a text table


class AnyTable(Protocol):
    """A raw table whose format is known."""

    @property
    def file(self) -> RawFile:
        """Where it is."""
        ...

    @property
    def header(self) -> Sequence[str]:
        """The names of its columns; of JSON lines the keys of the first ones."""
        ...

    @property
    def first_rows(self) -> Sequence[Mapping[str, object]]:
        """The first rows, as they stand."""
        ...

    def read(self, columns: Sequence[WantedColumn], reading: ReadingContext) -> pa.Table:
        """The wanted columns. Raises `SirecError` with file, line and column of what is wrong."""
        ...


@dataclass(frozen=True)
class TextTable:
    """CSV, TSV and their relatives."""

    file: RawFile
    dialect: Dialect

    @cached_property
    def header(self) -> Sequence[str]:
        """The first line, or the declared names. Raises `SirecError` where something else must
        stand between the cells.
        """
        names = delimited.header_of(self.file, self.dialect)
        inside = [sign for sign in SEPARATORS if len(names) == 1 and sign in names[0]]
        if inside:
            sign = inside[0].replace("\t", "\\t")
            hint = f"say what stands between its cells, for example: --delimiter '{sign}'"
            raise SirecError(f"{self.file}:1: a single column, called '{names[0][:80]}'", hint)
        return names

    @cached_property
    def first_rows(self) -> Sequence[Mapping[str, object]]:
        """Rows of text."""
        return delimited.first_rows(self.file, PEEKED, self.dialect)

    def read(self, columns: Sequence[WantedColumn], reading: ReadingContext) -> pa.Table:
        """The wanted columns."""
        return tables.read_delimited(self.file, columns, reading, self.dialect)


@dataclass(frozen=True)
class JsonTable:
    """JSON lines."""

    file: RawFile

    @cached_property
    def header(self) -> Sequence[str]:
        """The keys of the first objects. Raises `SirecError` where the first lines are none."""
        if not self.first_rows:
            raise SirecError(
                f"{self.file}:1: not JSON lines",
                'expected an object a line: {"user": 1, "item": 2}',
            )
        keys: dict[str, None] = {}
        for row in self.first_rows:
            keys |= dict.fromkeys(row)
        return tuple(keys)

    @cached_property
    def first_rows(self) -> Sequence[Mapping[str, object]]:
        """Objects."""
        return json_lines.first_rows(self.file, PEEKED)

    def read(self, columns: Sequence[WantedColumn], reading: ReadingContext) -> pa.Table:
        """The wanted keys."""
        return tables.read_json_lines(self.file, columns, reading)


@dataclass(frozen=True)
class ParquetTable:
    """Parquet."""

    file: RawFile

    @cached_property
    def header(self) -> Sequence[str]:
        """The names in the schema."""
        return parquet.header_of(self.file)

    @cached_property
    def first_rows(self) -> Sequence[Mapping[str, object]]:
        """Typed rows."""
        return parquet.first_rows(self.file, PEEKED)

    def read(self, columns: Sequence[WantedColumn], reading: ReadingContext) -> pa.Table:
        """The wanted columns."""
        return tables.read_parquet(self.file, columns, reading)


OPENERS: Mapping[str, Callable[[RawFile, Mapping[str, Any]], AnyTable]] = {
    "csv": lambda file, spelling: TextTable(file, replace(CSV, **spelling)),
    "tsv": lambda file, spelling: TextTable(file, replace(TSV, **spelling)),
    "jsonl": lambda file, spelling: JsonTable(file),
    "parquet": lambda file, spelling: ParquetTable(file),
}


def opened(
    file: RawFile,
    form: Format | None = None,
    delimiter: str | None = None,
    header: tuple[str, ...] | None = None,
    encoding: str | None = None,
) -> AnyTable:
    """The table in a file, its format told by the file's ending unless `form` says it.

    A text table may declare what stands between its cells, the names of its columns if it has no
    header, and its encoding; JSON lines are UTF-8. Raises `SirecError` for an ending that tells no
    format.
    """
    chosen = form or tables.FORMATS.get(file.suffix)
    if chosen is None:
        endings = ", ".join(tables.FORMATS)
        raise SirecError(
            f"{file}: the ending '{file.suffix}' tells no format",
            f"say the format, or rename it: {endings}",
        )
    spelling = {"separator": delimiter, "header": header, "encoding": encoding}
    return OPENERS[chosen](
        file, {key: value for key, value in spelling.items() if value is not None}
    )
