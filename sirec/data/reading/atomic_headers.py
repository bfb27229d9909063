"""Headers of RecBole's atomic files: fields with their types between tabs, `item_id:token`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sirec.data.reading.dialect import Dialect
from sirec.data.reading.files import RawFile
from sirec.data.reading.headers import SEPARATORS, separator_name
from sirec.data.reading.table_commands import command_for_header
from sirec.errors import SirecError, unknown
from sirec.shell import arguments

INTERACTIONS, ITEMS = ".inter", ".item"
TYPES = ("token", "token_seq", "float", "float_seq")
SEQUENCES = ("token_seq", "float_seq")
HISTORY = re.compile(
    r"(?:hist(?:ory)?_)?(.+?)(?:_list|_seq|_sequence|_history|_hist)?", re.IGNORECASE
)
# In the name of a sequence they say what it is, whatever field it lists.
HISTORY_WORDS = frozenset({"history", "hist", "histories", "items", "clicks", "session"})


@dataclass(frozen=True)
class AtomicField:
    """A column of an atomic file, with its type, one of `TYPES`."""

    name: str
    type: str

    @property
    def key(self) -> str:
        """The column's name in the header."""
        return f"{self.name}:{self.type}"


def _is_typed(cell: str) -> bool:
    """Whether a cell of a header is the name of a field with its type."""
    name, _, kind = cell.strip().rpartition(":")
    return bool(name) and kind in TYPES


def check_separator(cells: Sequence[str], file: RawFile, dialect: Dialect) -> None:
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


def typed_fields(cells: Sequence[str], file: RawFile) -> dict[str, AtomicField]:
    """The fields by name; cells without a name are left out.

    Args:
        cells: the cells of the header.
        file: the file, for messages.

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


def refuse_histories(fields: Mapping[str, AtomicField], item: str, file: RawFile) -> None:
    """Check that the rows are interactions, and not histories with their targets.

    Args:
        fields: the fields of the file.
        item: the field of the items.
        file: the file, for the message.

    Raises:
        SirecError: for a sequence that lists values of another field (`item_id_list`), or
            that is called a history.
    """
    for field in fields.values():
        match = HISTORY.fullmatch(field.name)
        listed = match[1] if match else field.name
        is_of_a_field = listed != field.name and (
            listed in fields or item in (listed, f"{listed}_id")
        )
        is_called_so = not HISTORY_WORDS.isdisjoint(field.name.lower().split("_"))
        if field.type in SEQUENCES and (is_of_a_field or is_called_so):
            raise SirecError(
                f"{file}:1: '{field.key}' lists a history: a row of this file is a training "
                "example and no interaction",
                f"expected a row for each interaction, with {item} alone: the file that these "
                "examples were made of; sirec makes them by itself",
            )


def find_field(
    name: str, fields: Mapping[str, AtomicField], file: RawFile, *types: str
) -> AtomicField:
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
