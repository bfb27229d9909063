"""What a person has beside the files of any source: vectors of items, and attributes of users.

    vectors: {text: embeddings.npz}       name -> file (`reading.vectors`)
    users: customers.csv                  a table with one row a user: CSV, TSV, Parquet, JSON lines
    users_key: customer                   its column of users
    user_attributes: {age: age}           name -> column; without it all others

A table of users may also be RecBole's `X.user`, whose header has types (`age:token`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
import pyarrow as pa

from sirec.data.reading import formats, frames
from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.context import ReadingContext
from sirec.data.reading.files import RawFile
from sirec.data.reading.table_files import find_table
from sirec.data.reading.vectors import ItemVectors, read_vectors
from sirec.data.sources.base import RawData
from sirec.data.written_options import written_options
from sirec.errors import SirecError, unknown

ATOMIC = ".user"
USER_COLUMNS = ("user", "user_id", "userid", "customer", "customer_id")
PREFIX = "beside."
UserTables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Beside:
    """Files beside those of a source; paths are relative to the working directory.

    Attributes:
        vectors: name of an attribute -> file with vectors of items.
        users: the table of users.
        users_key: its column of users; None for one of a usual name.
        user_attributes: name -> column; empty for all columns but that of users.
    """

    vectors: Mapping[str, str] = field(default_factory=dict)
    users: str | None = None
    users_key: str | None = None
    user_attributes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse columns of a table that is not named."""
        if self.users is None and (self.users_key or self.user_attributes):
            raise SirecError(
                "attributes of users are columns of a table of users, and none is named",
                "say --users FILE",
            )

    def read(self, context: ReadingContext | None = None) -> BesideData:
        """Read the files; they are small, and read before the interactions.

        Args:
            context: receives the progress, and counts bad lines that may be skipped.

        Raises:
            SirecError: for a file that is missing or cannot be used.
        """
        vectors: dict[str, ItemVectors] = {}
        files: list[Path] = []
        for name, path in self.vectors.items():
            vectors[name] = read_vectors(name, Path(path))
            files.append(Path(path))
        of_users: UserTables = {}
        if self.users is not None:
            file = find_table(None, self.users, "--users")
            of_users = self._read_users(file, context or ReadingContext())
            files.append(file.path)
        written = {f"{PREFIX}{key}": text for key, text in written_options(self).items()}
        return BesideData(vectors, of_users, tuple(files), written)

    def _read_users(self, file: RawFile, context: ReadingContext) -> UserTables:
        """The tables of the attributes of users."""
        is_atomic = file.suffix == ATOMIC
        table = formats.opened(file, "tsv" if is_atomic else None)
        header: dict[str, str] = {}  # name of a column -> what the file calls it
        for column in table.header:
            header[column.partition(":")[0] if is_atomic else column] = column
        key = self._key(header, str(file))
        chosen = self.user_attributes or {name: name for name in header if name != key}
        for column in chosen.values():
            if column not in header:
                raise unknown("column", column, header, str(file))
        wanted = [WantedColumn(header[key])]
        for column in dict.fromkeys(chosen.values()):
            wanted.append(WantedColumn(header[column], "texts", required=False))
        read = table.read(wanted, context)
        tables: UserTables = {}
        for name, column in chosen.items():
            tables[name] = users_to_rows(read, header[key], header[column])
        return tables

    def _key(self, header: Mapping[str, str], where: str) -> str:
        """The column of users."""
        if self.users_key is not None:
            if self.users_key not in header:
                raise unknown("column", self.users_key, header, where)
            return self.users_key
        for name in USER_COLUMNS:
            if name in header:
                return name
        raise SirecError(
            f"{where}: no column is called {' or '.join(USER_COLUMNS[:2])}: {', '.join(header)}",
            "say which one has the users: --users-key COLUMN",
        )


@dataclass(frozen=True, eq=False)
class BesideData:
    """What the files beside those of a source say.

    Attributes:
        vectors: name -> the vectors of items.
        of_users: name -> a table of values of users.
        files: the files.
        written: what `dataset.yaml` keeps of their options.
    """

    vectors: Mapping[str, ItemVectors]
    of_users: Mapping[str, pd.DataFrame]
    files: tuple[Path, ...]
    written: Mapping[str, str]

    def added_to(self, raw: RawData) -> RawData:
        """The raw data of a source with what these files say."""
        return replace(
            raw,
            vectors={**raw.vectors, **self.vectors},
            of_users={**raw.of_users, **self.of_users},
            files=(*raw.files, *self.files),
            source={**raw.source, **self.written},
        )


def users_to_rows(table: pa.Table, user: str, values: str) -> pd.DataFrame:
    """The table of an attribute of users in `RawData`.

    Args:
        table: an Arrow table.
        user: its column of users.
        values: its column of values.
    """
    rows = frames.lists_to_rows(table, user, values).rename(columns={"item": "user"})
    return rows.drop_duplicates(ignore_index=True)
