"""Fractions of a second when data are prepared: order, duplicates, splits, gaps, disk, export."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sirec.data.prepare.filters import PrepareOptions
from sirec.data.prepare.pipeline import Prepared, prepare
from sirec.data.prepare.unlikely_times import find_unlikely_times
from sirec.data.sources.base import RawData
from sirec.data.split import Temporal
from sirec.data.store import storage
from sirec.data.store.export import export
from sirec.data.times import HIGHEST, LOWEST, UNITS, Times, as_decimals, coarsest, first_tick
from sirec.errors import SirecError

SECOND = 1_600_000_000
DAY = 86_400
DTYPES = {10**3: "datetime64[ms]", 10**6: "datetime64[us]", 10**9: "datetime64[ns]"}
each_unit = pytest.mark.parametrize("per_second", DTYPES)
UNFILTERED = PrepareOptions(core=0)


def clicks(per_second: int, users: int = 6, seed: int = 0) -> pd.DataFrame:
    """Clicks that are all in a few seconds, in no order of time, with ticks as times."""
    rng = np.random.default_rng(seed)
    count = users * 8
    ticks = rng.choice(5 * 1000, count, replace=False) * (per_second // 1000)
    return pd.DataFrame(
        {
            "user": [f"u{n % users}" for n in range(count)],
            "item": [f"i{item}" for item in rng.integers(0, 9, count)],
            "timestamp": SECOND * per_second + ticks + (per_second > 1000),
        }
    )


def raw_of(frame: pd.DataFrame, per_second: int) -> RawData:
    return RawData(frame.assign(timestamp=frame["timestamp"].to_numpy().view(DTYPES[per_second])))


def sequences(prepared: Prepared) -> dict[str, list[str]]:
    data = prepared.dataset
    found: dict[str, list[str]] = {}
    for user, start, stop in zip(
        data.user_names[1:], data.offsets[:-1].tolist(), data.offsets[1:].tolist(), strict=True
    ):
        found[user] = [data.item_names[code] for code in data.items[start:stop].tolist()]
    return found


def by_hand(frame: pd.DataFrame) -> dict[str, list[str]]:
    ordered = frame.sort_values("timestamp", kind="stable")
    return {user: rows["item"].tolist() for user, rows in ordered.groupby("user")}


@each_unit
def test_interactions_come_in_the_order_of_all_digits(per_second: int) -> None:
    """In every unit; in whole seconds most users would have another order."""
    frame = clicks(per_second)
    prepared = prepare(raw_of(frame, per_second), "log", UNFILTERED)
    assert prepared.timestamps is not None
    assert prepared.timestamps.per_second == per_second
    assert sequences(prepared) == by_hand(frame)
    floored = frame.assign(timestamp=frame["timestamp"] // per_second)
    assert sequences(prepare(RawData(floored), "log", UNFILTERED)) != by_hand(frame)  # control


@each_unit
def test_the_earlier_of_two_duplicates_stays(per_second: int) -> None:
    """Earlier in time by a fraction of a second, whatever the order of the file."""
    frame = clicks(per_second)
    options = PrepareOptions(core=0, drop_duplicates=True)
    prepared = prepare(raw_of(frame, per_second), "log", options)
    first = frame.sort_values("timestamp").drop_duplicates(["user", "item"])
    assert sequences(prepared) == by_hand(first)
    assert sequences(prepared) != by_hand(frame.drop_duplicates(["user", "item"]))  # control


@each_unit
def test_windows_and_periods_begin_and_end_within_a_second(per_second: int) -> None:
    """`since`, `until` and the dates of a split name fractions of a second."""
    frame = clicks(per_second)
    elapsed = (frame["timestamp"] - SECOND * per_second) / per_second
    window = PrepareOptions(
        core=0, since="2020-09-13T12:26:40.5", until="2020-09-13T12:26:43.249", split=Temporal()
    )
    kept = frame[(elapsed >= 0.5) & (elapsed < 3.25)]
    assert 0 < len(kept) < len(frame)
    assert sequences(prepare(raw_of(frame, per_second), "log", window)) == by_hand(kept)
    split = Temporal(valid_from="2020-09-13T12:26:43.5", test_from="2020-09-13T12:26:44.25")
    held = prepare(raw_of(frame, per_second), "log", PrepareOptions(core=0, split=split)).dataset
    trained = (held.held_out.train_stop - held.offsets[:-1]).sum()
    assert int(trained) == int((elapsed < 3.5).sum())
    assert int(trained) != int((elapsed < 3).sum())  # control


def test_gaps_have_bins_below_a_second() -> None:
    """`0.5s` is half a second, exactly: a gap as long as an edge reaches it."""
    times = [SECOND * 1000 + at for at in (0, 499, 999, 1100, 1200)]
    frame = pd.DataFrame({"user": "u", "item": list("abcde"), "timestamp": times})
    options = PrepareOptions(core=0, bins={"gap": "0.1s, 0.5s, 1m"})
    data = prepare(raw_of(frame, 1000), "log", options).dataset
    names = data.vocabularies["gap"]
    assert [names[code] for code in data.behaviours["gap"].tolist()] == [
        "first",
        "0.1s to 0.5s",
        "0.5s to 1m",
        "0.1s to 0.5s",
        "0.1s to 0.5s",
    ]


@each_unit
def test_times_are_the_same_on_disk(per_second: int, tmp_path: Path) -> None:
    """The unit stands in `dataset.yaml`; folders without that key hold seconds."""
    split = Temporal(valid=0.2, test=0.2)
    raw = raw_of(clicks(per_second), per_second)
    prepared = prepare(raw, "log", PrepareOptions(core=0, split=split))
    folder = storage.write(tmp_path, prepared)
    assert yaml.safe_load((folder / "dataset.yaml").read_text())["ticks_per_second"] == per_second
    found = storage.load_timestamps(folder)
    assert found is not None
    assert prepared.timestamps is not None
    assert (found.per_second, found.ticks.tolist()) == (
        per_second,
        prepared.timestamps.ticks.tolist(),
    )
    assert storage.load(folder).fingerprint() == prepared.dataset.fingerprint()


@pytest.mark.parametrize("form", ["csv", "atomic"])
@pytest.mark.parametrize("start", [SECOND, -3])
@each_unit
def test_an_export_is_read_as_it_was(
    per_second: int, start: int, form: str, tmp_path: Path
) -> None:
    """All digits are written, before 1970 too, so that reading gives the same order and times."""
    frame = clicks(per_second)
    frame["timestamp"] += (start - SECOND) * per_second
    prepared = prepare(raw_of(frame, per_second), "log", UNFILTERED)
    written = export(prepared.dataset, prepared.timestamps, tmp_path / "out", form)
    again = prepare(written.source.read(written.folder), "log", written.options)
    assert again.dataset.fingerprint() == prepared.dataset.fingerprint()
    assert again.timestamps is not None
    assert prepared.timestamps is not None
    assert again.timestamps.per_second == per_second
    assert again.timestamps.ticks.tolist() == prepared.timestamps.ticks.tolist()
    is_told = any("as doubles" in note for note in written.notes)
    assert is_told == (form == "atomic" and per_second == 10**9)


def test_what_filters_leave_in_whole_seconds_is_stored_so() -> None:
    """The unit is that of what is left, and so that of what an export would be read as."""
    frame = clicks(1000)
    whole = pd.DataFrame({"user": "u0", "item": list("xyz"), "timestamp": [0, 1000, 2000]})
    both = pd.concat([frame, whole], ignore_index=True)
    options = PrepareOptions(core=0, until="1970-01-02")
    times = prepare(raw_of(both, 1000), "log", options).timestamps
    assert times is not None
    assert (times.per_second, times.ticks.tolist()) == (1, [0, 1, 2])


@pytest.mark.parametrize(
    "times",
    [
        pd.Series([1.5, 0.25, 2.0]),
        pd.to_datetime(pd.Series([1.5, 0.25, 2.0]), unit="s"),
        pd.to_datetime(pd.Series([1.5, 0.25, 2.0]), unit="s", utc=True).dt.tz_convert("Asia/Tokyo"),
        pd.Series(["1970-01-01T00:00:01.5", "1970-01-01T00:00:00.25", "2"]),
    ],
)
def test_sources_may_give_seconds_or_datetimes(times: pd.Series) -> None:
    """Raw data of a plugin may have floats, datetimes of any zone, and texts."""
    frame = pd.DataFrame({"user": "u", "item": list("bac"), "timestamp": times})
    prepared = prepare(RawData(frame), "log", UNFILTERED)
    assert sequences(prepared) == {"u": ["a", "b", "c"]}
    assert prepared.timestamps is not None
    assert as_decimals(prepared.timestamps.numpy(), prepared.timestamps.per_second).tolist() == [
        "0.250",
        "1.500",
        "2.000",
    ]


def test_a_source_with_times_that_are_none_is_refused() -> None:
    """One line with the row and the value."""
    frame = pd.DataFrame({"user": "u", "item": list("abc"), "timestamp": ["1", "soon", "3"]})
    with pytest.raises(SirecError, match="interaction 2: the timestamp soon is no time"):
        prepare(RawData(frame), "log", UNFILTERED)


NANOSECONDS = st.integers(LOWEST, HIGHEST)


@given(st.lists(NANOSECONDS, min_size=1, max_size=9))
@settings(deadline=None)
def test_coarser_ticks_are_the_same_times(numbers: list[int]) -> None:
    """Nothing is lost, and what is written in decimals is the number itself."""
    ticks = np.array(numbers, dtype=np.int64)
    coarse, per_second = coarsest(ticks, 10**9)
    assert [int(tick) * (10**9 // per_second) for tick in coarse] == numbers
    for text, number in zip(as_decimals(ticks, 10**9), numbers, strict=True):
        whole, digits = text.split(".")
        assert int(whole + digits) == number
        assert len(digits) == 9


@given(NANOSECONDS, st.sampled_from(list(UNITS)), NANOSECONDS)
@settings(deadline=None)
def test_the_first_tick_is_not_before_a_moment(moment: int, per_second: int, other: int) -> None:
    """A tick is at or after a moment exactly if it is at or after that tick."""
    unit = 10**9 // per_second
    tick = other // unit
    assert (tick >= first_tick(moment, per_second)) == (tick * unit >= moment)


def test_unlikely_times_are_told_with_a_sample() -> None:
    """Times in the future, before 1990, zero and negative are counted, each once, in every unit."""
    now = datetime(2024, 1, 1, 12, tzinfo=UTC)
    seconds = [int(now.timestamp()) + DAY // 2, 20_191_001, 20_191_002, 0, -1, SECOND]
    for per_second in UNITS:
        found = find_unlikely_times(Times(torch.tensor(seconds) * per_second, per_second), now)
        assert [(each.what, each.samples) for each in found] == [
            ("1 of 6 are in the future", ("2024-01-02",)),
            ("2 of 6 are before 1990", ("1970-08-22T16:36:41", "1970-08-22T16:36:42")),
            ("1 of 6 are zero, which often stands for none", ("1970-01-01",)),
            ("1 of 6 are negative, before 1970", ("1969-12-31T23:59:59",)),
        ]
    today = int(now.timestamp()) + DAY // 2 - 1
    assert find_unlikely_times(Times(torch.tensor([SECOND, today])), now) == ()  # the control


@each_unit
def test_remedies_do_away_with_unlikely_times(per_second: int) -> None:
    """`prepare` tells them, and each of the options that it names drops those and no others."""
    seconds = np.array([2**33, 20_191_001, 0, -1, SECOND, SECOND + 1])
    frame = pd.DataFrame({"user": "u", "item": list("abcdef"), "timestamp": seconds * per_second})
    prepared = prepare(raw_of(frame, per_second), "log", UNFILTERED)
    found = [each for each in prepared.findings if each.field == "timestamp"]
    lost = {"in the future": 1, "before 1990": 3, "zero": 2, "negative": 1}
    assert len(found) == len(lost)
    for each, (what, count) in zip(found, lost.items(), strict=True):
        assert what in each.what
        option, value = each.remedy.split()
        setting = {option.removeprefix("--"): value}
        left = prepare(raw_of(frame, per_second), "log", PrepareOptions(core=0, **setting))
        assert len(left.dataset.items) == len(frame) - count
        assert not any(what in other.what for other in left.findings)
