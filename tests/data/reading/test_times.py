"""Times keep all digits that their files have, through every reader and in every spelling."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from data.rawfiles import amazon
from data.rawfiles.amazon import LAYOUTS
from hypothesis import given, settings
from hypothesis import strategies as st

from sirec.data.frames import FrameColumns, read_frames
from sirec.data.prepare.filters import PrepareOptions
from sirec.data.prepare.pipeline import Prepared, prepare
from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.context import BadLines, ReadingContext
from sirec.data.reading.conversions import convert
from sirec.data.reading.time_numbers import text_of_float
from sirec.data.reading.times import narrowed
from sirec.data.sources.amazon import AmazonSource
from sirec.data.sources.atomic import AtomicSource
from sirec.data.sources.base import RawData
from sirec.data.sources.table import TableSource
from sirec.errors import SirecError

SECOND = 1_600_000_000  # 2020-09-13T12:26:40Z
LATER, EARLIER = "2020-09-13 12:26:40.900", "2020-09-13 12:26:40.100"
# In the file the later event of each user stands first, and the order of the rest is right.
EVENTS = (("b", Fraction(9, 10)), ("a", Fraction(1, 10)), ("c", Fraction(12, 10)))


def nanoseconds(times: Sequence[object], **declared: Any) -> list[int | None]:
    """Nanoseconds since 1970 of values that Arrow has a type for."""
    values = times if isinstance(times, pa.Array) else pa.array(times)
    found = convert(values, WantedColumn("at", "time", **declared)).values.to_pylist()
    exact: list[int | None] = []
    for time in found:
        exact.append(None if time is None else time["seconds"] * 10**9 + time["nanoseconds"])
    return exact


def in_ticks(per_second: int) -> list[int]:
    return [SECOND * per_second + int(offset * per_second) for _, offset in EVENTS]


def as_iso(form: str) -> list[str]:
    start = datetime.fromtimestamp(SECOND, UTC)
    return [(start + timedelta(seconds=float(offset))).strftime(form) for _, offset in EVENTS]


ITEMS = [item for item, _ in EVENTS]
TEXTS: dict[str, tuple[Sequence[object], str | None]] = {
    "milliseconds": (in_ticks(10**3), None),
    "microseconds": (in_ticks(10**6), None),
    "nanoseconds": (in_ticks(10**9), None),
    "decimals": ([f"{SECOND}.900", f"{SECOND}.1", f"{SECOND + 1}.200000000"], None),
    "exponents": (["1.6000000009e9", "1.6000000001E+9", "1.6000000012e9"], None),
    "ISO": (as_iso("%Y-%m-%d %H:%M:%S.%f"), None),
    "ISO, T": (as_iso("%Y-%m-%dT%H:%M:%S.%f"), None),
    "ISO, Z": (as_iso("%Y-%m-%dT%H:%M:%S.%fZ"), None),
    "ISO, another zone": (as_iso("%Y-%m-%dT%H:%M:%S.%f+00:00"), None),
    "ISO of several forms": ([LATER, f"{EARLIER}Z", f"{SECOND + 1}.2"], None),
    "ISO, nanoseconds": ([f"{LATER}000001", f"{EARLIER}000000", "2020-09-13 12:26:41.2"], None),
    "a format": (as_iso("%d/%m/%Y %H.%M.%S,%f"), "%d/%m/%Y %H.%M.%S,%f"),
    "digits of a format": (as_iso("%Y%m%d%H%M%S%f"), "%Y%m%d%H%M%S%f"),
}


def table(path: Path, form: str | None = None) -> RawData:
    return TableSource(path.name, time="at", time_format=form).read(path.parent)


def from_csv(folder: Path, times: Sequence[object], form: str | None) -> RawData:
    rows = [f"u,{item},{json.dumps(time)}" for item, time in zip(ITEMS, times, strict=True)]
    (folder / "log.csv").write_text("\n".join(["user,item,at", *rows]))
    return table(folder / "log.csv", form)


def from_json(folder: Path, times: Sequence[object], form: str | None) -> RawData:
    records = [{"user": "u", "item": item, "at": at} for item, at in zip(ITEMS, times, strict=True)]
    (folder / "log.jsonl").write_text("\n".join(map(json.dumps, records)))
    return table(folder / "log.jsonl", form)


def from_careful_json(folder: Path, times: Sequence[object], form: str | None) -> RawData:
    """As `from_json`, with a line on which Arrow gives up."""
    from_json(folder, times, form)
    with (folder / "log.jsonl").open("a") as file:
        file.write('\n{"user": {"is": 1}, "item": "z", "at": 1}\n')
    source = TableSource("log.jsonl", time="at", time_format=form)
    return source.read(folder, ReadingContext(bad_lines=BadLines(1)))


def from_parquet(folder: Path, times: Sequence[object], form: str | None) -> RawData:
    columns = {"user": ["u"] * len(ITEMS), "item": ITEMS, "at": times}
    pq.write_table(pa.table(columns), folder / "log.parquet")
    return table(folder / "log.parquet", form)


def from_atomic(folder: Path, times: Sequence[object], form: str | None) -> RawData:
    rows = [f"u\t{item}\t{time}" for item, time in zip(ITEMS, times, strict=True)]
    header = "user_id:token\titem_id:token\ttimestamp:float"
    (folder / "log.inter").write_text("\n".join([header, *rows]))
    return AtomicSource(time_format=form).read(folder)


def from_frame(folder: Path, times: Sequence[object], form: str | None) -> RawData:
    frame = pd.DataFrame({"user": "u", "item": ITEMS, "at": times})
    return read_frames(frame, None, FrameColumns(time="at", time_format=form))


READERS: dict[str, Callable[[Path, Sequence[object], str | None], RawData]] = {
    "csv": from_csv,
    "jsonl": from_json,
    "jsonl, line by line": from_careful_json,
    "parquet": from_parquet,
    "atomic": from_atomic,
    "frame": from_frame,
}


def order_of(raw: RawData) -> list[str]:
    """The items of the only user, in the order of the data set."""
    data = prepare(raw, "log", PrepareOptions(core=0)).dataset
    return [data.item_names[code] for code in data.items.tolist()]


@pytest.mark.parametrize("spelling", TEXTS)
@pytest.mark.parametrize("reader", READERS)
def test_fractions_of_a_second_decide_the_order(reader: str, spelling: str, tmp_path: Path) -> None:
    """Whatever the reader and the spelling, events .8 s apart come in the order of time."""
    times, form = TEXTS[spelling]
    raw = READERS[reader](tmp_path, times, form)
    assert order_of(raw) == ["a", "b", "c"]
    seconds = raw.interactions["timestamp"].astype("datetime64[s]")
    floored = RawData(raw.interactions.assign(timestamp=seconds))
    assert order_of(floored) == ["b", "a", "c"]  # control: whole seconds keep that of the file


@pytest.mark.parametrize("reader", ["jsonl", "jsonl, line by line", "parquet", "frame"])
@pytest.mark.parametrize("unit", [1, 10**3, 10**6])
def test_floats_decide_the_order(reader: str, unit: int, tmp_path: Path) -> None:
    """Floats in seconds, milliseconds or microseconds alike, and line by line as in one go."""
    times = [(SECOND + float(offset)) * unit for _, offset in EVENTS]
    raw = READERS[reader](tmp_path, times, None)
    assert order_of(raw) == ["a", "b", "c"]
    found = raw.interactions["timestamp"]
    assert str(found.dtype) == "datetime64[ms]"
    assert found.astype("int64").tolist() == in_ticks(10**3)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
@pytest.mark.parametrize("reader", ["parquet", "frame"])
def test_typed_times_keep_their_unit(
    reader: str, unit: str, zone: str | None, tmp_path: Path
) -> None:
    """Timestamps with and without zones, in every unit, are the same moments."""
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    times = pa.array(in_ticks(per_second), pa.timestamp(unit, zone))
    given_times: Any = times.to_pandas() if reader == "frame" else times
    raw = READERS[reader](tmp_path, given_times, None)
    assert order_of(raw) == (["b", "a", "c"] if unit == "s" else ["a", "b", "c"])
    found = pd.to_datetime(raw.interactions["timestamp"], unit="s").astype("datetime64[ns]")
    expected = [tick * (10**9 // per_second) for tick in in_ticks(per_second)]
    assert found.astype("int64").tolist() == expected


def test_amazon_keeps_the_milliseconds_of_2023(tmp_path: Path) -> None:
    """Two reviews in one second come in the order of their milliseconds."""
    reviews = []
    for item, offset in EVENTS:
        review = amazon.review_2023("u", item, 5.0, SECOND)
        review["timestamp"] = SECOND * 1000 + int(offset * 1000)
        reviews.append(review)
    products = amazon.random_products(LAYOUTS["2023"], np.random.default_rng(0), 3)
    for product, item in zip(products, ITEMS, strict=True):
        product["parent_asin"] = item
    amazon.write_edition(tmp_path, "2023", reviews, products)
    assert order_of(AmazonSource(category="Beauty", edition="2023").read(tmp_path)) == [
        "a",
        "b",
        "c",
    ]


def test_a_compressed_file_keeps_them_too(tmp_path: Path) -> None:
    """As from a plain file."""
    from_csv(tmp_path, in_ticks(10**3), None)
    content = gzip.compress((tmp_path / "log.csv").read_bytes())
    (tmp_path / "log.csv.gz").write_bytes(content)
    assert order_of(table(tmp_path / "log.csv.gz")) == ["a", "b", "c"]


INT64 = st.integers(-(2**63) + 1, 2**63 - 1)


def by_hand(number: Fraction) -> int | None:
    """The nanoseconds of a number whose size tells its unit; None out of the years 1 to 9999."""
    unit = next(power for power in range(4) if abs(number) < 10 ** (11 + 3 * power) or power == 3)
    found = number * 10 ** (9 - 3 * unit) // 1
    inside = -62_135_596_800 * 10**9 <= found < 253_402_300_800 * 10**9
    return int(found) if inside else None


@given(st.lists(INT64, min_size=1, max_size=9))
@settings(deadline=None)
def test_whole_numbers_keep_all_digits(numbers: list[int]) -> None:
    """As integers and as texts, nanoseconds with 19 digits too."""
    expected = [by_hand(Fraction(number)) for number in numbers]
    assert nanoseconds(pa.array(numbers, pa.int64())) == expected
    assert nanoseconds(list(map(str, numbers))) == expected
    assert nanoseconds([*map(str, numbers), "soon"])[:-1] == expected


DECIMALS = st.decimals(-(10**18), 10**18, allow_nan=False, allow_infinity=False, places=12)


@given(st.lists(DECIMALS, min_size=1, max_size=9))
@settings(deadline=None)
def test_decimals_keep_all_digits(numbers: list[Decimal]) -> None:
    """Digits after nanoseconds are cut off, towards the past; an exponent changes nothing."""
    expected = [by_hand(Fraction(number)) for number in numbers]
    texts = [f"{number:f}" for number in numbers]
    assert nanoseconds(texts) == expected
    assert nanoseconds([f"{number:.40e}" for number in numbers]) == expected
    assert nanoseconds([*texts, "soon"])[:-1] == expected


@given(st.lists(st.floats(-1e17, 1e17), min_size=1, max_size=9))
@settings(deadline=None)
def test_floats_are_read_alike_in_one_go_and_one_by_one(numbers: list[float]) -> None:
    """A float of any size is the same time as the text that stands for it line by line."""
    assert nanoseconds(numbers) == nanoseconds([text_of_float(number) for number in numbers])


@given(st.integers(-(2**51), 2**51))
@settings(deadline=None)
def test_floats_hold_microseconds(microseconds: int) -> None:
    """The number of seconds next to a microsecond is read as that one; floored it would not be."""
    expected = [microseconds * 1000]
    assert nanoseconds([microseconds / 10**6]) == expected


def test_flooring_floats_would_lose_a_microsecond() -> None:
    """The control of the law before."""
    number = 1_600_000_000.000001
    assert Fraction(number) * 10**6 // 1 == 1_600_000_000_000_000
    assert nanoseconds([number]) == [1_600_000_000_000_001_000]


TIMES = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))
SHAPES = st.sampled_from(
    ["%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
)


@given(st.lists(st.tuples(TIMES, SHAPES), min_size=1, max_size=9), st.booleans())
@settings(deadline=None)
def test_quick_times_are_those_of_the_slow_way(
    times: list[tuple[datetime, str]], zoned: bool
) -> None:
    """A time is the same whether all of a block are of one form, which Arrow reads, or another
    form sends it to pandas; a time with nanoseconds does not take the years of the others.
    """
    texts = []
    for time, shape in times:
        text = f"{time.year:04}" + time.strftime(shape).lstrip("0123456789")
        texts.append(f"{text}+00:00" if zoned else text)
    quick = nanoseconds(texts)
    assert None not in quick
    assert nanoseconds([*texts, "1600000000"])[:-1] == quick
    other = "2019-01-01T00:00:00.123456789Z"
    assert nanoseconds([*texts, other, "soon"]) == [*quick, 1_546_300_800_123_456_789, None]


@pytest.mark.parametrize("last", ["1600000000", "2020-09-13 12:26:40.5", "2020-09-13T12:26:40Z"])
@pytest.mark.parametrize("text", ["1600000001", "1600000001.5", "2020-09-13 12:26:41"])
def test_the_form_of_the_first_texts_is_not_that_of_all(text: str, last: str) -> None:
    """However many texts are of one form, a later one of another form is read, too."""
    alone = nanoseconds([text]) * 100 + nanoseconds([last])
    assert nanoseconds([text] * 100 + [last]) == alone
    assert nanoseconds([text] * 100 + ["soon"])[-1] is None


@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=9))
@settings(deadline=None)
def test_times_are_kept_in_the_coarsest_unit(numbers: list[int]) -> None:
    """Narrowed to one number each, times are the same, and no coarser unit holds them."""
    values = pa.array(numbers, pa.timestamp("ns"))
    times = narrowed(convert(values, WantedColumn("at", "time")).values, "here")
    unit = (
        10**9
        if pa.types.is_int64(times.type)
        else {"ms": 10**6, "us": 1000, "ns": 1}[times.type.unit]
    )
    assert [tick * unit for tick in times.cast(pa.int64()).to_pylist()] == numbers
    assert unit == 10**9 or any(number % (unit * 1000) for number in numbers)


def test_nanoseconds_of_far_years_are_refused(tmp_path: Path) -> None:
    """64 bits of nanoseconds end in 2262: one line says so; microseconds reach every year."""
    far = "2500-01-01 00:00:00.000001"
    near = ["2020-01-01 00:00:00.000000001", "2020-01-01"]
    with pytest.raises(SirecError, match=r"log\.csv, column at: .* one in the year 2500"):
        from_csv(tmp_path, [far, *near], None)
    assert len(from_csv(tmp_path, [far, "2020-01-01", "0001-01-01 00:00:00.5"], None).interactions)


def prepared_of(times: Sequence[object]) -> Prepared:
    frame = pd.DataFrame({"user": "u", "item": list("abc"), "at": times})
    raw = read_frames(frame, None, FrameColumns(time="at"))
    return prepare(raw, "log", PrepareOptions(core=0))


@pytest.mark.parametrize("value", [True, [1], b"x", timedelta(seconds=1)])
def test_what_is_no_time_is_refused(value: object) -> None:
    """Truth values, lists, bytes and durations are no moments."""
    with pytest.raises(SirecError, match="column at: expected seconds since 1970"):
        prepared_of([value] * 3)


@pytest.mark.parametrize("number", ["1e9999999", "-1e99999999999", "9" * 5000])
def test_numbers_beyond_all_bounds_are_no_times(number: str) -> None:
    """However large a number is, its row is a bad one; small ones (control) are told apart from
    it.
    """
    assert nanoseconds(["1600000000", number, "1e-9999999"]) == [1_600_000_000 * 10**9, None, 0]
