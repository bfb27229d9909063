"""Files of any format become one table of the wanted columns; fast and careful readers agree;
mistakes have addresses.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sirec.data.reading import delimited, json_lines
from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.context import BadLines, ReadingContext
from sirec.data.reading.dialect import TSV, Dialect
from sirec.data.reading.files import RawFiles
from sirec.data.reading.tables import read_delimited, read_json_lines, read_parquet
from sirec.errors import SirecError

WANTED = [
    WantedColumn("user"),
    WantedColumn("item"),
    WantedColumn("stars", "number"),
    WantedColumn("at", "time"),
]
NAMES = st.text(
    st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp", "Zs"]), min_size=1, max_size=6
).filter(str.strip)
ROWS = st.lists(
    st.tuples(NAMES, st.integers(0, 2**64 - 1), st.integers(1, 5), st.integers(7 * 10**8, 10**9)),
    min_size=1,
    max_size=12,
)
Read = Callable[..., Any]


def table(
    read: Read, folder: Path, content: bytes, *, skip: int = 0, **options: Any
) -> tuple[dict[str, list[Any]], list[str]]:
    path = folder / "file"
    path.write_bytes(content)
    bad = BadLines(skip)
    found = read(
        RawFiles(path, "a file").need("file"),
        options.pop("columns", WANTED),
        ReadingContext(bad_lines=bad),
        **options,
    )
    return found.to_pydict(), [message.removeprefix(f"{path}:") for message in bad.messages]


def expected_of(rows: list[tuple[str, int, int, int]]) -> dict[str, list[Any]]:
    user, item, stars, at = (list(column) for column in zip(*rows, strict=True))
    return {
        "user": user,
        "item": [str(value) for value in item],
        "stars": [float(value) for value in stars],
        "at": at,
    }


def as_json(rows: list[tuple[str, int, int, int]]) -> bytes:
    keys = ("user", "item", "stars", "at")
    return b"".join(
        json.dumps({**dict(zip(keys, row, strict=True)), "text": "x\n" * 3}).encode() + b"\n"
        for row in rows
    )


def as_csv(rows: list[tuple[str, int, int, int]], separator: str = ",") -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator)
    writer.writerows(
        [("user", "text", "item", "stars", "at"), *((u, "a\nb", *rest) for u, *rest in rows)]
    )
    return file.getvalue().encode()


@settings(deadline=None)  # how long it takes depends on what else the machine does
@given(ROWS)
def test_every_format_gives_the_same(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int, int, int]]
) -> None:
    """JSON lines, CSV with quoted line breaks, and Parquet; ids keep 64 bits, quotes and
    separators.
    """
    folder = tmp_path_factory.mktemp("tables")
    expected = expected_of(rows)
    assert table(read_json_lines, folder, as_json(rows)) == (expected, [])
    assert table(read_delimited, folder, as_csv(rows)) == (expected, [])
    assert table(read_delimited, folder, as_csv(rows, ";"), dialect=Dialect(";")) == (expected, [])
    frame = pd.DataFrame({key: expected[key] for key in ("user", "item", "stars", "at")})
    frame.to_parquet(folder / "parquet")
    assert table(read_parquet, folder, (folder / "parquet").read_bytes()) == (expected, [])


@settings(deadline=None)  # how long it takes depends on what else the machine does
@given(ROWS)
def test_the_careful_reader_agrees_with_the_fast_one(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int, int, int]]
) -> None:
    """What Arrow reads in one go is what is read line by line where it stumbles."""
    folder = tmp_path_factory.mktemp("tables")
    fast = (
        table(read_json_lines, folder, as_json(rows)),
        table(read_delimited, folder, as_csv(rows)),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_lines, "_parse_fast", lambda *_: None)
        patch.setattr(delimited, "_parse_fast", lambda *_: None)
        assert (
            table(read_json_lines, folder, as_json(rows)),
            table(read_delimited, folder, as_csv(rows)),
        ) == fast


GOOD_JSON = b'{"user": "a", "item": 7, "stars": 5, "at": 1}\n'
GOOD_CSV = b"user,item,stars,at\na,7,5,1\n"
MISTAKES: dict[str, tuple[Read, bytes, bytes, str]] = {
    "broken JSON": (read_json_lines, GOOD_JSON, b'{"user": "b"\n', "2: not a valid record"),
    "two records": (
        read_json_lines,
        GOOD_JSON,
        GOOD_JSON.strip() * 2 + b"\n",
        "2: not a valid record: Extra data",
    ),
    "no record": (read_json_lines, GOOD_JSON, b"[1]\n", "2: expected a record with keys, got list"),
    "a missing key": (
        read_json_lines,
        GOOD_JSON,
        b'{"user": "b", "item": 7, "at": 1}\n',
        "2, column stars: it is missing",
    ),
    "a null": (
        read_json_lines,
        GOOD_JSON,
        GOOD_JSON.replace(b'"a"', b"null"),
        "2, column user: it is missing",
    ),
    "an empty id": (
        read_json_lines,
        GOOD_JSON,
        GOOD_JSON.replace(b'"a"', b'" "'),
        "2, column user: it is missing",
    ),
    "a fraction as id": (
        read_json_lines,
        GOOD_JSON,
        GOOD_JSON.replace(b"7", b"7.5"),
        "2, column item: expected text",
    ),
    "a word as number": (
        read_json_lines,
        GOOD_JSON,
        GOOD_JSON.replace(b"5", b'"five"'),
        "2, column stars: expected a number",
    ),
    "no number": (
        read_json_lines,
        GOOD_JSON,
        GOOD_JSON.replace(b"5", b"NaN"),
        "2, column stars: it is missing",
    ),
    "a list as time": (
        read_json_lines,
        GOOD_JSON,
        GOOD_JSON.replace(b": 1", b": [1]"),
        "2, column at: expected seconds",
    ),
    "not UTF-8 in JSON": (
        read_json_lines,
        GOOD_JSON,
        GOOD_JSON.replace(b'"a"', b'"\xff"'),
        "2, column user: not UTF-8",
    ),
    "too few cells": (read_delimited, GOOD_CSV, b"b,7\n", "3: 2 cells, expected 4"),
    "too many cells": (read_delimited, GOOD_CSV, b"b,7,5,1,9\n", "3: 5 cells, expected 4"),
    "an empty cell": (read_delimited, GOOD_CSV, b"b,,5,1\n", "3, column item: it is missing"),
    "a word in a cell": (
        read_delimited,
        GOOD_CSV,
        b"b,7,five,1\n",
        "3, column stars: expected a number: 'b,7,five,1'",
    ),
    "not UTF-8 in CSV": (read_delimited, GOOD_CSV, b"\xff,7,5,1\n", "3, column user: not UTF-8"),
    "after a quoted line break": (
        read_delimited,
        GOOD_CSV + b'"x\ny",7,5,1\n',
        b"b,,5,1\n",
        "5, column item: it is missing",
    ),
}


@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_have_addresses(tmp_path: Path, case: str, end: bytes) -> None:
    """File, line and column are named; as many bad lines as allowed are skipped, and the good ones
    are all there.
    """
    read, good, bad, message = MISTAKES[case]
    content = (
        (good + bad).replace(b"\n", end) if case != "after a quoted line break" else good + bad
    )
    with pytest.raises(SirecError) as caught:
        table(read, tmp_path, content)
    assert f"{tmp_path / 'file'}:{message}" in caught.value.message
    assert "--skip-bad-lines" in (caught.value.hint or "")
    further = GOOD_JSON if read is read_json_lines else b"c,8,5,1\n"
    rows, skipped = table(read, tmp_path, content + further.replace(b"\n", end), skip=1)
    assert [each.startswith(message) for each in skipped] == [True]
    assert len(rows["user"]) == (3 if case == "after a quoted line break" else 2)


def test_one_bad_line_more_than_allowed_ends_it(tmp_path: Path) -> None:
    """The budget is over the whole file; the message says how many came before."""
    content = GOOD_JSON + b"no\n" * 3
    assert len(table(read_json_lines, tmp_path, content, skip=3)[1]) == 3  # the control
    with pytest.raises(SirecError, match=r"file:4: .*2 bad lines were skipped before it"):
        table(read_json_lines, tmp_path, content, skip=2)


def test_what_is_not_wanted_may_be_anything(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, nested values and broken types in other columns disturb nobody."""
    line = GOOD_JSON.replace(b'"at"', b'"text": "\xff", "tags": [1, {"a": null}], "at"')
    assert len(table(read_json_lines, tmp_path, GOOD_JSON + line)[0]["user"]) == 2
    content = b"user,text,item,stars,at\na,\xff,7,5,1\n"
    assert table(read_delimited, tmp_path, content)[0]["item"] == ["7"]


def test_blank_lines_are_passed_over(tmp_path: Path) -> None:
    """They are no records, but they are counted as lines."""
    assert (
        len(table(read_json_lines, tmp_path, b"\n" + GOOD_JSON + b"\n\n" + GOOD_JSON)[0]["user"])
        == 2
    )
    with pytest.raises(SirecError, match="file:3: not a valid"):
        table(read_json_lines, tmp_path, GOOD_JSON + b"\nno\n")
    assert table(read_delimited, tmp_path, GOOD_CSV + b"\nb,8,4,2\n")[0]["item"] == ["7", "8"]


def test_lines_beyond_the_first_block_keep_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks are parsed out of order and reported in order."""
    monkeypatch.setattr(
        json_lines, "blocks", lambda file, progress: delimited.blocks(file, progress, size=200)
    )
    content = GOOD_JSON * 50 + b"no\n" + GOOD_JSON * 50
    with pytest.raises(SirecError, match="file:51: not a valid"):
        table(read_json_lines, tmp_path, content)
    assert len(table(read_json_lines, tmp_path, content, skip=1)[0]["user"]) == 100


def test_columns_must_be_there(tmp_path: Path) -> None:
    """A missing column names the nearest; a header twice, and a file with nothing but a header, are
    mistakes.
    """
    with pytest.raises(SirecError, match="'stars' is not a column") as caught:
        table(read_delimited, tmp_path, b"user,item,star,at\na,1,2,3\n")
    assert "did you mean 'star'" in (caught.value.hint or "")
    with pytest.raises(SirecError, match="file:1: two columns are called 'item'"):
        table(read_delimited, tmp_path, b"user,item,item,stars,at\n")
    with pytest.raises(SirecError, match="no rows"):
        table(read_delimited, tmp_path, b"user,item,stars,at\n")


def test_formats_without_quotes_take_them_as_they_are(tmp_path: Path) -> None:
    """In a TSV a double quote is a letter; a table without a header gets names; `::` separates;
    Latin-1 is declared.
    """
    content = b'user\titem\tstars\tat\n"a\tb"c\t5\t1\n'
    assert table(read_delimited, tmp_path, content, dialect=TSV)[0]["user"] == ['"a']
    header = ("user", "item", "stars", "at")
    rows, _ = table(
        read_delimited,
        tmp_path,
        b"1::2:3::5::9\n",
        dialect=Dialect("::", quoted=False, header=header),
    )
    assert (rows["user"], rows["item"]) == (["1"], ["2:3"])
    latin = Dialect("|", quoted=False, header=header, encoding="latin-1")
    assert table(read_delimited, tmp_path, b"Am\xe9lie|7|5|1\n", dialect=latin)[0]["user"] == [
        "Amélie"
    ]


ALL_BAD: dict[str, tuple[Read, bytes, bytes]] = {
    "cells": (read_delimited, GOOD_CSV, b"b,7,5,1,\n"),
    "words": (read_delimited, GOOD_CSV, b"b,7,five,1\n"),
    "nulls": (read_json_lines, GOOD_JSON, GOOD_JSON.replace(b"5", b"null")),
    "words in JSON": (
        read_json_lines,
        GOOD_JSON.replace(b"5", b'"5"'),
        GOOD_JSON.replace(b"5", b'"five"'),
    ),
}


@pytest.mark.parametrize("case", ALL_BAD)
def test_the_first_of_many_bad_lines_is_told_soon(tmp_path: Path, case: str) -> None:
    """The time grows with the lines, not with their square: forty thousand bad ones in a block are
    seconds at worst.
    """
    read, good, bad = ALL_BAD[case]
    assert len(table(read, tmp_path, good + bad, skip=1)[1]) == 1  # the control
    start = time.process_time()
    with pytest.raises(SirecError, match="file:"):
        table(read, tmp_path, good + bad * 40_000)
    assert time.process_time() - start < 3


def test_a_carriage_return_alone_ends_a_row_and_no_line(tmp_path: Path) -> None:
    """A bad row after some is named by the line feeds before it, with the whole line that it is
    in.
    """
    content = GOOD_CSV + b"b,7,5,1\rc,8,5,1\nd,7,5,1\re,8\r\nf,,5,1\n"
    rows, bad = table(read_delimited, tmp_path, content, skip=2)
    assert rows["user"] == ["a", "b", "c", "d"]
    assert [message.partition(":")[0] for message in bad] == ["4", "5, column item"]
    assert bad[0].startswith("4: 2 cells, expected 4: 'd,7,5,1")


def test_a_quote_that_nothing_closes_swallows_no_row(tmp_path: Path) -> None:
    """Its line is a bad one, wherever the next quote is and also on the last line; all other rows
    are read.
    """
    open_quote, rest = b'b,7,5,1,"5 inch\n', b"c,8,5,1,x\n" * 3
    good = b"user,item,stars,at,title\na,7,5,1,x\n"
    for end in (b"", rest, rest + b'd,8,5,1,"fine"\n', rest + open_quote + rest):
        content = good + open_quote + end
        with pytest.raises(
            SirecError, match="file:3: a double quote that nothing closes: 'b,7,5,1,\"5 inch'"
        ):
            table(read_delimited, tmp_path, content)
        rows, bad = table(read_delimited, tmp_path, content, skip=2)
        assert len(rows["user"]) + len(bad) == content.count(b"\n") - 1
        assert bad[0].startswith("3: ")


def test_quotes_inside_a_line_are_taken_as_they_are(tmp_path: Path) -> None:
    """A quote that does not begin a cell, and text after a closed one, are letters, whichever
    reader reads the line.
    """
    content = b'user,item,stars,at\n4" by 5",7,5,1\n"a"b,7,5,1\n'
    expected = ['4" by 5"', "ab"]
    assert table(read_delimited, tmp_path, content)[0]["user"] == expected
    assert table(read_delimited, tmp_path, content + b'"c\nd",7,5,1\n')[0]["user"] == [
        *expected,
        "c\nd",
    ]
