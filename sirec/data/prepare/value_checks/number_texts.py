"""Numbers that were read as texts, each of which then is a name of its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sirec.data.prepare.behaviours import MOST_NUMBERS, suggested_bins
from sirec.data.prepare.bins import DEFAULT
from sirec.data.prepare.findings import ValueFinding
from sirec.data.prepare.value_checks.base import FieldValues, ReadValues, ValueCheck
from sirec.data.value_forms.written_numbers import NumberColumn, number_column
from sirec.shell import arguments

NAME = "numbers-as-text"
FEWEST = 12  # distinct numbers; a scale of ten stars is learned as it is
FEW = 2  # of a behaviour with decimal commas, whose order no text has


def find_number_texts(values: ReadValues) -> Iterator[ValueFinding]:
    """Find attributes and behaviours whose texts are numbers.

    Args:
        values: the values that were read.
    """
    for field in values.of_role("attribute", "behaviour"):
        finding = _finding(field)
        if finding is not None:
            yield finding


def numbers_of(field: FieldValues) -> NumberColumn | None:
    """The numbers of a field, if most of its values are numbers that are no names.

    Args:
        field: an attribute or behaviour of texts.
    """
    if field.is_number or field.is_name:
        return None
    column = number_column(field.texts)
    if column is None:
        return None
    if field.role == "behaviour" and column.option:
        return column if len(column.numbers) >= FEW else None
    return column if column.is_written and len(column.numbers) >= FEWEST else None


def _finding(field: FieldValues) -> ValueFinding | None:
    column = numbers_of(field)
    if column is None:
        return _whole_numbers(field)
    mask = np.array([text in column.numbers for text in field.texts])
    numbers = np.array(list(column.numbers.values()))
    what = f"{len(numbers):,} numbers, each a name of its own"
    remedy = column.option.strip()
    if len(numbers) >= FEWEST or column.others:
        bins = suggested_bins(numbers)
        remedy = f"{arguments('--bins', f'{field.name}={bins}')}{column.option}"
    return ValueFinding(NAME, field.name, len(numbers), what, field.samples(mask), remedy)


def _whole_numbers(field: FieldValues) -> ValueFinding | None:
    """Very many whole numbers of an attribute, which may be names and may be quantities."""
    if field.role != "attribute" or len(field.texts) <= MOST_NUMBERS:
        return None
    column = number_column(field.texts)
    if column is None or column.others:
        return None
    numbers = len(column.numbers)
    what = f"{numbers:,} whole numbers, each a name of its own; if they are quantities, bin them"
    mask = np.ones(len(field.texts), dtype=np.bool_)
    remedy = arguments("--bins", f"{field.name}={DEFAULT}")
    return ValueFinding(NAME, field.name, numbers, what, field.samples(mask), remedy)


NUMBER_TEXTS = ValueCheck(NAME, find_number_texts)
