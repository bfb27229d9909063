"""Items of the interactions that the table of items does not have, and the other way round."""

from __future__ import annotations

from collections.abc import Iterator

from sirec.data.prepare.findings import ValueFinding, counted, shortened
from sirec.data.prepare.value_checks.base import SAMPLES, ItemTable, ReadValues, ValueCheck
from sirec.data.value_forms.spellings import explanation

NAME = "joins"
MANY = 0.01  # of the items: fewer without a row are usual
MOST = 0.5  # of the rows: rows without interactions are usual, unless they are most
UNKNOWN = 0.5  # of the items, where only items with a value are known


def find_joins(values: ReadValues) -> Iterator[ValueFinding]:
    """Find out whether the ids of the interactions and of the table of items are alike.

    Args:
        values: the values that were read.
    """
    items = values.items
    if items is None:
        return
    found = explanation(items.missing, items.unused)
    threshold = MANY if items.is_whole else UNKNOWN
    are_many = len(items.missing) >= threshold * items.remaining and bool(items.missing)
    if found is None and not are_many:
        yield from _unused(items)
        return
    count = len(items.missing)
    what = f"{count:,} of {items.remaining:,} items have no row in {items.name}"
    if len(items.unused) > MOST * items.rows:
        what += f", {len(items.unused):,} of its {counted(items.rows, 'row')} no interaction"
    if found is None:
        yield ValueFinding(NAME, "item", count, what, tuple(items.missing[:SAMPLES]))
        return
    here, there = next(iter(found.there.items()))
    reason = f"there {shortened(there[0])}, here {shortened(here)}"
    samples = tuple(list(found.there)[:SAMPLES])
    yield ValueFinding(NAME, "item", count, what, samples, f"--join {found.rule}", reason)


def _unused(items: ItemTable) -> Iterator[ValueFinding]:
    if items.is_whole and len(items.unused) > MOST * items.rows:
        count = len(items.unused)
        what = f"{count:,} of the {items.rows:,} items in {items.name} have no interaction"
        yield ValueFinding(NAME, "item", count, what, tuple(items.unused[:SAMPLES]))


JOINS = ValueCheck(NAME, find_joins)
