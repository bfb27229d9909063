"""The generated data set: every structure that its docstring plants can be counted, and shuffling
takes it away.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.base import RawData
from sirec.data.sources.demo import DEPARTMENTS, DemoSource
from sirec.errors import SirecError

DATA = DemoSource().read()
SHUFFLED = DemoSource(shuffle_attributes=True).read()


def following(raw: RawData, attribute: str) -> pd.DataFrame:
    """Rows (before, last, next) of each user's consecutive items, by the first listed value of an
    attribute.
    """
    value = raw.attributes[attribute].drop_duplicates("item").set_index("item")["value"]
    table = raw.interactions.assign(next=raw.interactions["item"].map(value))
    by_user = table.groupby("user")["next"]
    return table.assign(last=by_user.shift(1), before=by_user.shift(2)).dropna()


def agreement(raw: RawData) -> float:
    """How often the next brand is the last one, over how often it would be by chance."""
    rows = following(raw, "brand")
    chance = (
        rows["next"].value_counts(normalize=True) * rows["last"].value_counts(normalize=True)
    ).sum()
    return float((rows["next"] == rows["last"]).mean() / chance)


def best_guess(rows: pd.DataFrame, given: list[str]) -> float:
    """Share of rows whose next value is the commonest one after what is given."""
    return float(
        rows.groupby(given)["next"].agg(lambda values: values.value_counts().iloc[0]).sum()
        / len(rows)
    )


def test_brands_persist() -> None:
    """The last brand predicts the next one far better than chance, unless attributes are
    shuffled.
    """
    assert agreement(DATA) > 3
    assert agreement(SHUFFLED) < agreement(DATA) / 2


def test_order_matters() -> None:
    """The ordered pair of departments says more of the next one than the last alone, and than the
    unordered pair.
    """
    rows = following(DATA, "category")
    rows = rows[rows["before"] != rows["last"]]
    pair = np.sort(rows[["before", "last"]].to_numpy(dtype=str), axis=1)
    rows = rows.assign(one=pair[:, 0], other=pair[:, 1])
    ordered, unordered, last = (
        best_guess(rows, ["before", "last"]),
        best_guess(rows, ["one", "other"]),
        best_guess(rows, ["last"]),
    )
    assert ordered > unordered + 0.1
    assert ordered > last + 0.1
    shuffled = following(
        SHUFFLED, "category"
    )  # the control: without the right departments the order says nothing
    assert best_guess(shuffled, ["before", "last"]) < best_guess(shuffled, ["last"]) + 0.06


def test_pairs_of_departments_have_distinct_successors() -> None:
    """The rule itself: the two orders of two departments never lead to the same one."""
    count = len(DEPARTMENTS)
    assert all((x + 2 * y) % count != (y + 2 * x) % count for x in range(count) for y in range(x))


def test_partners_follow() -> None:
    """Some item-to-item transitions are far more common than their items' frequency says, yet most
    occur once.
    """
    table = DATA.interactions
    pairs = pd.DataFrame(
        {"last": table.groupby("user")["item"].shift(1), "next": table["item"]}
    ).dropna()
    counts = pairs.value_counts()
    assert counts.iloc[0] >= 8
    assert (counts == 1).mean() > 0.7


def test_size_and_shape() -> None:
    """The default is about 2,500 users and 800 items, short histories, a long tail, and some
    ties.
    """
    prepared = prepare(DATA, "demo")
    found = prepared.statistics
    assert found.users > 2_450
    assert found.items > 770
    assert 6 <= found.median_length <= 8
    assert 5 <= int(prepared.dataset.lengths.min()) <= int(prepared.dataset.lengths.max()) <= 40
    assert 0.02 < (found.tied_last_pairs or 0) < 0.2
    frequency = prepared.dataset.items.bincount()[1:].sort(descending=True).values
    assert frequency[: len(frequency) // 5].sum() > 0.4 * frequency.sum()
    coverage = {entry.name: entry for entry in found.attributes}
    assert coverage["brand"].values == 40
    assert 0.85 < coverage["brand"].items / found.items < 0.95
    assert 2 < coverage["category"].mean < 3
    assert prepared.dataset.vocabularies["rating"] == ["", "1", "2", "3", "4", "5"]


def test_titles_can_be_read() -> None:
    """A title is brand, shelf and number."""
    assert DATA.titles is not None
    assert all(re.fullmatch(r"(Brand \d+ )?[a-z -]+ \d+", title) for title in DATA.titles["title"])


def test_equal_options_give_equal_data() -> None:
    """The generator depends on its options only; another seed is another data set."""
    first, second = DemoSource(users=60, items=40).read(), DemoSource(users=60, items=40).read()
    assert first.interactions.equals(second.interactions)
    assert first.attributes["brand"].equals(second.attributes["brand"])
    assert not first.interactions.equals(DemoSource(users=60, items=40, seed=1).read().interactions)


def test_shuffling_moves_attributes_only() -> None:
    """Shuffled attributes leave interactions and the number of each value as they were."""
    assert SHUFFLED.interactions.equals(DATA.interactions)
    for name, table in DATA.attributes.items():
        other = SHUFFLED.attributes[name]
        assert (
            other["value"]
            .value_counts()
            .sort_index()
            .equals(table["value"].value_counts().sort_index())
        )
        assert not other.equals(table)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"items": 27}, "at least 28 items, got 27"), ({"users": 0}, "users must be from 1")],
)
def test_too_small(options: dict[str, Any], message: str) -> None:
    """A size at which the structure cannot exist is refused; the smallest allowed one works."""
    DemoSource(users=1, items=28).read()
    with pytest.raises(SirecError, match=message):
        DemoSource(**options)


def test_decoys_leave_everything_else_as_it_is() -> None:
    """The same interactions, brands and categories; without decoys, the same data set as ever."""
    decoyed = DemoSource(decoys=True).read()
    assert decoyed.interactions.drop(columns="weather").equals(DATA.interactions)
    for name, table in DATA.attributes.items():
        assert decoyed.attributes[name].equals(table)
    assert prepare(DATA, "demo").dataset.fingerprint() == "67c37ad02379067e"
    assert "decoys" not in DATA.source
    assert decoyed.source["decoys"] == "True"


def test_decoys_say_nothing_of_what_is_next() -> None:
    """The last colour predicts the next one as chance does; the last brand (control) far better."""
    decoyed = DemoSource(decoys=True).read()
    rows = following(decoyed, "colour")
    chance = (rows["next"].value_counts(normalize=True) ** 2).sum()
    assert (rows["next"] == rows["last"]).mean() / chance == pytest.approx(1, abs=0.1)
    assert agreement(decoyed) > 1.5
    weather = decoyed.interactions["weather"]
    assert sorted(weather.unique()) == ["clouds", "rain", "snow", "sun", "wind"]
    ratings = pd.crosstab(weather, decoyed.interactions["rating"], normalize="index")
    assert (ratings.max() - ratings.min()).max() < 0.05
