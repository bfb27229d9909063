"""Behaviours of which an interaction may have no value: such a one has a value of its own."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sirec
from sirec.errors import SirecError
from sirec.evaluation.top_items import Histories

USERS, LENGTH, ITEMS = 12, 6, 7
EVERY = 5  # of so many interactions one has no value


def _rows(values: Sequence[str], nothing: str = "") -> list[list[str]]:
    """Interactions with a behaviour, of which every fifth lacks a value."""
    rows: list[list[str]] = []
    for user in range(USERS):
        for place in range(LENGTH):
            number = user * LENGTH + place
            value = nothing if number % EVERY == 3 else values[number % len(values)]
            item = (user * 3 + place * 5) % ITEMS
            rows.append([f"u{user}", f"i{item}", str(1_600_000_000 + number * 60), value])
    return rows


def _prepared(folder: Path, rows: Sequence[Sequence[str]], **options: Any) -> sirec.PreparedData:
    """The rows as a CSV, prepared."""
    with (folder / "orders.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["user", "item", "time", "mood"], *rows])
    source = {"interactions": "orders.csv", "time": "time", "behaviours": {"mood": "mood"}}
    settings = {"core": 0} | options.pop("options", {})
    return sirec.prepare(
        "shop",
        source="table",
        source_options=source | options,
        options=settings,
        raw=folder,
        data_root=folder / "data",
        replace=True,
    )


def _values(prepared: sirec.PreparedData) -> list[str]:
    """The value of each interaction, in the order of the data."""
    data = prepared.prepared.dataset
    names = data.vocabularies["mood"]
    return [names[code] for code in data.behaviours["mood"].tolist()]


TEXTS = ("glad", "sad", "neutral")
NUMBERS = ("1", "2.5", "4")


@pytest.mark.parametrize("values", [TEXTS, NUMBERS], ids=["texts", "numbers"])
def test_a_missing_value_is_a_value_of_its_own(tmp_path: Path, values: Sequence[str]) -> None:
    """Known values have the codes that they have without the others; `unknown` comes last."""
    prepared = _prepared(tmp_path, _rows(values), options={"unknown": ["mood"]})
    expected = [row[3] or "unknown" for row in _rows(values)]
    assert _values(prepared) == expected
    assert prepared.prepared.dataset.vocabularies["mood"] == ["", *sorted(values), "unknown"]
    assert not prepared.prepared.findings


def test_it_is_what_a_person_would_write_by_hand(tmp_path: Path) -> None:
    """Texts with `unknown` in place of nothing give the same data set."""
    found = _prepared(tmp_path, _rows(TEXTS), options={"unknown": ["mood"]})
    by_hand = _prepared(tmp_path, _rows(TEXTS, nothing="unknown"))
    assert found.prepared.dataset.fingerprint() == by_hand.prepared.dataset.fingerprint()
    other = _prepared(tmp_path, _rows(TEXTS, nothing="glad"))
    assert found.prepared.dataset.fingerprint() != other.prepared.dataset.fingerprint()


def test_bins_are_those_of_the_known_values(tmp_path: Path) -> None:
    """Quantiles do not see what is missing."""
    numbers = [str(number) for number in range(1, 11)]
    binned = {"unknown": ["mood"], "bins": {"mood": "2q"}}
    prepared = _prepared(tmp_path, _rows(numbers), options=binned)
    names = prepared.prepared.dataset.vocabularies["mood"]
    known = pd.Series([float(row[3]) for row in _rows(numbers) if row[3]])
    assert len(names) == 4
    assert names[-1] == "unknown"
    assert _values(prepared).count("unknown") == len(_rows(numbers)) - len(known)
    edge = float(names[1].removeprefix("below "))
    assert (known < edge).sum() == _values(prepared).count(names[1])


def test_words_for_nothing_are_unknown_too(tmp_path: Path) -> None:
    """`missing` and `unknown` together; `merge` and `clean` leave what is missing alone."""
    rows = _rows(("Glad", "glad", "sad<br>"), nothing="n/a")
    changed = {"missing": ["n/a"], "unknown": ["mood"], "merge": ["mood"], "clean": True}
    prepared = _prepared(tmp_path, rows, options=changed)
    names = prepared.prepared.dataset.vocabularies["mood"]
    assert {name.lower() for name in names} == {"", "glad", "sad", "unknown"}
    assert _values(prepared).count("unknown") == sum(row[3] == "n/a" for row in rows)
    with pytest.raises(SirecError, match="have no mood") as refused:
        _prepared(tmp_path, rows, options={"missing": ["n/a"]})
    assert "--unknown mood" in str(refused.value.hint)


def test_without_the_option_it_is_a_bad_line_and_the_way_out_is_said(tmp_path: Path) -> None:
    """The hint names the option, and following it works."""
    with pytest.raises(SirecError, match=r"orders.csv:5, column mood: it is missing") as refused:
        _prepared(tmp_path, _rows(TEXTS))
    assert "--unknown mood" in str(refused.value.hint)


@pytest.mark.parametrize("values", [TEXTS, NUMBERS], ids=["texts", "numbers"])
def test_frames_and_parquet_say_the_same(tmp_path: Path, values: Sequence[str]) -> None:
    """A DataFrame and a Parquet file with nulls have the fingerprint of the CSV."""
    expected = _prepared(tmp_path, _rows(values), options={"unknown": ["mood"]})
    frame = pd.DataFrame(_rows(values), columns=["user", "item", "time", "mood"])
    frame["time"] = frame["time"].astype(int)
    frame["mood"] = frame["mood"].mask(frame["mood"] == "")
    if values == NUMBERS:
        frame["mood"] = frame["mood"].astype(float)
    options = {"core": 0, "unknown": ["mood"]}
    behaviours = ["mood"]
    root = tmp_path / "frames"
    made = sirec.prepare(
        frame, name="shop", time="time", behaviours=behaviours, options=options, data_root=root
    )
    fingerprint = expected.prepared.dataset.fingerprint()
    assert made.prepared.dataset.fingerprint() == fingerprint
    pq.write_table(pa.Table.from_pandas(frame), tmp_path / "orders.parquet")
    read = _prepared(
        tmp_path, _rows(values), interactions="orders.parquet", options={"unknown": ["mood"]}
    )
    assert read.prepared.dataset.fingerprint() == fingerprint
    with pytest.raises(SirecError, match="row 3") as refused:
        sirec.prepare(frame, name="other", time="time", behaviours=["mood"], options={"core": 0})
    assert "options={'unknown': ['mood']}" in str(refused.value.hint)


@pytest.mark.parametrize("name", ["user", "brand", "modd", "timestamp"])
def test_only_behaviours_may_be_unknown(tmp_path: Path, name: str) -> None:
    """Another name is refused with what would be right."""
    rows = _rows(TEXTS, nothing="calm")
    with pytest.raises(SirecError, match=f"no behaviour '{name}'|unknown.*{name}"):
        _prepared(tmp_path, rows, options={"unknown": [name]})


def test_a_behaviour_that_nobody_has_is_refused(tmp_path: Path) -> None:
    """All values missing."""
    with pytest.raises(SirecError, match="no interaction has a value of mood"):
        _prepared(tmp_path, _rows([""]), options={"unknown": ["mood"]})


def test_a_least_rating_leaves_out_what_is_not_known(tmp_path: Path) -> None:
    """Nobody knows that an unknown rating is high enough."""
    rows = [[*row[:3], row[3]] for row in _rows(("3", "4", "5"))]
    prepared = _prepared(
        tmp_path,
        rows,
        behaviours={"rating": "mood"},
        options={"unknown": ["rating"], "min_rating": 3},
    )
    data = prepared.prepared.dataset
    assert "unknown" not in data.vocabularies["rating"]
    assert len(data.items) == sum(bool(row[3]) for row in rows)


@pytest.mark.parametrize("nothing", ["", "glad"])
def test_a_new_history_has_the_value_unknown_where_the_data_have_it(
    tmp_path: Path, nothing: str
) -> None:
    """In other data it is padding, as before."""
    prepared = _prepared(tmp_path, _rows(TEXTS, nothing), options={"unknown": ["mood"]})
    data = prepared.prepared.dataset
    code = 0 if nothing else len(TEXTS) + 1
    assert data.unknown_code("mood") == code
    histories = Histories.new(data, [[1, 2, 3], [4]])
    assert histories.data.behaviours["mood"].tolist() == [code] * 4


@pytest.mark.parametrize("word", ["-1", "-1.0", "−1"])
def test_numbers_may_be_words_for_nothing(tmp_path: Path, word: str) -> None:
    """`-1` where a rating is not known, in a column of numbers. Control: 1 stays."""
    rows = _rows(NUMBERS, nothing="-1")
    settings = {"missing": [word], "unknown": ["mood"]}
    prepared = _prepared(tmp_path, rows, options=settings)
    assert _values(prepared) == ["unknown" if row[3] == "-1" else row[3] for row in rows]
    with pytest.raises(SirecError, match="have no mood: '-1' is declared"):
        _prepared(tmp_path, rows, options={"missing": [word]})
