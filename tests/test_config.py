"""Text becomes configuration strictly, and back without loss."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sirec.config import assign, dump, has, load, parse_assignments, read_yaml, to_yaml
from sirec.errors import SirecError


@dataclass(frozen=True, kw_only=True)
class Round:
    name: ClassVar[str] = "round"
    radius: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Square:
    name: ClassVar[str] = "square"
    side: int
    corners: Literal["sharp", "soft", "45"] = "sharp"


@dataclass(frozen=True, kw_only=True)
class Drawing:
    title: str
    shapes: tuple[Round | Square, ...] = ()
    scale: float | None = None
    is_framed: bool = False
    tags: Mapping[str, int] = field(default_factory=dict)


shapes = st.one_of(
    st.builds(Round, radius=st.floats(allow_nan=False, allow_infinity=False)),
    st.builds(Square, side=st.integers(), corners=st.sampled_from(["sharp", "soft", "45"])),
)
drawings = st.builds(
    Drawing,
    title=st.text(string.printable),
    shapes=st.lists(shapes, max_size=3).map(tuple),
    scale=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    is_framed=st.booleans(),
    tags=st.dictionaries(st.text(string.ascii_letters, min_size=1), st.integers(), max_size=3),
)


@given(drawings, st.booleans())
def test_dump_and_load_are_inverse(drawing: Drawing, defaults: bool) -> None:
    """A configuration survives plain values and YAML, with its defaults written out or left out."""
    text = to_yaml(dump(drawing, defaults=defaults))
    assert load(Drawing, yaml.safe_load(text), "drawing") == drawing


def test_a_choice_in_digits_needs_no_quotes() -> None:
    """YAML reads 45 as a number; where the text is one of the choices it is meant. Another number,
    and true, are not.
    """
    assert load(Square, {"name": "square", "side": 1, "corners": 45}, "square").corners == "45"
    for wrong in (46, True, 45.0):
        with pytest.raises(SirecError, match="is not a choice"):
            load(Square, {"name": "square", "side": 1, "corners": wrong}, "square")


def test_defaults_can_be_left_out() -> None:
    """The canonical form holds only what departs from a default (control: the full form holds
    all).
    """
    drawing = Drawing(title="x", shapes=(Square(side=2),))
    assert dump(drawing, defaults=False) == {
        "title": "x",
        "shapes": [{"name": "square", "side": 2}],
    }
    assert set(dump(drawing)) == {"title", "shapes", "scale", "is_framed", "tags"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"title": "x", "shaps": []}, "drawing: 'shaps' is not a key"),
        ({}, "drawing: the key 'title' is missing"),
        ({"title": 3}, "drawing.title: expected text, got 3"),
        ({"title": "x", "is_framed": 1}, "drawing.is_framed: expected true or false"),
        ({"title": "x", "scale": True}, "drawing.scale: expected a number"),
        ({"title": "x", "scale": "1e-3"}, "drawing.scale: '1e-3' is text, not a number"),
        ({"title": "x", "shapes": {}}, "drawing.shapes: expected a list"),
        ({"title": "x", "shapes": [{"radius": 1}]}, "drawing.shapes.0: the key 'name' is missing"),
        ({"title": "x", "shapes": [{"name": "oval"}]}, "drawing.shapes.oval: 'oval' is not a name"),
        ({"title": "x", "shapes": ["square"]}, "drawing.shapes.0: the key 'side' is missing"),
        (
            {"title": "x", "shapes": [{"name": "square", "side": 1, "corners": "round"}]},
            "corners: 'round' is not a choice",
        ),
        ({"title": "x", "tags": {"a": "b"}}, "drawing.tags.a: expected a whole number"),
        ([], "drawing: expected a mapping"),
    ],
)
def test_a_mistake_is_named_with_its_path(values: object, message: str) -> None:
    """Nothing is coerced or ignored; the message leads to the place."""
    with pytest.raises(SirecError) as error:
        load(Drawing, values, "drawing")
    assert message in error.value.message


def test_a_path_may_start_anywhere_as_long_as_it_is_clear() -> None:
    """A short path finds its place, a repeated key in a list is set everywhere, an ambiguous one is
    refused.
    """
    tree = {
        "model": {"width": 1, "drop": 1},
        "stages": [{"title": "a", "rate": 1}, {"title": "b", "rate": 1}],
        "drop": {"drop": 2},
    }
    assign(tree, "width", 5, "--set")
    assign(tree, "rate", 7, "--set")
    assign(tree, "stages.b.rate", 9, "--set")
    assert (tree["model"], tree["stages"]) == (
        {"width": 5, "drop": 1},
        [{"title": "a", "rate": 7}, {"title": "b", "rate": 9}],
    )
    with pytest.raises(SirecError, match="the key is ambiguous"):
        assign({"a": {"x": 1}, "b": {"x": 1}}, "x", 2, "--set")
    assert has(tree, "rate")
    assert not has(tree, "rat")


def test_assignments_are_yaml() -> None:
    """Values keep their YAML types; what is no assignment is refused."""
    assert parse_assignments(["a=1", "b=[x, y]", "c=null", "d=0.5"]) == {
        "a": 1,
        "b": ["x", "y"],
        "c": None,
        "d": 0.5,
    }
    with pytest.raises(SirecError, match="expected KEY=VALUE"):
        parse_assignments(["a"])
    with pytest.raises(SirecError, match="is not a YAML value"):
        parse_assignments(["a=[1"])


def test_a_broken_file_is_named_with_its_line(tmp_path: Path) -> None:
    """A syntax error has a file and a line, a missing file a path."""
    (tmp_path / "x.yaml").write_text("a: 1\nb: [1\n")
    with pytest.raises(SirecError, match=r"x\.yaml:\d+: not valid YAML"):
        read_yaml(tmp_path / "x.yaml")
    with pytest.raises(SirecError, match="no such file"):
        read_yaml(tmp_path / "y.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", r"x\.yaml:3: not valid YAML: 'a' is there twice, first in line 1"),
        ("rows:\n  A: {b: 1}\n  A: {b: 2}\n", r"x\.yaml:3: .*'A' is there twice, first in line 2"),
        ("rows: {3: a, '3': b}", r"x\.yaml:1: .*'3' is there twice"),
        ("rows: [{a: 1}, {a: 2, b: [], a: 3}]", r"x\.yaml:1: .*'a' is there twice"),
    ],
)
def test_a_key_that_is_there_twice_is_refused(text: str, message: str, tmp_path: Path) -> None:
    """At every depth, in quotes or without; in different mappings, and over one that is merged
    (controls), it may be.
    """
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(SirecError, match=message):
        read_yaml(tmp_path / "x.yaml")
    (tmp_path / "x.yaml").write_text(
        "a: &a {b: 1, c: 1}\nb: &b {<<: *a, b: 2}\nd: {<<: *b, c: 3}\n"
    )
    assert read_yaml(tmp_path / "x.yaml") == {
        "a": {"b": 1, "c": 1},
        "b": {"b": 2, "c": 1},
        "d": {"b": 2, "c": 3},
    }
    with pytest.raises(SirecError, match="is not a YAML value"):
        parse_assignments(["x={a: 1, a: 2}"])


@dataclass(frozen=True, kw_only=True)
class Keyword:
    with_: int = 0


def test_a_field_called_as_a_keyword_loses_its_underscore() -> None:
    """`with_` is `with` in the text, both ways; the name with the underscore is no key."""
    assert load(Keyword, {"with": 3}, "x") == Keyword(with_=3)
    assert dump(Keyword(with_=3)) == {"with": 3}
    with pytest.raises(SirecError, match="'with_' is not a key"):
        load(Keyword, {"with_": 3}, "x")


def test_a_date_is_text_and_a_folder_is_no_file(tmp_path: Path) -> None:
    """YAML reads 2020-01-01 as a date, which is what was meant; a folder is named as what it is
    not.
    """
    (tmp_path / "drawing.yaml").write_text("title: 2020-01-01")
    assert load(Drawing, read_yaml(tmp_path / "drawing.yaml"), "drawing").title == "2020-01-01"
    with pytest.raises(SirecError, match="cannot be read: Is a directory"):
        read_yaml(tmp_path)
