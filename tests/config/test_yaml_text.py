"""Files of YAML become plain values, and mistakes in them are named with their line."""

from __future__ import annotations

from pathlib import Path

import pytest

from sirec.config import parse_yaml, read_yaml, to_yaml, yaml_text
from sirec.errors import SirecError


def test_a_broken_file_is_named_with_its_line(tmp_path: Path) -> None:
    """A syntax error has a file and a line, a missing file and a folder have a path."""
    (tmp_path / "x.yaml").write_text("a: 1\nb: [1\n")
    with pytest.raises(SirecError, match=r"x\.yaml:3:1: not valid YAML"):
        read_yaml(tmp_path / "x.yaml")
    with pytest.raises(SirecError, match="no such file"):
        read_yaml(tmp_path / "y.yaml")
    with pytest.raises(SirecError, match="cannot be read: Is a directory"):
        read_yaml(tmp_path)


def test_a_file_holds_a_mapping(tmp_path: Path) -> None:
    """A list is refused, a mapping (control) is read."""
    (tmp_path / "x.yaml").write_text("[1, 2]")
    with pytest.raises(SirecError, match=r"expected a mapping, got \[1, 2\]"):
        read_yaml(tmp_path / "x.yaml")
    (tmp_path / "x.yaml").write_text("a: 1")
    assert read_yaml(tmp_path / "x.yaml") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", r"x\.yaml:3:1: not valid YAML: 'a' is there twice"),
        (
            "rows:\n  A: {b: 1}\n  A: {b: 2}\n",
            r"x\.yaml:3:3: .*'A' is there twice, first in line 2",
        ),
        ("rows: {3: a, '3': b}", r"x\.yaml:1:14: .*'3' is there twice"),
        ("rows: [{a: 1}, {a: 2, b: [], a: 3}]", r"x\.yaml:1:30: .*'a' is there twice"),
    ],
)
def test_a_key_that_a_mapping_has_twice_is_refused(text: str, message: str, tmp_path: Path) -> None:
    """This holds at every depth, with quotes or without."""
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(SirecError, match=message):
        read_yaml(tmp_path / "x.yaml")


def test_a_key_may_be_in_several_mappings(tmp_path: Path) -> None:
    """Control: in different mappings, and over one that is merged into it."""
    (tmp_path / "x.yaml").write_text(
        "a: &a {b: 1, c: 1}\nb: &b {<<: *a, b: 2}\nd: {<<: *b, c: 3}\n"
    )
    assert read_yaml(tmp_path / "x.yaml") == {
        "a": {"b": 1, "c": 1},
        "b": {"b": 2, "c": 1},
        "d": {"b": 2, "c": 3},
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("off", "off"),
        ("NO", "NO"),
        ("2024-01-01", "2024-01-01"),
        ("2024-13-45", "2024-13-45"),
        ("2024-01-01 10:00:00", "2024-01-01 10:00:00"),
        ("0x_", "0x_"),
        ("0b_", "0b_"),
        ("0o8", "0o8"),
        ("08", "08"),
        ("=", "="),
        ("True", True),
        ("false", False),
        ("", None),
        ("~", None),
        ("1_000", 1000),
        ("-0x1F", -31),
        ("0b101", 5),
        ("1.0e-3", 0.001),
        ("-.inf", float("-inf")),
        ("'010'", "010"),
    ],
)
def test_a_scalar_is_what_it_looks_like(text: str, value: object) -> None:
    """Words and dates are texts, and only true and false are truth values."""
    found = parse_yaml(text)
    assert (type(found), found) == (type(value), value)


def test_a_key_is_the_text_that_is_written() -> None:
    """So that a row called `no` or `0.10` keeps its name."""
    assert parse_yaml("{no: 1, 0.10: 2, 2018: 3, true: 4, null: 5}") == {
        "no": 1,
        "0.10": 2,
        "2018": 3,
        "true": 4,
        "null": 5,
    }


def test_a_text_is_parsed_once_and_every_reader_has_values_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A reader that takes a key out does not take it from the next one; long texts (control) are
    parsed each time.
    """
    parsed: list[int] = []
    loader = yaml_text._PlainLoader

    def counted(text: str) -> yaml_text._PlainLoader:
        parsed.append(len(text))
        return loader(text)

    monkeypatch.setattr(yaml_text, "_PlainLoader", counted)
    text = "{unheard-of: {kept: [1, 2]}}"
    first, second = parse_yaml(text), parse_yaml(text)
    first["unheard-of"].pop("kept").append(3)
    assert second == parse_yaml(text) == {"unheard-of": {"kept": [1, 2]}}
    assert len(parsed) == 1
    long = f"{text} #{'-' * yaml_text.REMEMBERED_LENGTH}"
    assert parse_yaml(long) == parse_yaml(long) == second
    assert len(parsed) == 3


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x85", "\u2028", "\u2029"])
def test_every_end_of_a_line_is_kept(end: str) -> None:
    """In a text and in a key, between words and alone; plain text (control) has no quotes."""
    values = {f"a{end}b": f"one{end}two", "alone": end}
    assert parse_yaml(to_yaml(values)) == values
    assert to_yaml({"a": "one two"}) == "{a: one two}\n"


LAUGHS = "a0: &a0 [1]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
MERGES = "a0: &a0 {k: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 010", "1:4: .*versions of YAML read '010' differently"),
        ("a: 1:30", "1:4: .*versions of YAML read '1:30' differently"),
        ("a: " + "9" * 5000, "1:4: .*a number of more than 100 digits"),
        ("a: 1.0e+400", "1:4: .*too large a number"),
        ("a: " + "[" * 3000, "1:67: .*nested more than 64 levels deep"),
        ("- " * 3000, "1:129: .*nested more than 64 levels deep"),
        ("a: !!python/object/apply:os.system [ls]", "1:4: .*a tag"),
        ("a: !!binary aGk=", "1:4: .*a tag"),
        ("a: &a [*a]", "1:8: .*stands inside what it repeats"),
        (LAUGHS, "more than 50,000 values"),
        (MERGES, "more than 50,000 values"),
        ("[a]: 1", "1:1: .*a key that is no text"),
        ("a: 1\n\tb: 2", r"2:1: .*'\\t' that cannot start any token"),
        ("a: b\0", r"1:5: .*the character U\+0000"),
        ('a: "\\ud800"', r"1:4: .*the character U\+D800"),
        ("a: 1\n---\nb: 1", "2:1: .*expected a single document"),
        ("<<: 3", "1:5: .*<< merges mappings only"),
    ],
)
def test_what_is_no_plain_value_is_refused_with_its_place(
    text: str, message: str, tmp_path: Path
) -> None:
    """One line with file, line and column, however long the text is."""
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(SirecError, match=rf"x\.yaml:.*{message}") as error:
        read_yaml(tmp_path / "x.yaml")
    assert len(error.value.message) < 500
    assert "\n" not in error.value.message


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_file_that_is_not_utf_8_is_named(encoding: str, tmp_path: Path) -> None:
    """Control: UTF-8 with or without a byte order mark is read."""
    (tmp_path / "x.yaml").write_text("a: é", encoding=encoding)
    with pytest.raises(SirecError, match=r"x\.yaml:1:\d: not valid YAML: not UTF-8 text"):
        read_yaml(tmp_path / "x.yaml")
    for right in ("utf-8", "utf-8-sig"):
        (tmp_path / "x.yaml").write_text("a: é", encoding=right)
        assert read_yaml(tmp_path / "x.yaml") == {"a": "é"}


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """A file with a hole of 1 TB answers at once."""
    with (tmp_path / "x.yaml").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(SirecError, match=r"x\.yaml: larger than 1 MiB"):
        read_yaml(tmp_path / "x.yaml")
