"""Text becomes configuration strictly, and back without loss."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirec.config import dump, load, parse_yaml, to_yaml
from sirec.errors import SirecError
from sirec.models.declaration import Declaration
from sirec.models.sasrec import SASRec
from sirec.objectives.base import ObjectiveConfig


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
    assert load(Drawing, parse_yaml(text), "drawing") == drawing


def test_a_choice_in_digits_needs_no_quotes() -> None:
    """YAML reads 45 as a number, which is the choice '45'; another number and `true` are none."""
    assert load(Square, {"name": "square", "side": 1, "corners": 45}, "square").corners == "45"
    for wrong in (46, True, 45.0):
        with pytest.raises(SirecError, match="is not a choice"):
            load(Square, {"name": "square", "side": 1, "corners": wrong}, "square")


def test_defaults_can_be_left_out() -> None:
    """The short form has the keys that depart from their defaults, the full form (control) all."""
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
    """Nothing is converted or ignored, and the message has the path."""
    with pytest.raises(SirecError) as error:
        load(Drawing, values, "drawing")
    assert message in error.value.message


@dataclass(frozen=True, kw_only=True)
class Keyword:
    with_: int = 0


def test_the_key_of_a_field_called_as_a_keyword_has_no_underscore() -> None:
    """`with_` is `with` in the text, both ways; the name with the underscore is no key."""
    assert load(Keyword, {"with": 3}, "x") == Keyword(with_=3)
    assert dump(Keyword(with_=3)) == {"with": 3}
    with pytest.raises(SirecError, match="'with_' is not a key"):
        load(Keyword, {"with_": 3}, "x")


def test_a_date_is_text() -> None:
    """YAML reads 2020-01-01 as a date, where the text was meant."""
    assert load(Drawing, parse_yaml("title: 2020-01-01"), "drawing").title == "2020-01-01"


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("head", 2, "did you mean 'heads'?"),
        ("head", "no", None),
        ("heads", True, "did you mean 'head'?"),
    ],
)
def test_a_value_of_another_type_may_be_meant_for_a_similar_key(
    key: str, value: object, hint: str | None
) -> None:
    """`head: 2` is refused and leads to `heads`; a value that fits no similar key has no hint."""
    with pytest.raises(SirecError, match=f"run.model.{key}: expected") as error:
        load(Trained, {"model": {"name": "sasrec", key: value}}, "run")
    assert error.value.hint == hint


@dataclass(frozen=True, kw_only=True)
class Trained:
    model: Declaration
    objectives: tuple[ObjectiveConfig, ...] = ()


@pytest.mark.parametrize(
    ("values", "message", "hint"),
    [
        (
            {"model": "sasrek"},
            "run.model: 'sasrek' is not a model",
            "did you mean 'sasrec'? models:",
        ),
        ({"model": {"heads": 2}}, "run.model: the key 'name' is missing", "models: "),
        (
            {"model": "sasrec", "objectives": [{"name": "itm"}]},
            "run.objectives.itm: 'itm' is not an objective",
            "did you mean 'item'? objectives:",
        ),
    ],
)
def test_a_name_of_an_open_kind_is_refused_with_its_kind(
    values: object, message: str, hint: str
) -> None:
    """The message says what the name should have been a name of; a right one (control) loads."""
    assert load(Trained, {"model": "sasrec", "objectives": ["item"]}, "run").model == SASRec()
    with pytest.raises(SirecError) as error:
        load(Trained, values, "run")
    assert error.value.message == message
    assert str(error.value.hint).startswith(hint)
