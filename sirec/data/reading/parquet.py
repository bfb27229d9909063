"""Parquet: typed columns, of which the wanted ones are read in batches of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sirec.data.progress import ProgressCallback
from sirec.data.reading.archives import DAMAGE
from sirec.data.reading.bounds import read_whole
from sirec.data.reading.columns import WantedColumn, check_unique
from sirec.data.reading.files import RawFile
from sirec.data.reading.records import ParsedBlocks, finished
from sirec.errors import SirecError, unknown
from sirec.memory import gigabytes, memory_size

BYTES_A_ROW = 8  # at least: one number

BATCH = 1 << 18  # rows


def read(
    file: RawFile, columns: Sequence[WantedColumn], progress: ProgressCallback
) -> ParsedBlocks:
    """Read the rows of a file, batch by batch in order; a row counts as a line.

    Args:
        file: the file.
        columns: the wanted columns.
        progress: receives the number of rows that were read.

    Raises:
        SirecError: if a column is missing or there twice, or the file is damaged.
    """
    with _opened(file) as table:
        for column in columns:
            if column.key not in table.schema_arrow.names:
                raise unknown("column", column.key, table.schema_arrow.names, str(file))
        check_unique(columns, table.schema_arrow.names, str(file))
        keys = [column.key for column in columns]
        row, total = 0, table.metadata.num_rows
        for batch in table.iter_batches(BATCH, columns=keys):
            lines = np.arange(row + 1, row + len(batch) + 1)
            arrays = list(map(batch.column, keys))
            yield finished(arrays, columns, lines, lambda _: "")
            row += len(batch)
            progress(f"reading {file.name}", row, total)


def header_of(file: RawFile) -> tuple[str, ...]:
    """The names of a file's columns."""
    with _opened(file) as table:
        return tuple(table.schema_arrow.names)


def first_rows(file: RawFile, count: int) -> list[dict[str, object]]:
    """The first rows as they stand, to tell what a column holds before it is read.

    Args:
        file: the file.
        count: the largest number of rows.
    """
    with _opened(file) as table:
        for batch in table.iter_batches(count):
            return list(batch.to_pylist())
    return []


def _seekable(file: RawFile, stream: IO[bytes]) -> Any:
    """What Parquet is read from: the file, or a member of an archive in memory."""
    return pa.BufferReader(read_whole(stream, str(file))) if file.members else file.path


def _check_rows(file: RawFile, metadata: Any) -> None:
    """Refuse more rows than the memory holds: equal values take next to nothing in a file."""
    memory = memory_size()
    if memory is not None and metadata.num_rows * BYTES_A_ROW > memory:
        raise SirecError(
            f"{file}: {metadata.num_rows:,} rows do not fit into {gigabytes(memory)} of memory",
            "is it the file that you mean? If so, prepare a part of it",
        )


@contextmanager
def _opened(file: RawFile) -> Iterator[Any]:
    """Open a file; a member of an archive is held in memory, because Parquet is read from its end.

    Raises:
        SirecError: if the file is damaged.
    """
    try:
        with (
            file.open() as (stream, _),
            pq.ParquetFile(_seekable(file, stream)) as table,
        ):
            _check_rows(file, table.metadata)
            yield table
    except (pa.ArrowException, *DAMAGE) as error:
        reason = str(error).splitlines()[0][:120]
        raise SirecError(
            f"{file}: not a readable Parquet file: {reason}", "is it complete?"
        ) from None
