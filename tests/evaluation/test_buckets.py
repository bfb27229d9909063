"""Every ranked user is in one bin, the one that holds its value; small bins join, and it is
said.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirec.errors import SirecError
from sirec.evaluation.user_groups import (
    GROUPINGS,
    LENGTH,
    POPULARITY,
    SEEN,
    Grouping,
    fill,
    with_ends,
)

ENDS = st.lists(st.integers(0, 30), min_size=1, max_size=6, unique=True).map(
    lambda ends: tuple(sorted(ends))
)
VALUES = st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1, max_size=60)


@given(ends=ENDS, users=VALUES, minimum=st.integers(1, 20))
def test_each_ranked_user_is_in_the_bin_of_its_value(
    ends: tuple[int, ...], users: list[tuple[int, bool]], minimum: int
) -> None:
    """Bins are right-closed, in order and apart; users without a target are in none; only a lone
    bin is small.
    """
    values, ranked = (np.array(column) for column in zip(*users, strict=True))
    found = fill(Grouping("x", "x", "x", ends), values, ranked, minimum)
    assert np.array_equal(
        sum((bucket.users.astype(int) for bucket in found.buckets), np.zeros(len(users))),
        ranked.astype(int),
    )
    limits = [-1, *ends, 10**9]
    for bucket in found.buckets:
        low, high = values[bucket.users].min(), values[bucket.users].max()
        first = next(place for place, end in enumerate(limits[1:]) if low <= end)
        last = next(place for place, end in enumerate(limits[1:]) if high <= end)
        inside = (values > limits[first]) & (values <= limits[last + 1]) & ranked
        assert np.array_equal(inside, bucket.users)
        assert bucket.size >= minimum or len(found.buckets) == 1
    highest = [values[bucket.users].max() for bucket in found.buckets]
    assert highest == sorted(highest)
    if minimum == 1:
        assert not found.joined


def test_a_small_bin_joins_its_smaller_neighbour() -> None:
    """The smallest of 90, 5, 40 and 30 users goes to the 40, not to the 90, with sizes in the
    remark; large bins stay.
    """
    values = np.repeat([1, 7, 15, 99], [90, 5, 40, 30])
    everybody = np.ones(len(values), dtype=bool)
    found = fill(POPULARITY, values, everybody, 20)
    assert [(bucket.label, bucket.size) for bucket in found.buckets] == [
        ("0–5", 90),
        ("6–20", 45),
        (">50", 30),
    ]
    assert found.joined == ("6–10 (5) and 11–20 (40) are one bin",)
    alone = fill(POPULARITY, values, everybody, 5)  # control
    assert [bucket.label for bucket in alone.buckets] == ["0–5", "6–10", "11–20", ">50"]
    assert not alone.joined
    assert [bucket.size for bucket in fill(POPULARITY, values, everybody, 1000).buckets] == [165]


def test_bins_are_called_by_what_they_hold() -> None:
    """Ranges, single values, the open end and names; a bin that nobody is in is left out without a
    word.
    """
    lengths = fill(LENGTH, np.array([5, 6, 7, 8, 30]), np.ones(5, dtype=bool), 1)
    assert [bucket.label for bucket in lengths.buckets] == ["5", "6–7", "8–10", ">20"]
    assert not lengths.joined
    assert fill(LENGTH, np.array([3, 5]), np.ones(2, dtype=bool), 1).buckets[0].label == "1–4"
    seen = fill(SEEN, np.array([0, 1, 1]), np.ones(3, dtype=bool), 1)
    assert [(bucket.label, bucket.size) for bucket in seen.buckets] == [
        ("new to the user", 1),
        ("had before", 2),
    ]
    assert (
        fill(SEEN, np.array([0, 1, 1]), np.ones(3, dtype=bool), 2).buckets[0].label
        == "new to the user or had before"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("popularity=5,10,8", "5,10,8: they overlap"),
        ("popularity=5,5,10", "5,5,10: they overlap"),
        ("length=0,5", "length: 0,5: they overlap or hold nothing"),
        ("popularity=0-5,5-10", "expected whole numbers, the last value of each bin"),
        ("popularity", "expected whole numbers"),
        ("populrity=5", "'populrity' is not a grouping"),
        ("seen=0,1", "new to the user and had before, no numbers"),
    ],
)
def test_bins_that_are_none_are_refused(text: str, message: str) -> None:
    """Ends that do not rise overlap; anything but whole numbers is no end; names have as many bins
    as they are.
    """
    with pytest.raises(SirecError, match=message):
        with_ends([text])


def test_other_bins_take_the_place_of_the_declared() -> None:
    """What is not named stays as declared."""
    groupings = with_ends(["length=7,20"])
    assert groupings["length"].ends == (7, 20)
    assert groupings["popularity"] == GROUPINGS["popularity"]
    with pytest.raises(SirecError, match="minimum must be from 1 to"):
        fill(POPULARITY, np.array([1]), np.array([True]), 0)
