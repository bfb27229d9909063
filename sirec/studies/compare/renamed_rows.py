"""Rows that were called otherwise when a study's record was written.

A row's name decides nothing: its runs follow from its model and its settings. So where an
experiment file calls a row by another name than the record, and everything that decides runs is the
same, the record is read with the names of today.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sirec.studies.spec.attributes import label_of

Plan = Mapping[str, Any]


def renamed_rows(stored: Plan, current: Plan) -> dict[str, str] | None:
    """How each row of a record is called today.

    Args:
        stored: the plan that the record has (`Experiment.plan`).
        current: the plan of the experiment as it is now.

    Returns:
        Name in the record -> name today, for all rows; None where the plans differ in more than
        names. Rows that decide the same runs are paired in the order of their names.
    """
    if {**stored, "rows": None} != {**current, "rows": None}:
        return None
    names = {name: name for name in stored["rows"] if _is_same(stored, current, name)}
    unnamed = [name for name in sorted(current["rows"]) if name not in names]
    for old in sorted(stored["rows"]):
        if old in names:
            continue
        new = _first_equal(stored["rows"][old], current, unnamed)
        if new is None:
            return None
        names[old] = new
        unnamed.remove(new)
    return None if unnamed else names


def with_names_of_today(
    record: Mapping[str, Any], names: Mapping[str, str], attributes: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """A record whose rows have the names and labels of today.

    Args:
        record: the record.
        names: name in the record -> name today, of all rows.
        attributes: name in the record -> the attributes that labels of that row name.

    Returns:
        The record with other names in `runs`, `trials` and `missing`; whatever else it has stays.
    """
    labels: dict[str, str] = {}  # label in the record -> label today
    for old, new in names.items():
        chosen = attributes.get(old, ())
        labels[label_of(old, chosen)] = label_of(new, chosen)
    changed = dict(record)
    for part in ("runs", "trials", "missing"):
        lines: list[dict[str, Any]] = []
        for line in record.get(part, ()):
            told = {**line, "label": labels.get(line["label"], line["label"])}
            if "row" in line:
                told["row"] = names[line["row"]]
            lines.append(told)
        if part in record:
            changed[part] = lines
    return changed


def _is_same(stored: Plan, current: Plan, name: str) -> bool:
    """Whether both plans have a row of that name that decides the same runs."""
    return bool(stored["rows"][name] == current["rows"].get(name))


def _first_equal(row: Any, current: Plan, candidates: Sequence[str]) -> str | None:
    """The first candidate that decides the same runs as a row."""
    for name in candidates:
        if current["rows"][name] == row:
            return name
    return None
