"""Trained generations of a shrunken demo: planted fields are found, decoys are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from scipy.stats import binom

import sirec
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage
from sirec.studies.worth.effects import SIGNIFICANCE

GENERATIONS = 4
ALARMS, LUCK = 0.015, 0.001  # chance of a false alarm, and of passing though nothing is found
DECOYS = ("colour", "weather")
SMALL = {
    "model.width": 24,
    "model.layers": 1,
    "model.inner": 24,
    "model.dropout": 0.2,
    "epochs": 12,
    "patience": 12,
    "learning_rate": 0.006,
}


def verdicts(folder: Path, generation: int) -> dict[str, float]:
    """Field -> worth in customers of 1,000 where it is significant, else 0."""
    name = f"generation{generation}"
    source = DemoSource(users=600, items=150, seed=100 + generation, decoys=True)
    storage.write(folder / "data", prepare(source.read(), name))
    drawn = sirec.worth(
        name,
        quick=True,
        seeds=[0, 1, 2],
        set=SMALL,
        results=folder / "results",
        data_root=folder / "data",
    )
    found: dict[str, float] = {}
    for row in drawn.comparison.tables[0].rows:
        cell = row.cells[0]
        assert isinstance(cell.value, float)
        found[row.label] = cell.value if cell.mark else 0.0
    return found


def most_by_chance(probability: float) -> int:
    """How many generations have a mistake, but for this probability, if 5 % of them do.

    Holm's correction over the fields of a generation keeps the chance of any mistake in it at or
    below `SIGNIFICANCE`; generations are independent.
    """
    return int(binom.isf(probability, GENERATIONS, SIGNIFICANCE))


@pytest.mark.slow
def test_planted_fields_are_found_and_decoys_are_not(tmp_path: Path) -> None:
    """A decoy is called useful or harmful, or a planted field harmful, in no more generations than
    chance leaves in 98 of 100 such tests. Categories, which carry the most, are found in more
    generations than chance would give in 1 of 1,000.
    """
    found = [verdicts(tmp_path, generation) for generation in range(GENERATIONS)]
    mistaken, discovered = 0, 0
    for generation in found:
        decoys = [generation[name] for name in DECOYS if generation[name]]
        harmful = [worth for worth in generation.values() if worth < 0]
        mistaken += bool(decoys or harmful)
        discovered += generation["category"] > 0
    assert mistaken <= most_by_chance(ALARMS), found
    assert discovered > most_by_chance(LUCK), found


def test_the_limits_follow_from_the_level() -> None:
    """Control: of four generations one may be mistaken, and three or more have to find it."""
    assert (most_by_chance(ALARMS), most_by_chance(LUCK)) == (1, 2)
    assert binom.sf(most_by_chance(ALARMS), GENERATIONS, SIGNIFICANCE) <= 0.015
    assert binom.sf(most_by_chance(LUCK), GENERATIONS, SIGNIFICANCE) <= LUCK
