"""Dotted paths into a dumped configuration."""

from __future__ import annotations

from typing import Any

import pytest

from sirec.config import assign, dump, has, overlap, parse_assignments
from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.run.config import resolve


def drawn() -> dict[str, Any]:
    """A tree with a key in two elements of a list, and one in two mappings."""
    return {
        "model": {"width": 1, "drop": 1},
        "stages": [{"title": "a", "rate": 1}, {"title": "b", "rate": 1}],
        "drop": {"drop": 2},
    }


def test_a_path_may_leave_out_its_first_steps() -> None:
    """A key of every stage is set in all of them, a longer path (control) in one."""
    tree = drawn()
    assign(tree, "width", 5, "--set")
    assign(tree, "rate", 7, "--set")
    assign(tree, "stages.b.rate", 9, "--set")
    assert tree["model"] == {"width": 5, "drop": 1}
    assert tree["stages"] == [{"title": "a", "rate": 7}, {"title": "b", "rate": 9}]
    assert has(tree, "rate")
    assert not has(tree, "rat")


def test_a_path_that_means_two_keys_is_refused() -> None:
    """The message lists both; a path from the root (control) is clear."""
    tree = {"a": {"x": 1}, "b": {"x": 1}}
    with pytest.raises(SirecError, match="--set x: the key is ambiguous") as error:
        assign(tree, "x", 2, "--set")
    assert error.value.hint == "say one of: a.x, b.x"
    assign(tree, "a.x", 2, "--set")
    assert tree == {"a": {"x": 2}, "b": {"x": 1}}


def test_paths_overlap_however_they_are_written() -> None:
    """A short path and a long one have a value in common, two stages (control) have none."""
    assert overlap(drawn(), "rate", "stages.a.rate")
    assert overlap(drawn(), "model.width", "width")
    assert not overlap(drawn(), "stages.a.rate", "stages.b.rate")


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("layer", "layers"),
        ("model.layer", "model.layers"),
        ("stages.train.learning_rat", "stages.train.learning_rate"),
        ("upa.wieght", "upa.weight"),
    ],
)
def test_an_unknown_path_is_answered_with_the_nearest(
    tiny: Dataset, path: str, nearest: str
) -> None:
    """The nearest has as many steps as were written; with it (control) the value is set."""
    tree = dump(resolve("comif", tiny))
    with pytest.raises(SirecError, match=f"--set: '{path}' is not a key") as error:
        assign(tree, path, 2, "--set")
    assert str(error.value.hint).startswith(f"did you mean '{nearest}'?")
    assign(tree, nearest, 2, "--set")


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
    for wrong in ("a=[1", "x={a: 1, a: 2}"):
        with pytest.raises(SirecError, match="is not a YAML value"):
            parse_assignments([wrong])


@pytest.mark.parametrize(
    ("model", "path", "value", "nearest"),
    [
        ("sasrec", "head", 2, "heads"),
        ("sasrec", "hed", 2, "heads"),
        ("sasrec", "model.head", 2, "model.heads"),
        ("sasrec", "heads", True, "head"),
        ("sasrec", "hed", True, "head"),
    ],
)
def test_a_value_of_another_type_leads_to_the_key_that_was_meant(
    tiny: Dataset, model: str, path: str, value: object, nearest: str
) -> None:
    """Whether the path that was written is a key or not; control: `head=true` is set."""
    tree = dump(resolve(model, tiny))
    assign(tree, "head", True, "--set")
    with pytest.raises(SirecError) as error:
        assign(tree, path, value, "--set")
    assert str(error.value.hint).startswith(f"did you mean '{nearest}'?")
    assign(tree, nearest, value, "--set")
