"""Names that are spelt in more than one way: `Nike`, `NIKE` and `nike` are three values."""

from __future__ import annotations

from collections.abc import Iterator

from sirec.data.prepare.findings import ValueFinding, counted
from sirec.data.prepare.value_checks.base import SAMPLES, FieldValues, ReadValues, ValueCheck
from sirec.data.value_forms.spellings import twins

NAME = "spellings"


def find_spellings(values: ReadValues) -> Iterator[ValueFinding]:
    """Find names with several spellings, among users and items before the filters.

    Args:
        values: the values that were read.
    """
    for field in (*values.raw, *values.of_role("attribute", "behaviour")):
        if not field.is_number:
            yield from _finding(field)


def _finding(field: FieldValues) -> Iterator[ValueFinding]:
    groups = twins(field.texts, field.counts).groups
    if not groups:
        return
    what = f"{counted(len(groups), 'name')} in several spellings"
    samples: list[str] = []
    for group in groups:
        samples += group
    yield ValueFinding(
        NAME, field.name, len(groups), what, tuple(samples[:SAMPLES]), f"--merge {field.name}"
    )


SPELLINGS = ValueCheck(NAME, find_spellings)
