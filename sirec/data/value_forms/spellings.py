"""Texts that differ in case, blanks or Unicode composition only: `Nike`, `NIKE`, `Ｎｉｋｅ`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sirec.data.value_forms.absence import INVISIBLE

UNSEEN = r"[\p{Cf}\x{200B}]"
MIXED = r"\p{Ll}\p{Lu}|\p{Lu}\p{Lu}+\p{Ll}"
MANY_MIXED = 0.3  # of the values with a letter: then case is part of what a code says


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
