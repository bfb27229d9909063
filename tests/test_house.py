"""The package stays readable: limits of the figures that `scripts/house.py` computes."""

from __future__ import annotations

from typing import Any

import pytest
from load_script import ROOT, load

house: Any = load("house", "scripts")

SAMPLE = '''\
"""A module."""

Pair = tuple[int, int]
LIMIT = 3


class Table:
    """A table."""

    def render(self, width, height):
        """Draw it, `width` characters wide and `height` lines high."""
        return [x for x in range(width) if x]

    def cell(self, row, column):
        """The value in that row."""
        return [[y for y in range(row)] for x in range(column)]

    def _hidden(self, one, two):
        return one if two else None


class Pair:
    """The same name again."""
'''


@pytest.fixture
def sample() -> Any:
    """The figures of a short module with a fault of every kind."""
    figures = house.Figures()
    house.add_file(figures, "sample.py", SAMPLE + f"LONG = {'1' * 100}\n")
    return figures


def test_a_name_defined_twice_is_found_with_both_places(sample: Any) -> None:
    """Control: an alias and a class of one name; a constant is no such name."""
    assert sample.doubled == {"Pair": ["sample.py:3", "sample.py:22"]}


def test_comprehensions_are_counted_and_nested_ones_named(sample: Any) -> None:
    """Control: three comprehensions, of which one holds another."""
    assert len(sample.comprehensions) == 3
    assert sample.nested == ["sample.py:16"]
    assert sample.conditionals == 1


def test_a_function_is_documented_when_its_docstring_names_every_parameter(sample: Any) -> None:
    """Control: `render` names both, `cell` leaves one out, and a private function is not asked."""
    assert sample.documented == ["sample.py:10 render"]
    assert sample.undocumented == ["sample.py:14 cell"]
    assert sample.documented_rate == 50


def test_a_long_line_is_found(sample: Any) -> None:
    """Control: one line of 107 characters."""
    assert sample.long_lines == ["sample.py:24"]


def test_two_loops_in_one_comprehension_are_nested() -> None:
    """Control: a comprehension with two loops is as hard to read as one inside another."""
    figures = house.Figures()
    house.add_file(figures, "sample.py", "a = [x + y for x in range(3) for y in range(x)]\n")
    assert figures.nested == ["sample.py:1"]


@pytest.fixture(scope="module")
def figures() -> Any:
    """The figures of the package."""
    return house.measure(ROOT / "sirec")


def test_no_public_class_or_alias_name_is_defined_twice(figures: Any) -> None:
    """Two things of one name make a reader open both."""
    assert figures.doubled == {}


def test_lines_have_at_most_a_hundred_characters(figures: Any) -> None:
    """Comments and texts included, which the linter lets pass in some places."""
    assert figures.long_lines == []


def test_comprehensions_are_few_and_never_nested(figures: Any) -> None:
    """At most three per 100 statements; one with two loops counts as nested."""
    assert figures.nested == []
    assert figures.comprehension_rate <= 3


def test_most_docstrings_name_every_parameter(figures: Any) -> None:
    """At least 60 % of the public functions with two or more parameters."""
    assert figures.documented_rate >= 60


def test_files_and_functions_stay_short(figures: Any) -> None:
    """No file over 400 lines, and at most 2 % of functions over 40.

    Only the API may be longer: its public functions stand in one file, and two fifths of that
    file are documentation.
    """
    long = [path for path, lines in figures.file_lengths.items() if lines > 400]
    assert set(long) <= {"sirec/api.py"}
    lengths = figures.function_lengths
    assert sum(length > house.LONG_FUNCTION for length in lengths) <= len(lengths) / 50
