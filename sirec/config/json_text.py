"""JSON text into plain values.

Refused are a key that an object has twice, and whatever exceeds the limits of `plain_values.py`.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from sirec.config.plain_values import (
    MOST_DEPTH,
    MOST_DIGITS,
    MalformedTextError,
    brief,
    check_plain,
    read_text_of,
)
from sirec.errors import SirecError

MOST_BYTES = 64 * 2**20
FILE = "a JSON file"


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        SirecError: if the file cannot be read or holds no object; with line and column of a
            syntax error.
    """
    values = read_json_value(path)
    if not isinstance(values, dict):
        raise SirecError(f"{path}: expected an object with keys, got {brief(values)}")
    return values


def read_json_value(path: Path) -> Any:
    """The value in a JSON file, of any type.

    Raises:
        SirecError: if the file cannot be read; with line and column of a syntax error.
    """
    try:
        return parse_json(read_text_of(path, MOST_BYTES, FILE))
    except MalformedTextError as error:
        raise error.in_file(path, "JSON") from None


def parse_json(text: str | bytes) -> Any:
    """The plain value in a JSON text. Raises `MalformedTextError` for a mistake."""
    try:
        value = json.loads(
            text, parse_int=_whole_number, parse_float=_fraction, object_pairs_hook=_unique
        )
    except json.JSONDecodeError as error:
        raise MalformedTextError(error.msg, error.lineno, error.colno) from None
    except UnicodeDecodeError as error:
        raise MalformedTextError(f"not UTF-8 text: {error.reason}") from None
    except RecursionError:
        raise MalformedTextError(f"nested more than {MOST_DEPTH} levels deep") from None
    check_plain(value)
    return value


def _whole_number(digits: str) -> int:
    _check_digits(digits)
    return int(digits)


def _fraction(digits: str) -> float:
    _check_digits(digits)
    number = float(digits)
    if math.isinf(number):
        raise MalformedTextError(f"{digits} is too large a number")
    return number


def _check_digits(digits: str) -> None:
    if len(digits) > MOST_DIGITS:
        raise MalformedTextError(f"a number of more than {MOST_DIGITS} digits")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs."""
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise MalformedTextError(f"{brief(key)} is there twice")
            seen.add(key)
    return values
