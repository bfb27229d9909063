"""Which values the keys of a configuration may have, in words: ranges with units, and choices."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from sirec.config.dumping import dump, key_of
from sirec.config.paths import Steps, step_name
from sirec.config.ranges import FINITE, declared_range, field_types, is_numeric


def permitted_values(config: Any, path: Steps = ()) -> Iterator[tuple[Steps, str]]:
    """The keys of a configuration that hold a number, a choice, or true or false.

    >>> from sirec.models import model_class
    >>> dict(permitted_values(model_class("sasrec")()))[("layers",)]
    'from 1 to 256 layers'

    Args:
        config: a dataclass, or a sequence of dataclasses.
        path: the steps that lead to it.

    Yields:
        The steps of a key, as `leaves` gives them for the dumped configuration, and its values.
    """
    if isinstance(config, Sequence) and not isinstance(config, str):
        for index, each in enumerate(config):
            if dataclasses.is_dataclass(each):
                yield from permitted_values(each, (*path, step_name(index, dump(each))))
    elif dataclasses.is_dataclass(config):
        kinds = field_types(type(config))  # type: ignore[arg-type]
        for field in dataclasses.fields(config):
            steps = (*path, key_of(field))
            words = in_words(kinds[field.name])
            if words:
                yield steps, words
            yield from permitted_values(getattr(config, field.name), steps)


def in_words(kind: Any) -> str:
    """The values that a type permits: `from 1 to 256 layers`; empty where there is nothing to say.

    Args:
        kind: the type of a field, with its range.
    """
    if kind is bool:
        return "true or false"
    choices = _choices(kind)
    words = ""
    if choices:
        words = f"one of {', '.join(map(str, choices))}"
    elif is_numeric(kind):
        words = str(declared_range(kind) or FINITE)
        unit = (declared_range(kind) or FINITE).unit
        words = words if not unit or unit in words else f"{words} ({unit})"
    return f"{words}, or null" if words and NoneType in get_args(kind) else words


def _choices(kind: Any) -> tuple[Any, ...]:
    """The choices of a `Literal`, or of an optional one."""
    for each in (kind, *get_args(kind)):
        if get_origin(each) is Literal:
            return get_args(each)
    return ()
