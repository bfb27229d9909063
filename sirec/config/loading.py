"""Plain values into frozen dataclasses, strictly.

A configuration is a tree of frozen dataclasses. A field may be a `bool`, `int`, `float`, `str`,
`Literal`, `X | None`, `tuple[X, ...]`, `Mapping[str, X]`, `Any` (taken as it is), a dataclass, or
one of several *named* dataclasses, which the key `name` tells apart: a closed union of them, or an
open kind such as models, to which plugins may add (`open_kind`). A dataclass is named if it has a
class variable `name`.

A field whose name is a keyword of Python ends in `_`; its key does not. An unknown key, a missing
key, a value of another type, or a number outside its range (`ranges.py`) is a `SirecError` that
names the path. Two values alone are converted: a whole number where a float is expected, and a
choice written in digits.
"""

from __future__ import annotations

import dataclasses
import difflib
import numbers
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol, TypeVar, Union, get_args, get_origin

from sirec.config.dumping import default_of, is_named, key_of
from sirec.config.paths import Tree, step_name
from sirec.config.plain_values import brief
from sirec.config.ranges import FINITE, Range, field_types
from sirec.errors import SirecError, plural, unknown
from sirec.shell import arguments

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


def check_keys(
    kinds: Mapping[str, Any], values: Mapping[str, Any], where: str, required: Iterable[str] = ()
) -> None:
    """Check the types of some keys of a mapping; any others may have any value.

    Args:
        kinds: the type of each key, as a field of a dataclass would have it.
        values: the mapping.
        where: what messages begin with.
        required: keys that must be there.

    Raises:
        SirecError: naming the first key that is missing, or whose value has another type.
    """
    for key in required:
        if key not in values:
            raise SirecError(f"{where}: the key '{key}' is missing", "was the file changed?")
    for key, kind in kinds.items():
        if key in values:
            _convert(kind, values[key], f"{where}: {key}")


def _convert(kind: Any, value: object, where: str) -> Any:
    """A plain value as a value of a field's type."""
    if kind is Any:
        return value
    if isinstance(kind, type) and kind in _open_kinds:
        return _one_of_kind(_open_kinds[kind], value, where)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _annotated(arguments[0], arguments[1:], value, where)
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
    name = options.pop("name")
    if not isinstance(name, str):
        raise _mismatch(f"{where}.name", "text", name)
    return name, options


def _union(arguments: tuple[Any, ...], value: object, where: str) -> Any:
    options = [argument for argument in arguments if argument is not types.NoneType]
    if value is None and len(options) < len(arguments):
        return None
    if len(options) == 1:
        return _convert(options[0], value, where)
    return load_named(options, value, where)


def _annotated(kind: Any, metadata: tuple[Any, ...], value: object, where: str) -> Any:
    """A number within the range that its type declares."""
    for range_ in metadata:
        if isinstance(range_, Range):
            return _number(kind, range_, value, where)
    return _convert(kind, value, where)


def _choice(choices: tuple[Any, ...], value: object, where: str) -> Any:
    if type(value) is int and value not in choices:
        value = str(value)  # an edition such as 2018 needs no quotes
    if not isinstance(value, str) or value not in choices:
        given = value if isinstance(value, str) else brief(value)
        raise unknown("choice", given, choices, where)
    return value


def _tuple(kind: Any, value: object, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        error = _mismatch(where, "a list", value)
        if isinstance(value, str):
            error.hint = f"a list stands in brackets: [{value}]"
        raise error
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
        kinds[key_of(field)] = field_types(cls)[field.name]
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
    own = _scalar_type(kinds[key])
    others: list[str] = []
    for other, kind in kinds.items():
        if other != key and own is not None and type(value) is _scalar_type(kind):
            others.append(other)
    near = difflib.get_close_matches(key, others, n=1)
    return f"did you mean '{near[0]}'?" if near else None


def _scalar_type(kind: Any) -> type | None:
    """`bool`, `int`, `float` or `str`, with a range or without; None for any other type."""
    plain = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    return plain if plain in TYPE_NAMES else None


def _scalar(kind: Any, value: object, where: str) -> Any:
    if kind in (int, float):
        return _number(kind, FINITE, value, where)
    if not isinstance(value, kind):
        is_number_or_truth = isinstance(value, bool | int | float)
        hint = "in quotes it is text" if kind is str and is_number_or_truth else None
        raise _mismatch(where, TYPE_NAMES.get(kind, str(kind)), value, hint)
    return value


def _number(kind: Any, range_: Range, value: object, where: str) -> int | float:
    """A number of a type and in a range; numbers of NumPy become Python's."""
    expected = numbers.Integral if kind is int else numbers.Real
    if kind is float and isinstance(value, str) and _is_number(value):
        raise SirecError(
            f"{where}: {brief(value)} is text, not a number",
            "YAML reads 1e-3 as text: write 1.0e-3 or 0.001",
        )
    if not isinstance(value, expected) or isinstance(value, bool):
        is_text = isinstance(value, str) and _is_number(value)
        key = where.rpartition(".")[2]
        assigned = arguments("--set", f"{key}={value}")
        hint = f"it is text here; as a number: {assigned}" if is_text else None
        raise _mismatch(where, TYPE_NAMES[kind], value, hint)
    number = int(value) if isinstance(value, numbers.Integral) else float(value)
    range_.check(number, where)
    try:
        return kind(number)
    except OverflowError:
        raise _mismatch(where, "a number below 1.8e308", value) from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _mismatch(where: str, expected: str, value: object, hint: str | None = None) -> SirecError:
    return SirecError(f"{where}: expected {expected}, got {brief(value)}", hint)
