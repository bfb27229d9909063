"""Frozen dataclasses into plain values, as YAML can hold them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from sirec.config.paths import Tree


def dump(config: object, *, defaults: bool = True) -> Any:
    """Plain values of a configuration; `load` builds an equal one from them.

    Args:
        config: a dataclass, or a collection of dataclasses.
        defaults: whether keys at their defaults are written. Without them, adding a key later
            changes no configuration's values.
    """
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        tree: Tree = {}
        if is_named(type(config)):
            tree["name"] = type(config).name  # type: ignore[attr-defined]
        for field in dataclasses.fields(config):
            value = getattr(config, field.name)
            if defaults or value != default_of(field):
                tree[key_of(field)] = dump(value, defaults=defaults)
        return tree
    if isinstance(config, Mapping):
        return {key: dump(value, defaults=defaults) for key, value in config.items()}
    if isinstance(config, tuple | list):
        return [dump(value, defaults=defaults) for value in config]
    return config


def is_named(cls: type) -> bool:
    """Whether a dataclass is told apart from others by its class variable `name`."""
    fields = [field.name for field in dataclasses.fields(cls)]
    return isinstance(getattr(cls, "name", None), str) and "name" not in fields


def key_of(field: dataclasses.Field[Any]) -> str:
    """The key of a field: `with` for `with_`, as a keyword cannot name a field."""
    return field.name.rstrip("_")


def default_of(field: dataclasses.Field[Any]) -> Any:
    """The default of a field; `dataclasses.MISSING` if it has none."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default
