"""How the checks of a source read raw files, and compare what was read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.types import is_integer_dtype

from sirec.data.prepare.filters import PrepareOptions
from sirec.data.prepare.pipeline import Prepared, prepare
from sirec.data.reading import lines, parallel, parquet
from sirec.data.reading.context import BadLines, ReadingContext
from sirec.data.sources.base import RawData
from sirec.errors import SirecError
from sirec.testing.source_examples import NANOSECONDS, SampleInteraction, SourceExample

EVERYTHING = PrepareOptions(core=0)


def read(example: SourceExample, folder: Path | None, skip: int = 0) -> RawData:
    """Read the raw files of an example.

    Args:
        example: the source.
        folder: the folder with its files.
        skip: how many bad lines may be skipped.
    """
    return example.source.read(folder, ReadingContext(bad_lines=BadLines(skip)))


def prepared(raw: RawData) -> Prepared:
    """The data set of raw data, without a filter."""
    return prepare(raw, "checked", EVERYTHING)


def refusal(example: SourceExample, folder: Path, what: str) -> SirecError:
    """The error with which a source refuses its files.

    Args:
        example: the source.
        folder: the folder with its files.
        what: what is wrong with them, for the message.

    Raises:
        AssertionError: if the source reads them, or raises anything but a `SirecError` in one line.
    """
    try:
        raw = read(example, folder)
    except SirecError as error:
        refused = error
    except Exception as error:
        name = type(error).__name__
        raise AssertionError(f"{what}: {name} in place of a SirecError: {error}") from error
    else:
        count = len(raw.interactions)
        raise AssertionError(f"{what}: {count} interactions are read without a word")
    is_one_line = "\n" not in refused.message.strip()
    assert is_one_line, f"{what}: the message has several lines: {refused.message}"
    return refused


def rows_of(raw: RawData) -> list[tuple[str, str, int | None]]:
    """(user, item, nanoseconds since 1970) of each interaction; None where times are not known."""
    users = raw.interactions["user"].astype(object).tolist()
    items = raw.interactions["item"].astype(object).tolist()
    times: Sequence[int | None] = [None] * len(users)
    if "timestamp" in raw.interactions:
        column = raw.interactions["timestamp"]
        if is_integer_dtype(column):
            times = [int(second) * NANOSECONDS for second in column]
        else:
            utc = pd.to_datetime(column, utc=True).dt.tz_localize(None)
            times = utc.astype("datetime64[ns]").astype(np.int64).tolist()
    return list(zip(users, items, times, strict=True))


def wanted_rows(
    example: SourceExample, interactions: Sequence[SampleInteraction]
) -> list[tuple[str, str, int | None]]:
    """What `rows_of` has to give."""
    found: list[tuple[str, str, int | None]] = []
    for each in example.expected(interactions):
        found.append((each.user, each.item, None if example.unit is None else each.nanoseconds))
    return found


def difference(first: RawData, second: RawData) -> str | None:
    """In what two readings differ; None if they are equal."""
    tables = (_tables(first), _tables(second))
    if tables[0].keys() != tables[1].keys():
        return f"{', '.join(tables[0])} and {', '.join(tables[1])}"
    for name, table in tables[0].items():
        other = tables[1][name]
        if list(table.columns) != list(other.columns):
            return f"the columns of {name}"
        if table.astype(object).to_numpy().tolist() != other.astype(object).to_numpy().tolist():
            return name
    return None


def _tables(raw: RawData) -> Mapping[str, pd.DataFrame]:
    tables = {"interactions": raw.interactions, **raw.attributes}
    return tables if raw.titles is None else {**tables, "titles": raw.titles}


@contextmanager
def blocks_of(size: int, workers: int) -> Iterator[None]:
    """Let the readers of `sirec` work on smaller pieces, and with another number of workers.

    Args:
        size: bytes of a block of lines; also rows of a batch of Parquet.
        workers: number of threads.
    """
    defaults = lines.blocks.__kwdefaults__
    assert defaults is not None
    before = defaults["size"], parallel.WORKERS, parquet.BATCH
    defaults["size"] = size
    parallel.WORKERS = workers
    parquet.BATCH = size
    try:
        yield
    finally:
        defaults["size"], parallel.WORKERS, parquet.BATCH = before
