"""Fields that tell items apart too well, or not at all, or that most items do not have."""

from __future__ import annotations

from collections.abc import Iterator

from sirec.data.prepare.findings import ValueFinding
from sirec.data.prepare.value_checks.base import FieldValues, ReadValues, ValueCheck
from sirec.data.prepare.value_checks.number_texts import numbers_of

NAME = "uninformative"
FEWEST = 10  # items: with less, nothing is told by counting
NEARLY_ALL = 0.9
MOST = 0.5


def find_uninformative(values: ReadValues) -> Iterator[ValueFinding]:
    """Find attributes and behaviours from which little can be learned.

    Args:
        values: the values that were read.
    """
    for field in values.of_role("attribute", "behaviour"):
        if field.total < FEWEST:
            continue
        found = _attribute(field) if field.role == "attribute" else _behaviour(field)
        if found is None:
            continue
        count, what = found
        samples = tuple(field.texts[:3])
        yield ValueFinding(NAME, field.name, count, what, samples, f"--without {field.name}")


def _attribute(field: FieldValues) -> tuple[int, str] | None:
    """A count and a phrase, or None if there is nothing to say."""
    if len(field.texts) == 1 and field.described >= NEARLY_ALL * field.total:
        return field.described, f"all {field.described:,} {field.unit}s with a value have the same"
    if field.described < MOST * field.total:
        count = field.total - field.described
        return count, f"{count:,} of {field.total:,} {field.unit}s have no value"
    if numbers_of(field) is not None:
        return None  # bins make values of them that items share
    if field.described >= FEWEST and field.alone >= NEARLY_ALL * field.described:
        return field.alone, f"{field.alone:,} of {field.described:,} {field.unit}s share no value"
    return None


def _behaviour(field: FieldValues) -> tuple[int, str] | None:
    if len(field.texts) == 1:
        return field.total, f"all {field.total:,} interactions have the same value"
    return None


UNINFORMATIVE = ValueCheck(NAME, find_uninformative)
