"""Plain values into frozen dataclasses, strictly.

A configuration is a tree of frozen dataclasses. A field may be a `bool`, `int`, `float`, `str`,
`Literal`, `X | None`, `tuple[X, ...]`, `Mapping[str, X]`, `Any` (taken as it is), a dataclass, or
one of several *named* dataclasses, which the key `name` tells apart: a closed union of them, or an
open kind such as models, to which plugins may add (`open_kind`). A dataclass is named if it has a
class variable `name`.

A field whose name is a keyword of Python ends in `_`; its key does not. An unknown key, a missing
key, or a value of another type is a `SirecError` that names the path. Three values alone are
converted: a whole number where a float is expected, a choice written in digits, and a date, which
YAML recognises, where text is expected.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, Literal, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints

from sirec.config.dumping import default_of, is_named, key_of
from sirec.config.paths import Tree, step_name
from sirec.errors import SirecError, plural, unknown

T = TypeVar("T")
TYPE_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


class NamedClasses(Protocol):
    """The dataclasses of an open kind, by name; a registry is one."""

    kind: str

    def __contains__(self, name: object) -> bool:
        """Whether there is a class of that name."""

    def __getitem__(self, name: str) -> Any:
        """The class of that name."""

    def __iter__(self) -> Any:
        """The names."""

    def unknown(self, name: str, where: str | None = None) -> SirecError:
        """The error for a name that no class has.

        Args:
            name: the name.
            where: the file and key in which it stands.
        """


_open_kinds: dict[type, NamedClasses] = {}


def open_kind(base: type, choices: NamedClasses) -> None:
    """Let a field annotated with `base` hold an instance of any of `choices`.

    Args:
        base: the abstract class that fields are annotated with, for example `Task`.
        choices: the registry of its subclasses; it is read at each load, as plugins may add to it.
    """
    _open_kinds[base] = choices


def load(cls: type[T], values: object, where: str) -> T:
    """Build a dataclass from plain values.

    Args:
        cls: the dataclass, or a base class with named subclasses.
        values: plain values, as YAML gives them.
        where: what messages begin with, for example `experiments/x.yaml`.

    Raises:
        SirecError: naming the path of the first mistake.
    """
    result: T = _convert(cls, values, where)
    return result


def load_named(choices: Sequence[type], values: object, where: str) -> Any:
    """Build one of several named dataclasses.

    Args:
        choices: the dataclasses, told apart by their class variable `name`.
        values: a mapping with the key `name`, or a name alone, which means defaults.
        where: what messages begin with.

    Raises:
        SirecError: naming the path of the first mistake.
    """
    by_name = {choice.name: choice for choice in choices}  # type: ignore[attr-defined]
    name, options = _name_and_options(values, "name", by_name, where)
    if name not in by_name:
        raise unknown("name", name, by_name, where)
    return _dataclass(by_name[name], options, where)


def _convert(kind: Any, value: object, where: str) -> Any:
    """A plain value as a value of a field's type."""
    if kind is Any:
        return value
    if isinstance(kind, type) and kind in _open_kinds:
        return _one_of_kind(_open_kinds[kind], value, where)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _union(arguments, value, where)
    if origin is Literal:
        return _choice(arguments, value, where)
    if origin is tuple:
        return _tuple(arguments[0], value, where)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(arguments[1], value, where)
    if dataclasses.is_dataclass(kind):
        assert isinstance(kind, type)
        return (
            load_named([kind], value, where) if is_named(kind) else _dataclass(kind, value, where)
        )
    return _scalar(kind, value, where)


def _one_of_kind(choices: NamedClasses, values: object, where: str) -> Any:
    name, options = _name_and_options(values, choices.kind, choices, where)
    if name not in choices:
        raise choices.unknown(name, where)
    return _dataclass(choices[name], options, where)


def _name_and_options(
    values: object, kind: str, names: Iterable[str], where: str
) -> tuple[str, Tree]:
    """The name of the class that values are of, and their other keys."""
    if isinstance(values, str):
        return values, {}
    if not isinstance(values, Mapping):
        raise _mismatch(where, "a name or a mapping with the key 'name'", values)
    if "name" not in values:
        raise SirecError(
            f"{where}: the key 'name' is missing", f"{plural(kind)}: {', '.join(sorted(names))}"
        )
    options = dict(values)
    return str(options.pop("name")), options


def _union(arguments: tuple[Any, ...], value: object, where: str) -> Any:
    options = [argument for argument in arguments if argument is not types.NoneType]
    if value is None and len(options) < len(arguments):
        return None
    if len(options) == 1:
        return _convert(options[0], value, where)
    return load_named(options, value, where)


def _choice(choices: tuple[Any, ...], value: object, where: str) -> Any:
    if type(value) is int and value not in choices:
        value = str(value)  # an edition such as 2018 needs no quotes
    if value not in choices or isinstance(value, bool):
        raise unknown("choice", str(value), map(str, choices), where)
    return value


def _tuple(kind: Any, value: object, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _mismatch(where, "a list", value)
    elements: list[Any] = []
    for index, element in enumerate(value):
        elements.append(_convert(kind, element, f"{where}.{step_name(index, element)}"))
    return tuple(elements)


def _mapping(kind: Any, value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _mismatch(where, "a mapping", value)
    converted: dict[str, Any] = {}
    for key, element in value.items():
        converted[str(key)] = _convert(kind, element, f"{where}.{key}")
    return converted


def _dataclass(cls: type, values: object, where: str) -> Any:
    if values is None:
        values = {}
    if not isinstance(values, Mapping):
        raise _mismatch(where, "a mapping", values)
    fields: dict[str, dataclasses.Field[Any]] = {}
    kinds: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        fields[key_of(field)] = field
        kinds[key_of(field)] = _field_types(cls)[field.name]
    for key in values:
        if key not in fields:
            raise unknown("key", str(key), fields, where)
    for key, field in fields.items():
        if key not in values and default_of(field) is dataclasses.MISSING:
            raise SirecError(f"{where}: the key '{key}' is missing", f"keys: {', '.join(fields)}")
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        try:
            arguments[fields[key].name] = _convert(kinds[key], value, f"{where}.{key}")
        except SirecError as error:
            error.hint = error.hint or _hint_of_similar_key(key, value, kinds)
            raise
    try:
        return cls(**arguments)
    except SirecError as error:
        raise SirecError(f"{where}: {error.message}", error.hint) from None


def _hint_of_similar_key(key: str, value: object, kinds: Mapping[str, Any]) -> str | None:
    """The key with a similar name that could hold a value, where its own key cannot."""
    others = [other for other in kinds if other != key and kinds[other] in TYPE_NAMES]
    for other in difflib.get_close_matches(key, others, n=1):
        if kinds[key] in TYPE_NAMES and type(value) is kinds[other]:
            return f"did you mean '{other}'?"
    return None


def _scalar(kind: Any, value: object, where: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is str and isinstance(value, date):
        return value.isoformat()
    if kind is float and isinstance(value, str) and _is_number(value):
        raise SirecError(
            f"{where}: '{value}' is text, not a number",
            "YAML reads 1e-3 as text: write 1.0e-3 or 0.001",
        )
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise _mismatch(where, TYPE_NAMES.get(kind, str(kind)), value)
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _mismatch(where: str, expected: str, value: object) -> SirecError:
    return SirecError(f"{where}: expected {expected}, got {value!r}")


@cache
def _field_types(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)
