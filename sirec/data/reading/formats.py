"""Tables of any format behind one interface: header, first rows, and the wanted columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Protocol

import pyarrow as pa

from sirec.data.reading import delimited, json_lines, parquet, tables
from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.context import ReadingContext
from sirec.data.reading.dialect import CSV, TSV, Dialect
from sirec.data.reading.files import RawFile
from sirec.errors import SirecError

Format = Literal["csv", "tsv", "parquet", "jsonl"]
PEEKED = 10_000  # rows that tell what a column holds
SEPARATORS = ";,|\t"  # what may stand between the cells of a text table


class AnyTable(Protocol):
    """A raw table of a known format."""

    @property
    def file(self) -> RawFile:
        """The file with the table."""
        ...

    @property
    def header(self) -> Sequence[str]:
        """The names of the columns; of JSON lines the keys in the first lines."""
        ...

    @property
    def first_rows(self) -> Sequence[Mapping[str, object]]:
        """The first rows as they stand."""
        ...

    def read(self, columns: Sequence[WantedColumn], context: ReadingContext) -> pa.Table:
        """Read the wanted columns.

        Args:
            columns: the wanted columns.
            context: receives the progress, and counts bad lines that may be skipped.

        Raises:
            SirecError: with file, line and column of the first mistake.
        """
        ...


@dataclass(frozen=True)
class TextTable:
    """CSV, TSV and similar formats (see `AnyTable`).

    Attributes:
        file: the file with the table.
        dialect: separator, quotes, header and encoding.
    """

    file: RawFile
    dialect: Dialect

    @cached_property
    def header(self) -> Sequence[str]:
        """The cells of the first line, or the declared names.

        Raises:
            SirecError: if there is a single column whose name contains another separator.
        """
        names = delimited.header_of(self.file, self.dialect)
        if len(names) != 1:
            return names
        for separator in SEPARATORS:
            if separator in names[0]:
                shown = separator.replace("\t", "\\t")
                raise SirecError(
                    f"{self.file}:1: a single column, called '{names[0][:80]}'",
                    f"say what stands between its cells, for example: --delimiter '{shown}'",
                )
        return names

    @cached_property
    def first_rows(self) -> Sequence[Mapping[str, object]]:
        """The first rows, whose cells are texts."""
        return delimited.first_rows(self.file, PEEKED, self.dialect)

    def read(self, columns: Sequence[WantedColumn], context: ReadingContext) -> pa.Table:
        """Read the wanted columns.

        Args:
            columns: the wanted columns.
            context: receives the progress, and counts bad lines that may be skipped.
        """
        return tables.read_delimited(self.file, columns, context, self.dialect)


@dataclass(frozen=True)
class JsonTable:
    """JSON lines (see `AnyTable`).

    Attributes:
        file: the file with the table.
    """

    file: RawFile

    @cached_property
    def header(self) -> Sequence[str]:
        """The keys of the objects in the first lines. Raises `SirecError` if there is no object."""
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
        """The objects in the first lines."""
        return json_lines.first_rows(self.file, PEEKED)

    def read(self, columns: Sequence[WantedColumn], context: ReadingContext) -> pa.Table:
        """Read the wanted keys.

        Args:
            columns: the wanted keys.
            context: receives the progress, and counts bad lines that may be skipped.
        """
        return tables.read_json_lines(self.file, columns, context)


@dataclass(frozen=True)
class ParquetTable:
    """Parquet (see `AnyTable`).

    Attributes:
        file: the file with the table.
    """

    file: RawFile

    @cached_property
    def header(self) -> Sequence[str]:
        """The names in the schema."""
        return parquet.header_of(self.file)

    @cached_property
    def first_rows(self) -> Sequence[Mapping[str, object]]:
        """The first rows, whose values are typed."""
        return parquet.first_rows(self.file, PEEKED)

    def read(self, columns: Sequence[WantedColumn], context: ReadingContext) -> pa.Table:
        """Read the wanted columns.

        Args:
            columns: the wanted columns.
            context: receives the progress, and counts bad lines that may be skipped.
        """
        return tables.read_parquet(self.file, columns, context)


def opened(
    file: RawFile,
    form: Format | None = None,
    delimiter: str | None = None,
    header: tuple[str, ...] | None = None,
    encoding: str | None = None,
) -> AnyTable:
    """Make the table of a file. The last three arguments are for text tables only.

    Args:
        file: the file.
        form: its format; None means what the file's ending says.
        delimiter: what stands between the cells; None means what the format says.
        header: names of the columns; None means that the first line names them.
        encoding: None means UTF-8, or UTF-16 with its byte order mark.

    Raises:
        SirecError: if the ending says no format.
    """
    chosen = form or tables.FORMATS.get(file.suffix)
    if chosen is None:
        endings = ", ".join(tables.FORMATS)
        raise SirecError(
            f"{file}: the ending '{file.suffix}' tells no format",
            f"say the format, or rename it: {endings}",
        )
    if chosen == "jsonl":
        return JsonTable(file)
    if chosen == "parquet":
        return ParquetTable(file)
    declared: dict[str, Any] = {}
    for key, value in (("separator", delimiter), ("header", header), ("encoding", encoding)):
        if value is not None:
            declared[key] = value
    return TextTable(file, replace(CSV if chosen == "csv" else TSV, **declared))
