"""What a split holds out, against loops over users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tiny as builders
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sirec.config import dump, load
from sirec.data.dates import nanoseconds_of, written
from sirec.data.prepare.filters import PrepareOptions
from sirec.data.prepare.pipeline import Prepared, prepare
from sirec.data.sources.base import RawData
from sirec.data.split import NO_TARGET, PARTS, HeldOut, LeaveOneOut, Target, Temporal
from sirec.data.tasks.next_item import LastItem, NextItem
from sirec.data.tasks.rows import evaluation_rows, gather, training_items
from sirec.data.times import UNITS, Times
from sirec.errors import SirecError

DAY = 86_400
TASKS = (NextItem(long_histories="exact"), NextItem(long_histories="windows"), LastItem())
each_target = pytest.mark.parametrize("target", ["last", "first"])
users_of_times = st.lists(
    st.lists(st.integers(0, 12), min_size=1, max_size=9).map(sorted), min_size=1, max_size=8
)


def rows(users: Sequence[Sequence[int]], per_second: int = 1) -> tuple[torch.Tensor, Times]:
    """Offsets and timestamps of users, each a list of ascending times."""
    offsets = torch.tensor([0, *np.cumsum([len(times) for times in users]).tolist()])
    return offsets, Times(torch.tensor([time for times in users for time in times]), per_second)


def by_hand(
    users: Sequence[Sequence[int]], valid_from: int, test_from: int, target: Target
) -> dict[str, list[int]]:
    """The definition, user by user: how many interactions train, and which is predicted (counted
    from 0 within the user).
    """
    found: dict[str, list[int]] = {"train_stop": [], "valid": [], "test": []}
    for times in users:
        found["train_stop"].append(sum(time < valid_from for time in times))
        for part, start, end in (("valid", valid_from, test_from), ("test", test_from, 10**12)):
            inside = [place for place, time in enumerate(times) if start <= time < end]
            place = inside[-1 if target == "last" else 0] if inside else 0
            found[part].append(place if place > 0 else NO_TARGET)
    return found


def within_users(held: HeldOut, offsets: torch.Tensor) -> dict[str, list[int]]:
    """The arrays of a split, counted within each user as in `by_hand`."""
    begin = offsets[:-1]
    targets = {
        part: torch.where(held.targets[part] == NO_TARGET, NO_TARGET, held.targets[part] - begin)
        for part in PARTS
    }
    return {"train_stop": (held.train_stop - begin).tolist()} | {
        part: values.tolist() for part, values in targets.items()
    }


def start_by_hand(times: Sequence[int], share: Fraction) -> int:
    """The latest time from which on there is at least this share of the interactions."""
    return max(
        start for start in times if sum(time >= start for time in times) >= share * len(times)
    )


@given(
    users_of_times,
    st.sampled_from([5, 10, 20, 30]),
    st.sampled_from([5, 10, 20, 30]),
    st.sampled_from(["last", "first"]),
    st.sampled_from(list(UNITS)),
)
@settings(deadline=None, max_examples=300)
def test_shares_cut_as_the_loops_do(
    users: list[list[int]], valid: int, test: int, target: Target, per_second: int
) -> None:
    """Periods begin at the latest time that leaves them their share, ties included, in whatever
    unit; what has an empty part is refused.
    """
    offsets, timestamps = rows(users, per_second)
    every = [time for times in users for time in times]
    test_from = start_by_hand(every, Fraction(test, 100))
    valid_from = start_by_hand(every, Fraction(valid + test, 100))
    expected = by_hand(users, valid_from, test_from, target)
    rule = Temporal(valid=valid / 100, test=test / 100, target=target)
    assert rule.starts(timestamps) == (valid_from, test_from)
    if max(expected["train_stop"]) < 2 or any(set(expected[part]) == {NO_TARGET} for part in PARTS):
        with pytest.raises(SirecError, match="temporal split"):
            rule.hold_out(offsets, timestamps)
    else:
        assert within_users(rule.hold_out(offsets, timestamps), offsets) == expected


@each_target
def test_dates_cut_at_the_first_second_of_a_day_or_minute(target: Target) -> None:
    """What happens at the first second of a period belongs to it, one second before it does not."""
    users = [
        [0, DAY - 1, DAY, DAY + 5, 2 * DAY + 59, 2 * DAY + 60, 2 * DAY + 60],
        [1, 2, DAY + 7, 3 * DAY],
        [2 * DAY + 60, 3 * DAY],
    ]
    offsets, timestamps = rows(users)
    rule = Temporal(valid_from="1970-01-02", test_from="1970-01-03T00:01", target=target)
    found = within_users(rule.hold_out(offsets, timestamps), offsets)
    assert found == by_hand(users, DAY, 2 * DAY + 60, target)
    last = {"train_stop": [2, 2, 0], "valid": [4, 2, NO_TARGET], "test": [6, 3, 1]}
    first = last | {"valid": [2, 2, NO_TARGET], "test": [5, 3, NO_TARGET]}
    assert found == {"last": last, "first": first}[target]


@given(st.lists(st.integers(3, 9), min_size=1, max_size=6))
def test_leave_one_out_is_the_last_and_the_one_before(lengths: list[int]) -> None:
    """Whatever the lengths: the last is tested, the one before validated, and all before those are
    trained on.
    """
    data = builders.dataset(lengths)
    found = within_users(data.held_out, data.offsets)
    assert found == {
        "train_stop": [n - 2 for n in lengths],
        "valid": [n - 2 for n in lengths],
        "test": [n - 1 for n in lengths],
    }


def test_nobody_is_asked_for_a_target_without_a_past() -> None:
    """Users of one or two interactions have targets only where something is before them, in no case
    another user's.
    """
    found = within_users(builders.dataset([1, 2, 3]).held_out, torch.tensor([0, 1, 3, 6]))
    assert found == {
        "train_stop": [0, 0, 1],
        "valid": [NO_TARGET, NO_TARGET, 1],
        "test": [NO_TARGET, 1, 2],
    }


@pytest.mark.parametrize("seed", range(5))
@each_target
def test_temporal_laws(seed: int, target: Target) -> None:
    """Training ends before validation begins, targets lie in their period, and a history is all
    that is before its target.
    """
    data = builders.dataset(seed=seed)
    times = builders.times(data, seed)
    rule = Temporal(valid=0.2, test=0.15, target=target)
    data = builders.split(data, rule, seed)
    valid_from, test_from = rule.starts(times)
    periods = {"valid": range(valid_from, test_from), "test": range(test_from, 60)}
    trained = {
        place
        for task in TASKS
        for row in _places(task.rows(data, builders.WINDOW))
        for place in row
    }
    ticks = times.ticks
    assert int(ticks[list(trained)].max()) < valid_from <= int(ticks.max())
    assert len(training_items(data)[0]) == int((ticks < valid_from).sum())
    for part in PARTS:
        rows = evaluation_rows(data, part, 1000)
        assert (
            0 < len(rows) == data.held_out.count(part) < data.user_count
        )  # some have no target: the law is tested
        for user, start, stop in zip(rows.user, rows.start, rows.stop, strict=True):
            assert int(ticks[stop]) in periods[part]  # stop is the target
            assert start == data.offsets[user - 1] < stop < data.offsets[user]
            assert bool((ticks[start:stop] <= ticks[stop]).all())
        batch = gather(data, rows)
        assert (
            batch.targets.gather(1, batch.read[:, None]).squeeze(1).tolist()
            == data.items[rows.stop].tolist()
        )
    loo = replace(data, cut=None)  # control: leave-one-out breaks the first law
    assert any(
        ticks[place] >= valid_from
        for task in TASKS
        for row in _places(task.rows(loo, builders.WINDOW))
        for place in row
    )


def _places(rows: Any) -> list[range]:
    """The places of all interactions that each row reads or predicts."""
    return [range(start, stop + 1) for start, stop in zip(rows.start, rows.stop, strict=True)]


def test_every_training_target_is_predicted_once() -> None:
    """Each training interaction of a user but the first is a target of every task, once; nothing
    else is.
    """
    data = builders.split(builders.dataset())
    begins, stops = data.offsets[:-1].tolist(), data.held_out.train_stop.tolist()
    expected = [
        place for begin, stop in zip(begins, stops, strict=True) for place in range(begin + 1, stop)
    ]
    for task in TASKS:
        rows = task.rows(data, builders.WINDOW)
        found = [
            place + 1
            for first, stop in zip(rows.first, rows.stop, strict=True)
            for place in range(first, stop)
        ]
        assert sorted(found) == expected
    assert len(expected) < len(data.items) - 3 * data.user_count  # control: leave-one-out has more


def test_fingerprints_tell_splits_apart() -> None:
    """Leave-one-out keeps the fingerprint that data had before splits were named; each other split
    has one of its own.
    """
    data = builders.dataset()
    times = builders.times(data)
    assert data.fingerprint() == "e4150c61813f889a"
    assert (
        replace(data, cut=LeaveOneOut().hold_out(data.offsets)).fingerprint() == data.fingerprint()
    )
    rules = [
        Temporal(valid=0.2, test=0.2),
        Temporal(valid=0.2, test=0.2, target="first"),
        Temporal(valid=0.1, test=0.2),
    ]
    found = {replace(data, cut=rule.hold_out(data.offsets, times)).fingerprint() for rule in rules}
    assert len(found | {data.fingerprint()}) == 4
    same = Temporal(
        valid_from=written(rules[0].starts(times)[0]), test_from=written(rules[0].starts(times)[1])
    )
    assert (
        replace(data, cut=same.hold_out(data.offsets, times)).fingerprint() in found
    )  # by date or by share: the same cut


def test_a_split_travels_with_its_data() -> None:
    """Selecting fields and moving to a device keep what is held out; without a split it is
    leave-one-out's.
    """
    data = builders.split(builders.dataset())
    for moved in (
        data.to(torch.device("cpu")),
        data.select((), ()),
        data.select(("brand",), ("rating",)),
    ):
        assert moved.held_out.agrees_with(data.held_out)
        assert moved.held_out.split == data.held_out.split
    assert data.to(torch.device("meta")).held_out.targets["test"].device.type == "meta"
    assert not replace(data, cut=None).held_out.agrees_with(data.held_out)  # control


def shop(lengths: Sequence[int] = (4, 4, 6, 2, 1)) -> RawData:
    """Users who each begin on another day and come every day."""
    rows = [
        (f"u{user}", f"i{(user + step) % 5}", DAY * (user + step))
        for user, n in enumerate(lengths)
        for step in range(n)
    ]
    return RawData(pd.DataFrame(rows, columns=["user", "item", "timestamp"]))


def prepared(rule: Temporal | LeaveOneOut, raw: RawData | None = None) -> Prepared:
    return prepare(raw or shop(), "x", PrepareOptions(core=0, split=rule))


def test_preparing_splits_and_counts() -> None:
    """Short users are welcome under a temporal split, which counts its targets; leave-one-out
    refuses them (control).
    """
    rule = Temporal(valid_from="1970-01-04", test_from="1970-01-05")
    made = prepared(rule)
    assert made.dataset.held_out.split == rule
    # days: u0 0-3, u1 1-4, u2 2-7, u3 3-4, u4 4; training is days 0-2, validation day 3, test from
    # day 4 on
    assert (made.dataset.held_out.train_stop - made.dataset.offsets[:-1]).tolist() == [
        3,
        2,
        1,
        0,
        0,
    ]
    found = made.statistics
    assert (found.training_examples, found.valid_targets, found.test_targets) == (3, 3, 3)
    assert found.tied_last_pairs == 0
    with pytest.raises(SirecError, match="every user needs at least 3 interactions"):
        prepared(LeaveOneOut())
    whole = prepared(LeaveOneOut(), shop((4, 4, 6))).statistics
    assert (whole.training_examples, whole.valid_targets, whole.test_targets) == (5, 3, 3)


REFUSED: dict[str, tuple[Temporal, list[int], str]] = {
    "nothing before": (
        Temporal(valid_from="1969-01-01", test_from="1970-01-03"),
        [4, 4],
        "before 1969-01-01 to train on",
    ),
    "one before": (
        Temporal(valid_from="1970-01-02", test_from="1970-01-03"),
        [4, 4],
        "no user has two interactions before",
    ),
    "no validation": (
        Temporal(valid_from="1970-01-03T12:00", test_from="1970-01-04"),
        [4, 4],
        "the validation period (1970-01-03T12:00 to 1970-01-04) has no interaction",
    ),
    "no test": (
        Temporal(valid_from="1970-01-04", test_from="1999-01-01"),
        [4, 4],
        "the test period (from 1999-01-01) has no",
    ),
    "strangers": (
        Temporal(valid_from="1970-01-04", test_from="1970-01-05T00:00:01"),
        [4, 1, 1, 1, 1, 1],
        "nobody in the test period (from 1970-01-05T00:00:01) has an earlier interaction",
    ),
    "all at once": (
        Temporal(),
        [5],
        "the validation period (1970-01-05 to 1970-01-05) has no interaction",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_split_that_leaves_a_part_empty_is_refused(case: str) -> None:
    """The message says which part is empty and when it would have been."""
    rule, lengths, message = REFUSED[case]
    prepared(
        Temporal(valid_from="1970-01-03", test_from="1970-01-04"), shop((4, 4))
    )  # control: other dates are fine
    with pytest.raises(SirecError) as caught:
        prepared(rule, shop(lengths))
    assert message in caught.value.message


def test_times_are_needed() -> None:
    """Without timestamps there is no temporal split, and that is said."""
    frame = shop((4, 4)).interactions
    with pytest.raises(SirecError, match="needs timestamps, and these data have none"):
        prepared(Temporal(), RawData(frame.drop(columns="timestamp")))
    prepared(LeaveOneOut(), RawData(frame.drop(columns="timestamp")))  # control


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"valid": 0.0}, "valid must be above 0 and below 1, got 0"),
        ({"valid": 0.6, "test": 0.4}, "leave a part empty"),
        ({"test": float("nan")}, "test must be above 0 and below 1, got nan"),
        ({"test_from": "2019-01-01"}, "valid_from is missing"),
        ({"valid_from": "2019-01-01"}, "test_from is missing"),
        (
            {"valid_from": "2019-01-02", "test_from": "2019-01-02"},
            "test_from 2019-01-02 is not after valid_from 2019-01-02",
        ),
        (
            {"valid_from": "2019-13-01", "test_from": "2019-01-02"},
            "valid_from: '2019-13-01' is not a date",
        ),
        (
            {"valid_from": "2019-01-01", "test_from": "2019-01-02", "test": 0.2},
            "by shares or by dates, not by both",
        ),
    ],
)
def test_settings_that_cannot_be_meant(settings: dict[str, Any], message: str) -> None:
    """Each is refused before any data are read."""
    Temporal(valid_from="2019-01-01", test_from="2019-01-02")  # control
    with pytest.raises(SirecError) as caught:
        Temporal(**settings)
    assert message in caught.value.message


@pytest.mark.parametrize(
    "rule",
    [
        LeaveOneOut(),
        Temporal(target="first"),
        Temporal(valid_from="2019-01-01", test_from="2019-02-01"),
    ],
)
def test_options_survive_their_text(rule: Temporal | LeaveOneOut) -> None:
    """A split is written by name and read back; without the key it is leave-one-out; an unknown
    name is refused.
    """
    options = PrepareOptions(split=rule)
    tree = dump(options)
    assert tree["split"]["name"] == rule.name
    assert load(PrepareOptions, tree, "here") == options
    del tree["split"]
    assert load(PrepareOptions, tree, "here").split == LeaveOneOut()
    with pytest.raises(SirecError, match=r"here\.split: 'tempral' is not a name"):
        load(PrepareOptions, tree | {"split": "tempral"}, "here")


def test_moments_are_days_minutes_or_seconds() -> None:
    """A moment lasts as long as the unit it is written in, in UTC; anything else is no moment."""
    second = 10**9
    for text, start, lasts in (
        ("2018-12-31", 1546214400, 86_400 * second),
        ("2018-12-31T14:00", 1546264800, 60 * second),
        ("2018-12-31T14:00:00", 1546264800, second),
        ("2018-12-31T14:00:00.0", 1546264800, second // 10),
        ("2018-12-31T14:00:00.000000000", 1546264800, 1),
    ):
        assert nanoseconds_of("x", text) == range(start * second, start * second + lasts)
    assert nanoseconds_of("x", "1969-12-31T23:59:59.75").start == -second // 4
    for text in (
        "2018-12-31 14:00",
        "2018-12-31T14",
        "2018-12-31T25:00",
        "14:00",
        "",
        "2018-12-31T14:00Z",
        "2018-12-31T14:00.5",
        "2018-12-31T14:00:00.",
        "2018-12-31T14:00:00.1234567891",
    ):
        with pytest.raises(SirecError, match="is not a date"):
            nanoseconds_of("x", text)


@given(st.integers(-62_135_596_800, 253_402_300_799), st.integers(0, 10**9 - 1))
def test_written_moments_are_read_back(seconds: int, nanoseconds: int) -> None:
    """What is written starts at the moment it was written for, of whatever year."""
    for per_second in UNITS:
        ticks = seconds * per_second + nanoseconds // (10**9 // per_second)
        found = nanoseconds_of("x", written(ticks, per_second)).start
        assert found == ticks * (10**9 // per_second)


@pytest.mark.parametrize(
    ("until", "left"),
    [
        ("1970-01-01T00:01", [0, 1, 60, 119]),
        ("1970-01-01T00:01:00", [0, 1, 60]),
        ("1970-01-01", [0, 1, 60, 119, 120, DAY - 1]),
    ],
)
def test_a_window_ends_with_the_last_second_it_names(until: str, left: list[int]) -> None:
    """`until` includes the whole day, minute or second; `since` begins with its first second."""
    times = [-1, 0, 1, 60, 119, 120, DAY - 1, DAY]
    table = pd.DataFrame({"user": "u", "item": [f"i{time}" for time in times], "timestamp": times})
    rule = PrepareOptions(core=0, since="1970-01-01T00:00", until=until)
    found = prepare(RawData(table), "x", rule).timestamps
    assert found is not None
    assert found.ticks.tolist() == left
    with pytest.raises(SirecError, match="since 1970-01-01T00:00 is after until 1969-12-31"):
        PrepareOptions(since="1970-01-01T00:00", until="1969-12-31")
