"""Modules by the name of a field.

A module's name stands in the keys of saved weights: `side.attributes.brand.values.weight`. There a
dot would begin the next step, and no module can be called like something that every module has
(`type`, `training`). Such names are spelt differently in a key: `a.b` is `a:b`, and `type` is
`type~`. The name of a field has neither sign, so no two fields are spelt alike.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from typing import Generic, TypeVar

from torch import nn

ModuleType = TypeVar("ModuleType", bound=nn.Module)
DOT, TAKEN = ":", "~"


def without_dots(name: str) -> str:
    """The name of a field as one step of a key.

    Raises `ValueError` for a name that contains one of the two signs.
    """
    if DOT in name or TAKEN in name:
        raise ValueError(f"the field name '{name}' has one of the signs {DOT} and {TAKEN}")
    return name.replace(".", DOT)


class ByField(nn.Module, Generic[ModuleType]):
    """Modules by the name of a field, in the order of `parts`, read as a mapping is."""

    def __init__(self, parts: Mapping[str, ModuleType]) -> None:
        super().__init__()
        self.spelling: dict[str, str] = {}
        for name, part in parts.items():
            step = without_dots(name)
            self.spelling[name] = f"{step}{TAKEN}" if hasattr(self, step) else step
            self.add_module(self.spelling[name], part)

    def __getitem__(self, name: str) -> ModuleType:
        """The module of a field."""
        part: ModuleType = getattr(self, self.spelling[name])
        return part

    def __contains__(self, name: object) -> bool:
        """Whether a field has a module."""
        return name in self.spelling

    def __iter__(self) -> Iterator[str]:
        """The names of the fields."""
        return iter(self.spelling)

    def items(self) -> ItemsView[str, ModuleType]:
        """Names with their modules."""
        return {name: self[name] for name in self.spelling}.items()

    def values(self) -> ValuesView[ModuleType]:
        """The modules."""
        return {name: self[name] for name in self.spelling}.values()
