"""RecBole's atomic files: tab-separated tables without quotes, whose header gives every field a
name and a type.

    X.inter   user_id:token  item_id:token  rating:float  timestamp:float     one row per interaction
    X.item    item_id:token  title:token_seq  brand:token  categories:token_seq  price:float      optional

A `token` is a name and a `float` a number; of a `token_seq` or `float_seq` a cell holds several,
between blanks unless another `separator` is declared (RecBole's `seq_separator`). `X.user` is not
looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd

from sirec.data.download.fetch import Remote
from sirec.data.reading import tables
from sirec.data.reading.columns import ColumnKind, WantedColumn
from sirec.data.reading.context import ReadingContext
from sirec.data.reading.delimited import TSV, header_of
from sirec.data.reading.files import RawFile, RawFiles
from sirec.data.sources.base import RawData, Source, check_behaviours, written_options
from sirec.errors import SirecError, unknown

INTERACTIONS, ITEMS = ".inter", ".item"
TIME, RATING, TITLE = "timestamp", "rating", "title"
TYPES = ("token", "token_seq", "float", "float_seq")
NAMES, SEQUENCES = ("token", "token_seq"), ("token_seq", "float_seq")
KINDS: Mapping[str, ColumnKind] = {"token": "text", "float": "number"}


@dataclass(frozen=True)
class AtomicField:
    """A column of an atomic file."""

    name: str
    type: str

    @property
    def key(self) -> str:
        """The column as the header has it."""
        return f"{self.name}:{self.type}"


@dataclass(frozen=True)
class AtomicSource(Source):
    """The names of fields; behaviours and attributes map the name that is wanted to the field's.

    `dataset` chooses between several `.inter` files. Without `time` it is `timestamp`, without
    `title` a field of the items called so or ending so, without `behaviours` the rating, each if
    there is one; without `attributes` all fields of the items that hold names. `time_format` is a
    `strptime` format of times that are no seconds.
    """

    name: ClassVar[str] = "atomic"
    needs_files: ClassVar[bool] = True

    dataset: str | None = None
    user: str = "user_id"
    item: str = "item_id"
    time: str | None = None
    time_format: str | None = None
    behaviours: Mapping[str, str] | None = None
    attributes: Mapping[str, str] | None = None
    title: str | None = None
    separator: str = " "

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        check_behaviours(self.behaviours or ())
        if not self.separator:
            raise SirecError("the separator needs at least one character")

    def remotes(self) -> tuple[Remote, ...]:
        """None: the format is everybody's."""
        return ()

    def instructions(self) -> str:
        """The two files."""
        name = self.dataset or "NAME"
        return f"a folder with {name}{INTERACTIONS} and, if there are attributes, {name}{ITEMS}"

    def home(self) -> str:
        """Its own."""
        return self.name

    def read(self, place: Path | None = None, reading: ReadingContext | None = None) -> RawData:
        """Read the two files. Raises `SirecError` with file, line and field of the first
        mistake.
        """
        reading = reading or ReadingContext()
        raw = RawFiles(place, self.instructions())
        log = self._interactions(raw)
        catalogue = _beside(log, raw)
        events = self._read_interactions(log, reading)
        attributes, titles = self._read_items(catalogue, reading) if catalogue else ({}, None)
        if catalogue is None and (self.attributes or self.title):
            raise SirecError(
                f"{log}: there is no {ITEMS} file beside it",
                "leave out the attributes and the title",
            )
        files = tuple(file.path for file in (log, catalogue) if file)
        return RawData(
            events,
            attributes,
            titles,
            {"name": self.name, **written_options(self)},
            tuple(dict.fromkeys(files)),
        )

    def _interactions(self, raw: RawFiles) -> RawFile:
        if self.dataset is not None:
            return raw.need(f"{self.dataset}{INTERACTIONS}")
        found = raw.ending(INTERACTIONS)
        if len(found) != 1:
            names = ", ".join(file.name for file in found)
            hint = (
                f"say which by its name before the ending: {names}"
                if found
                else f"expected {self.instructions()}"
            )
            raise SirecError(
                f"{raw.place}: {len(found) or 'no'} files that end in {INTERACTIONS}", hint
            )
        return found[0]

    def _read_interactions(self, file: RawFile, reading: ReadingContext) -> pd.DataFrame:
        fields = _fields(file)
        user, item = (_find(name, fields, file, "token") for name in (self.user, self.item))
        time = _find(self.time or TIME, fields, file) if self.time or TIME in fields else None
        names = (
            self.behaviours
            if self.behaviours is not None
            else {RATING: RATING}
            if RATING in fields
            else {}
        )
        behaviours = {name: _find(field, fields, file, *KINDS) for name, field in names.items()}
        columns = [
            *(WantedColumn(field.key) for field in (user, item)),
            *([WantedColumn(time.key, "time", format=self.time_format)] if time else []),
            *(WantedColumn(field.key, KINDS[field.type]) for field in behaviours.values()),
        ]
        keys = {name: field.key for name, field in behaviours.items()}
        table = tables.read_delimited(file, columns, reading, TSV)
        return tables.interactions(
            table, user=user.key, item=item.key, time=time.key if time else None, behaviours=keys
        )

    def _read_items(
        self, file: RawFile, reading: ReadingContext
    ) -> tuple[dict[str, pd.DataFrame], pd.DataFrame | None]:
        fields = _fields(file)
        item = _find(self.item, fields, file, "token")
        title = (
            _find(self.title, fields, file, *NAMES)
            if self.title
            else _title(fields, (self.attributes or {}).values())
        )
        names = (
            self.attributes
            if self.attributes is not None
            else dict(_describing(fields, item, title))
        )
        attributes = {name: _find(field, fields, file) for name, field in names.items()}
        columns = [
            WantedColumn(item.key),
            *([WantedColumn(title.key, required=False)] if title else []),
            *(
                WantedColumn(field.key, "texts", required=False, separator=self._between(field))
                for field in attributes.values()
            ),
        ]
        table = tables.read_delimited(file, columns, reading, TSV)
        values = {
            name: tables.lists_to_rows(table, item.key, field.key)
            for name, field in attributes.items()
        }
        return values, tables.titles(table, item.key, title.key) if title else None

    def _between(self, field: AtomicField) -> str | None:
        return self.separator if field.type in SEQUENCES else None


def _fields(file: RawFile) -> dict[str, AtomicField]:
    """The fields by name. Raises `SirecError` where the header is none of an atomic file."""
    fields: dict[str, AtomicField] = {}
    for cell in header_of(file, TSV):
        name, _, kind = cell.rpartition(":")
        if not name or kind not in TYPES:
            hint = f"expected NAME:TYPE between tabs, where TYPE is one of {', '.join(TYPES)}"
            raise SirecError(f"{file}:1: '{cell[:80]}' is not a field with its type", hint)
        if name in fields:
            raise SirecError(f"{file}:1: two fields are called '{name}'", "rename one")
        fields[name] = AtomicField(name, kind)
    return fields


def _find(name: str, fields: Mapping[str, AtomicField], file: RawFile, *types: str) -> AtomicField:
    """The field of that name. Raises `SirecError` where there is none, or where it is none of the
    types.
    """
    if name not in fields:
        raise unknown("field", name, fields, str(file))
    if types and fields[name].type not in types:
        raise SirecError(
            f"{file}:1: {name} is a {fields[name].type} and has to be a {' or a '.join(types)}",
            "choose another",
        )
    return fields[name]


def _title(fields: Mapping[str, AtomicField], others: Collection[str]) -> AtomicField | None:
    free = (field for field in fields.values() if field.name not in others)
    found = [field for field in free if field.name.endswith(TITLE) and field.type in NAMES]
    return min(found, key=lambda field: field.name != TITLE) if found else None


def _describing(
    fields: Mapping[str, AtomicField], item: AtomicField, title: AtomicField | None
) -> Iterator[tuple[str, str]]:
    for field in fields.values():
        if field.type in NAMES and field not in (item, title):
            yield field.name, field.name


def _beside(log: RawFile, raw: RawFiles) -> RawFile | None:
    """The items that belong to the interactions, where a person may have named the file and not its
    folder.
    """
    named = raw.place == log.path and not log.members
    files = RawFiles(log.path.parent, raw.expected) if named else raw
    return files.find(f"{log.name.rpartition(INTERACTIONS)[0]}{ITEMS}")
