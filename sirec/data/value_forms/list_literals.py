"""Lists that a program has written into one cell, and texts that are split at a separator.

Python and JSON     ['Arts', 'Puzzles']   ["Arts", "Puzzles"]   ('Arts',)   {'Arts', 'Puzzles'}
NumPy               ['Arts' 'Puzzles']   [1 2 3]   array(['Arts'], dtype=object)
with keys           [{'id': 16, 'name': 'Arts'}], of which the names count
without quotes      [Arts, Puzzles]   {Arts,Puzzles}   where every cell of a column is in brackets
"""

from __future__ import annotations

import ast
import html
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

LITERAL = "literal"
"""What `--lists` calls lists in these forms; anything else is a separator."""

ESCAPES = {"\\n": "\n", "\\t": "\t"}  # how a person writes separators that cannot be seen
BRACKETED = re.compile(r"\s*(?:array\()?[\[({].*[\])}]\s*(?:,\s*dtype=\w+\))?\s*", re.DOTALL)
QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
NUMPY_TEXTS = re.compile(rf"\[\s*(?:{QUOTED})(?:\s+(?:{QUOTED}))+\s*\]", re.DOTALL)
NUMPY_NUMBERS = re.compile(r"\[\s*-?\d+\.?\d*(?:\s+-?\d+\.?\d*)+\s*\]")
ARRAY = re.compile(r"array\((.*?)(?:,\s*dtype=\w+)?\)", re.DOTALL)
BARE = re.compile(r"\[[^\[\](){}'\"]+\]|\{[^\[\](){}'\":]+\}")  # brackets around no quotes
ENTITY = re.compile(r"&(#?\w+);")
STAND_IN = "\x00"  # of a semicolon that ends an entity


def list_values(texts: Sequence[str], form: str) -> list[list[str]]:
    """Read the cells of a column that hold lists.

    Args:
        texts: the distinct cells.
        form: `literal`, or the separator.

    Returns:
        The elements of each cell; a cell that is no list is its only element.
    """
    if form != LITERAL:
        return [split_at(text, ESCAPES.get(form, form)) for text in texts]
    read = list(map(list_elements, texts))
    others = [text for text, found in zip(texts, read, strict=True) if found is None]
    are_bare = are_bare_lists(others)
    lists: list[list[str]] = []
    for text, found in zip(texts, read, strict=True):
        if found is None:
            found = bare_elements(text) if are_bare else [text]
        lists.append(found)
    return lists


def list_elements(text: str) -> list[str] | None:
    """Read a list that was written as text.

    Args:
        text: a cell.

    Returns:
        Its elements, those of nested lists among them and missing ones left out; None if the text
        is no list.
    """
    if text.startswith('"') and text.endswith('"'):
        text = text[1:-1].replace('""', '"')  # a cell of CSV that was read without its quotes
    if not BRACKETED.fullmatch(text):
        return None
    value = _parsed(text)
    if value is None and "&" in text:
        value = _parsed(html.unescape(text))
    if value is None:
        return None
    try:
        return list(_names(value))
    except ValueError:
        return None


def are_bare_lists(texts: Sequence[str]) -> bool:
    """Whether the texts of a column are lists whose elements have no quotes.

    One text in brackets may be a name, such as `[REC]`: all have to be, and one has a comma.

    >>> are_bare_lists(["[Arts, Puzzles]", "[Arts]"]), are_bare_lists(["[REC]", "Alien, Aliens"])
    (True, False)

    Args:
        texts: the distinct cells of a column, or those of them that are no other lists.
    """
    return all(map(BARE.fullmatch, texts)) and any("," in text for text in texts)


def bare_elements(text: str) -> list[str]:
    """The elements of a list without quotes.

    Args:
        text: a cell of a column for which `are_bare_lists` holds.
    """
    return split_at(text[1:-1], ",")


def split_at(text: str, separator: str) -> list[str]:
    """Split a text at a separator; the semicolon of an entity such as `&amp;` separates nothing.

    Args:
        text: a cell.
        separator: what stands between its parts.

    Returns:
        The parts without surrounding blanks, empty ones left out.
    """
    if ";" in separator:
        text = ENTITY.sub(rf"&\1{STAND_IN}", text)
    parts: list[str] = []
    for part in text.split(separator):
        trimmed = part.replace(STAND_IN, ";").strip()
        if trimmed:
            parts.append(trimmed)
    return parts


def _parsed(text: str) -> Sequence[Any] | set[Any] | None:
    """The list, tuple or set; None if the text is something else."""
    text = text.strip()
    array = ARRAY.fullmatch(text)
    text = array[1] if array else text
    if NUMPY_TEXTS.fullmatch(text):
        return [ast.literal_eval(part) for part in re.findall(QUOTED, text)]
    if NUMPY_NUMBERS.fullmatch(text):
        return [ast.literal_eval(part) for part in text[1:-1].split()]
    for parse in (json.loads, _python):
        try:
            value = parse(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        if isinstance(value, list | tuple | set):
            return value
    return None


def _python(text: str) -> Any:
    # `nan` is no literal, but what pandas writes into a list for a missing value.
    return ast.literal_eval(re.sub(r"(?<=[\[(,\s])nan(?=[\]),\s])", "None", text))


def _names(values: Any) -> Iterator[str]:
    """The elements as texts. Raises `ValueError` for one that is no name."""
    for value in values:
        if isinstance(value, dict):
            value = value.get("name")
            if not isinstance(value, str):
                raise ValueError("an object without a name")
        if value is None or value != value:
            continue
        if isinstance(value, list | tuple | set):
            yield from _names(value)
        elif isinstance(value, float) and value.is_integer():
            yield str(int(value))
        else:
            text = str(value).strip()
            if text:
                yield text
