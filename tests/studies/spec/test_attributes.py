"""Attributes are chosen among those that a data set has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sirec.data.dataset import Dataset
from sirec.studies.spec.attributes import NoAttributeError, are_as_named, choose

CHOICES = ("brand|city|*", "category|categories|*")


def with_attributes(data: Dataset, *names: str) -> Dataset:
    """The same data with these names of attributes, and no more attributes than names."""
    attributes = [field for field in data.fields if field.kind == "attribute"]
    renamed = []
    for field, name in zip(attributes, names, strict=False):
        renamed.append(replace(field, name=name))
    return replace(data, fields=tuple(renamed))


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (("brand", "category"), ("brand", "category")),
        (("categories", "city"), ("city", "categories")),
        (("genre", "year"), ("genre", "year")),
        (("category", "year"), ("year", "category")),
    ],
)
def test_named_attributes_are_preferred_to_any(
    tiny: Dataset, names: tuple[str, str], chosen: tuple[str, str]
) -> None:
    """A star takes an attribute that no other choice names."""
    assert choose(CHOICES, with_attributes(tiny, *names)) == chosen
    assert choose(None, with_attributes(tiny, *names)) is None


@pytest.mark.parametrize(
    ("choices", "reason", "wanted"),
    [
        (CHOICES, "tiny has no category or categories", ("brand", "category")),
        (("genre",), "tiny has no genre", ("genre",)),
        (("brand", "*"), "tiny has no attribute", ("brand", "another attribute")),
    ],
)
def test_a_choice_without_an_attribute_says_what_is_lacking(
    tiny: Dataset, choices: tuple[str, ...], reason: str, wanted: tuple[str, ...]
) -> None:
    """The error has the reason and the preferred names; the brand alone (control) is there."""
    data = with_attributes(tiny, "brand")
    assert choose(("brand",), data) == ("brand",)
    with pytest.raises(NoAttributeError) as error:
        choose(choices, data)
    assert (error.value.reason, error.value.wanted) == (reason, wanted)


def test_attributes_are_as_named_where_no_star_was_needed() -> None:
    """The names of a choice are what a paper had; another attribute in its place is not."""
    assert are_as_named(CHOICES, ("brand", "category"))
    assert are_as_named(CHOICES, ("city", "categories"))
    assert are_as_named(None, ())
    assert not are_as_named(CHOICES, ("brand", "year"))
