"""Filters, order and codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirec.data.prepare.pipeline import Prepared, PrepareOptions, k_core, prepare
from sirec.data.sources.base import RawData
from sirec.data.store import storage
from sirec.errors import SirecError

LOOSE = PrepareOptions(core=0)
Pairs = list[tuple[int, int]]
pair_lists = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=60)


def table(rows: Sequence[tuple[object, ...]], *columns: str) -> RawData:
    """Raw data from rows of (user, item, …)."""
    return RawData(pd.DataFrame([*rows], columns=["user", "item", *columns]))


def sequences(prepared: Prepared) -> dict[str, list[str]]:
    """Each user's raw items, in order."""
    data = prepared.dataset
    return {
        user: [data.item_names[code] for code in data.items[start:end].tolist()]
        for user, (start, end) in zip(
            data.user_names[1:], pairwise(data.offsets.tolist()), strict=True
        )
    }


def naive_core(pairs: Pairs, core: int) -> Pairs:
    """Remove one offending user or item at a time, until there is none."""
    pairs = list(pairs)
    while True:
        users, items = Counter(u for u, _ in pairs), Counter(i for _, i in pairs)
        bad_user = next((u for u in users if users[u] < core), None)
        bad_item = next((i for i in items if items[i] < core), None)
        if bad_user is None and bad_item is None:
            return pairs
        pairs = (
            [(u, i) for u, i in pairs if u != bad_user]
            if bad_user is not None
            else [p for p in pairs if p[1] != bad_item]
        )


@given(pair_lists, st.integers(0, 5))
def test_core_is_the_fixed_point(pairs: Pairs, core: int) -> None:
    """The k-core is what is left when users and items are removed one by one, in whatever order."""
    array = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    keep = k_core(array[:, 0], array[:, 1], core)
    assert array[keep].tolist() == [list(pair) for pair in naive_core(pairs, core)]


def test_one_pass_is_not_the_core() -> None:
    """The control: a table whose core needs several rounds, so that a single pass would keep too
    much.
    """
    pairs = [(0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (2, 3), (3, 3), (3, 4), (4, 4), (4, 0), (5, 0)]
    array = np.array([*pairs[:9], pairs[10]], dtype=np.int64)  # a chain that unravels from its end
    users, items = Counter(array[:, 0].tolist()), Counter(array[:, 1].tolist())
    ring = np.array(pairs[:10], dtype=np.int64)
    once = [(u, i) for u, i in array.tolist() if users[u] >= 2 and items[i] >= 2]
    assert once
    assert not k_core(array[:, 0], array[:, 1], 2).any()
    assert k_core(ring[:, 0], ring[:, 1], 2).all()  # closed to a ring, all of it stays


@given(st.data())
def test_codes_follow_appearance_and_sequences_follow_time(data: st.DataObject) -> None:
    """Codes count from 1 by first appearance, sequences are the stable sort by time, and nothing is
    lost.
    """
    rows = data.draw(
        st.lists(
            st.tuples(st.integers(0, 4), st.integers(0, 6), st.integers(0, 3)),
            min_size=1,
            max_size=40,
        )
    )
    rows += [(user, 9, 4) for user, *_ in rows for _ in range(3)]
    raw = table([(f"u{u}", f"i{i}", t) for u, i, t in rows], "timestamp")
    prepared = prepare(raw, "x", LOOSE)
    assert prepared.dataset.user_names[1:] == list(dict.fromkeys(f"u{u}" for u, *_ in rows))
    assert prepared.dataset.item_names[1:] == list(dict.fromkeys(f"i{i}" for _, i, _ in rows))
    expected = {
        f"u{user}": [
            f"i{i}"
            for _, i, _ in sorted((row for row in rows if row[0] == user), key=lambda row: row[2])
        ]
        for user in {u for u, *_ in rows}
    }
    assert sequences(prepared) == expected
    assert prepared.timestamps is not None
    assert len(prepared.timestamps) == len(rows)


@given(st.permutations(range(5)))
def test_order_of_users_changes_codes_only(order: list[int]) -> None:
    """Reordering the users of a file changes codes and nothing else."""
    histories = {
        user: [(f"u{user}", f"i{(user * step + step) % 7}", step // 2) for step in range(4)]
        for user in range(5)
    }
    first = prepare(
        table([row for user in range(5) for row in histories[user]], "timestamp"), "x", LOOSE
    )
    second = prepare(
        table([row for user in order for row in histories[user]], "timestamp"), "x", LOOSE
    )
    assert sequences(first) == sequences(second)
    assert first.statistics == second.statistics


def test_order_of_ties_matters() -> None:
    """The control: file order within a user decides among equal times, and only among them."""
    rows = [("u", "a", 1), ("u", "b", 1), ("u", "c", 0)]
    assert sequences(prepare(table(rows, "timestamp"), "x", LOOSE)) == {"u": ["c", "a", "b"]}
    assert sequences(prepare(table(rows[::-1], "timestamp"), "x", LOOSE)) == {"u": ["c", "b", "a"]}


DAY = 86_400


def test_window_is_inclusive_in_utc() -> None:
    """Both ends of the date window belong to it, to the second."""
    times = [-1, 0, DAY, 2 * DAY - 1, 2 * DAY]
    raw = table([("u", f"i{k}", time) for k, time in enumerate(times)], "timestamp")
    options = PrepareOptions(since="1970-01-01", until="1970-01-02", core=0)
    prepared = prepare(raw, "x", options)
    assert sequences(prepared) == {"u": ["i1", "i2", "i3"]}
    assert [(step.name, step.interactions) for step in prepared.steps] == [
        ("raw", 5), ("since 1970-01-01", 4), ("until 1970-01-02", 3),
    ]  # fmt: skip


def test_rating_and_duplicates() -> None:
    """The minimum rating is inclusive; of duplicates the first in time stays, whatever the file
    order.
    """
    rows = [
        ("u", "a", 9, 5.0),
        ("u", "a", 1, 4.0),
        ("u", "b", 2, 3.5),
        ("u", "c", 3, 3.0),
        ("u", "d", 4, 5.0),
        ("u", "e", 5, 5.0),
    ]
    raw = table(rows, "timestamp", "rating")
    kept = prepare(raw, "x", PrepareOptions(min_rating=3.5, drop_duplicates=True, core=0))
    assert sequences(kept) == {"u": ["a", "b", "d", "e"]}
    assert sequences(prepare(raw, "x", LOOSE)) == {
        "u": ["a", "b", "c", "d", "e", "a"]
    }  # the control: both filters off
    assert kept.dataset.vocabularies["rating"] == ["", "3.5", "4", "5"]
    assert kept.dataset.behaviours["rating"].tolist() == [2, 1, 3, 3]


def with_category(values: list[tuple[str, str | None]]) -> RawData:
    """Three interactions of one user, and categories."""
    rows = [("u", item) for item in "abc"]
    frame = pd.DataFrame(values, columns=["item", "value"], dtype=object)
    return RawData(pd.DataFrame(rows, columns=["user", "item"]), {"category": frame})


def test_attributes_come_from_surviving_items() -> None:
    """Values of vanished items are no codes; order and repeats in a list mean nothing; blanks are
    no values.
    """
    values: list[tuple[str, str | None]] = [
        ("a", "Soap"),
        ("z", "Apple"),
        ("a", "Bath"),
        ("a", "Soap "),
        ("c", " "),
        ("b", None),
        ("b", "Soap"),
    ]
    prepared = prepare(with_category(values), "x", LOOSE)
    assert prepared.dataset.vocabularies["category"] == ["", "Bath", "Soap"]
    assert prepared.dataset.fields[0].values.tolist() == [[0, 0], [1, 2], [2, 0], [0, 0]]
    again = prepare(with_category(values[::-1]), "x", LOOSE)
    assert again.dataset.fingerprint() == prepared.dataset.fingerprint()
    other = prepare(with_category([*values, ("c", "Soap")]), "x", LOOSE)
    assert other.dataset.fingerprint() != prepared.dataset.fingerprint()  # the control
    coverage = prepared.statistics.attributes[0]
    assert (coverage.values, coverage.items, coverage.mean) == (2, 2, 1.5)


def test_fragments_split_phrases() -> None:
    """A phrase is one value, or its words are; a word that two phrases share is one value of the
    item.
    """
    raw = with_category([("a", "Hair Care"), ("a", "Skin  Care"), ("b", "Hair")])
    assert prepare(raw, "x", LOOSE).dataset.vocabularies["category"] == [
        "",
        "Hair",
        "Hair Care",
        "Skin  Care",
    ]
    data = prepare(raw, "x", PrepareOptions(core=0, categories="fragment")).dataset
    assert data.vocabularies["category"] == ["", "Care", "Hair", "Skin"]
    assert data.fields[0].values.tolist() == [[0, 0, 0], [1, 2, 3], [2, 0, 0], [0, 0, 0]]


def test_an_attribute_nobody_has_is_left_out_aloud() -> None:
    """An attribute without a value would be a table of nothing: it is left out with a note."""
    prepared = prepare(with_category([("z", "Soap")]), "x", LOOSE)
    assert prepared.dataset.fields == ()
    assert "category" in prepared.notes[0]
    assert prepare(with_category([("a", "Soap")]), "x", LOOSE).notes == ()


ROWS = [("u", item, 5, 3.0) for item in "abc"]
WRONG: dict[str, tuple[list[Any], str, dict[str, Any], str]] = {
    "empty window": (ROWS, "x", {"since": "1999-01-01"}, "'since 1999-01-01' leaves none of 3"),
    "nothing that good": (ROWS, "x", {"min_rating": 4.0}, "'rating of at least 4.0' leaves none"),
    "no core": (ROWS, "x", {"core": 5}, "'5-core' leaves none"),
    "short user": (
        [*ROWS, ("v", "a", 1, 1.0)],
        "x",
        {},
        "at least 3 interactions (to train, to validate, to test): user 'v' has 1",
    ),
    "name": (ROWS, "../x", {}, "'../x' cannot be the name of a data set"),
    "hidden name": (ROWS, ".x", {}, "'.x' cannot be the name of a data set"),
    "name like an option": (ROWS, "-x", {}, "'-x' cannot be the name of a data set"),
    "no name": (ROWS, "", {}, "'' cannot be the name of a data set"),
    "missing value": ([*ROWS, ("u", "a", 1, None)], "x", {}, "interaction 4 has no rating"),
    "missing user": ([(None, "a", 1, 1.0), *ROWS], "x", {}, "interaction 1 has no user"),
    "nothing at all": ([], "x", {}, "there are none"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input(case: str) -> None:
    """What cannot be prepared is an error that says which filter or value it was."""
    rows, name, settings, message = WRONG[case]
    with pytest.raises(SirecError) as caught:
        prepare(table(rows, "timestamp", "rating"), name, PrepareOptions(**{"core": 0, **settings}))
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"since": "2019-13-01"}, "since: '2019-13-01' is not a date"),
        ({"until": "yesterday"}, "until: 'yesterday' is not a date"),
        ({"since": "2020-01-01", "until": "2019-01-01"}, "is after"),
        ({"core": -1}, "core must be from 0 to 1000000 interactions, got -1"),
    ],
)
def test_wrong_options(settings: dict[str, Any], message: str) -> None:
    """Options that cannot be meant are refused before anything is read."""
    PrepareOptions(since="2019-01-01", until="2019-01-01")  # the control: one day is a window
    with pytest.raises(SirecError, match=message):
        PrepareOptions(**settings)


@pytest.mark.parametrize(
    ("setting", "column"), [({"since": "2019-01-01"}, "timestamp"), ({"min_rating": 3.0}, "rating")]
)
def test_filter_needs_its_column(setting: dict[str, Any], column: str) -> None:
    """A filter on a column that the data does not have is an error, not a filter that keeps all."""
    with pytest.raises(SirecError, match=f"there is no {column} to filter by"):
        prepare(table([("u", item) for item in "abc"]), "x", PrepareOptions(core=0, **setting))


@pytest.mark.parametrize(
    "name",
    [
        "type",
        "values",
        "training",
        "style.color",
        "a_b",
        "a-b",
        "a.",
        ".a",
        "-a",
        "..",
        "9",
        "dataset",
    ],
)
def test_any_field_name_is_kept(name: str, tmp_path: Path) -> None:
    """Letters, digits, '_', '-' and '.' make the name of an attribute or of a behaviour, on disk
    too.
    """
    values = pd.DataFrame({"item": ["a"], "value": ["v"]})
    attributed = RawData(table([("u", item) for item in "abc"]).interactions, {name: values})
    behaved = table([("u", item, 2.0) for item in "abc"], name)
    for raw, kind in ((attributed, "attribute"), (behaved, "behaviour")):
        data = storage.load(storage.write(tmp_path / kind, prepare(raw, "x", LOOSE)))
        assert [(field.name, field.kind) for field in data.fields] == [(name, kind)]
        assert data.vocabularies == {name: ["", "v" if kind == "attribute" else "2"]}


@pytest.mark.parametrize("name", ["position", "title", "a/b", "", "a:b", "a b"])
def test_field_names(name: str) -> None:
    """A field cannot have the name of something else or of no file."""
    raw = RawData(
        table([("u", item) for item in "abc"]).interactions,
        {name: pd.DataFrame({"item": ["a"], "value": ["v"]})},
    )
    with pytest.raises(SirecError, match="name"):
        prepare(raw, "x", LOOSE)


def test_an_attribute_with_thousands_of_values_on_one_item_is_refused() -> None:
    """It would make every item's row as wide; the item and the attribute are named. A few values
    are what attributes have.
    """
    log = table([(user, item) for user in "ab" for item in "xyz"])
    for values, refused in ((5, False), (1_001, True)):
        rows = pd.DataFrame(
            {"item": ["y"] * values, "value": [f"shop {number}" for number in range(values)]}
        )
        raw = RawData(log.interactions, {"shop": rows})
        if not refused:
            assert prepare(raw, "log", LOOSE).dataset.fields[0].values.shape == (4, 5)
            continue
        with pytest.raises(SirecError, match="item 'y' has 1,001 values of shop"):
            prepare(raw, "log", LOOSE)


def test_a_rating_that_is_text_is_nothing_to_filter_by() -> None:
    """It is said with an example, not compared."""
    rated = table([("a", item, "good") for item in "xyz"], "rating")
    assert prepare(rated, "log", LOOSE).dataset.vocabularies["rating"] == [
        "",
        "good",
    ]  # the control
    with pytest.raises(SirecError, match="the rating is no number, for example 'good'"):
        prepare(rated, "log", PrepareOptions(core=0, min_rating=3.0))
