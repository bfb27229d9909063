"""Tables as plain values, for JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from sirec.report.table import Cell, ResultTable


def to_dict(table: ResultTable) -> dict[str, Any]:
    """Columns, rows with their cells by column, and notes. What a cell lacks is left out."""
    rows: list[dict[str, Any]] = []
    for row, places in zip(table.rows, table.places(), strict=True):
        cells: dict[str, dict[str, Any]] = {}
        for column, cell, place in zip(table.columns, row.cells, places, strict=True):
            cells[column.name] = _facts(cell, place)
        rows.append(
            {
                "label": row.label,
                "group": row.group,
                "is_training_free": row.is_training_free,
                "runs": dict(row.runs),
                "cells": cells,
            }
        )
    return {
        "title": table.title,
        "columns": list(map(asdict, table.columns)),
        "rows": rows,
        "notes": list(table.footnotes()),
    }


def _facts(cell: Cell, place: int | None) -> dict[str, Any]:
    """What a cell carries, without what is empty or no finite number."""
    facts = asdict(cell)
    facts["relative"] = cell.relative
    facts["place"] = place
    facts["interval"] = list(cell.interval or ())
    return {name: fact for name, fact in facts.items() if _says_something(fact)}


def _says_something(fact: object) -> bool:
    if isinstance(fact, float):
        return math.isfinite(fact)
    return fact not in (None, "", [])
