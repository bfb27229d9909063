"""Export: what is written reads back to the same data set, and what cannot be written is said or
refused.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sirec.data.prepare.filters import PrepareOptions
from sirec.data.prepare.pipeline import Prepared, prepare
from sirec.data.sources.atomic import AtomicSource
from sirec.data.sources.base import RawData
from sirec.data.sources.demo import DemoSource
from sirec.data.sources.s3rec import S3RecSource
from sirec.data.sources.table import TableSource
from sirec.data.split import Temporal
from sirec.data.store.export import Exported, data_formats, export, file_order
from sirec.errors import SirecError

ALL = PrepareOptions(core=0)


def again(exported: Exported) -> Prepared:
    """What was written, read and prepared."""
    return prepare(exported.source.read(exported.folder), "again", exported.options)


def written(prepared: Prepared, folder: Path, form: str) -> Exported:
    return export(prepared.dataset, prepared.timestamps, folder, form)


def small(*, times: bool = True, **columns: Sequence[object]) -> RawData:
    """Four users and five items, in an order in which neither is sorted, with ties."""
    interactions = pd.DataFrame(
        {
            "user": ["u2", "u1", "u2", "u3", "u1", "u3", "u2", "u1", "u3"],
            "item": ["c", "a", "e", "c", "d", "a", "b", "c", "e"],
            **({"timestamp": [9, 5, 2, 7, 5, 7, 2, 1, 3]} if times else {}),
            **columns,
        }
    )
    brand = pd.DataFrame({"item": ["a", "a", "e"], "value": ["X", "Y & Z", "a,b"]})
    return RawData(
        interactions, {"brand": brand}, pd.DataFrame({"item": ["a"], "title": ['The\t"a"']})
    )


def assert_same(first: Prepared, second: Prepared, *, times: bool = True) -> None:
    """Same fingerprint, and same names of everything."""
    assert second.dataset.fingerprint() == first.dataset.fingerprint()
    assert second.dataset.item_names == first.dataset.item_names
    assert second.dataset.user_names == first.dataset.user_names
    assert second.dataset.vocabularies == first.dataset.vocabularies
    if times:
        assert (first.timestamps is None) == (second.timestamps is None)
        if first.timestamps is not None:
            assert second.timestamps is not None
            assert torch.equal(first.timestamps.ticks, second.timestamps.ticks)
            assert first.timestamps.per_second == second.timestamps.per_second


@pytest.mark.parametrize("form", ["atomic", "csv"])
@pytest.mark.parametrize("times", [True, False])
def test_what_was_written_reads_back(tmp_path: Path, form: str, times: bool) -> None:
    """Users and items in an order of their own, ties, numbers and texts as behaviours: the same
    data set.
    """
    raw = small(
        times=times,
        rating=[1.5, 2, 10, 2, 2, 1.5, 10, 9, 9],
        size=["07", "7", "L, X", "7", "7", "07", "7", "7", "7"],
    )
    prepared = prepare(raw, "small", ALL)
    exported = written(prepared, tmp_path / "out", form)
    assert_same(prepared, again(exported))
    assert exported.notes == () or form == "atomic"


def test_the_order_of_rows_matters(tmp_path: Path) -> None:
    """The control of the law: the same rows in the order of the data set give other codes."""
    prepared = prepare(small(), "small", ALL)
    exported = written(prepared, tmp_path / "out", "csv")
    path = exported.folder / "interactions.csv"
    rows = list(csv.reader(path.read_text().splitlines()))
    users = {name: code for code, name in enumerate(prepared.dataset.user_names)}
    path.write_text(
        "\n".join(
            ",".join(row) for row in [rows[0], *sorted(rows[1:], key=lambda row: users[row[0]])]
        )
        + "\n"
    )
    assert again(exported).dataset.fingerprint() != prepared.dataset.fingerprint()


@pytest.mark.parametrize("form", data_formats())
def test_sequences_carry_brands_categories_and_order(tmp_path: Path, form: str) -> None:
    """A data set without times and behaviours whose users come one after another: every format
    reads back the same.
    """
    raw = DemoSource(users=300, items=100, seed=3).read()
    plain = replace(raw, interactions=raw.interactions[["user", "item"]])
    prepared = prepare(plain, "demo")
    exported = written(prepared, tmp_path / "out", form)
    found = again(exported)
    assert found.dataset.fingerprint() == prepared.dataset.fingerprint()
    assert found.dataset.item_names == prepared.dataset.item_names
    assert found.dataset.titles == prepared.dataset.titles
    assert (
        type(exported.source)
        is {"atomic": AtomicSource, "csv": TableSource, "sequences": S3RecSource}[form]
    )


@pytest.mark.parametrize("form", ["atomic", "csv"])
def test_demo_data_reads_back(tmp_path: Path, form: str) -> None:
    """The demo data after its 5-core, with times and ratings; also where a split by moments is part
    of the fingerprint.
    """
    prepared = prepare(
        DemoSource(users=400, items=120).read(), "demo", PrepareOptions(split=Temporal())
    )
    assert_same(prepared, again(written(prepared, tmp_path / "out", form)))


def test_a_split_that_needs_lost_times_is_said_to_be_another(tmp_path: Path) -> None:
    """Sequences have no times: a temporal split becomes leave-one-out, also where a user has too
    few interactions for it.
    """
    raw = small()
    raw = replace(
        raw,
        interactions=pd.concat(
            [raw.interactions, pd.DataFrame({"user": ["u4"], "item": ["c"], "timestamp": [9]})]
        ),
    )
    prepared = prepare(raw, "small", replace(ALL, split=Temporal(valid=0.3, test=0.3)))
    exported = written(prepared, tmp_path / "out", "sequences")
    assert "read again it is split leave-one-out, as temporal needs times" in exported.notes[-1]
    assert exported.options == PrepareOptions(core=3)
    assert (
        "split"
        not in written(prepare(small(), "small", ALL), tmp_path / "plain", "sequences").notes[-1]
    )  # the control


REAL = {
    "ml-100k": (AtomicSource(), PrepareOptions(min_rating=4)),
    "beauty": (S3RecSource(), PrepareOptions()),
}


@pytest.mark.parametrize("form", ["atomic", "csv"])
@pytest.mark.parametrize("name", REAL)
def test_real_data_reads_back(tmp_path: Path, name: str, form: str) -> None:
    """Files that circulate, filtered, exported and prepared again."""
    root = os.environ.get("SIREC_TEST_DATA")
    if root is None or not (Path(root) / name).is_dir():
        pytest.skip(f"SIREC_TEST_DATA names no folder with {name}")
    source, options = REAL[name]
    prepared = prepare(source.read(Path(root) / name), name, options)
    assert_same(prepared, again(written(prepared, tmp_path / "out", form)))


LOGS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 7), st.integers(0, 4)), min_size=1, max_size=60
)


@given(LOGS, st.booleans())
def test_rows_are_written_in_an_order_that_gives_the_codes(
    log: list[tuple[int, int, int]], times: bool
) -> None:
    """For any log in which each user has enough: the written order is a permutation, and gives
    users, items and ties again.
    """
    users, items, moments = np.array(
        [(user, item, time) for user, item, time in log for _ in range(3)]
    ).T
    table = pd.DataFrame(
        {"user": users.astype(str), "item": items.astype(str)}
        | ({"timestamp": moments} if times else {})
    )
    prepared = prepare(RawData(table), "log", ALL)
    data, order = prepared.dataset, file_order(prepared.dataset, prepared.timestamps)
    assert sorted(order) == list(range(len(log) * 3))
    names = np.repeat(np.array(data.user_names[1:], dtype=object), data.lengths.numpy())
    columns = {"user": names, "item": np.array(data.item_names, dtype=object)[data.items.numpy()]}
    if prepared.timestamps is not None:
        columns["timestamp"] = prepared.timestamps.numpy()
    rows = pd.DataFrame(columns).iloc[order].reset_index(drop=True)
    assert prepare(RawData(rows), "log", ALL).dataset.fingerprint() == data.fingerprint()


def test_values_are_never_altered(tmp_path: Path) -> None:
    """Where values contain the usual separator another is taken, and RecBole's setting for it is
    said.
    """
    raw = small()
    prepared = prepare(raw, "small", ALL)
    assert "seq_separator: '|'" in written(prepared, tmp_path / "blank", "atomic").notes[0]
    assert "brand:token_seq" in (tmp_path / "blank" / "small.item").read_text()
    simple = replace(
        raw, attributes={"brand": pd.DataFrame({"item": ["a", "a"], "value": ["X", "Y"]})}
    )
    exported = written(prepare(simple, "small", ALL), tmp_path / "plain", "atomic")
    assert exported.notes == ()
    assert "X Y" in (tmp_path / "plain" / "small.item").read_text()
    bars = replace(
        raw, attributes={"brand": pd.DataFrame({"item": ["a", "a"], "value": ["X|1", "Y;2"]})}
    )
    exported = written(prepare(bars, "small", ALL), tmp_path / "bars", "csv")
    assert again(exported).dataset.vocabularies["brand"] == ["", "X|1", "Y;2"]
    full = replace(raw, attributes={"brand": pd.DataFrame({"item": ["a"], "value": ["|;,/¦␟"]})})
    with pytest.raises(SirecError, match="every character that could stand between them"):
        written(prepare(full, "small", ALL), tmp_path / "full", "csv")
    assert not (tmp_path / "full").exists()


def test_a_quote_at_the_start_of_a_cell_is_said(tmp_path: Path) -> None:
    """RecBole's reader would take it for quoting; inside a text it means nothing."""
    raw = small()
    assert not any(
        "double quote" in note
        for note in written(prepare(raw, "small", ALL), tmp_path / "none", "atomic").notes
    )
    quoted = replace(raw, attributes={"brand": pd.DataFrame({"item": ["a"], "value": ['"Acme']})})
    exported = written(prepare(quoted, "small", ALL), tmp_path / "one", "atomic")
    assert exported.notes == (
        "RecBole takes a double quote that begins a text for quoting; "
        'texts that do (1), for example: "Acme',
    )
    assert again(exported).dataset.vocabularies["brand"] == ["", '"Acme']


def test_places_stand_in_for_times(tmp_path: Path) -> None:
    """Without times, RecBole gets a column to sort by: the place in the user's history."""
    prepared = prepare(small(times=False), "small", ALL)
    written(prepared, tmp_path / "out", "atomic")
    table = pd.read_csv(tmp_path / "out" / "small.inter", sep="\t", dtype=str)
    assert list(table.columns) == ["user_id:token", "item_id:token", "order:float"]
    ordered = (
        table.sort_values("order:float", kind="stable")
        .groupby("user_id:token", sort=False)["item_id:token"]
        .agg(list)
    )
    assert ordered.to_dict() == {
        "u2": ["c", "e", "b"],
        "u1": ["a", "d", "c"],
        "u3": ["c", "a", "e"],
    }


def test_bins_keep_their_codes(tmp_path: Path) -> None:
    """Names of bins do not sort as their codes do: they are numbered, which is said; a bin that
    nobody is in is said to go.
    """
    raw = small(price=[5, 15, 25, 5, 15, 25, 5, 15, 25])
    prepared = prepare(raw, "small", replace(ALL, bins={"price": "10,20"}))
    exported = written(prepared, tmp_path / "out", "csv")
    found = again(exported)
    assert found.dataset.fingerprint() == prepared.dataset.fingerprint()
    assert found.dataset.vocabularies["price"] == ["", "1 below 10", "2 10 to 20", "3 20 and more"]
    assert "its values are numbered" in exported.notes[0]
    empty = written(
        prepare(raw, "small", replace(ALL, bins={"price": "10,20,100"})), tmp_path / "empty", "csv"
    )
    assert any("values that no interaction has are not written" in note for note in empty.notes)


def test_what_sequences_cannot_carry_is_said(tmp_path: Path) -> None:
    """Times, behaviours, other attributes, user names and the order of items: each is a note."""
    raw = small(rating=[1, 2, 3, 1, 2, 3, 1, 2, 3])
    prepared = prepare(replace(raw, attributes={"colour": raw.attributes["brand"]}), "small", ALL)
    notes = written(prepared, tmp_path / "out", "sequences").notes
    assert notes[0] == "the format has no place for times, rating, colour: left out"
    assert "users of this format are whole numbers" in notes[1]
    assert "items first appear in another order" in notes[2]


@pytest.mark.parametrize("form", ["csv", "atomic", "sequences"])
def test_the_same_export_again_finds_itself(tmp_path: Path, form: str) -> None:
    """A process that was killed just after its last step is run again; other contents are not."""
    prepared = prepare(small(), "small", ALL)
    first = written(prepared, tmp_path / "out", form)
    assert written(prepared, tmp_path / "out", form) == first
    [changed, *_] = sorted((tmp_path / "out").iterdir())
    changed.write_bytes(changed.read_bytes() + b" ")
    with pytest.raises(SirecError, match="there is something already"):
        written(prepared, tmp_path / "out", form)


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    """Nothing is overwritten; an empty folder is taken."""
    prepared = prepare(small(), "small", ALL)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    for place in (tmp_path / "full", tmp_path / "full" / "mine.txt"):
        with pytest.raises(SirecError, match="there is something already"):
            written(prepared, place, "csv")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]
    (tmp_path / "empty").mkdir()
    assert written(prepared, tmp_path / "empty", "csv").folder.is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "empty",
        "full",
    ]  # no temporary folder is left


AWKWARD = {
    "tab in an id": ("atomic", {"a": "a\tb"}, "item 'a\\tb' cannot be written as atomic"),
    "line break in an id": (
        "sequences",
        {"a": "a\nb"},
        "item 'a\\nb' cannot be written as sequences",
    ),
    "return in an id": ("csv", {"a": "a\rb"}, "item 'a\\rb' cannot be written as csv"),
    "blank around an id": ("csv", {"a": " a"}, "item ' a' cannot be written as csv"),
}


@pytest.mark.parametrize("case", AWKWARD)
def test_what_would_be_another_id_is_refused(tmp_path: Path, case: str) -> None:
    """An id that the format would change when it is read: an error before anything is written."""
    form, change, message = AWKWARD[case]
    raw = small()
    renamed = RawData(raw.interactions.replace({"item": change}))
    with pytest.raises(SirecError) as caught:
        written(prepare(renamed, "small", ALL), tmp_path / "out", form)
    assert message in caught.value.message
    assert not list(tmp_path.iterdir())


def test_names_that_mean_something_there_are_refused(tmp_path: Path) -> None:
    """A behaviour called `item_id` cannot be a column beside RecBole's."""
    prepared = prepare(small(item_id=[1, 2, 3, 1, 2, 3, 1, 2, 3]), "small", ALL)
    with pytest.raises(SirecError, match="the field 'item_id' cannot be exported under its name"):
        written(prepared, tmp_path / "out", "atomic")
    assert_same(prepared, again(written(prepared, tmp_path / "out", "csv")))


def test_unknown_formats_are_named(tmp_path: Path) -> None:
    """The nearest one is said."""
    with pytest.raises(SirecError, match="'cvs' is not a format") as caught:
        written(prepare(small(), "small", ALL), tmp_path / "out", "cvs")
    assert "did you mean 'csv'?" in (caught.value.hint or "")
