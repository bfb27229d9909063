"""A table of any format behind one face, and what the formats spell differently."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.context import ReadingContext
from sirec.data.reading.files import RawFile
from sirec.data.reading.formats import opened
from sirec.errors import SirecError

ROWS = [{"id": 1, "kinds": ["a", "b"], "year": 1995}, {"id": 2, "kinds": None, "year": None}]


def file(path: Path) -> RawFile:
    return RawFile(path, path.stat().st_size)


def rows_of(path: Path, *columns: WantedColumn) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = opened(file(path)).read(columns, ReadingContext()).to_pylist()
    return found


def test_header_and_first_rows_of_every_format(tmp_path: Path) -> None:
    """Names in their order, and rows as they stand, quoted line breaks included."""
    (tmp_path / "a.csv").write_text('id,kinds,year\n1,"a\nb",1995\n2,,\n')
    (tmp_path / "a.tsv").write_text('id\tkinds\tyear\n1\t"a\t1995\n')
    (tmp_path / "a.jsonl").write_text('{"id": 1, "kinds": ["a"]}\n{"id": 2, "year": 1995}\n')
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    tables = {
        form: opened(file(tmp_path / f"a.{form}")) for form in ("csv", "tsv", "jsonl", "parquet")
    }
    assert {form: tuple(table.header) for form, table in tables.items()} == dict.fromkeys(
        tables, ("id", "kinds", "year")
    )
    assert tables["csv"].first_rows == [
        {"id": "1", "kinds": "a\nb", "year": "1995"},
        {"id": "2", "kinds": "", "year": ""},
    ]
    assert tables["tsv"].first_rows == [{"id": "1", "kinds": '"a', "year": "1995"}]
    assert tables["jsonl"].first_rows == [{"id": 1, "kinds": ["a"]}, {"id": 2, "year": 1995}]
    assert tables["parquet"].first_rows == ROWS
    (tmp_path / "a.xls").write_text("")
    with pytest.raises(SirecError, match="tells no format"):
        opened(file(tmp_path / "a.xls"))


def test_a_table_of_another_kind_is_told_so(tmp_path: Path) -> None:
    """Cells between semicolons, and JSON that is no lines of objects, are no missing columns."""
    (tmp_path / "a.csv").write_text("id;kinds\n1;a\n")
    with pytest.raises(SirecError, match=r"a\.csv:1: a single column, called 'id;kinds'") as caught:
        opened(file(tmp_path / "a.csv"), settable=["delimiter"]).header  # noqa: B018
    assert "--delimiter ';'" in (caught.value.hint or "")
    with pytest.raises(SirecError) as caught:
        opened(file(tmp_path / "a.csv")).header  # noqa: B018
    assert "between semicolons: write commas" in (caught.value.hint or "")
    assert opened(file(tmp_path / "a.csv"), delimiter=";").header == ("id", "kinds")
    for text in (
        '[\n{"id": 1},\n{"id": 2}\n]\n',
        '[{"id": 1}, {"id": 2}]',
        '[\n {\n  "id": 1\n }\n]',
        "[]",
    ):
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(SirecError, match=r"a\.json:1: a list of objects"):
            opened(file(tmp_path / "a.json")).header  # noqa: B018
    for text in ("[1, 2]\n[3, 4]\n", '{\n"id": 1\n}\n', "id\n"):
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(SirecError, match=r"a\.json:1: not JSON lines"):
            opened(file(tmp_path / "a.json")).header  # noqa: B018
    (tmp_path / "a.json").write_text('{"id": [1]}\n')
    assert opened(file(tmp_path / "a.json")).header == ("id",)  # the control


def test_nan_in_json_is_missing(tmp_path: Path) -> None:
    """Python writes NaN for a missing value: it is none, in the careful reader as in the fast
    one.
    """
    (tmp_path / "a.jsonl").write_text(
        "".join(json.dumps({"id": "x", "maker": maker}) + "\n" for maker in ("A", float("nan")))
    )
    assert rows_of(tmp_path / "a.jsonl", WantedColumn("id"), WantedColumn("maker", required=False))[
        1
    ] == {"id": "x", "maker": None}


def test_a_single_whole_number_is_a_text_among_texts(tmp_path: Path) -> None:
    """Also on lines that are read one by one, beside a line whose list is not as usual."""
    (tmp_path / "a.jsonl").write_text('{"year": 1995}\n{"year": [1996, "c"]}\n')
    assert rows_of(tmp_path / "a.jsonl", WantedColumn("year", "texts")) == [
        {"year": ["1995"]},
        {"year": ["1996", "c"]},
    ]


def test_long_lists_of_parquet_are_lists(tmp_path: Path) -> None:
    """Lists with 64-bit offsets, as other libraries write them."""
    table = pa.table(
        {"kinds": pa.array([["a", " b "], None, [""]], pa.large_list(pa.large_string()))}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    found = rows_of(tmp_path / "a.parquet", WantedColumn("kinds", "texts", required=False))
    assert found == [{"kinds": ["a", "b"]}, {"kinds": None}, {"kinds": []}]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_times_of_parquet_may_be_texts_of_any_width(kind: pa.DataType, tmp_path: Path) -> None:
    """A date as text is the same moment in a string and in a large string."""
    texts = pa.array(["2020-01-01 00:00:01", "2020-01-01T00:00:02.5+00:00"], kind)
    pq.write_table(pa.table({"time": texts}), tmp_path / "a.parquet")
    found = rows_of(tmp_path / "a.parquet", WantedColumn("time", "time"))
    assert found == [
        {"time": datetime(2020, 1, 1, 0, 0, 1)},
        {"time": datetime(2020, 1, 1, 0, 0, 2, 500_000)},
    ]


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    """In Parquet as in a header of text: nobody can tell which is meant."""
    pq.write_table(
        pa.table([[1], [2], [3]], names=["user", "item", "user"]), tmp_path / "a.parquet"
    )
    (tmp_path / "a.csv").write_text("user,item,user\n1,2,3\n")
    for name in ("a.parquet", "a.csv"):
        table = opened(file(tmp_path / name))
        with pytest.raises(SirecError, match="two columns are called 'user'"):
            table.read([WantedColumn("user")], ReadingContext())
        assert rows_of(tmp_path / name, WantedColumn("item")) == [{"item": "2"}]


def test_columns_that_nobody_wants_may_have_any_names(tmp_path: Path) -> None:
    """Spreadsheets leave empty cells behind a header; a column without a name cannot be wanted."""
    pq.write_table(
        pa.table([["a"], ["1"], ["x"], ["y"], ["z"]], names=["user", "item", "", "", "item 2"]),
        tmp_path / "a.parquet",
    )
    (tmp_path / "a.csv").write_text("user,item,,,item 2\na,1,x,y,z\n")
    for name in ("a.parquet", "a.csv"):
        found = rows_of(tmp_path / name, WantedColumn("user"), WantedColumn("item"))
        assert found == [{"user": "a", "item": "1"}]
        assert opened(file(tmp_path / name)).first_rows[0]["item"] == "1"
        with pytest.raises(SirecError, match="a column without a name is wanted"):
            rows_of(tmp_path / name, WantedColumn(""))


def test_times_with_an_exponent_are_seconds(tmp_path: Path) -> None:
    """As programs write large numbers of type float."""
    (tmp_path / "a.csv").write_text("at\n8.8125e8\n881250000.9\n1999-01-01\n")
    assert [row["at"] for row in rows_of(tmp_path / "a.csv", WantedColumn("at", "time"))] == [
        datetime(1997, 12, 4, 15, 40),
        datetime(1997, 12, 4, 15, 40, 0, 900_000),
        datetime(1999, 1, 1),
    ]
