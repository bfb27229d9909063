"""Claims about printed numbers, recomputed from the published tables."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pandas as pd

from sirec.errors import SirecError
from sirec.papers.claim import PrintedFact, Quantity
from sirec.papers.tables import name_key, one_value_a_line, paper_of, published_table


def recomputed(fact: PrintedFact) -> tuple[bool, str]:
    """Whether a fact follows from the printed numbers, and both numbers.

    Args:
        fact: the fact.

    Returns:
        For example False and `6.88 is not 9.87 (± 0.11)`.

    Raises:
        SirecError: if a table has no such row, or several.
    """
    left, right = amount(fact.left), amount(fact.right)
    if fact.relation == "equals":
        holds, word = abs(left - right) <= fact.tolerance, "is"
    else:
        holds, word = left - right > fact.tolerance, "exceeds"
    if not holds:
        word = "is not" if fact.relation == "equals" else "does not exceed"
    tolerance = f" (± {fact.tolerance:g})" if fact.tolerance else ""
    return holds, f"{left:.5g} {word} {right:.5g}{tolerance}"


def amount(quantity: Quantity) -> float:
    """The number.

    Args:
        quantity: what it is read or computed from.

    Raises:
        SirecError: if a table has no such row, or several.
    """
    if quantity.table is None:
        return quantity.value
    if quantity.above:
        return float(_count(quantity))
    value = _cell(quantity, quantity.row)
    if not quantity.over:
        return value
    return 100 * (value / _cell(quantity, {**quantity.row, **quantity.over}) - 1)


def _count(quantity: Quantity) -> int:
    """In how many cells the lines that are `above` exceed the row."""
    baseline = _lines(quantity, quantity.row)
    count = 0
    for other in quantity.above:
        lines = _lines(quantity, {**quantity.row, **other})
        shared = ["dataset", "metric"]
        both = baseline.merge(lines, on=shared, suffixes=("", "_other"))
        count += int((both[f"{quantity.column}_other"] > both[quantity.column]).sum())
    return count


def _cell(quantity: Quantity, row: Mapping[str, Any]) -> float:
    found = _lines(quantity, row)
    if len(found) != 1:
        raise SirecError(
            f"{quantity.table}: {len(found)} lines with {dict(row)}", "name one line of the table"
        )
    return float(found[quantity.column].iloc[0])


def _lines(quantity: Quantity, row: Mapping[str, Any]) -> pd.DataFrame:
    """The lines of a table that have these values, whatever their case and punctuation."""
    assert quantity.table is not None
    holds = paper_of(quantity.table).tables[quantity.table].holds
    table = published_table(quantity.table)
    if holds == "metrics":
        table = _by_line(quantity.table)
    for column, value in row.items():
        if column not in table:
            raise SirecError(
                f"{quantity.table}: '{column}' is no column",
                f"columns: {', '.join(map(str, table.columns))}",
            )
        wanted = name_key(str(value))
        table = table[[name_key(str(each)) == wanted for each in table[column]]]
    return table


@cache
def _by_line(table: str) -> pd.DataFrame:
    """A table of metrics with one value a line, computed once."""
    return one_value_a_line(table)
