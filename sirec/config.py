"""Text into frozen dataclasses, strictly, and back.

A configuration is a tree of frozen dataclasses. Supported field types: `bool`, `int`, `float`,
`str`, `Literal`, `X | None`, `tuple[X, ...]`, `Mapping[str, X]`, `Any` (as it stands), dataclasses,
and unions of *named* dataclasses (each with a class variable `name`, which is the key `name` in the
text). A field whose name is a Python keyword ends in `_`, its key does not. An unknown key, a
missing key or a value of another type is a `SirecError` that names the path; nothing is coerced but
a whole number where a float, or a choice written in digits, is asked for, and a date, which YAML
knows, where text is.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml
from yaml.constructor import ConstructorError

from sirec.errors import SirecError, unknown

T = TypeVar("T")
Tree = dict[str, Any]
_open_kinds: dict[type, Mapping[str, Any]] = {}


def open_kind(base: type, choices: Mapping[str, Any]) -> None:
    """Let a field annotated with `base` hold any of `choices`, a registry's named dataclasses.

    Args:
        base: the abstract class that fields are annotated with, for example `Task`.
        choices: subclass of `base` by name, read at each load so that plugins may add to it.
    """
    _open_kinds[base] = choices


def load(cls: type[T], values: object, where: str) -> T:
    """Build `cls` from plain values; `where` starts every message (`experiments/x.yaml`).

    Raises `SirecError` naming the path of the first mistake.
    """
    result: T = _convert(cls, values, where)
    return result


def load_named(choices: Sequence[type], values: object, where: str) -> Any:
    """Build one of several named dataclasses, chosen by the key `name`; a bare string is a name
    with defaults.
    """
    if isinstance(values, str):
        values = {"name": values}
    if not isinstance(values, Mapping):
        raise _mismatch(where, "a name or a mapping with the key 'name'", values)
    by_name = {choice.name: choice for choice in choices}  # type: ignore[attr-defined]
    if "name" not in values:
        raise SirecError(
            f"{where}: the key 'name' is missing", f"names: {', '.join(sorted(by_name))}"
        )
    if values["name"] not in by_name:
        raise unknown("name", str(values["name"]), by_name, where)
    rest = {key: value for key, value in values.items() if key != "name"}
    return _dataclass(by_name[values["name"]], rest, where)


def dump(config: object, *, defaults: bool = True) -> Any:
    """Plain values of a configuration; `load` of them gives an equal one.

    With `defaults=False` keys at their defaults are left out, so that adding a key later changes no
    canonical form.
    """
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        tree: Tree = {"name": type(config).name} if is_named(type(config)) else {}  # type: ignore[attr-defined]
        for field in dataclasses.fields(config):
            value = getattr(config, field.name)
            if defaults or value != _default(field):
                tree[_key(field)] = dump(value, defaults=defaults)
        return tree
    if isinstance(config, Mapping):
        return {key: dump(value, defaults=defaults) for key, value in config.items()}
    if isinstance(config, tuple | list):
        return [dump(value, defaults=defaults) for value in config]
    return config


def read_yaml(path: Path) -> Tree:
    """The mapping in a YAML file. Raises `SirecError` with the line of a syntax error, or of a key
    that is there twice.
    """
    try:
        tree = _parsed(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SirecError(f"{path}: no such file") from None
    except OSError as error:
        raise SirecError(
            f"{path}: cannot be read: {error.strerror}", "expected a YAML file"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise SirecError(
            f"{path}{line}: not valid YAML: {getattr(error, 'problem', None) or error}"
        ) from None
    if not isinstance(tree, dict):
        raise _mismatch(str(path), "a mapping", tree)
    return tree


def _parsed(text: str) -> Any:
    return yaml.load(text, _Loader)


class _Loader(yaml.SafeLoader):
    """YAML's safe values, where a key that a mapping has twice is a mistake; PyYAML lets the last
    one win.
    """

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """The mapping as it is written, before any other is merged into it."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            line = key.start_mark.line + 1
            if key.value in lines:
                said = f"'{key.value}' is there twice, first in line {lines[key.value]}"
                raise ConstructorError(problem=said, problem_mark=key.start_mark)
            lines[key.value] = line
        return node


def to_yaml(tree: object) -> str:
    """YAML text of plain values, keys in the given order."""
    return yaml.safe_dump(
        tree, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120
    )


def parse_assignments(texts: Sequence[str], where: str = "--set") -> dict[str, object]:
    """`KEY=VALUE` texts as a mapping from dotted path to value; values are YAML. Raises
    `SirecError` for anything else.
    """
    parsed: dict[str, object] = {}
    for text in texts:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            raise SirecError(f"{where} {text}: expected KEY=VALUE", "for example: --set heads=2")
        try:
            parsed[path.strip()] = _parsed(value)
        except yaml.YAMLError:
            raise SirecError(f"{where} {text}: '{value}' is not a YAML value") from None
    return parsed


def assign(tree: Tree, path: str, value: object, where: str) -> None:
    """Set a value in a dumped configuration, in place.

    A path is dotted; a step into a list is the `name` or `title` of an element, or its index. A
    path may start anywhere below the root as long as one place answers to it (`heads`), or one in
    every element of a list (stages): then all are set. Raises `SirecError` for an unknown or
    ambiguous path.
    """
    for place in _resolve(tree, path, where):
        _set(tree, place, value)


def has(tree: Tree, path: str) -> bool:
    """Whether some place of the tree answers to `path`."""
    return bool(_matches(tree, tuple(path.split("."))))


def overlap(tree: Tree, path: str, other: str) -> bool:
    """Whether two paths name a place in common, however each is spelled."""
    return bool(
        {*_matches(tree, tuple(path.split(".")))} & {*_matches(tree, tuple(other.split(".")))}
    )


def is_named(cls: type) -> bool:
    """Whether a dataclass is one of several told apart by the key `name` (a class variable, not a
    field).
    """
    return isinstance(getattr(cls, "name", None), str) and all(
        field.name != "name" for field in dataclasses.fields(cls)
    )


def leaves(tree: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every (path, value) below a tree of plain values, inner nodes included; list steps by name or
    title, else by index.
    """
    if path:
        yield path, tree
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from leaves(value, (*path, str(key)))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from leaves(value, (*path, _step_name(index, value)))


def _step_name(index: int, value: object) -> str:
    return (title_of(value) if isinstance(value, Mapping) else None) or str(index)


def title_of(value: Mapping[str, Any]) -> str | None:
    """What an element of a list answers to in a path: its `name` or its `title`."""
    title = value.get("name", value.get("title"))
    return None if title is None else str(title)


def _resolve(tree: Tree, path: str, where: str) -> list[tuple[str, ...]]:
    matches = _matches(tree, tuple(path.split(".")))
    if not matches:
        raise unknown(
            "key", path, {place[-1] for place, _ in leaves(tree) if not place[-1].isdigit()}, where
        )
    if (
        len({(place[0], place[2:]) for place in matches}) > 1
    ):  # the same key of several stages is one key
        options = ", ".join(".".join(place) for place in matches)
        raise SirecError(f"{where} {path}: the key is ambiguous", f"say one of: {options}")
    return matches


def _matches(tree: Tree, steps: tuple[str, ...]) -> list[tuple[str, ...]]:
    known = [place for place, _ in leaves(tree)]
    return (
        [steps] if steps in known else [place for place in known if place[-len(steps) :] == steps]
    )


def _set(tree: Any, place: tuple[str, ...], value: object) -> None:
    *parents, last = place
    node = tree
    for step in parents:
        node = node[_index(node, step)]
    node[_index(node, last)] = value


def _index(node: Any, step: str) -> Any:
    if isinstance(node, list):
        return next(index for index, value in enumerate(node) if _step_name(index, value) == step)
    return step


def _convert(kind: Any, value: object, where: str) -> Any:
    if kind is Any:
        return value
    if isinstance(kind, type) and kind in _open_kinds:
        return load_named(list(_open_kinds[kind].values()), value, where)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _union(arguments, value, where)
    if origin is Literal:
        chosen = (
            str(value) if type(value) is int and value not in arguments else value
        )  # an edition: 2018 needs no quotes
        if chosen not in arguments or isinstance(chosen, bool):
            raise unknown("choice", str(value), [str(choice) for choice in arguments], where)
        return chosen
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise _mismatch(where, "a list", value)
        return tuple(
            _convert(arguments[0], item, f"{where}.{_step_name(i, item)}")
            for i, item in enumerate(value)
        )
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise _mismatch(where, "a mapping", value)
        return {
            str(key): _convert(arguments[1], item, f"{where}.{key}") for key, item in value.items()
        }
    if dataclasses.is_dataclass(kind):
        assert isinstance(kind, type)
        return (
            load_named([kind], value, where) if is_named(kind) else _dataclass(kind, value, where)
        )
    return _scalar(kind, value, where)


def _union(arguments: tuple[Any, ...], value: object, where: str) -> Any:
    options = [argument for argument in arguments if argument is not types.NoneType]
    if value is None and len(options) < len(arguments):
        return None
    if len(options) == 1:
        return _convert(options[0], value, where)
    return load_named(options, value, where)


def _dataclass(cls: type, values: object, where: str) -> Any:
    if values is None:
        values = {}
    if not isinstance(values, Mapping):
        raise _mismatch(where, "a mapping", values)
    fields = {_key(field): field for field in dataclasses.fields(cls)}
    for key in values:
        if key not in fields:
            raise unknown("key", str(key), fields, where)
    for name, field in fields.items():
        if name not in values and _default(field) is dataclasses.MISSING:
            raise SirecError(f"{where}: the key '{name}' is missing", f"keys: {', '.join(fields)}")
    hints = _hints(cls)
    arguments = {
        (name := fields[key].name): _convert(hints[name], value, f"{where}.{key}")
        for key, value in values.items()
    }
    try:
        return cls(**arguments)
    except SirecError as error:
        raise SirecError(f"{where}: {error.message}", error.hint) from None


def _key(field: dataclasses.Field[Any]) -> str:
    """`with` for the field `with_`, which could not be called so."""
    return field.name.rstrip("_")


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


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
        names = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
        raise _mismatch(where, names.get(kind, str(kind)), value)
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _mismatch(where: str, expected: str, value: object) -> SirecError:
    return SirecError(f"{where}: expected {expected}, got {value!r}")


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default
