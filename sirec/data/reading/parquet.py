"""Parquet: typed columns, read in batches; only the wanted ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sirec.data.progress import ProgressCallback
from sirec.data.reading.columns import WantedColumn, check_names
from sirec.data.reading.files import DAMAGE, RawFile
from sirec.data.reading.records import ParsedBlocks, finished
from sirec.errors import SirecError, unknown

BATCH = 1 << 18  # rows


def read(
    file: RawFile, columns: Sequence[WantedColumn], progress: ProgressCallback
) -> ParsedBlocks:
    """The rows of a file, batch by batch; lines are rows, from 1. Raises `SirecError` where a
    column is missing.
    """
    with _opened(file) as table:
        for column in columns:
            if column.key not in table.schema_arrow.names:
                raise unknown("column", column.key, table.schema_arrow.names, str(file))
        row, total = 0, table.metadata.num_rows
        for batch in table.iter_batches(BATCH, columns=[column.key for column in columns]):
            lines = np.arange(row + 1, row + len(batch) + 1)
            yield finished(
                [batch.column(column.key) for column in columns], columns, lines, lambda _: ""
            )
            row += len(batch)
            progress(f"reading {file.name}", row, total)


def header_of(file: RawFile) -> tuple[str, ...]:
    """The names of a file's columns."""
    with _opened(file) as table:
        return tuple(table.schema_arrow.names)


def first_rows(file: RawFile, count: int) -> list[dict[str, object]]:
    """The first rows, at most `count`, as they stand: to tell what a column holds before it is
    read.
    """
    with _opened(file) as table:
        first = next(table.iter_batches(count), None)
        return [] if first is None else first.to_pylist()


@contextmanager
def _opened(file: RawFile) -> Iterator[Any]:
    """The file, read in place; a member of an archive is held in memory, as the format is read from
    its end.
    """
    try:
        with (
            file.open() as (stream, _),
            pq.ParquetFile(pa.BufferReader(stream.read()) if file.members else file.path) as table,
        ):
            check_names(table.schema_arrow.names, str(file))
            yield table
    except (pa.ArrowException, *DAMAGE) as error:
        reason = str(error).splitlines()[0][:120]
        raise SirecError(
            f"{file}: not a readable Parquet file: {reason}", "is it complete?"
        ) from None
