"""Several values in one cell: lists that a program has written as text, or a separator."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sirec.data.prepare.findings import ValueFinding, counted
from sirec.data.prepare.value_checks.base import FieldValues, Mask, ReadValues, ValueCheck
from sirec.data.value_forms.list_literals import (
    LITERAL,
    are_bare_lists,
    list_elements,
    split_at,
)
from sirec.data.value_forms.written_numbers import number_column
from sirec.shell import arguments

NAME = "lists"
BRACKETS = r"(?s)^\s*\"?(array\()?[\[({].*[\])}]"
BEGIN, END = r"""^[\[({]+['"]""", r"""['"],?[\])}]+$"""  # of a literal that a reader has split


@dataclass(frozen=True)
class ListSeparator:
    """What may stand between several values in a cell.

    Attributes:
        text: the separator.
        share: of the items that have a value, how many must have it.
        recurring: of the parts, how many must stand in more than one distinct value.
        is_of_numbers: whether numbers may stand between it, as they do not in dates.
    """

    text: str
    share: float
    recurring: float
    is_of_numbers: bool = True


SEPARATORS = (
    ListSeparator("|", 0.1, 0.5),
    ListSeparator(";", 0.1, 0.5),
    ListSeparator(">", 0.2, 0.5),
    ListSeparator("、", 0.2, 0.5),
    ListSeparator("；", 0.2, 0.5),
    ListSeparator("，", 0.2, 0.5),
    ListSeparator("::", 0.2, 0.5),
    ListSeparator("\n", 0.2, 0.5),
    ListSeparator(" / ", 0.2, 0.6),
    ListSeparator("/", 0.3, 0.75, is_of_numbers=False),
    ListSeparator(",", 0.3, 0.75),
)
FEWEST = 3  # distinct values with a separator
LONGEST = 60  # characters of a part, on average: longer ones are sentences


def find_lists(values: ReadValues) -> Iterator[ValueFinding]:
    """Find attributes with lists in their cells.

    Args:
        values: the values that were read.
    """
    for field in values.of_role("attribute"):
        if field.is_of_users:
            continue  # an attribute of users has one value
        literal = _literals(field)
        if literal.any():
            count = field.count(literal)
            what = f"{counted(count, 'cell')} with a list that was written as text"
            remedy = arguments("--lists", f"{field.name}={LITERAL}")
            yield ValueFinding(NAME, field.name, count, what, field.samples(literal), remedy)
            continue
        separator = _separator(field)
        if separator is not None:
            mask = _with(field.texts, separator.text)
            count = field.count(mask)
            shown = separator.text.strip(" ").replace("\n", "\\n")
            what = f"{counted(count, 'cell')} with '{shown}' between several values"
            remedy = arguments("--lists", f"{field.name}={shown}")
            yield ValueFinding(NAME, field.name, count, what, field.samples(mask), remedy)


def _literals(field: FieldValues) -> Mask:
    """Which values are lists that were written as text, or pieces of such lists."""
    texts = pa.array(field.texts, pa.string())
    found = np.array(pc.match_substring_regex(texts, BRACKETS))
    for index in np.flatnonzero(found).tolist():
        found[index] = list_elements(field.texts[index]) is not None
    others = [field.texts[index] for index in np.flatnonzero(~found).tolist()]
    if are_bare_lists(others):
        return np.ones(len(texts), dtype=np.bool_)
    begin = np.asarray(pc.match_substring_regex(texts, BEGIN))
    end = np.asarray(pc.match_substring_regex(texts, END))
    pieces = (begin != end) & ~found
    if (begin & pieces).any() and (end & pieces).any():
        found |= pieces
    return found


def _separator(field: FieldValues) -> ListSeparator | None:
    """The separator that most items have, of those whose parts come back in other values."""
    if number_column(field.texts) is not None:
        return None
    best, most = None, 0
    for separator in SEPARATORS:
        mask = _with(field.texts, separator.text)
        count = field.count(mask)
        if mask.sum() < FEWEST or count < separator.share * field.counts.sum() or count <= most:
            continue
        if _recurs([text for text, has in zip(field.texts, mask, strict=True) if has], separator):
            best, most = separator, count
    return best


def _recurs(texts: Sequence[str], separator: ListSeparator) -> bool:
    """Whether the parts of the texts look like values: short, and found in several texts."""
    occurrences: Counter[str] = Counter()
    for text in texts:
        occurrences.update(set(split_at(text, separator.text)))
    total = occurrences.total()
    if not total or sum(map(len, occurrences.elements())) > LONGEST * total:
        return False
    digits = sum(count for part, count in occurrences.items() if re.fullmatch(r"[\d.]+", part))
    if not separator.is_of_numbers and 2 * digits > total:
        return False
    again = sum(count for count in occurrences.values() if count > 1)
    return again >= separator.recurring * total


def _with(texts: Sequence[str], separator: str) -> Mask:
    """Which texts the separator splits into two parts at least."""
    found = np.array(pc.match_substring(pa.array(texts, pa.string()), separator))
    for index in np.flatnonzero(found).tolist():
        found[index] = len(split_at(texts[index], separator)) > 1
    return found


LISTS = ValueCheck(NAME, find_lists)
