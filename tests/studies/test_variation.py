"""What is asked for over an experiment file makes another study, with a name of its own."""

from __future__ import annotations

import pytest

from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.overrides import Variation
from sirec.studies.spec.row import RowPlan

PLAN = Experiment(
    title="t",
    rows={"A": RowPlan(model="comif", set={"heads": 2})},
    datasets=("beauty",),
    set={"layers": 2},
    notes_on={"beauty": ("brands are few",)},
    unavailable={"yelp": "no licence"},
)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (Variation(), "x"),
        (
            Variation(
                data="beauty", seeds=(0,), protocol="comif", profile="intended", set={"layers": 2}
            ),
            "x",
        ),
        (Variation(data="ml-100k"), "x_on_ml-100k"),
        (Variation(seeds=(0, 1, 2)), "x_seeds_0-1-2"),
        (Variation(protocol="difsr", profile="published"), "x_difsr_published"),
        (
            Variation(set={"data.attributes": ["brand", "category"]}),
            "x_data.attributes_brand-category",
        ),
        (Variation(data="toys", set={"layers": 3, "width": 64}), "x_on_toys_layers_3_width_64"),
    ],
)
def test_only_what_differs_from_the_file_is_in_the_name(asked: Variation, name: str) -> None:
    """The file's own study keeps its name and is unchanged; every other one has its own."""
    assert asked.name("x", PLAN) == name
    assert (asked.apply(PLAN) == PLAN) == (name == "x")


def test_many_settings_are_told_by_digits() -> None:
    """A name stays short, and two lists of settings do not share it."""
    settings = {"width": 8, "inner": 8, "epochs": 2, "budget": 64}
    name, other = (
        Variation(set={**settings, "epochs": epochs}).name("x", PLAN) for epochs in (2, 3)
    )
    assert name.startswith("x_set_")
    assert name != other
    assert len(name) < 20


def test_settings_join_what_rows_share() -> None:
    """Over the file's shared ones, below a row's own; what is said of a data set goes with it."""
    asked = Variation(data="toys", set={"layers": 3, "heads": 8}).apply(PLAN)
    assert asked.set == {"layers": 3, "heads": 8}
    assert asked.rows == PLAN.rows
    assert (asked.unavailable, Variation(seeds=(1,)).apply(PLAN).unavailable) == (
        {},
        {"yelp": "no licence"},
    )
