"""Texts that are spellings of one name: within a column, and between two tables.

A rule gives each text a key; texts with one key are spellings of one name.

rule      takes for one                              by
text      Nike, NIKE and Ｎｉｋｅ; a 1 and a  1         case, width, blanks, Unicode composition
number    00012, 12 and 12.0                         leading zeros and decimals without a digit
prefix    item_12 and 12; tt0012 and 12; 12.jpg      what all ids of one table begin or end with

Within a column, `twins` looks by the first rule. Why items of the interactions have no row in the
table of items, `explanation` asks all rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sirec.data.value_forms.absence import INVISIBLE

JoinRule = Literal["number", "text", "prefix"]
UNSEEN = r"[\p{Cf}\x{200B}]"
MIXED = r"\p{Ll}\p{Lu}|\p{Lu}\p{Lu}+\p{Ll}"
MANY_MIXED = 0.3  # of the values with a letter: then case is part of what a code says
NUMBER = re.compile(r"0*(\d+)(?:\.0*)?")
DIGITS = "0123456789"
MOST_LISTED = 100_000  # ids that a rule is tried on


@dataclass(frozen=True, eq=False)
class Twins:
    """The spellings of names that are spelt in more than one way.

    Attributes:
        groups: the spellings of each such name, the commonest first.
    """

    groups: Sequence[Sequence[str]]

    def as_mapping(self) -> dict[str, str]:
        """Each rarer spelling -> the commonest one of its name."""
        mapping: dict[str, str] = {}
        for first, *others in self.groups:
            mapping |= dict.fromkeys(others, first)
        return mapping


def spelling_keys(texts: Sequence[str], *, fold_case: bool = True) -> pa.Array:
    """What remains of texts without case, width, composition, invisible characters and blanks
    that say nothing.

    Args:
        texts: the texts [D].
        fold_case: whether case is left out as well.

    Returns:
        Array of texts [D]: equal ones are spellings of one name.
    """
    keys = pc.utf8_normalize(pa.array(texts, pa.string()), form="NFKC")
    keys = pc.replace_substring_regex(keys, UNSEEN, "")
    keys = pc.utf8_trim_whitespace(pc.replace_substring_regex(keys, f"{INVISIBLE}+", " "))
    if not fold_case:
        return keys
    # Lower case of upper case: that of 'ß' and of 'ſ' then is that of 'SS' and 'S'.
    return pc.utf8_lower(pc.utf8_upper(keys))


def twins(texts: Sequence[str], counts: NDArray[np.int64]) -> Twins:
    """Find the names that are spelt in more than one way.

    Case counts as a difference where the values are codes of mixed case, such as `aB3x` and `aB3X`.

    Args:
        texts: the distinct values [D].
        counts: how often each occurs [D].
    """
    keys = spelling_keys(texts, fold_case=not _is_case_code(texts)).to_pandas()
    repeated = np.flatnonzero(keys.duplicated(keep=False).to_numpy())
    if not len(repeated):
        return Twins([])
    found = pd.DataFrame(
        {
            "key": keys.to_numpy()[repeated],
            "text": np.array(texts, dtype=object)[repeated],
            "count": counts[repeated],
        }
    )
    found = found[found["key"] != ""].sort_values(["count", "text"], ascending=[False, True])
    return Twins(found.groupby("key", sort=False)["text"].agg(list).tolist())


def _is_case_code(texts: Sequence[str]) -> bool:
    """Whether upper and lower case alternate inside many values, as in random codes."""
    values = pa.array(texts, pa.string())
    with_letters = pc.sum(pc.match_substring_regex(values, r"\p{L}")).as_py() or 0
    mixed = pc.sum(pc.match_substring_regex(values, MIXED)).as_py() or 0
    return bool(mixed > MANY_MIXED * with_letters)


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


def _without_case(texts: Sequence[str]) -> list[str]:
    return list(map(str, spelling_keys(texts).to_pylist()))


def _as_numbers(texts: Sequence[str]) -> list[str]:
    keys: list[str] = []
    for text in texts:
        match = NUMBER.fullmatch(text.strip())
        keys.append(match[1] if match else text.strip())
    return keys


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
    "text": _without_case,
    "prefix": _without_affixes,
}
