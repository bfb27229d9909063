"""Parquet: typed columns, of which the wanted ones are read in batches of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sirec.data.progress import ProgressCallback
from sirec.data.reading.archives import DAMAGE
from sirec.data.reading.columns import WantedColumn, check_unique
from sirec.data.reading.files import RawFile
from sirec.data.reading.records import ParsedBlocks, finished
from sirec.errors import SirecError, unknown

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


@contextmanager
def _opened(file: RawFile) -> Iterator[Any]:
    """Open a file; a member of an archive is held in memory, because Parquet is read from its end.

    Raises:
        SirecError: if the file is damaged.
    """
    try:
        with (
            file.open() as (stream, _),
            pq.ParquetFile(pa.BufferReader(stream.read()) if file.members else file.path) as table,
        ):
            yield table
    except (pa.ArrowException, *DAMAGE) as error:
        reason = str(error).splitlines()[0][:120]
        raise SirecError(
            f"{file}: not a readable Parquet file: {reason}", "is it complete?"
        ) from None
