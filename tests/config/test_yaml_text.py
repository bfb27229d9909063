"""Files of YAML become plain values, and mistakes in them are named with their line."""

from __future__ import annotations

from pathlib import Path

import pytest

from sirec.config import read_yaml
from sirec.errors import SirecError


def test_a_broken_file_is_named_with_its_line(tmp_path: Path) -> None:
    """A syntax error has a file and a line, a missing file and a folder have a path."""
    (tmp_path / "x.yaml").write_text("a: 1\nb: [1\n")
    with pytest.raises(SirecError, match=r"x\.yaml:\d+: not valid YAML"):
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
        ("a: 1\nb: 2\na: 3\n", r"x\.yaml:3: not valid YAML: 'a' is there twice, first in line 1"),
        ("rows:\n  A: {b: 1}\n  A: {b: 2}\n", r"x\.yaml:3: .*'A' is there twice, first in line 2"),
        ("rows: {3: a, '3': b}", r"x\.yaml:1: .*'3' is there twice"),
        ("rows: [{a: 1}, {a: 2, b: [], a: 3}]", r"x\.yaml:1: .*'a' is there twice"),
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
