"""Which numbers a setting may have: its range and its unit, declared with its type.

    @dataclass(frozen=True, kw_only=True)
    class Cloze(Task):
        mask_ratio: Annotated[float, Range(0, 1, "share of items", minimum_excluded=True)] = 0.4

`load` checks the range of every value that it converts, and `check_numbers` that of every field of
a dataclass, which classes call in `__post_init__`. A class that gives an inherited field another
default inherits its range. A number without a range may be any finite one.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import numbers
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, cast, get_args, get_origin, get_type_hints

from sirec.config.plain_values import brief
from sirec.errors import SirecError


@dataclass(frozen=True)
class Range:
    """The numbers that a setting may have.

    Attributes:
        minimum: the smallest one.
        maximum: the largest one.
        unit: what the number counts or measures, in the plural: `epochs`.
        minimum_excluded: whether the number must be above the minimum.
        maximum_excluded: whether the number must be below the maximum.
        is_finite: whether infinity and NaN are refused.
        usual: the largest one in common use; with larger ones, single steps may take minutes.
    """

    minimum: float = -math.inf
    maximum: float = math.inf
    unit: str = ""
    minimum_excluded: bool = False
    maximum_excluded: bool = False
    is_finite: bool = True
    usual: float = math.inf

    def __contains__(self, value: float) -> bool:
        """Whether a number lies within the range."""
        if not isinstance(value, int) and not math.isfinite(value):
            return not self.is_finite
        is_above = value > self.minimum if self.minimum_excluded else value >= self.minimum
        is_below = value < self.maximum if self.maximum_excluded else value <= self.maximum
        return is_above and is_below

    def __str__(self) -> str:
        """The range as messages say it.

        >>> str(Range(1, 1000, "epochs")), str(Range(0, 1, "share", maximum_excluded=True))
        ('from 1 to 1000 epochs', 'at least 0 and below 1')
        """
        if self.minimum == -math.inf and self.maximum == math.inf:
            return "a finite number"
        unit = f" {self.unit}" if self.unit and self.unit not in WITHOUT_UNIT else ""
        if not self.minimum_excluded and not self.maximum_excluded:
            return f"from {_digits(self.minimum)} to {_digits(self.maximum)}{unit}"
        low = "above" if self.minimum_excluded else "at least"
        high = "below" if self.maximum_excluded else "at most"
        return f"{low} {_digits(self.minimum)} and {high} {_digits(self.maximum)}{unit}"

    def check(self, value: float, name: str) -> None:
        """Raise `SirecError` for a number outside the range.

        Args:
            value: the number.
            name: the setting, for the message.
        """
        if value not in self:
            raise SirecError(f"{name} must be {self}, got {brief(value)}")


# Clear without a word behind the number.
WITHOUT_UNIT = (
    "share",
    "probability",
    "factor",
    "seed",
    "rating",
    "standard deviation",
    "last value of a bin",
)
FINITE = Range()


def check_numbers(config: Any) -> None:
    """Check the ranges of all numbers of a dataclass.

    Args:
        config: the dataclass; fields whose values are of another type than they declare are left
            to `load`.

    Raises:
        SirecError: for the first number outside its range.
    """
    cls: type = type(config)
    for field in dataclasses.fields(config):
        kind = field_types(cls)[field.name]
        for range_, values in _numbers(kind, getattr(config, field.name)):
            for number in values:
                range_.check(number, field.name)


def unusual_numbers(config: Any) -> list[str]:
    """Say which numbers of a dataclass are legal, and far larger than anybody takes.

    Args:
        config: the dataclass.

    Returns:
        Sentences such as `layers: 256, and up to 16 layers are usual`.
    """
    cls: type = type(config)
    sentences: list[str] = []
    for field in dataclasses.fields(config):
        kind = field_types(cls)[field.name]
        for range_, values in _numbers(kind, getattr(config, field.name)):
            for number in values:
                if number > range_.usual:
                    usual = f"up to {_digits(range_.usual)} {range_.unit} are usual"
                    sentences.append(f"{field.name}: {_digits(number)}, and {usual}")
    return sentences


def check_number(name: str, value: object, kind: Any) -> None:
    """Check one number that is no field of a dataclass, such as an option of a command.

    Args:
        name: what the number is called, for the message.
        value: the number.
        kind: its type with its range, such as `JobCount`.

    Raises:
        SirecError: for a value of another type or outside the range.
    """
    range_ = declared_range(kind)
    assert range_ is not None, kind
    is_whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_whole and (get_args(kind)[0] is int or not isinstance(value, float)):
        raise SirecError(f"{name} must be {range_}, got {brief(value)}")
    range_.check(cast(float, value), name)


def declared_range(kind: Any) -> Range | None:
    """The range that a type declares, for itself or for its elements; None without one."""
    for argument in get_args(kind):
        if isinstance(argument, Range):
            return argument
        found = declared_range(argument)
        if found is not None:
            return found
    return None


def is_numeric(kind: Any) -> bool:
    """Whether values of a type are numbers, or hold some."""
    return kind in (int, float) or any(map(is_numeric, get_args(kind)))


@cache
def field_types(cls: type) -> dict[str, Any]:
    """The types of a dataclass's fields; a number without a range has that of a parent class."""
    inherited: dict[str, Any] = {}
    for parent in reversed(cls.__mro__):
        own = get_type_hints(parent, include_extras=True)
        for name in inspect.get_annotations(parent):
            kind = own[name]
            has_range = declared_range(kind) is not None
            if has_range or not _differs_in_range_alone(kind, inherited.get(name)):
                inherited[name] = kind
    return inherited


def _differs_in_range_alone(kind: Any, other: Any) -> bool:
    """Whether a type equals one that has ranges, but for these."""
    return other is not None and declared_range(other) is not None and kind == _bare(other)


def _bare(kind: Any) -> Any:
    """A type without ranges; that of an optional or repeated number too."""
    if get_origin(kind) is Annotated:
        return get_args(kind)[0]
    arguments = tuple(map(_bare, get_args(kind)))
    if not arguments or arguments == get_args(kind):
        return kind
    origin: Any = get_origin(kind)
    return origin[arguments]


def _numbers(kind: Any, value: Any) -> Iterator[tuple[Range, list[float]]]:
    """The numbers in a value of a type, with the range that holds for them."""
    range_ = declared_range(kind) or (FINITE if is_numeric(kind) else None)
    if range_ is None:
        return
    values = [value]
    if isinstance(value, Mapping):
        values = list(value.values())
    elif isinstance(value, list | tuple):
        values = list(value)
    found: list[float] = []
    for each in values:
        if isinstance(each, int | float) and not isinstance(each, bool):
            found.append(each)
    yield range_, found


def _digits(number: float) -> str:
    """A bound without a needless point; large whole numbers with all digits."""
    return str(int(number)) if float(number).is_integer() else f"{number:g}"
