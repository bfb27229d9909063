"""RecBole's atomic files: tab-separated tables without quotes, with a typed header.

    file      header                                                              rows
    X.inter   user_id:token  item_id:token  rating:float  timestamp:float         interactions
    X.item    item_id:token  title:token_seq  brand:token  categories:token_seq   items; optional

A `token` is a name and a `float` a number. A cell of a `token_seq` or `float_seq` holds several of
them, with blanks in between unless another `separator` is declared (RecBole's `seq_separator`).
`X.user` is not read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pandas as pd

from sirec.data.reading import frames, tables
from sirec.data.reading.columns import ColumnKind, WantedColumn
from sirec.data.reading.context import ReadingContext
from sirec.data.reading.delimited import header_of
from sirec.data.reading.dialect import TSV, Dialect, check_encoding
from sirec.data.reading.files import RawFile, RawFiles
from sirec.data.reading.headers import SEPARATORS, separator_name
from sirec.data.reading.table_commands import command_for_header
from sirec.data.sources.base import RawData, Source, check_behaviours, written_options
from sirec.errors import SirecError, unknown
from sirec.shell import arguments

INTERACTIONS, ITEMS = ".inter", ".item"
TIME, RATING, TITLE = "timestamp", "rating", "title"
TYPES = ("token", "token_seq", "float", "float_seq")
NAMES, SEQUENCES = ("token", "token_seq"), ("token_seq", "float_seq")
KINDS: Mapping[str, ColumnKind] = {"token": "text", "float": "number"}


@dataclass(frozen=True)
class AtomicField:
    """A column of an atomic file, with its type, one of `TYPES`."""

    name: str
    type: str

    @property
    def key(self) -> str:
        """The column's name in the header."""
        return f"{self.name}:{self.type}"


@dataclass(frozen=True)
class AtomicSource(Source):
    """The names of the fields to read.

    Attributes:
        dataset: name before the ending of the `.inter` file; None if there is only one.
        user: field of the users; likewise `item` and `time`. Without `time` it is `timestamp`, if
            there is one.
        time_format: `strptime` format of times that are not seconds.
        behaviours: name of a behaviour -> field; None means the rating, if there is one.
        attributes: name of an attribute -> field of the items; None means all fields that hold
            names.
        title: field of the items' titles; None means a field called `title`, or ending so.
        separator: what stands between the values of a sequence.
        delimiter: what stands between the columns, if it is not a tab.
        encoding: encoding of files that are not UTF-8, such as cp1252.
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
    delimiter: str | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        """Refuse reserved names of behaviours, an empty separator, and an unknown encoding."""
        check_behaviours(self.behaviours or ())
        if not self.separator or self.delimiter == "":
            raise SirecError("separator and delimiter need at least one character each")
        check_encoding(self.encoding)

    def instructions(self) -> str:
        """The two files."""
        name = self.dataset or "NAME"
        return f"a folder with {name}{INTERACTIONS} and, if there are attributes, {name}{ITEMS}"

    def read(self, folder: Path | None = None, context: ReadingContext | None = None) -> RawData:
        """Read the two files.

        Args:
            folder: the folder or archive with the raw files, or the `.inter` file itself.
            context: receives the progress, and counts bad lines that may be skipped.

        Raises:
            SirecError: for a missing file or field, or with file, line and field of the first
                mistake.
        """
        context = context or ReadingContext()
        raw = RawFiles(folder, self.instructions())
        interactions_file = self._find_interactions(raw)
        items_file = _find_items(interactions_file, raw)
        files = [interactions_file]
        events = self._read_interactions(interactions_file, context)
        attributes: dict[str, pd.DataFrame] = {}
        titles = None
        if items_file is not None:
            files.append(items_file)
            attributes, titles = self._read_items(items_file, context)
        elif self.attributes or self.title:
            raise SirecError(
                f"{interactions_file}: there is no {ITEMS} file beside it",
                "leave out the attributes and the title",
            )
        source = {"name": self.name, **written_options(self)}
        paths = dict.fromkeys(file.path for file in files)
        return RawData(events, attributes, titles, source, tuple(paths))

    def _find_interactions(self, raw: RawFiles) -> RawFile:
        if self.dataset is not None:
            return raw.need(f"{self.dataset}{INTERACTIONS}")
        found = raw.ending(INTERACTIONS)
        if not found:
            raise SirecError(
                f"{raw.location}: no files that end in {INTERACTIONS}",
                f"expected {self.instructions()}",
            )
        if len(found) > 1:
            names = ", ".join(file.name for file in found)
            raise SirecError(
                f"{raw.location}: {len(found)} files that end in {INTERACTIONS}",
                f"say which by its name before the ending: {names}",
            )
        return found[0]

    def _read_interactions(self, file: RawFile, context: ReadingContext) -> pd.DataFrame:
        fields = self._fields(file)
        user = _find(self.user, fields, file, "token")
        item = _find(self.item, fields, file, "token")
        columns = [WantedColumn(user.key), WantedColumn(item.key)]
        time = None
        if self.time or TIME in fields:
            time = _find(self.time or TIME, fields, file).key
            columns.append(WantedColumn(time, "time", format=self.time_format))
        behaviours = self.behaviours
        if behaviours is None:
            behaviours = {RATING: RATING} if RATING in fields else {}
        keys: dict[str, str] = {}
        for name, field_name in behaviours.items():
            field = _find(field_name, fields, file, *KINDS)
            columns.append(WantedColumn(field.key, KINDS[field.type]))
            keys[name] = field.key
        table = tables.read_delimited(file, columns, context, self._dialect)
        return frames.interactions(table, user=user.key, item=item.key, time=time, behaviours=keys)

    def _read_items(
        self, file: RawFile, context: ReadingContext
    ) -> tuple[dict[str, pd.DataFrame], pd.DataFrame | None]:
        fields = self._fields(file)
        item = _find(self.item, fields, file, "token")
        title: AtomicField | None
        if self.title:
            title = _find(self.title, fields, file, *NAMES)
        else:
            title = _guess_title(fields, (self.attributes or {}).values())
        columns = [WantedColumn(item.key)]
        if title is not None:
            columns.append(WantedColumn(title.key, required=False))
        names = self.attributes
        if names is None:
            names = dict(_descriptive_fields(fields, item, title))
        keys: dict[str, str] = {}
        for name, field_name in names.items():
            field = _find(field_name, fields, file)
            separator = self._separator_of(field)
            columns.append(WantedColumn(field.key, "texts", required=False, separator=separator))
            keys[name] = field.key
        table = tables.read_delimited(file, columns, context, self._dialect)
        attributes: dict[str, pd.DataFrame] = {}
        for name, key in keys.items():
            attributes[name] = frames.lists_to_rows(table, item.key, key)
        titles = frames.titles(table, item.key, title.key) if title else None
        return attributes, titles

    @property
    def _dialect(self) -> Dialect:
        return replace(
            TSV,
            separator=self.delimiter or TSV.separator,
            encoding=self.encoding or TSV.encoding,
            settable=frozenset({"delimiter", "encoding"}),
        )

    def _fields(self, file: RawFile) -> dict[str, AtomicField]:
        """The fields of a file by name.

        Raises:
            SirecError: where the header is none of an atomic file, or where its sequences have what
                separates the columns between their values.
        """
        cells = header_of(file, self._dialect)
        _check_separator(cells, file, self._dialect)
        fields = _typed(cells, file)
        sequences = [field for field in fields.values() if field.type in SEQUENCES]
        if sequences and self.separator == self._dialect.separator:
            raise SirecError(
                f"{file}:1: {separator_name(self.separator)} separate the columns and also the "
                f"values of {sequences[0].name}",
                "say what separates the values, for example: --separator '|'",
            )
        return fields

    def _separator_of(self, field: AtomicField) -> str | None:
        return self.separator if field.type in SEQUENCES else None


def _is_typed(cell: str) -> bool:
    """Whether a cell of a header is the name of a field with its type."""
    name, _, kind = cell.strip().rpartition(":")
    return bool(name) and kind in TYPES


def _check_separator(cells: Sequence[str], file: RawFile, dialect: Dialect) -> None:
    """Raise `SirecError` for a header whose fields stand between something else than was declared.

    Args:
        cells: the cells of the header.
        file: the file.
        dialect: the dialect in which it was read.
    """
    expected = separator_name(dialect.separator)
    line = dialect.separator.join(cells)
    for separator in SEPARATORS:
        parts = line.split(separator)
        if separator != dialect.separator and len(parts) > 1 and all(map(_is_typed, parts)):
            found = separator_name(separator)
            message = f"{file}:1: expected {expected} between the fields, found {found}"
            if file.name.endswith(ITEMS):
                raise SirecError(message, f"write it with {expected}, like the {INTERACTIONS} file")
            option = arguments("--delimiter", separator)
            raise SirecError(message, f"write tabs, or say what separates the columns: {option}")


def _typed(cells: Sequence[str], file: RawFile) -> dict[str, AtomicField]:
    """The fields by name; cells without a name are left out.

    Raises:
        SirecError: for a cell without a type, and for two fields of one name.
    """
    if not any(map(_is_typed, cells)):
        message = f"{file}:1: no field with its type in the header: '{' '.join(cells)[:80]}'"
        hint = f"expected NAME:TYPE, where TYPE is one of {', '.join(TYPES)}"
        if file.name.endswith(ITEMS):
            raise SirecError(message, hint)
        raise SirecError(
            message, f"{hint}; without types it is a table: {command_for_header(cells, file)}"
        )
    fields: dict[str, AtomicField] = {}
    for cell in cells:
        if not cell:
            continue
        name, _, kind = cell.rpartition(":")
        if not _is_typed(cell):
            hint = f"expected NAME:TYPE between tabs, where TYPE is one of {', '.join(TYPES)}"
            raise SirecError(f"{file}:1: '{cell[:80]}' is not a field with its type", hint)
        if name in fields:
            raise SirecError(f"{file}:1: two fields are called '{name}'", "rename one")
        fields[name] = AtomicField(name, kind)
    return fields


def _find(name: str, fields: Mapping[str, AtomicField], file: RawFile, *types: str) -> AtomicField:
    """The field of a name.

    Args:
        name: the field's name.
        fields: the fields of the file.
        file: the file, for messages.
        types: types that the field may have; none means any.

    Raises:
        SirecError: if there is no such field, or if it has another type.
    """
    if name not in fields:
        raise unknown("field", name, fields, str(file))
    if types and fields[name].type not in types:
        raise SirecError(
            f"{file}:1: {name} is a {fields[name].type} and has to be a {' or a '.join(types)}",
            "choose another",
        )
    return fields[name]


def _guess_title(
    fields: Mapping[str, AtomicField], excluded: Collection[str]
) -> AtomicField | None:
    """The field called `title`, or else the first that ends so, apart from `excluded` names."""
    candidates: list[AtomicField] = []
    for field in fields.values():
        is_free = field.name not in excluded and field.type in NAMES
        if is_free and field.name.endswith(TITLE):
            candidates.append(field)
    return min(candidates, key=lambda field: field.name != TITLE, default=None)


def _descriptive_fields(
    fields: Mapping[str, AtomicField], item: AtomicField, title: AtomicField | None
) -> Iterator[tuple[str, str]]:
    """(name, name) of each field that holds names and is neither the item nor the title."""
    for field in fields.values():
        if field.type in NAMES and field not in (item, title):
            yield field.name, field.name


def _find_items(interactions: RawFile, raw: RawFiles) -> RawFile | None:
    """The file of items that belongs to the interactions.

    Args:
        interactions: the file of interactions.
        raw: the raw files; if a person named the `.inter` file itself, its folder is searched.
    """
    is_named = raw.location == interactions.path and not interactions.members
    files = RawFiles(interactions.path.parent, raw.expected) if is_named else raw
    return files.find(f"{interactions.name.rpartition(INTERACTIONS)[0]}{ITEMS}")
