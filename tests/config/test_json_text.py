"""Files of JSON become plain values, and mistakes in them are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from sirec.config import parse_json, read_json
from sirec.errors import SirecError


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", r"x\.json: expected an object with keys, got \[\]"),
        ("3", r"x\.json: expected an object with keys, got 3"),
        ("null", r"x\.json: expected an object with keys, got null"),
        ("", r"x\.json:1:1: not valid JSON"),
        ('{"a": 1,\n "b" 2}', r"x\.json:2:6: not valid JSON: Expecting ':' delimiter"),
        ('{"a": 1, "a": 2}', r"x\.json: not valid JSON: 'a' is there twice"),
        ("[" * 100_000, r"x\.json: not valid JSON: nested more than 64 levels deep"),
        ("[" * 65 + "]" * 65, r"x\.json: not valid JSON: nested more than 64 levels deep"),
        ('{"a": ' + "9" * 5000 + "}", r"x\.json: not valid JSON: a number of more than 100"),
        ('{"a": 1e400}', r"x\.json: not valid JSON: 1e400 is too large a number"),
        (r'{"a": "\ud800"}', r"x\.json: not valid JSON: a text with the character U\+D800"),
        (r'{"\u0000": 1}', r"x\.json: not valid JSON: a text with the character U\+0000"),
    ],
)
def test_what_is_no_plain_object_is_refused(text: str, message: str, tmp_path: Path) -> None:
    """One short line with the file, and line and column of a mistake of syntax."""
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(SirecError, match=message) as error:
        read_json(tmp_path / "x.json")
    assert len(error.value.message) < 500


def test_an_object_within_the_limits_is_read(tmp_path: Path) -> None:
    """Control: 62 lists in an object, a number of 100 digits, and a byte order mark."""
    text = '{"a": ' + "[" * 62 + "9" * 100 + "]" * 62 + ', "é": 0.5}'
    (tmp_path / "x.json").write_text(text, encoding="utf-8-sig")
    values = read_json(tmp_path / "x.json")
    assert values["é"] == 0.5
    assert parse_json(text) == values


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    """The first byte that is none has a line and a column."""
    (tmp_path / "x.json").write_bytes(b'{\n "a": "\xe9"}')
    with pytest.raises(SirecError, match=r"x\.json:2:8: not valid JSON: not UTF-8 text: byte 0xe9"):
        read_json(tmp_path / "x.json")
