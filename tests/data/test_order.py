"""What decides the order of a user's interactions, the pattern of ties, and rows written twice."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from sirec import config
from sirec.data.dataset import Dataset
from sirec.data.prepare.filters import PrepareOptions
from sirec.data.prepare.item_order import ItemOrder
from sirec.data.prepare.order import ranks_of_ids
from sirec.data.prepare.pipeline import Prepared, prepare
from sirec.data.sources.base import RawData
from sirec.errors import SirecError

Row = tuple[object, ...]


def made(rows: Sequence[Row], columns: str = "user item timestamp", **options: object) -> Prepared:
    """Rows, prepared without a core."""
    table = pd.DataFrame(list(rows), columns=columns.split())
    settings = config.load(PrepareOptions, {"core": 0, **options}, "options")
    return prepare(RawData(table), "made", settings)


def sequences(data: Dataset) -> dict[str, list[str]]:
    """The raw ids of each user's items, by raw id of the user."""
    found: dict[str, list[str]] = {}
    for user, (start, stop) in enumerate(pairwise(data.offsets.tolist()), 1):
        names = [data.item_names[code] for code in data.items[start:stop].tolist()]
        found[data.user_names[user]] = names
    return found


def tied_rows(users: int, *, items: int = 500, tied: int = 4, seed: int = 0) -> list[Row]:
    """Users with 20 random items, so many a second, in random order."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for user in range(users):
        chosen = rng.choice(items, 20, replace=False)
        rows += [(f"u{user}", str(item), 9 + n // tied) for n, item in enumerate(chosen)]
    return rows


def by_item(rows: Sequence[Row], *, as_text: bool = False) -> list[Row]:
    """The rows sorted by user and item, as some distributed files are."""
    return sorted(rows, key=lambda row: (row[0], str(row[1]) if as_text else int(str(row[1]))))


THREE_TIED = [("a", "10", 5), ("a", "9", 5), ("a", "x", 5), ("a", "1", 6), ("a", "007", 5)]


def test_ties_of_an_item_are_in_ascending_order_of_its_raw_id() -> None:
    """Whole numbers by their value, before texts; time goes first. Control: the file's order."""
    file = sequences(made(THREE_TIED).dataset)
    item = sequences(made(THREE_TIED, ties="item").dataset)
    assert file == {"a": ["10", "9", "x", "007", "1"]}
    assert item == {"a": ["007", "9", "10", "x", "1"]}


def test_random_ties_depend_on_the_seed_and_on_nothing_else() -> None:
    """Neither the order of the file nor other users change them; another seed does, and time still
    goes first.
    """
    rows = tied_rows(30)
    shuffled = [rows[index] for index in np.random.default_rng(1).permutation(len(rows))]
    first = sequences(made(rows, ties="random").dataset)
    assert sequences(made(shuffled, ties="random").dataset) == first
    alone = sequences(made([row for row in rows if row[0] == "u3"], ties="random").dataset)
    assert alone == {"u3": first["u3"]}
    late = [("late", str(item), pd.Timestamp(9_500_000_000)) for item in range(3)]
    finer = [(user, item, pd.Timestamp(time, unit="s")) for user, item, time in rows] + late
    found = sequences(made(finer, ties="random").dataset)
    assert {user: found[user] for user in first} == first
    assert sequences(made(rows, ties="random", ties_seed=1).dataset) != first
    assert sequences(made(shuffled).dataset) != sequences(made(rows).dataset)  # the control
    times = made(rows, ties="random").timestamps
    assert times is not None
    assert times.ticks.view(30, 20).tolist() == [[9 + n // 4 for n in range(20)]] * 30


def test_every_order_of_a_tie_is_as_likely() -> None:
    """The six orders of three tied items, two of them equal rows or not, come equally often."""
    rows = [(f"u{user}", item, 5) for user in range(3000) for item in "abc"]
    counts = pd.Series(
        ["".join(names) for names in sequences(made(rows, ties="random").dataset).values()]
    ).value_counts()
    assert len(counts) == 6
    assert counts.min() > 400  # 500 each, deviation 20
    doubled = [(f"u{user}", item, 5) for user in range(3000) for item in "aab"]
    middle = [names[1] for names in sequences(made(doubled, ties="random").dataset).values()]
    assert abs(middle.count("b") - 1000) < 110  # deviation 26; never, if equal rows had one hash


def test_without_times_ties_are_the_whole_history() -> None:
    """The order of the file, or none: which one is said."""
    rows = [row[:2] for row in THREE_TIED]
    file, item = made(rows, "user item"), made(rows, "user item", ties="item")
    assert sequences(file.dataset) == {"a": ["10", "9", "x", "1", "007"]}
    assert sequences(item.dataset) == {"a": ["1", "007", "9", "10", "x"]}
    assert (file.order, item.order) == ("file (no times)", "item (no times)")
    assert made(THREE_TIED, ties="random").order == "time, then chance (seed 0)"


def test_a_file_in_item_order_is_told() -> None:
    """Sorted by item, whether as numbers or as texts or downwards, nearly all tied neighbours go
    one way; in random order half do, and small counts say nothing (controls).
    """
    rows = tied_rows(60)
    up, text = made(by_item(rows)), made(by_item(rows, as_text=True))
    down = made(by_item(rows)[::-1])
    for prepared, verb in ((up, "ascend"), (text, "ascend"), (down, "descend")):
        [note] = [note for note in prepared.notes if "tied neighbours" in note]
        assert f"100.0 % of 900 tied neighbours {verb} by item" in note
        assert "--ties random" in note
    for quiet in (made(rows), made(by_item(rows), ties="random"), made(by_item(rows[:4]))):
        assert not [note for note in quiet.notes if "neighbours" in note]
    assert made(by_item(rows), ties="random").statistics.item_order != up.statistics.item_order


def test_half_a_file_in_item_order_is_told_too() -> None:
    """Half of the users sorted is three quarters of neighbours: part of the order."""
    rows = tied_rows(60)
    [note] = [n for n in made(by_item(rows[:600]) + rows[600:]).notes if "tied neighbours" in n]
    assert "part of the order of ties" in note


def test_a_file_without_times_in_item_order_is_told() -> None:
    """There is then no order at all; in random order nothing is said (control)."""
    rows = tied_rows(60)
    [note] = [n for n in made([r[:2] for r in by_item(rows)], "user item").notes if "by item" in n]
    assert "there is no order in it" in note
    assert not [n for n in made([r[:2] for r in rows], "user item").notes if "by item" in n]


@pytest.mark.slow
@pytest.mark.parametrize("tied", [2, 3, 4, 8])
def test_chance_is_rarely_called_a_pattern(tied: int) -> None:
    """Of 200 random files, at most as many as the interval of 99 % allows leave it."""
    alarms = 0
    for seed in range(200):
        order = made(tied_rows(6, tied=tied, seed=seed)).statistics.item_order
        assert order is not None
        alarms += not order.is_chance
    assert alarms <= 7


def test_equal_items_are_no_neighbours() -> None:
    """Only neighbours with different items and equal times count."""
    rows = [
        ("a", "1", 1),
        ("a", "1", 1),
        ("a", "2", 1),
        ("a", "1", 2),
        ("b", "3", 2),
        ("b", "2", 2),
    ]
    found = made([*rows, ("b", "9", 8)], split={"name": "leave-one-out"}).statistics.item_order
    assert found is not None
    assert (found.neighbours, found.ascending) == (2, 1)
    assert ItemOrder(0, 0, 0, 1).warning(has_times=True) is None


def test_ids_are_ranked_by_value_or_as_texts() -> None:
    """Numbers of any length, signs and zeros; texts after them."""
    names = ["b", "10", "9", "-3", "1e3", "12345678901234567890123"]
    assert np.argsort(ranks_of_ids(names)).tolist() == [3, 2, 1, 5, 4, 0]
    assert np.argsort(ranks_of_ids(names, as_texts=True)).tolist() == [3, 1, 5, 4, 2, 0]


def test_rows_written_twice_are_counted_and_dropped_before_the_core() -> None:
    """Users of four pass a core of five only by rows written twice; a purchase at another time is
    no repeat, and other values are told.
    """
    once = [(f"u{u}", f"i{n}", 100 * n + u, n) for u in range(10) for n in range(4)]
    columns = "user item timestamp rating"
    twice = made([*once, *once], columns, core=5)
    assert twice.repeated_rows is not None
    assert (twice.repeated_rows.rows, twice.statistics.interactions) == (40, 80)
    assert any("40 rows repeat user, item and time; --drop-repeated-rows" in n for n in twice.notes)
    dropped = made([*once, *once], columns, core=4, drop_repeated_rows=True)
    assert dropped.dataset.fingerprint() == made(once, columns, core=4).dataset.fingerprint()
    assert [step.name for step in dropped.steps] == ["raw", "no repeated rows", "4-core"]
    with pytest.raises(SirecError, match="leaves none"):
        made([*once, *once], columns, core=5, drop_repeated_rows=True)
    again = [("u0", "i0", 999, 1)]
    assert len(made([*once, *again], columns, drop_repeated_rows=True).dataset.items) == 41
    rated = made([*once, ("u0", "i0", 0, 7)], columns)
    assert any("1 rows repeat user, item and time, 1 of them with other" in n for n in rated.notes)
    assert not any("repeat" in note for note in made(once, columns).notes)  # the control


def test_without_times_only_neighbours_and_whole_copies_can_be_told() -> None:
    """A row like the one before it may be real, and it is said so; a file that is there three times
    is told as a whole, and its copies are dropped.
    """
    rows = [("a", "1"), ("a", "2"), ("a", "1"), ("b", "1"), ("b", "2"), ("b", "3")]
    beside = made([*rows, ("b", "3")], "user item")
    assert any("1 rows are equal to the row before" in note for note in beside.notes)
    copied = made(rows * 3, "user item", drop_repeated_rows=True)
    assert any("holds the same 6 rows 3 times over" in note for note in copied.notes)
    assert sequences(copied.dataset) == sequences(made(rows, "user item").dataset)
    assert len(made(rows, "user item", drop_repeated_rows=True).dataset.items) == 6  # the control
