"""A time that is there is used or asked about, in every format, and never left out in silence."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sirec.data.frames import FrameColumns, read_frames
from sirec.data.prepare.filters import PrepareOptions
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.atomic import AtomicSource
from sirec.data.sources.base import RawData
from sirec.data.sources.table import TableSource
from sirec.data.split import Temporal
from sirec.errors import SirecError

ROWS = 12
SECONDS = [1_600_000_000 - 100 * row for row in range(ROWS)]
DAYS = [f"2020-09-{28 - row:02}" for row in range(ROWS)]
IDS = {"user": ["u"] * ROWS, "item": [f"i{row}" for row in range(ROWS)]}

Read = Callable[[Mapping[str, list[Any]], Path, Mapping[str, Any]], RawData]


def from_csv(columns: Mapping[str, list[Any]], folder: Path, options: Mapping[str, Any]) -> RawData:
    pd.DataFrame(columns).to_csv(folder / "a.csv", index=False)
    return TableSource("a.csv", **options).read(folder)


def from_json(
    columns: Mapping[str, list[Any]], folder: Path, options: Mapping[str, Any]
) -> RawData:
    rows = pd.DataFrame(columns).to_dict("records")
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return TableSource("a.jsonl", **options).read(folder)


def from_parquet(
    columns: Mapping[str, list[Any]], folder: Path, options: Mapping[str, Any]
) -> RawData:
    pd.DataFrame(columns).to_parquet(folder / "a.parquet")
    return TableSource("a.parquet", **options).read(folder)


def from_atomic(
    columns: Mapping[str, list[Any]], folder: Path, options: Mapping[str, Any]
) -> RawData:
    table = pd.DataFrame(columns)
    keys: dict[str, str] = {}
    for name in table.columns:
        is_number = pd.api.types.is_numeric_dtype(table[name])
        keys[name] = f"{name}:{'float' if is_number else 'token'}"
    table.rename(columns=keys).to_csv(folder / "a.inter", index=False, sep="\t")
    return AtomicSource(user="user", item="item", **options).read(folder)


def from_frame(
    columns: Mapping[str, list[Any]], folder: Path, options: Mapping[str, Any]
) -> RawData:
    return read_frames(pd.DataFrame(columns), None, FrameColumns(**options))


READERS: Mapping[str, Read] = {
    "csv": from_csv,
    "jsonl": from_json,
    "parquet": from_parquet,
    "atomic": from_atomic,
    "frame": from_frame,
}
every_reader = pytest.mark.parametrize("reader", READERS)


def read(reader: str, folder: Path, columns: Mapping[str, list[Any]], **options: Any) -> RawData:
    return READERS[reader]({**IDS, **columns}, folder, options)


@every_reader
@pytest.mark.parametrize(
    "name", ["time", "date", "Timestamp", "TS", "unixReviewTime", "created_at", "Order Date"]
)
def test_a_column_of_a_known_name_is_the_time(reader: str, name: str, tmp_path: Path) -> None:
    """It orders the interactions, and it is said; the same as if it had been named."""
    found = read(reader, tmp_path, {name: SECONDS})
    assert found.time_column == name
    assert found.unused_times == ()
    [note] = found.notes
    assert f"'{name}'" in note
    assert "none" in note
    named = read(reader, tmp_path, {name: SECONDS}, time=name)
    assert named.interactions.equals(found.interactions)
    assert named.notes == ()
    prepared = prepare(found, "x", PrepareOptions(core=0))
    assert prepared.order == f"time (column {name}), then file"
    assert prepared.dataset.item_names[int(prepared.dataset.items[0])] == f"i{ROWS - 1}"


@every_reader
def test_none_says_that_there_are_no_times(reader: str, tmp_path: Path) -> None:
    """File order then decides without a question."""
    raw = read(reader, tmp_path, {"timestamp": SECONDS}, time="none")
    assert "timestamp" not in raw.interactions
    assert (raw.time_column, raw.unused_times, raw.notes) == (None, (), ())
    assert prepare(raw, "x", PrepareOptions(core=0)).order == "file (no times)"


DOUBTFUL: Mapping[str, Mapping[str, list[Any]]] = {
    "two of them": {"time": SECONDS, "date": DAYS},
    "a word in a name": {"order_placed_date": DAYS},
    "a name in another language": {"Bestelldatum": DAYS},
    "seconds under any name": {"t": SECONDS},
    "times in part": {"date": [*DAYS[1:], "soon"]},
    "one is missing": {"date": [*DAYS[1:], None]},
    "numbers that are no times": {"time": list(range(ROWS))},
    "dates as digits": {"order_placed_date": [int(day.replace("-", "")) for day in DAYS]},
    "dates as digits under any name": {"day": [int(day.replace("-", "")) for day in DAYS]},
    "days first": {"date": [f"{28 - row}/09/2020" for row in range(ROWS)]},
    "days and hours apart": {"date": DAYS, "time": [f"{row}:30:00" for row in range(ROWS)]},
}


@every_reader
@pytest.mark.parametrize("case", DOUBTFUL)
def test_what_is_doubtful_is_asked_about(reader: str, case: str, tmp_path: Path) -> None:
    """File order decides, and one note asks, with the option that would choose the column."""
    columns = DOUBTFUL[case]
    raw = read(reader, tmp_path, columns)
    assert "timestamp" not in raw.interactions
    assert raw.unused_times == tuple(columns)
    [note] = raw.notes
    assert note.startswith("no times chosen: file order decides; is '")
    first = next(iter(columns))
    option = f"time={first!r}" if reader == "frame" else f"--time {first}"
    assert option in note
    assert prepare(raw, "x", PrepareOptions(core=0)).unused_times == tuple(columns)


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%d.%m.%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%b %d, %Y"])
@pytest.mark.parametrize("reader", ["csv", "atomic", "frame"])
def test_the_question_has_the_format_that_is_needed(reader: str, form: str, tmp_path: Path) -> None:
    """Followed, it reads the times as they were written; the control is a column in ISO 8601."""
    moments = [pd.Timestamp(2020, 9, 28 - row, 13, 45, row) for row in range(ROWS)]
    written = [moment.strftime(form) for moment in moments]
    [note] = read(reader, tmp_path, {"bought date": written}).notes
    options = {"time": "bought date", "time_format": form}
    if reader == "frame":
        assert note.endswith(f"time='bought date', time_format={form!r}")
    else:
        assert shlex.split(note.rpartition("? ")[2])[1::2] == list(options.values())
    found = read(reader, tmp_path, {"bought date": written}, **options)
    expected = [pd.Timestamp(pd.to_datetime(text, format=form)) for text in written]
    assert pd.to_datetime(found.interactions["timestamp"], unit="s").tolist() == expected
    [plain] = read(reader, tmp_path, {"bought on": DAYS}).notes
    assert "format" not in plain


@every_reader
@pytest.mark.parametrize(
    "columns",
    [
        {"stars": [1, 2, 3] * 4},
        {"runtime": list(range(60, 60 + ROWS))},
        {"release_year": [1990] * ROWS},
        {"version": ["1.10.3"] * ROWS},
        {"format": ["paper"] * ROWS},
        {"updates": list(range(ROWS))},
    ],
    ids=lambda columns: next(iter(columns)),
)
def test_other_columns_are_not_asked_about(
    reader: str, columns: Mapping[str, list[Any]], tmp_path: Path
) -> None:
    """The control: neither names that contain such letters nor numbers of another kind."""
    raw = read(reader, tmp_path, columns)
    assert (raw.unused_times, raw.notes) == ((), ())


@every_reader
def test_a_behaviour_is_not_taken_for_the_time(reader: str, tmp_path: Path) -> None:
    """A column that was chosen as something else is neither used nor asked about."""
    raw = read(reader, tmp_path, {"date": DAYS}, behaviours={"day": "date"})
    assert raw.behaviours == ("day",)
    assert (raw.time_column, raw.unused_times) == (None, ())


def test_an_attribute_is_not_taken_for_the_time(tmp_path: Path) -> None:
    """Not even one of the interactions; one of the items has nothing to do with it."""
    for name in ("csv", "frame"):
        raw = read(name, tmp_path, {"date": DAYS}, attributes={"day": "date"})
        assert (raw.time_column, raw.unused_times) == (None, ())
    pd.DataFrame({"item": IDS["item"], "date": DAYS}).to_csv(tmp_path / "items.csv", index=False)
    options = {"items": "items.csv", "attributes": {"day": "date"}}
    assert read("csv", tmp_path, {"date": DAYS}, **options).time_column == "date"


def test_what_is_no_time_far_down_the_file_is_found_too(tmp_path: Path) -> None:
    """Beyond the rows that are looked at first: the column is not used, and no line is an error."""
    rows = 30_000
    times = [*map(str, range(1_600_000_000, 1_600_000_000 + rows - 1)), "late"]
    table = pd.DataFrame({"user": "u", "item": range(rows), "time": times})
    table.to_csv(tmp_path / "a.csv", index=False)
    raw = TableSource("a.csv").read(tmp_path)
    assert (len(raw.interactions), raw.unused_times) == (rows, ("time",))
    with pytest.raises(SirecError, match="expected seconds"):  # the control: it was named
        TableSource("a.csv", time="time").read(tmp_path)


def test_a_timestamp_may_be_any_time(tmp_path: Path) -> None:
    """The name says it: whole numbers from 0 are taken in atomic files as ever, and in tables."""
    for name in READERS:
        assert read(name, tmp_path, {"timestamp": list(range(ROWS))}).time_column == "timestamp"


def test_what_needs_times_says_where_they_may_be(tmp_path: Path) -> None:
    """A window or a temporal split over data whose time was not chosen names the option."""
    raw = read("csv", tmp_path, {"bought": DAYS})
    for options in (PrepareOptions(since="2020-01-01"), PrepareOptions(split=Temporal())):
        with pytest.raises(SirecError, match="they may be in: bought") as caught:
            prepare(raw, "x", options)
        assert caught.value.hint == "for example: --time bought"


def test_a_format_of_times_needs_times(tmp_path: Path) -> None:
    """With a format, a known column is read by it; without a column the format is no silent
    nothing.
    """
    european = [f"{28 - row}/09/2020" for row in range(ROWS)]
    for name in ("csv", "atomic"):
        raw = read(name, tmp_path, {"date": european}, time_format="%d/%m/%Y")
        assert raw.time_column == "date"
        with pytest.raises(SirecError, match="no column of times") as caught:
            read(name, tmp_path, {"bought": european}, time_format="%d/%m/%Y")
        assert "--time bought" in (caught.value.hint or "")
        with pytest.raises(SirecError, match="no column of times"):
            read(name, tmp_path, {}, time_format="%d/%m/%Y")


HISTORIES = {
    "item_id_list:token_seq": ["a b", "b c"],
    "rating_list:float_seq": ["1 2", "2 3"],
    "item_seq:token_seq": ["a b", "b c"],
    "hist_item_id:token_seq": ["a b", "b c"],
    "history:token_seq": ["a b", "b c"],
    "click_history:token_seq": ["a b", "b c"],
    "items:token_seq": ["a b", "b c"],
}


def inter(folder: Path, name: str, **columns: list[str]) -> None:
    table = {"user_id:token": ["1", "1"], "item_id:token": ["c", "d"], "rating:float": ["1", "2"]}
    pd.DataFrame({**table, **columns}).to_csv(folder / name, index=False, sep="\t")


@pytest.mark.parametrize("field", HISTORIES)
def test_training_examples_are_no_interactions(field: str, tmp_path: Path) -> None:
    """Rows of a history and its target are refused; a list of something else is none (control)."""
    inter(tmp_path, "a.inter", **{field: HISTORIES[field]})
    with pytest.raises(SirecError, match=f"'{field}' lists a history"):
        AtomicSource().read(tmp_path)
    inter(tmp_path, "a.inter", **{"tag_list:token_seq": ["x y", "y"]})
    assert len(AtomicSource().read(tmp_path).interactions) == 2


def test_data_that_are_split_already_are_not_read_in_part(tmp_path: Path) -> None:
    """All parts are named; a part that is asked for is read, with its items, and the others are
    named as not read. Control: an ordinary file beside another.
    """
    for part in ("train", "valid", "test"):
        inter(tmp_path, f"a.{part}.inter")
    with pytest.raises(SirecError, match=r"split already: a\.test\.inter, a\.train\.inter"):
        AtomicSource().read(tmp_path)
    (tmp_path / "a.item").write_text("item_id:token\tbrand:token\nc\tAcme\n")
    raw = AtomicSource(dataset="a.train").read(tmp_path)
    assert raw.attributes["brand"]["value"].tolist() == ["Acme"]
    [note] = raw.notes
    assert "not read: a.test.inter, a.valid.inter" in note
    inter(tmp_path, "b.inter")
    with pytest.raises(SirecError, match=r"4 files that end in \.inter"):
        AtomicSource().read(tmp_path)
    assert AtomicSource(dataset="b").read(tmp_path).notes == ()
