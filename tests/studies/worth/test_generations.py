"""Trained generations of a shrunken demo: planted fields are found, decoys are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from load_script import load
from scipy.stats import binom

from sirec.report.table import Cell
from sirec.studies.worth.effects import SIGNIFICANCE

script = load("worth_generations")
chance_of, study, value_of = script.chance_of, script.study, script.value_of
GENERATIONS = 4
ALARMS, LUCK = 0.015, 0.01  # chance of a false alarm, and of passing though nothing is found


def most_by_chance(probability: float) -> int:
    """How many generations have a mistake, but for this probability, if 5 % of them do.

    Holm's correction over the fields of a generation keeps the chance of any mistake in it at or
    below `SIGNIFICANCE`; generations are independent.
    """
    return int(binom.isf(probability, GENERATIONS, SIGNIFICANCE))


@pytest.mark.slow
def test_planted_fields_are_found_and_decoys_are_not(tmp_path: Path) -> None:
    """A decoy is called useful or harmful, or a planted field harmful, in no more generations than
    chance leaves in 98 of 100 such tests. Categories, which carry the most, are worth more over all
    generations than chance would give in 1 of 100: three seeds alone find them in about every
    second one.
    """
    found = [study(number, tmp_path) for number in range(GENERATIONS)]
    mistaken = [generation.mistakes() for generation in found]
    assert len(list(filter(None, mistaken))) <= most_by_chance(ALARMS), mistaken
    values = [value_of(generation.cells["category"]) for generation in found]
    assert chance_of(values) <= LUCK, values


def test_the_limits_follow_from_the_level() -> None:
    """Of four generations one may be mistaken. Controls: a decoy and a harmful field are mistakes;
    values of both signs are no discovery.
    """
    assert most_by_chance(ALARMS) == 1
    assert binom.sf(most_by_chance(ALARMS), GENERATIONS, SIGNIFICANCE) <= ALARMS
    marked = {"colour": Cell(9.0, mark="*"), "brand": Cell(-9.0, mark="*")}
    fine = {"category": Cell(9.0, mark="*"), "rating": Cell(-9.0), "weather": Cell(9.0)}
    assert script.Generation(0, marked | fine).mistakes() == ["colour", "brand"]
    assert script.Generation(0, fine).mistakes() == []
    assert chance_of([20.0, 30.0, 25.0, 35.0]) <= LUCK < chance_of([30.0, -20.0, 25.0, 5.0])
