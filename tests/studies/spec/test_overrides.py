"""An experiment file with other data, seeds or settings is another study, under its own name."""

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
    search={"dropout": (0.1, 0.2), "epochs": (1, 2)},
    notes_on={"beauty": ("brands are few",)},
    unavailable={"yelp": "no licence"},
)
SAME = Variation(data="beauty", seeds=(0,), protocol="comif", profile="intended", set={"layers": 2})
ATTRIBUTES = Variation(set={"data.attributes": ["brand", "category"]})


@pytest.mark.parametrize(
    ("variation", "name"),
    [
        (Variation(), "x"),
        (SAME, "x"),
        (Variation(data="ml-100k"), "x_on_ml-100k"),
        (Variation(seeds=(0, 1, 2)), "x_seeds_0-1-2"),
        (Variation(protocol="difsr", profile="published"), "x_difsr_published"),
        (ATTRIBUTES, "x_data.attributes_brand-category"),
        (Variation(data="toys", set={"layers": 3, "width": 64}), "x_on_toys_layers_3_width_64"),
    ],
)
def test_a_name_has_what_differs_from_the_file(variation: Variation, name: str) -> None:
    """A variation that changes nothing gives the file's own experiment and its name."""
    assert variation.name("x", PLAN) == name
    assert (variation.apply(PLAN) == PLAN) == (name == "x")


def test_a_name_has_a_digest_of_many_settings() -> None:
    """The name stays short, and two lists of settings do not share it."""
    settings = {"width": 8, "inner": 8, "epochs": 2, "budget": 64}
    name = Variation(set=settings).name("x", PLAN)
    other = Variation(set={**settings, "epochs": 3}).name("x", PLAN)
    assert name.startswith("x_set_")
    assert name != other
    assert len(name) < 20


def test_settings_join_those_that_rows_share() -> None:
    """They replace the file's shared settings, and leave a row's own as they are."""
    varied = Variation(set={"layers": 3, "heads": 8}).apply(PLAN)
    assert varied.set == {"layers": 3, "heads": 8}
    assert varied.rows == PLAN.rows


def test_what_is_set_is_not_searched() -> None:
    """The other searched key (control) still is."""
    varied = Variation(set={"dropout": 0.3}).apply(PLAN)
    assert varied.search == {"epochs": (1, 2)}


def test_other_data_are_not_said_to_be_unavailable() -> None:
    """Notes on missing data sets go with the file's data sets; other seeds (control) keep them."""
    assert Variation(data="toys").apply(PLAN).unavailable == {}
    assert Variation(seeds=(1,)).apply(PLAN).unavailable == {"yelp": "no licence"}
