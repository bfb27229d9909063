"""What plain values are, and the limits within which text becomes plain values.

Plain values are what YAML and JSON have in common: mappings with texts as keys, lists, texts,
numbers, true, false and null. The limits are far above what any file of `sirec` holds, and so low
that reading ends within seconds and a few megabytes, whatever a file holds.
"""

from __future__ import annotations

import re
import reprlib
from pathlib import Path

from sirec.errors import SirecError

MOST_DEPTH = 64  # mappings and lists inside each other
MOST_DIGITS = 100  # characters of a number
FORBIDDEN = re.compile("[\0\ud800-\udfff]")
SHOWN = 80  # characters of a value in a message


class MalformedTextError(Exception):
    """Text that holds no plain values: what is wrong, and where it was found.

    Attributes:
        problem: what is wrong.
        line: number of the line, from 1; None where it is not known.
        column: number of the character in the line, from 1.
        hint: what would be right.
    """

    def __init__(
        self,
        problem: str,
        line: int | None = None,
        column: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line
        self.column = column
        self.hint = hint

    def in_file(self, file: Path | str, language: str) -> SirecError:
        """The error that a person sees.

        Args:
            file: the file that holds the text.
            language: `YAML` or `JSON`.
        """
        place = "" if self.line is None else f":{self.line}:{self.column}"
        return SirecError(f"{file}{place}: not valid {language}: {self.problem}", self.hint)


def read_text_of(path: Path, most_bytes: int, expected: str) -> str:
    """The text of a file.

    Args:
        path: the file.
        most_bytes: a larger file is refused before more of it is read.
        expected: what the file should be, for messages: `a YAML file`.

    Raises:
        SirecError: if the file cannot be read or is too large.
        MalformedTextError: if it is not text in UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except FileNotFoundError:
        raise SirecError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise SirecError(f"{path}: cannot be read: {reason}", f"expected {expected}") from None
    if len(content) > most_bytes:
        raise SirecError(
            f"{path}: larger than {most_bytes / 2**20:g} MiB, which no such file is",
            f"expected {expected}",
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        problem = f"not UTF-8 text: byte 0x{content[error.start]:02x}"
        hint = f"expected {expected}, saved as UTF-8"
        raise MalformedTextError(problem, line, column, hint) from None


def check_plain(value: object) -> None:
    """Raise `MalformedTextError` for values nested deeper than `MOST_DEPTH` and forbidden texts."""
    level: list[object] = [value]
    for _ in range(MOST_DEPTH):
        inner: list[object] = []
        for each in level:
            if isinstance(each, str):
                check_text(each)
            elif isinstance(each, dict):
                inner += each
                inner += each.values()
            elif isinstance(each, list):
                inner += each
        if not inner:
            return
        level = inner
    raise MalformedTextError(f"nested more than {MOST_DEPTH} levels deep")


def check_text(text: str) -> None:
    """Raise `MalformedTextError` for a text with a NUL, or half a character (a lone surrogate).

    No file can be called so, and the second cannot be written as UTF-8.
    """
    found = FORBIDDEN.search(text)
    if found:
        raise MalformedTextError(f"a text with the character U+{ord(found[0]):04X}")


class _Brief(reprlib.Repr):
    """Short forms of values, whose numbers may have more digits than Python writes."""

    def repr_int(self, value: int, level: int) -> str:
        """A whole number, or how long it is."""
        if abs(value) >= 10**MOST_DIGITS:
            return f"a number of more than {MOST_DIGITS} digits"
        return str(value)


_short_forms = _Brief()
_short_forms.maxstring = SHOWN
_short_forms.maxother = SHOWN


def brief(value: object) -> str:
    """A value as messages show it, cut where it is long.

    >>> brief(True), brief(None), brief("yes"), brief([1, 2])
    ('true', 'null', "'yes'", '[1, 2]')
    >>> brief(10**5000)
    'a number of more than 100 digits'
    >>> len(brief("x" * 10_000))
    80
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    text = _short_forms.repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
