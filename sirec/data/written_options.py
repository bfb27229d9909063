"""The options of a source as texts, which `dataset.yaml` keeps, and such texts as options again."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from sirec.config import load
from sirec.errors import SirecError

T = TypeVar("T")
BETWEEN = ", "  # between the elements of a list
QUOTE = '"'  # before an element that would be read otherwise


def written_options(source: object) -> dict[str, str]:
    """The options that were given to a source, as texts for `dataset.yaml`.

    Options that are None or empty are left out, unless that is not their default; a mapping is
    written as `name=column, …`.

    >>> from sirec.data.sources.table import TableSource
    >>> written_options(TableSource("a.csv", behaviours={"rating": "stars"}))["behaviours"]
    'rating=stars'

    Args:
        source: the source, a dataclass.
    """
    written: dict[str, str] = {}
    for option in fields(source):  # type: ignore[arg-type]
        value = getattr(source, option.name)
        is_empty = value is None or value in ((), {})
        if not is_empty or value != _default(option):
            written[option.name] = _text(value)
    return written


def options_from(kind: type[T], written: Mapping[str, str]) -> T:
    """The source with the options that `written_options` wrote.

    Args:
        kind: class of the source.
        written: the texts, with or without the source's name.

    Raises:
        SirecError: for an option that the source does not have, or a text that is none of its type.
    """
    types_of = get_type_hints(kind)
    options: dict[str, object] = {}
    for key, text in written.items():
        options[key] = text if key == "name" else _value(types_of.get(key, str), text)
    return load(kind, {"name": written.get("name"), **options}, "written options")


def _default(option: Field[Any]) -> object:
    if option.default_factory is not MISSING:
        return option.default_factory()
    return option.default


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        value = [f"{name}={column}" for name, column in value.items()]
    if isinstance(value, list | tuple):
        return BETWEEN.join(_element(str(each)) for each in value)
    return str(value)


def _element(text: str) -> str:
    """An element of a list; one that holds what stands between elements is put in quotes."""
    is_plain = text and BETWEEN not in text and not text.startswith(QUOTE) and text == text.strip()
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def _elements(text: str) -> list[str]:
    """The elements of a written list."""
    found: list[str] = []
    while text:
        if text.startswith(QUOTE):
            element, end = json.JSONDecoder().raw_decode(text)
            found.append(element)
            text = text[end:].removeprefix(BETWEEN)
        else:
            element, _, text = text.partition(BETWEEN)
            found.append(element)
    return found


def _value(kind: Any, text: str) -> object:
    """A written text as a plain value for `sirec.config.load`."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        options: Sequence[Any] = [each for each in arguments if each is not types.NoneType]
        return _value(options[0], text)
    if origin is tuple:
        return _elements(text)
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        pairs = [element.partition("=") for element in _elements(text)]
        return {name: column for name, _, column in pairs}
    if kind in (bool, int, float):
        return _number(kind, text)
    return text


def _number(kind: type, text: str) -> object:
    """A truth value or a number. Raises `SirecError` for another text."""
    try:
        return {"True": True, "False": False}[text] if kind is bool else kind(text)
    except (KeyError, ValueError):
        raise SirecError(f"'{text}' is not a {kind.__name__}", "as dataset.yaml has it") from None
