"""Tables of any format behind one interface: header, first rows, and the wanted columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Protocol

import pyarrow as pa

from sirec.data.reading import (
    delimited,
    headers,
    json_documents,
    json_lines,
    parquet,
    tables,
)
from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.context import ReadingContext
from sirec.data.reading.dialect import CSV, TSV, Dialect
from sirec.data.reading.files import RawFile
from sirec.errors import SirecError, unknown

Format = Literal["csv", "tsv", "parquet", "jsonl"]
SPREADSHEET = "save the sheet as CSV: spreadsheets are not read"
UNPACK = "unpack it, or pack it anew: .zip, .tar, .tar.gz, .gz and .bz2 are read"
OTHER_FORMATS: Mapping[str, str] = {
    **dict.fromkeys((".xlsx", ".xls", ".ods", ".numbers"), SPREADSHEET),
    **dict.fromkeys((".rar", ".7z", ".xz", ".zst", ".lz4"), UNPACK),
}
"""What to do with formats that are not read and cannot be declared, by the ending."""
PEEKED = 10_000  # rows that tell what a column holds


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

    def lacking(self, key: str, wanted: Sequence[WantedColumn] = ()) -> SirecError:
        """The error for a column that is not there, with what a person does about it.

        Args:
            key: the column's name.
            wanted: all wanted columns.
        """
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
        if len(names) == 1:
            error = headers.single_column(names[0], self.file, self.dialect)
            if error is not None:
                raise error
        return names

    @cached_property
    def first_rows(self) -> Sequence[Mapping[str, object]]:
        """The first rows, whose cells are texts."""
        return delimited.first_rows(self.file, PEEKED, self.dialect)

    def lacking(self, key: str, wanted: Sequence[WantedColumn] = ()) -> SirecError:
        """The error for a column that is not there (see `AnyTable`)."""
        return headers.lacking_column(key, self.header, wanted, self.file, self.dialect)

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
        other = json_documents.other_form(self.file)
        if other is not None:
            raise other
        keys: dict[str, None] = {}
        for row in self.first_rows:
            keys |= dict.fromkeys(row)
        return tuple(keys)

    @cached_property
    def first_rows(self) -> Sequence[Mapping[str, object]]:
        """The objects in the first lines."""
        return json_lines.first_rows(self.file, PEEKED)

    def lacking(self, key: str, wanted: Sequence[WantedColumn] = ()) -> SirecError:
        """The error for a key that is not there (see `AnyTable`)."""
        usual = unknown("column", key, self.header, str(self.file))
        return json_documents.list_in_object(self.file, self.first_rows) or usual

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

    def lacking(self, key: str, wanted: Sequence[WantedColumn] = ()) -> SirecError:
        """The error for a column that is not there (see `AnyTable`)."""
        return unknown("column", key, self.header, str(self.file))

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
    settable: Iterable[str] = (),
) -> AnyTable:
    """Make the table of a file. The last four arguments are for text tables only.

    Args:
        file: the file.
        form: its format; None means what the file's ending says.
        delimiter: what stands between the cells; None means what the format says.
        header: names of the columns; None means that the first line names them.
        encoding: None means UTF-8, or UTF-16 with its byte order mark.
        settable: which of `delimiter`, `encoding`, `columns` and `format` a person can say.

    Raises:
        SirecError: if the ending says no format.
    """
    chosen = form or tables.FORMATS.get(file.suffix)
    if chosen is None:
        hint = OTHER_FORMATS.get(file.suffix)
        if hint is None:
            hint = f"rename it: {', '.join(tables.FORMATS)}"
            if "format" in settable:
                hint = f"say its format, for example --set format=csv; or {hint}"
        raise SirecError(f"{file}: the ending '{file.suffix}' tells no format", hint)
    if chosen == "jsonl":
        return JsonTable(file)
    if chosen == "parquet":
        return ParquetTable(file)
    declared: dict[str, Any] = {"settable": frozenset(settable)}
    for key, value in (("separator", delimiter), ("header", header), ("encoding", encoding)):
        if value is not None:
            declared[key] = value
    return TextTable(file, replace(CSV if chosen == "csv" else TSV, **declared))
