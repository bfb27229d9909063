"""Markup of web pages in texts: entities such as `&amp;`, tags such as `<br>`.

`AT&T`, `a < b`, `<3` and `<unknown>` are no markup: an entity ends with a semicolon and has a known
name, and a tag is one of HTML's.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from html.entities import html5

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

BLOCKS = (
    "address|article|aside|blockquote|br|dd|div|dl|dt|fieldset|figure|footer|form|h[1-6]|header|hr"
    "|img|input|li|main|nav|ol|option|p|pre|section|select|table|tbody|td|textarea|tfoot|th|thead"
    "|tr|ul|video"
)
INLINE = (
    "abbr|big|body|button|center|cite|code|del|em|font|head|html|iframe|ins|kbd|label|link|mark"
    "|meta|noscript|script|small|span|strike|strong|style|sub|sup|tt|[abiqsu]"
)
# A single letter between brackets is a tag only if it is closed: `<i>x</i>`, but not `List<a>`.
BARE_LETTER = r"<([abiqsu])>(?!.*</\1>)"
# A tag, closed or cut off at the end of the text; of its attributes only those with a value.
TAG = re.compile(
    rf"<!--.*?(?:-->|$)|(?!{BARE_LETTER})</?(?:(?P<block>{BLOCKS})|{INLINE})\b"
    r"""(?:\s+[\w:-]+\s*=\s*(?:"[^"]*"?|'[^']*'?|[^\s<>"']+))*\s*/?(?:>|$)""",
    re.IGNORECASE | re.DOTALL,
)
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
SUSPECT = "[&<]"  # no markup without one of these


def cleaned(text: str) -> str:
    """A text without its markup.

    Entities become their characters, also where they were escaped twice; a tag that begins a new
    block becomes a blank, any other tag nothing.

    Args:
        text: a text.

    Returns:
        The text as a page would show it; the text itself, with its blanks, if it has no markup.
    """
    while True:
        plain = ENTITY.sub(_character, TAG.sub(_blank, text))
        if plain == text:
            return text
        text = " ".join(plain.split())


def with_markup(texts: Sequence[str]) -> NDArray[np.bool_]:
    """Bool[D]: which of the texts [D] have markup in them."""
    suspect = np.array(pc.match_substring_regex(pa.array(texts, pa.string()), SUSPECT))
    for index in np.flatnonzero(suspect).tolist():
        suspect[index] = cleaned(texts[index]) != texts[index]
    return suspect


def _character(match: re.Match[str]) -> str:
    entity = match[0]
    is_known = entity[1] == "#" or entity[1:] in html5
    return html.unescape(entity) if is_known else entity


def _blank(match: re.Match[str]) -> str:
    return "" if match["block"] is None else " "
