"""Texts that were not written here, made fit to be shown: on a terminal, in a message, in a table.

Ids, titles, file names and lines of raw files may hold anything: escape codes that recolour a
terminal or rewrite its title, line breaks that forge a second message, marks that turn the
direction of writing. `visible` shows each such character by its code, and leaves all others.
"""

from __future__ import annotations

import re
import unicodedata

SHOWN = 300  # characters of a message's part that a person reads
WHOLE_MESSAGE = 3_000  # characters of a message, which may list names
LONG_WORD = re.compile(rf"\S{{{SHOWN + 1},}}")
HIDDEN_KINDS = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")  # control, format, surrogate, private, breaks
JOINERS = "\u200c\u200d\xad"  # they shape words of several scripts, and emoji
# One pass finds texts that may hold such a character; most hold none.
SUSPECT = re.compile("[^\x20-\x7e\xa1-\u0300\u0370-\u0590\u2010-\u2017\u2020-\u2027\u2190-\u2bff]")


def visible(text: str, *, keep: str = "") -> str:
    r"""The text with every character that is not seen, or acts on a terminal, shown by its code.

    >>> visible("\x1b[31mred\x07, two\nlines")
    '\\x1b[31mred\\x07, two\\nlines'
    >>> visible("two\nlines, 5 ± 1 µm, naïve 東京", keep="\n")
    'two\nlines, 5 ± 1 µm, naïve 東京'

    Args:
        text: any text.
        keep: characters that stay as they are, for example the line break of a text of our own.
    """
    if SUSPECT.search(text) is None:
        return text
    shown: list[str] = []
    for character in text:
        is_hidden = unicodedata.category(character) in HIDDEN_KINDS
        if is_hidden and character not in keep and character not in JOINERS:
            shown.append(_code(character))
        else:
            shown.append(character)
    return "".join(shown)


def shortened(text: str, most: int = SHOWN) -> str:
    """The text, or its beginning and its end where it is longer than a person reads.

    >>> shortened("abcdefghij", most=4)
    'ab … ij (10 characters)'

    Args:
        text: any text.
        most: how many characters of it are shown at most.
    """
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]} … {text[-half:]} ({len(text):,} characters)"


def in_message(text: str) -> str:
    """A message as it is shown: in one line, without control characters, long words shortened.

    >>> in_message("no item " + "7" * 300_000)[:20]
    'no item 777777777777'
    >>> len(in_message("no item " + "7" * 300_000)) < 400
    True
    """
    if len(text) > SHOWN:
        text = LONG_WORD.sub(lambda word: shortened(word[0]), text)
    return visible(shortened(text, WHOLE_MESSAGE))


def _code(character: str) -> str:
    r"""The code of a character as Python writes it: \x1b, \n, \u202e."""
    return character.encode("unicode_escape").decode("ascii")
