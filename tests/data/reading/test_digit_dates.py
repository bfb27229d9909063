"""Dates that are written as digits are refused, and the format that the hint names reads them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sirec.data.frames import FrameColumns, read_frames
from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.conversions import convert
from sirec.data.reading.digit_dates import FORMS, LIKELY, DateChecks
from sirec.data.sources.atomic import AtomicSource
from sirec.data.sources.movielens import MovieLensSource
from sirec.data.sources.table import TableSource
from sirec.errors import SirecError

START = datetime(2019, 10, 14, 12, 30, 55, 123_000, tzinfo=UTC)
MOMENTS = [START + timedelta(days=41 * day, hours=day, seconds=day) for day in range(20)]
COLUMN = WantedColumn("at", "time")


def digits(form: str) -> list[str]:
    """The moments as digits; of their fractions of a second the milliseconds."""
    texts = [moment.strftime(form) for moment in MOMENTS]
    return [text.removesuffix("000") for text in texts] if form.endswith("%f") else texts


def expected_of(form: str) -> list[int]:
    """The milliseconds since 1970 that a format keeps of the moments."""
    kept = pd.to_datetime(pd.Series([moment.strftime(form) for moment in MOMENTS]), format=form)
    return kept.astype("datetime64[ms]").astype("int64").tolist()


def read(path: Path, form: str | None) -> list[int]:
    if path.suffix == ".inter":
        raw = AtomicSource(time_format=form).read(path.parent)
    else:
        raw = TableSource(path.name, time="at", time_format=form).read(path.parent)
    return in_milliseconds(raw.interactions["timestamp"])


def in_milliseconds(times: pd.Series) -> list[int]:
    return pd.to_datetime(times, unit="s").astype("datetime64[ms]").astype("int64").tolist()


def write(folder: Path, spelling: str, texts: Sequence[str]) -> Path:
    """A file of dates, as numbers in each way in which a program writes them."""
    numbers: list[object] = list(map(int, texts))
    if spelling.endswith("floats"):
        numbers = list(map(float, texts))
    ending = spelling.split()[0]
    path = folder / f"log.{ending}"
    if ending == "parquet":
        columns = {"user": ["u"] * len(texts), "item": list(map(str, texts)), "at": numbers}
        pq.write_table(pa.table(columns), path)
    elif ending == "jsonl":
        records = [
            {"user": "u", "item": text, "at": number}
            for text, number in zip(texts, numbers, strict=True)
        ]
        path.write_text("\n".join(map(json.dumps, records)))
    elif ending == "inter":
        rows = [f"u\t{text}\t{text}" for text in texts]
        path.write_text("\n".join(["user_id:token\titem_id:token\ttimestamp:float", *rows]))
    else:
        written = [f"{number:.1f}" for number in numbers] if "floats" in spelling else texts
        rows = [f"u,{text},{cell}" for text, cell in zip(texts, written, strict=True)]
        path.write_text("\n".join(["user,item,at", *rows]))
    return path


SPELLINGS = (
    "csv", "csv floats", "jsonl", "jsonl floats", "parquet", "parquet floats", "inter",
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_hint_reads_what_was_refused(form: str, spelling: str, tmp_path: Path) -> None:
    """In every format of dates and every kind of file: refused, and read as the hint says."""
    if form.endswith("%f") and "floats" in spelling:
        return  # 17 digits are more than a float holds
    path = write(tmp_path, spelling, digits(form))
    with pytest.raises(SirecError, match=r"(all|most) times are dates written as numbers") as told:
        read(path, None)
    assert told.value.hint is not None
    option, *declared = shlex.split(re.sub(r"[(),]", " ", told.value.hint.partition(": ")[2]))
    assert option == "--time-format"
    assert form in declared
    assert declared[0] == form or form in ("%d%m%y", "%m%d%y")  # which read as %y%m%d, too
    assert read(path, form) == expected_of(form)


def test_data_frames_are_told_their_own_option() -> None:
    """The argument of `prepare` takes the place of the command line's option."""
    frame = pd.DataFrame({"user": "u", "item": range(20), "at": digits("%Y%m%d")})
    for times in (frame["at"], frame["at"].astype(int), frame["at"].astype(float)):
        with pytest.raises(SirecError, match="column at: all times are dates") as told:
            read_frames(frame.assign(at=times), None, FrameColumns(time="at"))
        assert told.value.hint == "say how they are written: time_format='%Y%m%d'"
        raw = read_frames(
            frame.assign(at=times), None, FrameColumns(time="at", time_format="%Y%m%d")
        )
        assert in_milliseconds(raw.interactions["timestamp"]) == expected_of("%Y%m%d")


def test_a_source_without_a_format_names_no_option_of_its_own(tmp_path: Path) -> None:
    """MovieLens has no `time_format`: the file is read as a table, and the hint says so."""
    dates = digits("%Y%m%d")
    rows = [f"1::{item}::5::{date}" for item, date in enumerate(dates, 1)]
    (tmp_path / "ratings.dat").write_text("\n".join(rows))
    (tmp_path / "movies.dat").write_text("1::Alien (1979)::Horror\n")
    with pytest.raises(SirecError, match="column timestamp: all times are dates") as told:
        MovieLensSource("ml-1m").read(tmp_path)
    assert told.value.hint is not None
    assert "read the file as a table of your own, which has --time-format '%Y%m%d'" in (
        told.value.hint
    )


def check(numbers: Sequence[object], parts: int = 1) -> None:
    checks = DateChecks([COLUMN], "log.csv")
    for part in np.array_split(np.array(numbers), parts):
        checks.add([convert(pa.array(part), COLUMN).values])
    checks.refuse_dates()


def test_most_are_enough_and_half_are_not() -> None:
    """A few times of another kind hide no dates; where half are dates, the rest is right."""
    dates = list(map(int, digits("%Y%m%d%H%M")))
    with pytest.raises(SirecError, match="most times are dates written as numbers"):
        check([*dates, *range(1_600_000_000, 1_600_000_019)])
    check([*dates, *range(1_600_000_000, 1_600_000_020)])


def test_parts_are_counted_together() -> None:
    """A part that is too small to tell does not decide."""
    dates = list(map(int, digits("%Y%m%d")))
    check([*range(1_600_000_000, 1_600_000_021), *dates], parts=2)
    with pytest.raises(SirecError, match="most times are dates"):
        check([*range(1_600_000_000, 1_600_000_010), *dates], parts=3)


@given(st.lists(st.integers(LIKELY[0], LIKELY[1] - 1), min_size=1, max_size=9))
@settings(deadline=None)
def test_no_time_from_1990_to_2030_is_taken_for_a_date(seconds: list[int]) -> None:
    """In whatever unit, however few there are: also where their digits read as one."""
    for power in range(4):
        check([second * 1000**power for second in seconds])


def test_likely_times_may_read_as_dates() -> None:
    """The control: the second of a digit date is likely, and is not refused, in each unit."""
    assert datetime.strptime("1012019", "%Y%j")
    for number in (1_012_019_123_055, 991_231_235_959):
        text = str(number)
        form = "%d%m%Y%H%M%S" if number > 10**12 else "%y%m%d%H%M%S"
        assert datetime.strptime(text.zfill(14 if number > 10**12 else 12), form)
        check([number] * 3)


@pytest.mark.parametrize("numbers", [range(1, 5000), range(190_000, 215_000), range(0, 10**8, 977)])
def test_counters_are_no_dates(numbers: range) -> None:
    """Steps and seconds since the beginning of a log pass, though some of them read as dates."""
    check(list(numbers))


@pytest.mark.parametrize(
    "numbers",
    [
        [20190231, 20190230, 20190229],
        [201913, 201900, 201914],
        [2019100124] * 3,
        [20191001126000] * 3,
    ],
)
def test_what_no_calendar_has_is_no_date(numbers: list[int]) -> None:
    """The days after a month's last, month 13, hour 24 and minute 60."""
    check(numbers)


def test_a_declared_format_is_not_checked() -> None:
    """It says what the numbers are."""
    column = WantedColumn("at", "time", format="%Y")
    DateChecks([column], "log.csv").add([convert(pa.array([2019] * 3), column).values])


def test_texts_of_dates_are_no_digits() -> None:
    """The same days in ISO 8601 are read."""
    check([moment.strftime("%Y-%m-%d") for moment in MOMENTS])
