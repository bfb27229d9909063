"""Tables and arrays on disk, read against what was written there.

Every Parquet table and every NumPy array that the package reads again passes through this module:
the number of rows, the type of each column, its range, nulls and the encoding of its texts are
checked before anything is computed from them. So a damaged file is one line, and never a memory
error or a fault inside a library. Tensors have the same in `sirec.data.tensors`.
"""

from __future__ import annotations

import struct
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sirec.errors import SirecError

ColumnContent = Literal["whole", "wholes", "text"]
LARGEST = 2**31 - 1  # of a code, a count or a doubled rank: they are 32-bit integers
MOST_IN_A_CELL = 1_000  # whole numbers, as an item has values of an attribute
ARRAY_DAMAGE = (
    OSError,
    ValueError,
    EOFError,
    SyntaxError,
    TypeError,
    KeyError,
    AttributeError,
    OverflowError,
    MemoryError,
    RecursionError,
    struct.error,
    tokenize.TokenError,
)
"""What NumPy raises for headers of arrays that are no headers."""


@dataclass(frozen=True)
class StoredColumn:
    """A column of a stored table.

    Attributes:
        name: its name.
        content: whole numbers, lists of whole numbers, or texts; never null.
        low: the lowest number.
        high: the highest number.
        is_optional: whether the table may lack the column.
    """

    name: str
    content: ColumnContent = "whole"
    low: int = 0
    high: int = LARGEST
    is_optional: bool = False


def read_table(
    path: Path, columns: Sequence[StoredColumn], hint: str, *, rows: int | None = None
) -> pa.Table:
    """The columns of a Parquet file, each in one piece, after they have been checked.

    Args:
        path: the file.
        columns: the columns that are wanted; others are not read.
        hint: what to do where the file is not as it was written.
        rows: how many rows the file has; None where that is not known.

    Raises:
        SirecError: with the file, the column and what is wrong there; for a missing file as well.
    """
    try:
        with pq.ParquetFile(path) as file:
            found = file.metadata.num_rows
            if rows is not None and found != rows:
                raise SirecError(f"{path}: {found:,} rows, expected {rows:,}", hint)
            names = set(file.schema_arrow.names)
            _check_names(path, columns, file.schema_arrow, hint)
            wanted = [column.name for column in columns if column.name in names]
            table = file.read(columns=wanted).combine_chunks()
        table.validate(full=True)  # offsets of lists, and texts that are not UTF-8
    except FileNotFoundError:
        raise SirecError(f"{path}: no such file", hint) from None
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = (str(error).splitlines() or ["damaged"])[0][:120]
        raise SirecError(f"{path}: not a readable Parquet file: {reason}", hint) from None
    for column in columns:
        if column.name in table.column_names:
            _check_values(path, column, table[column.name], hint)
    return table


def whole_numbers(table: pa.Table, name: str) -> npt.NDArray[np.int64]:
    """Long[N], a column of whole numbers of a table that `read_table` has checked."""
    return table[name].to_numpy().astype(np.int64)


def read_array(path: Path) -> npt.NDArray[Any]:
    """The array of a `.npy` file, mapped into memory and not read yet.

    Raises:
        SirecError: if the file is missing, damaged, or no array of plain values.
    """
    try:
        array: npt.NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    except ARRAY_DAMAGE as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:100]
        raise SirecError(
            f"{path}: not a readable NumPy array: {reason}", "write it anew with numpy.save"
        ) from None
    if not isinstance(array, np.ndarray):  # an archive of arrays
        raise SirecError(f"{path}: an archive and not one array", "write the array with numpy.save")
    return array


def _check_names(path: Path, columns: Sequence[StoredColumn], schema: pa.Schema, hint: str) -> None:
    """Refuse a table with a column that is missing, there twice, or of another type."""
    for column in columns:
        count = schema.names.count(column.name)
        if count == 0 and column.is_optional:
            continue
        if count != 1:
            what = "is missing" if count == 0 else f"is there {count} times"
            raise SirecError(f"{path}: the column '{column.name}' {what}", hint)
        kind = schema.field(column.name).type
        if not _is_of(kind, column.content):
            expected = {"whole": "whole numbers", "wholes": "lists of whole numbers"}
            raise SirecError(
                f"{path}: the column '{column.name}' holds {kind}, "
                f"not {expected.get(column.content, 'texts')}",
                hint,
            )


def _is_of(kind: pa.DataType, content: ColumnContent) -> bool:
    if content == "text":
        return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
    if content == "wholes":
        return bool(pa.types.is_list(kind) and pa.types.is_integer(kind.value_type))
    return bool(pa.types.is_integer(kind))


def _check_values(path: Path, column: StoredColumn, values: Any, hint: str) -> None:
    """Refuse nulls, numbers out of range, and lists that are too long."""
    where = f"{path}: the column '{column.name}'"
    if column.content == "wholes":
        _refuse_nulls(where, values, hint)
        longest = pc.max(pc.list_value_length(values)).as_py() or 0
        if longest > MOST_IN_A_CELL:
            raise SirecError(f"{where} has {longest:,} numbers in one cell", hint)
        values = pc.list_flatten(values)
    _refuse_nulls(where, values, hint)
    if column.content == "text" or len(values) == 0:
        return
    ends = pc.min_max(values).as_py()
    for value in (ends["min"], ends["max"]):
        if not column.low <= value <= column.high:
            expected = f"expected {column.low:,} to {column.high:,}"
            raise SirecError(f"{where} has the number {value:,}, {expected}", hint)


def _refuse_nulls(where: str, values: Any, hint: str) -> None:
    if values.null_count:
        raise SirecError(f"{where} lacks {values.null_count:,} values", hint)
