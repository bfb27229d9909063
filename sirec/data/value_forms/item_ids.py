"""Why items of the interactions have no row in the table of items: another spelling of their ids.

rule      takes for one                              by
number    00012, 12 and 12.0                         leading zeros and decimals without a digit
text      ab-1 and AB-1; a 1 and a  1                case, blanks, Unicode composition
prefix    item_12 and 12; tt0012 and 12; 12.jpg      what all ids of one table begin or end with
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from sirec.data.value_forms.spellings import spelling_keys

JoinRule = Literal["number", "text", "prefix"]
NUMBER = re.compile(r"0*(\d+)(?:\.0*)?")
DIGITS = "0123456789"
MOST_LISTED = 100_000  # ids that a rule is tried on


@dataclass(frozen=True)
class JoinedIds:
    """Items that a rule finds in the table of items.

    Attributes:
        rule: the rule.
        there: id in the interactions -> ids of the same item in the table of items.
    """

    rule: JoinRule
    there: Mapping[str, Sequence[str]]


def joined_ids(rule: JoinRule, missing: Sequence[str], unused: Sequence[str]) -> JoinedIds:
    """Find items by a rule.

    Args:
        rule: the rule.
        missing: ids in the interactions that have no row in the table of items.
        unused: ids in the table of items without an interaction.
    """
    keys = RULES[rule]
    rows: dict[str, list[str]] = {}
    for key, text in zip(keys(unused), unused, strict=True):
        rows.setdefault(key, []).append(text)
    there: dict[str, Sequence[str]] = {}
    for key, text in zip(keys(missing), missing, strict=True):
        if key and key in rows:
            there[text] = rows[key]
    return JoinedIds(rule, there)


def explanation(missing: Sequence[str], unused: Sequence[str]) -> JoinedIds | None:
    """The rule that finds the most of the missing items; None if none finds half of them.

    Args:
        missing: ids in the interactions that have no row in the table of items.
        unused: ids in the table of items without an interaction.
    """
    best: JoinedIds | None = None
    looked_at = missing[:MOST_LISTED]
    for rule in get_args(JoinRule):
        found = joined_ids(rule, looked_at, unused)
        if len(found.there) > (len(best.there) if best else 0):
            best = found
    return best if best and 2 * len(best.there) >= len(looked_at) else None


def _as_numbers(texts: Sequence[str]) -> list[str]:
    keys: list[str] = []
    for text in texts:
        match = NUMBER.fullmatch(text.strip())
        keys.append(match[1] if match else text.strip())
    return keys


def _as_spellings(texts: Sequence[str]) -> list[str]:
    return list(map(str, spelling_keys(texts).to_pylist()))


def _without_affixes(texts: Sequence[str]) -> list[str]:
    """The ids without what all of them begin and end with, as numbers where they are numbers."""
    if len(texts) < 2:
        return list(texts)
    # Digits at the border belong to the ids: 10, 11 and 12 do not begin with a prefix.
    begin = _common_beginning(texts).rstrip(DIGITS)
    end = _common_beginning([text[::-1] for text in texts]).rstrip(DIGITS)
    inner: list[str] = []
    for text in texts:
        inner.append(text[len(begin) : len(text) - len(end)])
    return _as_numbers(inner)


def _common_beginning(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)  # all others are between them, and begin alike
    length = 0
    while length < min(len(first), len(last)) and first[length] == last[length]:
        length += 1
    return first[:length]


RULES: Mapping[JoinRule, Callable[[Sequence[str]], list[str]]] = {
    "number": _as_numbers,
    "text": _as_spellings,
    "prefix": _without_affixes,
}
