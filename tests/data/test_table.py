"""Tables of one's own: all formats give the same, columns are found by name, and mistakes have
addresses.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sirec import config
from sirec.data.reading.context import BadLines, ReadingContext
from sirec.data.sources.base import RawData
from sirec.data.sources.table import TableSource
from sirec.errors import SirecError

ORDERS = """customer,product,ordered_at,stars,device
007,"a, b",2020-01-01,4,phone
18446744073709551615,c,1577836801,5,web
007,c,2020-01-01T00:00:02Z,3.5,web
007,"say ""hi"" now",1577836803000,1,phone
"""
PRODUCTS = """product,maker,kinds,name
"a, b",Acme,bath|soap,A soap
c,,bath,
"say ""hi"" now",Köln & Co,,A greeting
zz,Nobody,bath,Never bought
"""
SHOP = TableSource(
    interactions="orders.csv",
    user="customer",
    item="product",
    time="ordered_at",
    behaviours={"rating": "stars", "device": "device"},
    attributes={"brand": "maker", "category": "kinds"},
    items="products.csv",
    title="name",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A shop's orders and products."""
    (tmp_path / "orders.csv").write_text(ORDERS)
    (tmp_path / "products.csv").write_text(PRODUCTS)
    return tmp_path


def plain(raw: RawData) -> dict[str, Any]:
    """Raw data as lists, to compare."""
    tables = {
        "interactions": raw.interactions,
        **raw.attributes,
        **({} if raw.titles is None else {"titles": raw.titles}),
    }
    return {
        name: [list(table.columns), *table.astype(object).values.tolist()]
        for name, table in tables.items()
    }


def test_every_column_becomes_what_it_was_said_to_be(folder: Path) -> None:
    """Ids stay text with their zeros and 64 bits, times of any spelling are seconds, numbers are
    numbers, texts are texts.
    """
    raw = SHOP.read(folder)
    assert plain(raw) == {
        "interactions": [
            ["user", "item", "timestamp", "rating", "device"],
            ["007", "a, b", 1577836800, 4.0, "phone"],
            ["18446744073709551615", "c", 1577836801, 5.0, "web"],
            ["007", "c", 1577836802, 3.5, "web"],
            ["007", 'say "hi" now', 1577836803, 1.0, "phone"],
        ],
        "brand": [
            ["item", "value"],
            ["a, b", "Acme"],
            ['say "hi" now', "Köln & Co"],
            ["zz", "Nobody"],
        ],
        "category": [
            ["item", "value"],
            ["a, b", "bath"],
            ["a, b", "soap"],
            ["c", "bath"],
            ["zz", "bath"],
        ],
        "titles": [
            ["item", "title"],
            ["a, b", "A soap"],
            ['say "hi" now', "A greeting"],
            ["zz", "Never bought"],
        ],
    }
    assert raw.files == (folder / "orders.csv", folder / "products.csv")
    assert raw.source["behaviours"] == "rating=stars, device=device"
    assert raw.behaviours == ("rating", "device")


def random_tables(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Orders and products with awkward ids; lists in the column `kinds`."""
    rng = np.random.default_rng(seed)
    ids = [
        "01",
        "1",
        str(2**64 - 1),
        str(2**63),
        'a"b',
        "x, y",
        "l'eau",
        "naïve",
        "Ω|Ω",
        "-",
        "NA",
        "null",
    ]
    orders = pd.DataFrame(
        {
            "customer": rng.choice(ids, 40),
            "product": rng.choice(ids, 40),
            "ordered_at": rng.integers(0, 2_000_000_000, 40),
            "stars": rng.integers(1, 11, 40) / 2,
            "device": rng.choice(["phone", "web, wide", 'a "tablet"'], 40),
        }
    )
    kinds = [
        [f"kind {kind}" for kind in rng.choice(5, rng.integers(0, 4), replace=False)] for _ in ids
    ]
    makers = [rng.choice(["Acme", "B & C", None]) for _ in ids]  # type: ignore[arg-type]
    return orders, pd.DataFrame(
        {"product": ids, "maker": makers, "kinds": kinds, "name": [f"The {name}" for name in ids]}
    )


def as_text(table: pd.DataFrame, separator: str) -> str:
    flat = table.assign(kinds=table["kinds"].str.join("|")) if "kinds" in table else table
    if separator == ",":
        return flat.to_csv(index=False)
    rows = [flat.columns, *flat.astype(object).where(flat.notna(), "").astype(str).values.tolist()]
    return "".join(separator.join(row) + "\n" for row in rows)


def as_json_lines(table: pd.DataFrame) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table.to_dict("records"))


Write = Callable[[pd.DataFrame, Path], object]
WRITERS: Mapping[str, Write] = {
    "csv": lambda table, path: path.write_text(as_text(table, ",")),
    "with a mark and CRLF.csv": lambda table, path: path.write_bytes(
        b"\xef\xbb\xbf" + as_text(table, ",").replace("\n", "\r\n").encode()
    ),
    "csv.gz": lambda table, path: path.write_bytes(gzip.compress(as_text(table, ",").encode())),
    "tsv": lambda table, path: path.write_text(as_text(table, "\t")),
    "jsonl": lambda table, path: path.write_text(as_json_lines(table)),
    "parquet": lambda table, path: table.to_parquet(path),
}


@pytest.mark.parametrize("seed", range(3))
def test_every_format_gives_the_same(tmp_path: Path, seed: int) -> None:
    """CSV, with a byte order mark and CRLF, compressed, TSV, JSON lines and Parquet: the same
    tables are the same raw data.
    """
    tables = random_tables(seed)
    found = {}
    for form, write in WRITERS.items():
        names = [f"{what}.{form}" for what in ("orders", "products")]
        for table, name in zip(tables, names, strict=True):
            write(table, tmp_path / name)
        found[form] = plain(replace(SHOP, interactions=names[0], items=names[1]).read(tmp_path))
    assert len(found["csv"]["interactions"]) == 41
    assert set(found["csv"]) == {"interactions", "brand", "category", "titles"}
    for form, tables_of_form in found.items():
        assert tables_of_form == found["csv"], form


def test_whole_numbers_are_ids_in_typed_formats_too(tmp_path: Path) -> None:
    """Ids that Parquet and JSON hold as numbers of 64 bits are the texts of these numbers."""
    ids = np.array([2**63 + 1, 5, 2**64 - 1], dtype=np.uint64)
    pd.DataFrame({"user": ids, "item": [1, 2, 3]}).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text(
        "".join(f'{{"user": {user}, "item": {item}}}\n' for item, user in enumerate(ids, 1))
    )
    for name in ("a.parquet", "a.jsonl"):
        raw = TableSource(name).read(tmp_path)
        assert raw.interactions["user"].tolist() == [str(2**63 + 1), "5", str(2**64 - 1)], name
        assert raw.interactions["item"].tolist() == ["1", "2", "3"]


def test_whole_numbers_with_gaps_are_the_same_in_all_typed_formats(tmp_path: Path) -> None:
    """Ids and attributes that a program made floats of, because some are missing, are whole
    numbers; a fraction is refused.
    """
    table = pd.DataFrame({"user": [1.0, 2.0, 2.0], "item": [7, 8, 9], "shelf": [3.0, None, 0.0]})
    table.to_parquet(tmp_path / "log.parquet")
    rows = [
        {key: None if value != value else value for key, value in row.items()}
        for row in table.to_dict("records")
    ]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "whole.jsonl").write_text((tmp_path / "log.jsonl").read_text().replace(".0", ""))
    (tmp_path / "mixed.jsonl").write_text(
        (tmp_path / "log.jsonl").read_text().replace("1.0", "1").replace("3.0", "[3, 3.0]")
    )
    for name in ("log.parquet", "log.jsonl", "whole.jsonl", "mixed.jsonl"):
        raw = TableSource(name, attributes={"shelf": "shelf"}).read(tmp_path)
        assert raw.interactions["user"].tolist() == ["1", "2", "2"], name
        assert raw.attributes["shelf"].values.tolist() == [["7", "3"], ["9", "0"]], name
    for fraction in ('"shelf": 2.5', '"shelf": [2.5]', '"shelf": true', '"user": 1.5'):
        key = fraction.split('"')[1]
        lines = ('{"user": 1, "item": 2, "shelf": 3}', f'{{"user": 1, "item": 2, {fraction}}}')
        (tmp_path / "mixed.jsonl").write_text("\n".join(lines))
        with pytest.raises(SirecError, match=rf"mixed\.jsonl:2, column {key}: expected text"):
            TableSource("mixed.jsonl", attributes={"shelf": "shelf"}).read(tmp_path)


def test_attributes_among_the_interactions_add_up(tmp_path: Path) -> None:
    """Without an item table attributes come from the interactions: every value of an item counts,
    and once.
    """
    (tmp_path / "log.csv").write_text("user,item,shelf\n1,a,x|y\n2,a,z\n3,b,\n1,a,x\n")
    raw = TableSource("log.csv", attributes={"shelf": "shelf"}).read(tmp_path)
    assert raw.attributes["shelf"].values.tolist() == [["a", "x"], ["a", "y"], ["a", "z"]]


def test_the_item_table_comes_first(folder: Path) -> None:
    """A column that both tables have is the item table's; one that only the interactions have is
    theirs.
    """
    (folder / "products.csv").write_text("sku,device\nc,of the item\n")
    source = replace(
        SHOP,
        behaviours={},
        attributes={"device": "device", "stars": "stars"},
        items_key="sku",
        title=None,
    )
    raw = source.read(folder)
    assert raw.attributes["device"].values.tolist() == [["c", "of the item"]]
    assert raw.attributes["stars"].values.tolist()[0] == ["a, b", "4"]


def test_a_behaviour_is_number_or_text_by_most_of_its_first_values(tmp_path: Path) -> None:
    """A word among numbers is a bad line with its address; `texts` makes names of numbers; a word
    among words is nothing.
    """
    (tmp_path / "log.csv").write_text("user,item,size\n1,a,38\n1,b,07\n1,c,XL\n2,d,40\n")
    source = TableSource("log.csv", behaviours={"size": "size"})
    with pytest.raises(SirecError, match=r"log\.csv:4, column size: expected a number: '1,c,XL'"):
        source.read(tmp_path)
    bad = BadLines(1)
    assert source.read(tmp_path, ReadingContext(bad_lines=bad)).interactions["size"].tolist() == [
        38.0,
        7.0,
        40.0,
    ]
    assert len(bad.messages) == 1
    assert replace(source, texts=("size",)).read(tmp_path).interactions["size"].tolist() == [
        "38",
        "07",
        "XL",
        "40",
    ]
    (tmp_path / "log.csv").write_text("user,item,size\n1,a,S\n1,b,07\n1,c,XL\n2,d,M\n")
    assert source.read(tmp_path).interactions["size"].tolist() == ["S", "07", "XL", "M"]


def test_files_without_a_header_and_with_other_cells(tmp_path: Path) -> None:
    """`columns` names what has no names, `delimiter` says what stands between cells, `format` what
    the ending does not.
    """
    (tmp_path / "log.data").write_text("7;a;31/12/2019\n8;b;01/01/2020\n")
    source = TableSource(
        "log.data",
        time="day",
        time_format="%d/%m/%Y",
        columns=("user", "item", "day"),
        delimiter=";",
        format="csv",
    )
    assert source.read(tmp_path).interactions["timestamp"].tolist() == [1577750400, 1577836800]
    with pytest.raises(SirecError, match=r"the ending '\.data' tells no format"):
        replace(source, format=None).read(tmp_path)


def test_paths_are_relative_to_the_folder_or_to_the_working_directory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a folder, in it; without, where the person is; absolute ones anywhere."""
    expected = plain(SHOP.read(folder))
    monkeypatch.chdir(folder)
    assert plain(SHOP.read()) == expected
    absolute = replace(
        SHOP, interactions=str(folder / "orders.csv"), items=str(folder / "products.csv")
    )
    assert plain(absolute.read(Path("/nowhere"))) == expected
    with pytest.raises(SirecError, match=r"/nowhere: no such file"):
        SHOP.read(Path("/nowhere"))


Change = Callable[[Path], object]


def rewrite(name: str, old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return change


BROKEN: Mapping[str, tuple[Change, str, str]] = {
    "empty": (
        lambda folder: (folder / "orders.csv").write_text(""),
        "orders.csv: the file is empty",
        "",
    ),
    "header only": (
        lambda folder: (folder / "orders.csv").write_text(ORDERS.splitlines()[0] + "\n"),
        "orders.csv: no rows in it",
        "",
    ),
    "no such file": (
        lambda folder: (folder / "products.csv").unlink(),
        "products.csv: no such file",
        "",
    ),
    "missing column": (
        rewrite("orders.csv", "customer", "customr"),
        "orders.csv: 'customer' is not a column",
        "did you mean 'customr'?",
    ),
    "missing attribute": (
        rewrite("products.csv", "maker", "makers"),
        "'maker' is not a column",
        "did you mean 'makers'?",
    ),
    "wrong number": (
        rewrite("orders.csv", ",5,", ",good,"),
        "orders.csv:3, column stars: expected a number",
        "--skip-bad",
    ),
    "missing number": (
        rewrite("orders.csv", ",5,", ",,"),
        "orders.csv:3, column stars: it is missing or empty",
        "",
    ),
    "wrong time": (
        rewrite("orders.csv", "1577836801", "yesterday"),
        "orders.csv:3, column ordered_at: expected seconds since 1970",
        "",
    ),
    "no user": (
        rewrite("orders.csv", "18446744073709551615", ""),
        "orders.csv:3, column customer: it is missing",
        "",
    ),
    "no item": (
        rewrite("products.csv", "zz,", ","),
        "products.csv:5, column product: it is missing",
        "",
    ),
    "ragged": (rewrite("orders.csv", "3.5,web", "3.5"), "orders.csv:4: 4 cells, expected 5", ""),
}


@pytest.mark.parametrize("case", BROKEN)
def test_mistakes_have_addresses(folder: Path, case: str) -> None:
    """Each kind of mistake is a SirecError with the file, the place and what would be right; whole
    files are read.
    """
    change, message, hint = BROKEN[case]
    SHOP.read(folder)  # the control: nothing is wrong before
    change(folder)
    with pytest.raises(SirecError) as caught:
        SHOP.read(folder)
    assert message in caught.value.message
    assert str(folder) in caught.value.message
    assert hint in (caught.value.hint or "")


def test_a_key_that_no_json_line_has_is_named(tmp_path: Path) -> None:
    """A misspelt key of JSON lines is an error with the nearest one, not a table of missing
    values.
    """
    (tmp_path / "log.jsonl").write_text(
        '{"user": 1, "item": 2, "brand": "x"}\n{"user": 1, "item": 3}\n'
    )
    assert (
        len(
            TableSource("log.jsonl", attributes={"brand": "brand"})
            .read(tmp_path)
            .attributes["brand"]
        )
        == 1
    )
    with pytest.raises(SirecError, match=r"log\.jsonl: 'brnd' is not a column") as caught:
        TableSource("log.jsonl", attributes={"brand": "brnd"}).read(tmp_path)
    assert "did you mean 'brand'?" in (caught.value.hint or "")


def test_dates_written_as_numbers_need_their_format(tmp_path: Path) -> None:
    """Days like 20190101 would be seconds of 1970: refused with the file and the format that reads
    them.
    """
    (tmp_path / "log.csv").write_text("user,item,day\n1,a,20190101\n1,b,20191231\n")
    source = TableSource("log.csv", time="day")
    with pytest.raises(SirecError, match=r"log\.csv, column day: all times are dates") as caught:
        source.read(tmp_path, ReadingContext(bad_lines=BadLines(100)))
    assert "--time-format '%Y%m%d'" in (caught.value.hint or "")
    assert replace(source, time_format="%Y%m%d").read(tmp_path).interactions[
        "timestamp"
    ].tolist() == [1546300800, 1577750400]


def test_files_of_other_encodings(folder: Path) -> None:
    """UTF-16 is told by its byte order mark; any other encoding is declared; one that is not as
    declared is named.
    """
    expected = plain(SHOP.read(folder))
    texts = {name: (folder / name).read_text() for name in ("orders.csv", "products.csv")}
    for encoding, declared in {
        "utf-16": None,
        "cp1252": "cp1252",
        "utf-16-be": "utf-16-be",
        "utf-8-sig": "utf-8",
    }.items():
        for name, text in texts.items():
            (folder / name).write_bytes(text.replace("\n", "\r\n").encode(encoding))
        assert plain(replace(SHOP, encoding=declared).read(folder)) == expected, encoding
    (folder / "products.csv").write_bytes(texts["products.csv"].encode("cp1252"))
    (folder / "orders.csv").write_text(texts["orders.csv"])
    with pytest.raises(SirecError, match=r"products\.csv:4, column maker: not UTF-8 text"):
        SHOP.read(folder)
    with pytest.raises(SirecError, match=r"products\.csv:4: not ascii text"):
        replace(SHOP, encoding="ascii").read(folder)


def test_what_is_no_text_never_reaches_the_terminal(folder: Path) -> None:
    """A Parquet file called CSV, UTF-16 without its mark, old Mac line ends, and control characters
    in a bad line.
    """
    orders, named = ORDERS.encode("utf-16-le"), replace(SHOP, items=None, attributes={}, title=None)
    pd.DataFrame({"customer": ["a"], "product": ["b"]}).to_parquet(folder / "orders.parquet")
    parquet = (folder / "orders.parquet").read_bytes()
    broken = {
        "not text: there are control characters in the first line": (
            orders,
            parquet,
            parquet[:3] + b"\r" + parquet[4:],
        ),
        "its lines end with a carriage return alone": (ORDERS.replace("\n", "\r").encode(),),
        r"expected a number: '007,c,2020-01-01,\\x1b\[2J\\x00,web": (
            ORDERS.replace("2020-01-01T00:00:02Z,3.5", "2020-01-01,\x1b[2J\x00").encode(),
        ),
    }
    for message, contents in broken.items():
        for content in contents:
            (folder / "orders.csv").write_bytes(content)
            with pytest.raises(SirecError, match=message) as caught:
                named.read(folder)
            assert caught.value.message.isprintable()


REFUSED: Mapping[str, tuple[dict[str, Any], str]] = {
    "reserved": ({"behaviours": {"timestamp": "t"}}, "a behaviour cannot be called 'timestamp'"),
    "texts of nothing": (
        {"behaviours": {"size": "size"}, "texts": ["sise"]},
        "texts: 'sise' is not a behaviour",
    ),
    "key of nothing": (
        {"items_key": "sku"},
        "items_key names a column of the item table, and there is none",
    ),
    "no separator": ({"separator": ""}, "at least one character"),
    "unknown encoding": ({"encoding": "cp9999"}, "'cp9999' is not an encoding"),
    "no encoding of text": ({"encoding": "rot13"}, "'rot13' is not an encoding"),
    "unknown option": ({"itemz": "x.csv"}, "'itemz' is not a key"),
    "unknown format": ({"format": "xls"}, "'xls' is not a choice"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_options_that_cannot_be_meant_are_refused(case: str) -> None:
    """Before any file is looked at."""
    options, message = REFUSED[case]
    config.load(
        TableSource, {"name": "table", "interactions": "log.csv"}, "shop.yaml"
    )  # the control
    with pytest.raises(SirecError) as caught:
        config.load(
            TableSource, {"name": "table", "interactions": "log.csv", **options}, "shop.yaml"
        )
    assert message in caught.value.message


def test_a_column_has_one_purpose(folder: Path) -> None:
    """The same column twice is refused, naming it."""
    with pytest.raises(SirecError, match="the column 'stars' is wanted for two purposes"):
        replace(SHOP, behaviours={"rating": "stars", "stars": "stars"}).read(folder)
