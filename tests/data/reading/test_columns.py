"""Values as files have them become values of a kind, or are known to be missing or wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirec.data.reading.columns import ColumnKind, WantedColumn
from sirec.data.reading.conversions import Converted, convert

NEW_YEAR = 1_546_300_800  # 2019-01-01 UTC
# kind, values, results, and . ? ! for right, missing, wrong
CASES: dict[str, tuple[WantedColumn, pa.Array, list[object], str]] = {
    "texts are trimmed": (
        WantedColumn("x"),
        pa.array(["a", " b ", "", " ", None]),
        ["a", "b", None, None, None],
        "..???",
    ),
    "whole numbers are names": (
        WantedColumn("x"),
        pa.array([1, 2**62, None]),
        ["1", str(2**62), None],
        "..?",
    ),
    "64 bits without a sign": (
        WantedColumn("x"),
        pa.array([2**64 - 1], pa.uint64()),
        [str(2**64 - 1)],
        ".",
    ),
    "fractions are no names": (
        WantedColumn("x"),
        pa.array([1.0, 2.5, None, -0.0, 2.0**53]),
        ["1", None, None, "0", None],
        ".!?.!",
    ),
    "numbers as values": (
        WantedColumn("x", "texts"),
        pa.array([3.0, 0.5, float("nan")]),
        [["3"], ["0.5"], None],
        "..?",
    ),
    "lists of numbers": (
        WantedColumn("x", "texts"),
        pa.array([[1.0, float("nan")], [1.5, 2.0], None, [7.0]]),
        [["1"], None, None, ["7"]],
        ".!?.",
    ),
    "lists of whole numbers": (
        WantedColumn("x", "texts"),
        pa.array([[1, None], []]),
        [["1"], []],
        "..",
    ),
    "lists of truth values": (WantedColumn("x", "texts"), pa.array([[True]]), [None], "!"),
    "truth values are no names": (WantedColumn("x"), pa.array([True]), [None], "!"),
    "numbers": (
        WantedColumn("x", "number"),
        pa.array(["1", "x", "", " 2.5 ", "1e3", "inf", "4,5"]),
        [1.0, None, None, 2.5, 1000.0, None, None],
        ".!?..!!",
    ),
    "numbers that are numbers": (
        WantedColumn("x", "number"),
        pa.array([1, None]),
        [1.0, None],
        ".?",
    ),
    "NaN is missing": (
        WantedColumn("x", "number"),
        pa.array([1.0, float("nan")]),
        [1.0, None],
        ".?",
    ),
    "seconds and milliseconds": (
        WantedColumn("x", "time"),
        pa.array([NEW_YEAR, NEW_YEAR * 1000 + 999, -5]),
        [NEW_YEAR, NEW_YEAR + Fraction(999, 1000), -5],
        "...",
    ),
    "microseconds and nanoseconds": (
        WantedColumn("x", "time"),
        pa.array([NEW_YEAR * 10**6 + 999_999, NEW_YEAR * 10**9 + 1, 2**63 - 1]),
        [
            NEW_YEAR + Fraction(999_999, 10**6),
            NEW_YEAR + Fraction(1, 10**9),
            Fraction(2**63 - 1, 10**9),
        ],
        "...",
    ),
    "units in texts": (
        WantedColumn("x", "time"),
        pa.array(
            [str(NEW_YEAR * 10**6), str(NEW_YEAR * 10**9), "1e30", "-99999999999", "2019-01-01"]
        ),
        [NEW_YEAR, NEW_YEAR, None, None, NEW_YEAR],
        "..!!.",
    ),
    "typed times out of the calendar": (
        WantedColumn("x", "time"),
        pa.array([1_600_000_000_000, 0], pa.timestamp("s")),
        [None, 0],
        "!.",
    ),
    "times that are no numbers": (
        WantedColumn("x", "time"),
        pa.array([float("inf"), -1e300, NEW_YEAR + 0.9]),
        [None, None, NEW_YEAR + Fraction(9, 10)],
        "!!.",
    ),
    "times as texts": (
        WantedColumn("x", "time"),
        pa.array(
            [
                "2019-01-01 12:00:00",
                "2019-01-01",
                "2019-01-01T01:00:00+01:00",
                "2019-01-01T00:00:00Z",
                "2019-02-30",
                "soon",
                "1546300800",
                "",
            ]
        ),
        [NEW_YEAR + 43_200, NEW_YEAR, NEW_YEAR, NEW_YEAR, None, None, NEW_YEAR, None],
        "....!!.?",
    ),
    "the clock is no time": (
        WantedColumn("x", "time"),
        pa.array(["now", "today", "2019-01-01"]),
        [None, None, NEW_YEAR],
        "!!.",
    ),
    "the clock is of no format": (
        WantedColumn("x", "time", format="%d/%m/%Y"),
        pa.array(["now", "today"]),
        [None, None],
        "!!",
    ),
    "times of a format": (
        WantedColumn("x", "time", format="%d/%m/%Y"),
        pa.array(["01/01/2019", "2019-01-01"]),
        [NEW_YEAR, None],
        ".!",
    ),
    "digits of a format": (
        WantedColumn("x", "time", format="%Y%m%d"),
        pa.array([20190101]),
        [NEW_YEAR],
        ".",
    ),
    "typed times": (
        WantedColumn("x", "time"),
        pa.array([datetime(2019, 1, 1, 0, 0, 0, 5, tzinfo=UTC), None]),
        [NEW_YEAR + Fraction(5, 10**6), None],
        ".?",
    ),
    "typed days": (WantedColumn("x", "time"), pa.array([date(2019, 1, 1)]), [NEW_YEAR], "."),
    "split texts": (
        WantedColumn("x", "texts", separator="|"),
        pa.array(["a| b |", "", "|", None]),
        [["a", "b"], None, [], None],
        ".?.?",
    ),
    "unsplit texts": (WantedColumn("x", "texts"), pa.array(["a|b", None]), [["a|b"], None], ".?"),
    "lists": (
        WantedColumn("x", "texts"),
        pa.array([["a", " ", None, "b"], [], None]),
        [["a", "b"], [], None],
        "..?",
    ),
    "nothing at all": (WantedColumn("x", "time"), pa.nulls(2), [None, None], "??"),
    "no rows": (WantedColumn("x", "texts"), pa.array([], pa.string()), [], ""),
}


def plain(result: Converted) -> list[object]:
    """The values; a time as its seconds, which are a fraction where it is not whole."""
    values: list[object] = []
    for value in result.values.to_pylist():
        if isinstance(value, dict):
            fraction = Fraction(value["nanoseconds"], 10**9)
            value = value["seconds"] + fraction if fraction else value["seconds"]
        values.append(value)
    return values


@pytest.mark.parametrize("case", CASES)
def test_values_by_kind(case: str) -> None:
    """Each form of a value gives the value, or says whether it is missing or wrong."""
    column, values, expected, marks = CASES[case]
    result = convert(values, column)
    assert plain(result) == expected
    assert (
        "".join(
            "?" if m else "!" if w else "."
            for m, w in zip(result.missing, result.wrong, strict=True)
        )
        == marks
    )


@given(
    st.lists(st.one_of(st.none(), st.text(max_size=5)), max_size=20),
    st.sampled_from(["text", "number", "time", "texts"]),
)
def test_no_text_breaks_a_conversion(values: list[str | None], kind: ColumnKind) -> None:
    """Any text is right, missing or wrong; only what is right has a value, and one bad value spoils
    no other.
    """
    column = WantedColumn("x", kind, separator="|")
    result = convert(pa.array(values, pa.string()), column)
    assert [value is None for value in result.values.to_pylist()] == (
        result.missing | result.wrong
    ).tolist()
    alone = [
        convert(pa.array([value], pa.string()), column).values.to_pylist()[0] for value in values
    ]
    assert result.values.to_pylist() == alone


def test_a_slice_converts_like_the_whole() -> None:
    """Offsets of a sliced list array are not those of its buffers."""
    values = pa.array([["a"], ["b", ""], None, ["c", "d"]])
    whole = convert(values, WantedColumn("x", "texts")).values.to_pylist()
    assert convert(values.slice(1, 3), WantedColumn("x", "texts")).values.to_pylist() == whole[1:]
