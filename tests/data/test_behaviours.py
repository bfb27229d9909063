"""Behaviours become codes: the values that occur, declared bins, or the gap to the interaction
before.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirec.data.prepare.behaviours import code_behaviour, code_gaps, code_spans
from sirec.data.prepare.bins import Bins
from sirec.data.prepare.pipeline import PrepareOptions, prepare
from sirec.data.sources.base import RawData
from sirec.errors import SirecError

HOUR, DAY = 3_600, 86_400


@given(
    st.lists(st.integers(-50, 50), min_size=1, max_size=6, unique=True),
    st.lists(st.floats(-60, 60), min_size=1),
)
def test_bins_are_half_open_intervals(edges: list[int], numbers: list[float]) -> None:
    """A number's bin is the count of edges that are not above it; a naive loop says so too."""
    edges.sort()
    codes = Bins("price", ",".join(map(str, edges))).code(np.array(numbers))
    assert codes.tolist() == [sum(edge <= number for edge in edges) for number in numbers]


def test_bins_have_names_and_all_have_codes() -> None:
    """Equal declarations give equal vocabularies, whatever occurs."""
    codes, names = code_behaviour("price", np.array([15.0, 99.0]), Bins("price", "10, 20,50"))
    assert names == ["", "below 10", "10 to 20", "20 to 50", "50 and more"]
    assert codes.tolist() == [2, 4]


def test_edges_of_time_have_units() -> None:
    """1h is 3,600 seconds, 2w fourteen days."""
    assert Bins("gap", "30s,5m,1h,1d,2w").edges == [30, 300, HOUR, DAY, 14 * DAY]


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        ("10,ten", "'ten' is not an edge"),
        ("", "'' is not an edge"),
        ("20,10", "must ascend"),
        ("1h,60m", "must ascend"),
        ("10,10", "must ascend"),
    ],
)
def test_what_is_no_list_of_edges_is_refused(declaration: str, message: str) -> None:
    """The field and the edge are named, already where options are built."""
    with pytest.raises(SirecError, match=message) as caught:
        PrepareOptions(bins={"price": declaration})
    assert "bins of price" in caught.value.message


def test_values_without_bins_are_coded_in_ascending_order() -> None:
    """Numbers by size and not by their digits, texts by alphabet."""
    codes, names = code_behaviour("rating", np.array([10.0, 9.5, 10.0]), None)
    assert (codes.tolist(), names) == ([2, 1, 2], ["", "9.5", "10"])
    assert code_behaviour("price", np.array([1234567.0, 1234567.5]), None)[1] == [
        "",
        "1234567.0",
        "1234567.5",
    ]
    codes, names = code_behaviour("device", np.array(["tv", "app"], dtype=object), None)
    assert (codes.tolist(), names) == ([2, 1], ["", "app", "tv"])


def test_measurements_need_bins() -> None:
    """Thousands of distinct numbers are refused, with edges to try; texts as many are not."""
    numbers = np.arange(2_000) / 7
    with pytest.raises(SirecError, match="2,000 distinct numbers") as caught:
        code_behaviour("price", numbers, None)
    assert "--bins price=" in (caught.value.hint or "")
    assert len(code_behaviour("price", numbers, Bins("price", "10"))[1]) == 3  # the control
    names = np.array([f"query {number}" for number in range(2_000)], dtype=object)
    assert len(code_behaviour("query", names, None)[1]) == 2_001
    texts = numbers.astype(str).astype(object)
    assert len(code_behaviour("query", texts, None, is_name=True)[1]) == 2_001
    with pytest.raises(SirecError, match="distinct numbers"):
        code_behaviour("query", texts, None)


def test_texts_have_no_bins() -> None:
    """Bins of a text are a mistake, not a guess."""
    with pytest.raises(SirecError, match="no numbers, for example 'tv'"):
        code_behaviour("device", np.array(["tv"], dtype=object), Bins("device", "1"))


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 10 * DAY)), min_size=1, max_size=40))
def test_gaps_are_those_of_a_loop(rows: list[tuple[int, int]]) -> None:
    """The first interaction of a user has a code of its own; the others that of the time since the
    one before.
    """
    rows.sort()
    users, times = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    codes, names = code_gaps(users, times, 1, Bins("gap", "1h,1d"))
    before: dict[int, int] = {}
    expected = []
    for user, time in rows:
        gap = None if user not in before else time - before[user]
        expected.append(
            "first"
            if gap is None
            else "below 1h"
            if gap < HOUR
            else "1h to 1d"
            if gap < DAY
            else "1d and more"
        )
        before[user] = time
    assert [names[code] for code in codes] == expected


@given(st.lists(st.integers(-10 * DAY, 300 * DAY), min_size=1, max_size=40), st.integers(1, 50))
def test_spans_are_those_of_a_loop(stretch: list[int], days: int) -> None:
    """Whole intervals since the earliest time, which begins the first; the order of rows does not
    matter.
    """
    times = np.array(stretch, dtype=np.int64)
    bins = Bins("span", f"{days}d")
    codes, names = code_spans(np.zeros_like(times), times, 1, bins)
    expected = [int((time - min(stretch)) / DAY / days) + 1 for time in stretch]
    assert codes.tolist() == expected
    assert len(names) == max(expected) + 1
    again, _ = code_spans(np.zeros_like(times), times[::-1], 1, bins)
    assert again.tolist() == expected[::-1]
    finer, _ = code_spans(np.zeros_like(times), times * 1_000, 1_000, bins)
    assert finer.tolist() == expected


@pytest.mark.parametrize("declared", ["1d,7d", "8q", "0d", "-1d"])
def test_a_span_is_one_length(declared: str) -> None:
    """Neither several edges nor quantiles, and nothing that does not advance."""
    times = np.array([0, DAY], dtype=np.int64)
    with pytest.raises(SirecError, match="expected one length of time"):
        code_spans(times, times, 1, Bins("span", declared))


def test_spans_are_at_most_as_many_as_can_be_learned() -> None:
    """Intervals of a second over a year are refused."""
    times = np.array([0, 365 * DAY], dtype=np.int64)
    with pytest.raises(SirecError, match="31,536,001 intervals"):
        code_spans(times, times, 1, Bins("span", "1s"))


def test_a_span_is_a_behaviour_only_where_it_is_declared() -> None:
    """It needs bins and timestamps, and does not replace a column of that name."""
    times: list[object] = [2 * DAY, 0, DAY, 5, 6, 6]
    options = PrepareOptions(core=0, bins={"span": "1d"})
    data = prepare(raw_of(timestamp=times), "shop", options).dataset
    assert data.behaviours["span"].tolist() == [1, 2, 3, 1, 1, 1]
    assert data.vocabularies["span"][1:] == [
        "1970-01-01 00:00",
        "1970-01-02 00:00",
        "1970-01-03 00:00",
    ]
    with pytest.raises(SirecError, match="'span' is not a behaviour"):
        prepare(raw_of(), "shop", options)
    with pytest.raises(SirecError, match="bins of span: each makes none"):
        prepare(raw_of(timestamp=times), "shop", PrepareOptions(core=0, bins={"span": "each"}))
    own = prepare(
        raw_of(span=[1.0, 2, 3, 4, 5, 6], timestamp=times),
        "shop",
        PrepareOptions(core=0, bins={"span": "3"}),
    ).dataset
    assert own.vocabularies["span"] == ["", "below 3", "3 and more"]


def raw_of(**columns: list[object]) -> RawData:
    return RawData(pd.DataFrame({"user": ["a"] * 3 + ["b"] * 3, "item": list("xyzxyz"), **columns}))


def test_gap_is_a_behaviour_only_where_it_is_declared() -> None:
    """It needs bins and timestamps, follows the order of time, and does not replace a column of
    that name.
    """
    times: list[object] = [2 * DAY, 0, DAY, 5, 6, 6]
    plain = prepare(raw_of(timestamp=times), "shop", PrepareOptions(core=0)).dataset
    assert "gap" not in plain.behaviours  # the control
    data = prepare(
        raw_of(timestamp=times), "shop", PrepareOptions(core=0, bins={"gap": "1h,1d"})
    ).dataset
    names = data.vocabularies["gap"]
    assert [names[code] for code in data.behaviours["gap"]] == [
        "first",
        "1d and more",
        "1d and more",
        "first",
        "below 1h",
        "below 1h",
    ]
    with pytest.raises(SirecError, match="'gap' is not a behaviour"):
        prepare(raw_of(), "shop", PrepareOptions(core=0, bins={"gap": "1h"}))
    own = prepare(
        raw_of(gap=[1.0, 2, 3, 4, 5, 6], timestamp=times),
        "shop",
        PrepareOptions(core=0, bins={"gap": "3"}),
    ).dataset
    assert own.vocabularies["gap"] == ["", "below 3", "3 and more"]


def test_bins_of_an_unknown_behaviour_name_the_nearest() -> None:
    """A typo is an error with what was meant."""
    with pytest.raises(SirecError, match="'ratin' is not a behaviour") as caught:
        prepare(raw_of(rating=[1.0] * 6), "shop", PrepareOptions(core=0, bins={"ratin": "3"}))
    assert "rating" in (caught.value.hint or "")


@given(st.lists(st.integers(-500, 500), min_size=1, max_size=80), st.integers(2, 12))
def test_quantiles_are_bins_of_about_equal_size(numbers: list[int], count: int) -> None:
    """No bin is empty, there are at most so many, and where all numbers differ no bin has more than
    its share of them, rounded up.
    """
    values = np.array(numbers, dtype=np.float64)
    bins = Bins("price", f"{count}q").fitted(values)
    codes = bins.code(values)
    sizes = np.bincount(codes, minlength=len(bins.names))
    assert len(bins.names) <= count
    assert sizes.min() > 0
    if len(set(numbers)) == len(numbers):
        assert sizes.max() <= -(-len(numbers) // count) + 1


def test_edges_at_quantiles_have_few_digits_where_these_do() -> None:
    """Four digits name a price; years that differ in the last one (control) keep all of theirs."""
    prices = np.random.default_rng(0).gamma(2, 10, 500)
    for name in Bins("price", "4q").fitted(prices).names:
        assert all(len(word) <= 5 for word in name.split() if word[0].isdigit())
    moments = 19_900.0 + np.arange(8) / 10
    assert "19900.4" in " ".join(Bins("moment", "8q").fitted(moments).names)


def test_gaps_have_quantiles_too() -> None:
    """The first interaction has a code of its own; the others are halved."""
    users, times = np.array([1, 1, 1, 1, 2]), np.array([0, HOUR, 2 * HOUR, DAY, 5])
    codes, names = code_gaps(users, times, 1, Bins("gap", "2q"))
    assert names == ["", "first", "any number"]  # two of three gaps are the least
    times = np.array([0, HOUR, 3 * HOUR, DAY, 5])
    codes, names = code_gaps(users, times, 1, Bins("gap", "2q"))
    assert names == ["", "first", "below 2h", "2h and more"]
    assert codes.tolist() == [1, 2, 3, 3, 1]


@pytest.mark.parametrize("declaration", ["1q", "0q", "5000q", "q", "8 quantiles", "each,10"])
def test_numbers_of_quantiles_that_cannot_be_meant_are_refused(declaration: str) -> None:
    """One bin is none, and thousands are no bins."""
    with pytest.raises(SirecError, match="bins of price"):
        PrepareOptions(bins={"price": declaration})


def with_attribute(name: str, values: list[str]) -> RawData:
    """Six interactions, and an attribute with these values of items x, y, z, and many others."""
    items = ["x", "y", "z", *map(str, range(len(values) - 3))]
    table = pd.DataFrame({"item": items, "value": values}, dtype=object)
    rows = pd.DataFrame(
        {"user": np.repeat(np.arange(len(items)).astype(str), 3), "item": np.repeat(items, 3)}
    )
    return RawData(rows, attributes={name: table})


def test_an_attribute_of_very_many_measurements_is_binned_and_this_is_said() -> None:
    """Ten quantiles, unless each number is declared to be a value; whole numbers, which may be
    names, stay, with a finding (controls).
    """
    numbers = [f"{number / 8:.3f}" for number in range(2_000)]
    options = PrepareOptions(core=0)
    read = prepare(with_attribute("price", numbers), "shop", options)
    assert len(read.dataset.vocabularies["price"]) == 11
    assert any("--bins price=10q" in note for note in read.notes)
    each = PrepareOptions(core=0, bins={"price": "each"})
    assert len(prepare(with_attribute("price", numbers), "shop", each).dataset.fields) == 1
    assert prepare(with_attribute("price", numbers), "shop", each).dataset.fields[0].size == 2_001
    whole = prepare(with_attribute("maker", list(map(str, range(2_000)))), "shop", options)
    assert whole.dataset.fields[0].size == 2_001
    assert "--bins maker=10q" in {finding.remedy for finding in whole.findings}
