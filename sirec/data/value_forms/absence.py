"""Words that say that there is no value, such as `nan`, `N/A` and a dash."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

BLANK = "blank"
"""What `--missing` calls values without a visible character."""

INVISIBLE = r"[\s\p{Z}\p{Cc}\p{Cf}\x{115F}\x{1160}\x{2800}\x{3164}\x{FFA0}]"
NO_VISIBLE_SIGN = f"^{INVISIBLE}*$"
OF_PROGRAMS = (
    "nan",
    "null",
    "none",
    "nil",
    "nat",
    "n/a",
    "n.a.",
    "n.a",
    "#n/a",
    "#null!",
    "#value!",
    "#ref!",
    "#name?",
    "#div/0!",
    "<na>",
    r"\n",
    "undefined",
    "unknown",
    "unkonwn",  # so in MovieLens 100K
)
OF_PEOPLE = (
    "na",
    r"n\a",
    "n-a",
    "unspecified",
    "missing",
    "empty",
    "blank",
    "no value",
    "no data",
    "not available",
    "not applicable",
    "not specified",
    "not known",
    "does not apply",
    "tbd",
    "tba",
    "inconnu",
    "inconnue",
    "unbekannt",
    "desconocido",
    "desconhecido",
    "sconosciuto",
    "неизвестно",
    "无",
    "未知",
    "不明",
    "なし",
)
WITH_FIELD = ("no", "unknown", "blank", "missing", "empty")  # "no brand", "(blank brand)"
SIGNS = re.compile(r"""[-‐-―−?.…_*/'"‘’“”]+|\[\s*\]|\{\s*\}|\(\s*\)""")
AROUND = "()[]<>{}\"'"
SHORT = 2  # characters: as long as codes of countries, among which NA is Namibia
LONGEST = 40  # characters of the longest text that is looked at


def absence_words(texts: Sequence[str], field: str, *, is_id: bool) -> NDArray[np.bool_]:
    """Find the values that say that there is none.

    In a column of short codes (`US`, `NA`, `+`, `-`) a short word is taken for a code. Names of
    users and items count only where programs write them for nothing, since a person may well be
    called "Missing".

    Args:
        texts: the distinct values [D] of a field.
        field: its name; "no brand" is no brand.
        is_id: whether the values are names of users or items.

    Returns:
        Bool[D].
    """
    values = pa.array(texts, pa.string())
    invisible = np.asarray(pc.match_substring_regex(values, NO_VISIBLE_SIGN))
    words = set(OF_PROGRAMS) if is_id else {*OF_PROGRAMS, *OF_PEOPLE, *_of_field(field)}
    found = invisible.copy()
    short_enough = np.flatnonzero(np.asarray(pc.utf8_length(values)) <= LONGEST)
    for index in short_enough.tolist():
        if not invisible[index] and _is_word(texts[index], words):
            found[index] = True
    if _are_codes([text for text, is_word in zip(texts, found, strict=True) if not is_word]):
        lengths = np.asarray(pc.utf8_length(pc.utf8_trim_whitespace(values)))
        found &= invisible | (lengths > SHORT)
    return found


def matching_words(texts: Sequence[str], words: Sequence[str]) -> NDArray[np.bool_]:
    """Find the values that are one of the declared words, apart from blanks around them.

    Args:
        texts: the distinct values [D].
        words: the words; `blank` also means all values without a visible character.

    Returns:
        Bool[D].
    """
    values = pa.array(texts, pa.string())
    trimmed = pc.utf8_trim_whitespace(values)
    wanted = pa.array([word.strip() for word in words if word.strip()], pa.string())
    found = np.asarray(pc.is_in(trimmed, wanted))
    if BLANK in words:
        found = found | np.asarray(pc.match_substring_regex(values, NO_VISIBLE_SIGN))
    return found


def as_words(texts: Sequence[str]) -> list[str]:
    """The values as words of `--missing`: themselves, and once `blank` for the invisible ones."""
    words: dict[str, None] = {}
    for text in texts:
        is_invisible = bool(pc.match_substring_regex(pa.scalar(text), NO_VISIBLE_SIGN).as_py())
        words[BLANK if is_invisible else text.strip()] = None
    return list(words)


def _of_field(field: str) -> set[str]:
    name = re.sub(r"[_\W]+", " ", field.casefold()).strip()
    return {f"{word} {name}" for word in WITH_FIELD}


def _is_word(text: str, words: set[str]) -> bool:
    folded = " ".join(text.split()).casefold()
    if folded in words or SIGNS.fullmatch(folded):
        return True
    inner = folded.strip(AROUND).strip()
    is_wrapped = inner != folded and folded[0] in AROUND and folded[-1] in AROUND
    return is_wrapped and inner in words


def _are_codes(texts: Sequence[str]) -> bool:
    """Whether most values are as short as codes."""
    if len(texts) < 3:
        return False
    short = 0
    for text in texts:
        short += len(text.strip()) <= SHORT
    return 2 * short > len(texts)
