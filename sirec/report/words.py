"""Lists of values in sentences."""

from __future__ import annotations

from collections.abc import Iterable


def listed(owners: Iterable[tuple[str, str]]) -> str:
    """Values with all that have them.

    Args:
        owners: pairs of a value and the name of what has it.

    Returns:
        Each value once. A name with a comma is in quotation marks.

    >>> listed([("50", "SASRec"), ("7", "DIF-SR, brand"), ("50", "NOVA")])
    "50 (SASRec, NOVA); 7 ('DIF-SR, brand')"
    """
    by_value: dict[str, dict[str, None]] = {}
    for value, owner in owners:
        name = f"'{owner}'" if "," in owner else owner
        by_value.setdefault(value, {})[name] = None
    return "; ".join(f"{value} ({', '.join(names)})" for value, names in by_value.items())
