"""RecBole's atomic files: tab-separated tables without quotes, with a typed header.

    file      header                                                              rows
    X.inter   user_id:token  item_id:token  rating:float  timestamp:float         interactions
    X.item    item_id:token  title:token_seq  brand:token  categories:token_seq   items; optional

A `token` is a name and a `float` a number. A cell of a `token_seq` or `float_seq` holds several of
them, with blanks in between unless another `separator` is declared (RecBole's `seq_separator`).
`X.user` is not read.

Files of ready-made training examples are refused: where `item_id_list:token_seq` stands beside
`item_id:token`, a row is a history with its target, most interactions stand in many rows, and the
first ones of a history are no row's target.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pandas as pd

from sirec.data.reading import frames, tables
from sirec.data.reading.atomic_headers import (
    INTERACTIONS,
    ITEMS,
    SEQUENCES,
    AtomicField,
    check_separator,
    find_field,
    refuse_histories,
    typed_fields,
)
from sirec.data.reading.columns import ColumnKind, WantedColumn
from sirec.data.reading.context import ReadingContext
from sirec.data.reading.delimited import first_rows, header_of
from sirec.data.reading.dialect import TSV, Dialect, check_encoding
from sirec.data.reading.files import RawFile, RawFiles
from sirec.data.reading.formats import PEEKED
from sirec.data.reading.headers import separator_name
from sirec.data.reading.time_columns import TimeChoice, choose_times
from sirec.data.sources.base import ItemRows, RawData, Source, check_behaviours, written_options
from sirec.errors import SirecError
from sirec.shell import arguments

TIME, RATING, TITLE = "timestamp", "rating", "title"
NAMES = ("token", "token_seq")
KINDS: Mapping[str, ColumnKind] = {"token": "text", "float": "number"}
PARTS_OF_A_SPLIT = (".train", ".valid", ".test")


@dataclass(frozen=True)
class AtomicSource(Source):
    """The names of the fields to read.

    Attributes:
        dataset: name before the ending of the `.inter` file; None if there is only one.
        user: field of the users; likewise `item`.
        time: field of the times; `none` for none. Without it, it is `timestamp` if there is one,
            else a field of another known name (`time_columns`).
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
        events, times = self._read_interactions(interactions_file, context)
        attributes: dict[str, pd.DataFrame] = {}
        titles = None
        rows: ItemRows | None = None
        if items_file is not None:
            files.append(items_file)
            attributes, titles, rows = self._read_items(items_file, context)
        elif self.attributes or self.title:
            raise SirecError(
                f"{interactions_file}: there is no {ITEMS} file beside it",
                "leave out the attributes and the title",
            )
        return RawData(
            interactions=events,
            attributes=attributes,
            titles=titles,
            source={"name": self.name, **written_options(self), **times.found_option},
            files=tuple(dict.fromkeys(file.path for file in files)),
            time_column=times.column,
            unused_times=times.doubtful,
            notes=(*times.notes(), *_notes_on_parts(interactions_file, raw)),
            items=rows,
        )

    def _find_interactions(self, raw: RawFiles) -> RawFile:
        if self.dataset is not None:
            return raw.need(f"{self.dataset}{INTERACTIONS}")
        found = raw.ending(INTERACTIONS)
        if not found:
            raise SirecError(
                f"{raw.location}: no files that end in {INTERACTIONS}",
                f"expected {self.instructions()}",
            )
        parts = [file.name for file in found if _part_of(file)]
        if len(parts) > 1 and len(parts) == len(found):
            raise SirecError(
                f"{raw.location}: data that are split already: {', '.join(parts)}",
                "sirec splits by itself: put the rows of all parts into one file, or name one part "
                f"alone: {arguments('--set', f'dataset={parts[0].rpartition(INTERACTIONS)[0]}')}",
            )
        if len(found) > 1:
            names = ", ".join(file.name for file in found)
            raise SirecError(
                f"{raw.location}: {len(found)} files that end in {INTERACTIONS}",
                f"say which by its name before the ending: {names}",
            )
        return found[0]

    def _read_interactions(
        self, file: RawFile, context: ReadingContext
    ) -> tuple[pd.DataFrame, TimeChoice]:
        fields = self._fields(file)
        refuse_histories(fields, self.item, file)
        user = find_field(self.user, fields, file, "token")
        item = find_field(self.item, fields, file, "token")
        columns = [WantedColumn(user.key), WantedColumn(item.key)]
        behaviours = self.behaviours
        if behaviours is None:
            behaviours = {RATING: RATING} if RATING in fields else {}
        times = self._times(file, fields, behaviours.values())
        time = None
        if times.column is not None:
            time = find_field(times.column, fields, file).key
            columns.append(times.wanted(time, self.time_format))
        keys: dict[str, str] = {}
        for name, field_name in behaviours.items():
            field = find_field(field_name, fields, file, *KINDS)
            column = WantedColumn(field.key, KINDS[field.type])
            columns.append(context.behaviour(name, column))
            keys[name] = field.key
        table = tables.read_delimited(file, columns, context, self._dialect)
        if time is not None:
            times = times.confirmed(table.column(time))
            time = time if times.column else None
        events = frames.interactions(
            table, user=user.key, item=item.key, time=time, behaviours=keys
        )
        return events, times

    def _times(
        self, file: RawFile, fields: Mapping[str, AtomicField], behaviours: Collection[str]
    ) -> TimeChoice:
        """The field of the times."""
        taken = {self.user, self.item, *behaviours}
        if self.time is None and TIME in fields and TIME not in taken:
            return TimeChoice(TIME)
        rows = first_rows(file, PEEKED, self._dialect) if self.time is None else []
        scalars = [field.name for field in fields.values() if field.type in KINDS]
        choice = choose_times(
            self.time,
            scalars,
            taken,
            lambda name: [row.get(fields[name].key) for row in rows],
            self.time_format,
        )
        choice.check_format(self.time_format)
        return choice

    def _read_items(
        self, file: RawFile, context: ReadingContext
    ) -> tuple[dict[str, pd.DataFrame], pd.DataFrame | None, ItemRows]:
        fields = self._fields(file)
        item = find_field(self.item, fields, file, "token")
        title: AtomicField | None
        if self.title:
            title = find_field(self.title, fields, file, *NAMES)
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
            field = find_field(field_name, fields, file)
            separator = context.separator(name, self._separator_of(field))
            columns.append(WantedColumn(field.key, "texts", required=False, separator=separator))
            keys[name] = field.key
        table = tables.read_delimited(file, columns, context, self._dialect)
        attributes: dict[str, pd.DataFrame] = {}
        for name, key in keys.items():
            attributes[name] = frames.lists_to_rows(table, item.key, key)
        titles = frames.titles(table, item.key, title.key) if title else None
        return attributes, titles, ItemRows(file.name, frames.distinct_items(table, item.key))

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
        check_separator(cells, file, self._dialect)
        fields = typed_fields(cells, file)
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


def _part_of(file: RawFile) -> str:
    """The name of the data set that a file is a part of: `shop` of `shop.train.inter`; else ''."""
    name = file.name.rpartition(INTERACTIONS)[0]
    for part in PARTS_OF_A_SPLIT:
        if name.endswith(part):
            return name.removesuffix(part)
    return ""


def _notes_on_parts(file: RawFile, raw: RawFiles) -> tuple[str, ...]:
    """A remark where other parts of the same split are not read."""
    whole = _part_of(file)
    others: list[str] = []
    for other in raw.ending(INTERACTIONS):
        if whole and other.name != file.name and _part_of(other) == whole:
            others.append(other.name)
    if not others:
        return ()
    return (
        f"{file.name} is one part of data that are split already; not read: {', '.join(others)}",
    )


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
    name = interactions.name.rpartition(INTERACTIONS)[0]
    names = dict.fromkeys((name, _part_of(interactions) or name))
    return files.find(*(f"{each}{ITEMS}" for each in names))
