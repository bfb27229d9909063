"""Words for nothing, such as `nan` and `N/A`, which otherwise are a value, a user or an item."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sirec.data.prepare.findings import ValueFinding, counted
from sirec.data.prepare.value_checks.base import FieldValues, Mask, ReadValues, ValueCheck
from sirec.data.value_forms.absence import absence_words, as_words
from sirec.data.value_forms.list_literals import list_elements
from sirec.shell import arguments

NAME = "missing-words"


def find_missing_words(values: ReadValues) -> Iterator[ValueFinding]:
    """Find words for nothing in all fields of texts.

    Args:
        values: the values that were read.
    """
    for field in values.fields:
        if field.is_number:
            continue
        is_word = absence_words(field.texts, field.name, is_id=field.role in ("user", "item"))
        if field.role == "attribute":
            _leave_out_lists(field, is_word)
        if not is_word.any():
            continue
        count = field.count(is_word)
        words = [text for text, found in zip(field.texts, is_word, strict=True) if found]
        # With `=`, since a word may begin with a dash.
        remedy = arguments(f"--missing={','.join(as_words(words))}")
        if not field.is_described:
            rows = values.skipped_lines + values.raw_rows(field.name, words)
            remedy = f"{remedy} {arguments('--skip-bad-lines', rows)}"
        verb = "has" if count == 1 else "have"
        what = f"{counted(count, field.unit)} {verb} a word for nothing"
        yield ValueFinding(NAME, field.name, count, what, field.samples(is_word), remedy)


def _leave_out_lists(field: FieldValues, is_word: Mask) -> None:
    """Leave the empty list `[]` to the check of lists."""
    for index in np.flatnonzero(is_word).tolist():
        is_word[index] = list_elements(field.texts[index]) is None


MISSING_WORDS = ValueCheck(NAME, find_missing_words)
