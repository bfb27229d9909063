"""What a source is: a reader of one raw format, which hands over tables of one shape.

How to write a source of your own
---------------------------------
A source is a frozen dataclass. Its fields are its options: a person sets them with
`--set key=value` or in the YAML file of a data set. It says which files it expects and reads them:

    @dataclass(frozen=True)
    class ListeningSource(Source):
        name: ClassVar[str] = "listening"        # sirec prepare NAME --source listening
        needs_files: ClassVar[bool] = True
        minimum_seconds: int = 30                # an option, with its default

        def instructions(self) -> str:
            return "a folder with plays.csv (user, track, played_at, seconds)"

        def read(self, folder=None, context=None) -> RawData:
            file = RawFiles(folder, self.instructions()).need("plays.csv")
            columns = [
                WantedColumn("user"),
                WantedColumn("track"),
                WantedColumn("played_at", "time"),
                WantedColumn("seconds", "number"),
            ]
            table = read_delimited(file, columns, context or ReadingContext())
            table = table.filter(pc.greater_equal(table["seconds"], self.minimum_seconds))
            events = interactions(table, user="user", item="track", time="played_at")
            options = {"name": self.name, **written_options(self)}
            return RawData(events, source=options, files=(file.path,))

`RawFiles` (`sirec.data.reading.files`) finds files that are loose, compressed or in an archive.
`read_delimited`, `read_json_lines` and `read_parquet` (`sirec.data.reading.tables`) read wanted
columns in blocks, convert them, and name file, line and column of a mistake; `interactions`,
`lists_to_rows` and `titles` (`sirec.data.reading.frames`) make the tables of `RawData` from them. A
source may as well fill `RawData` with any pandas code.

Another package offers its source by an entry point,

    [project.entry-points."sirec.sources"]
    listening = "my_package.listening:ListeningSource"

and a file does so with `--plugin listening.py` at any command. Inside `sirec` a source is one file
in this package. Filters, splits and everything after them are the same for all sources.
`sirec.testing.check_source` checks that a source keeps the promises of this module.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pandas as pd

from sirec.data.reading.context import ReadingContext
from sirec.data.reading.vectors import ItemVectors
from sirec.data.written_options import options_from as options_from
from sirec.data.written_options import written_options as written_options
from sirec.errors import SirecError

if TYPE_CHECKING:
    from sirec.data.download.fetch import Remote

KEYS = ("user", "item", "timestamp")


def check_behaviours(names: Iterable[str]) -> None:
    """Raise `SirecError` for a behaviour with the name of a column that all interactions have."""
    for name in names:
        if name in KEYS:
            raise SirecError(
                f"a behaviour cannot be called '{name}'", f"reserved: {', '.join(KEYS)}"
            )


@dataclass(frozen=True, eq=False)
class ItemRows:
    """Which items the table of items has, whether or not it says anything of them.

    Attributes:
        name: what the table is called, for example its file.
        ids: the distinct ids of its items.
    """

    name: str
    ids: Collection[str]


@dataclass(frozen=True, eq=False)
class RawData:
    """Raw data of any format in one shape.

    Attributes:
        interactions: one row per interaction, with the columns `user` and `item` (texts, or
            categories of texts), `timestamp` if times are known (seconds since 1970 as whole
            numbers, or datetimes of any unit, in UTC where they have no zone),
            and one column per behaviour. Interactions of a user with equal times keep their order.
        attributes: name -> a table with the columns `item` and `value` (texts): one row per value,
            so that an item may have any number of values.
        titles: a table with the columns `item` and `title` (texts), with at most one row per item,
            or None.
        source: the source's name and options, which `dataset.yaml` keeps.
        files: the files that were read, whose digests `dataset.yaml` keeps.
        time_column: the column that the times come from, if it has a name.
        unused_times: columns that may be times and are not used, as nobody said so.
        notes: remarks for a person.
        items: which items have a row in the table of items, so that `sirec prepare` can say where
            the ids of the two tables differ; None if there is no such table, or if the source does
            not say.
        declared_texts: behaviours that a person has declared to be texts, although they may look
            like numbers.
        vectors: name -> the vectors of items.
        of_users: name -> a table with the columns `user` and `value` (texts): what is known of
            users, one value each.
    """

    interactions: pd.DataFrame
    attributes: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    titles: pd.DataFrame | None = None
    source: Mapping[str, str] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    time_column: str | None = None
    unused_times: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    items: ItemRows | None = None
    declared_texts: frozenset[str] = frozenset()
    vectors: Mapping[str, ItemVectors] = field(default_factory=dict)
    of_users: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def listed_items(self) -> set[str]:
        """The items in the table of items; those with any value, if only they are known."""
        if self.items is not None:
            return set(self.items.ids)
        tables = list(self.attributes.values())
        if self.titles is not None:
            tables.append(self.titles)
        listed: set[str] = set()
        for table in tables:
            listed.update(pd.unique(table["item"]))
        return listed

    @property
    def behaviours(self) -> tuple[str, ...]:
        """Names of the behaviours, in the order of their columns."""
        return tuple(str(name) for name in self.interactions.columns if name not in KEYS)


class Source(ABC):
    """A reader of one raw format, as a frozen dataclass whose fields are its options.

    `__post_init__` may refuse options with a `SirecError`.

    Attributes:
        name: what `--source` and the files of data sets call the source.
        needs_files: whether it reads a folder of raw files; false if it generates its data, or if
            its options name the files.
        is_own: whether a person chooses the fields, so that a model reads all attributes unless it
            is told otherwise. False for the data of the papers, of which a model reads what the
            papers read.
        licence: under which terms the data may be used, as far as `sirec` knows.
    """

    name: ClassVar[str]
    needs_files: ClassVar[bool]
    is_own: ClassVar[bool] = True
    licence: ClassVar[str] = "not known to sirec: ask whoever the data come from"

    def remotes(self) -> tuple[Remote, ...]:
        """Files that `sirec prepare` may download, for these options.

        There are none if a person has to accept a licence to get them, or owns them.
        """
        return ()

    @abstractmethod
    def instructions(self) -> str:
        """The expected files, and where to find them, as a phrase that follows "expected"."""

    def home(self) -> str:
        """Name of the folder below `raw/` in which its files are expected.

        Downloads go there, too. Options with the same files share a folder; options whose files
        have the same names and other contents need one each.
        """
        return self.name

    @abstractmethod
    def read(self, folder: Path | None = None, context: ReadingContext | None = None) -> RawData:
        """Read the raw files.

        Args:
            folder: the folder or archive with the raw files; None if no files are needed.
            context: receives the progress, and counts bad lines that may be skipped. None reports
                no progress and skips no line.

        Returns:
            All interactions in the order of the files, and what is known of their items.

        Raises:
            SirecError: if files are missing, with what is expected; or for the first mistake in
                one, with file, line and column.
        """
