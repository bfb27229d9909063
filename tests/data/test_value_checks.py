"""The pass over the values: what it finds, with counts, through every reader, and what it does not.

A clean shop gives no finding; each kind of dirt gives its own, with the right count.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sirec.data.frames import FrameColumns, read_frames
from sirec.data.prepare.findings import ValueFinding, listed
from sirec.data.prepare.pipeline import PrepareOptions, prepare
from sirec.data.prepare.value_checks import VALUE_CHECKS
from sirec.data.prepare.value_checks.base import ReadValues, ValueCheck
from sirec.data.reading.context import BadLines
from sirec.data.sources.atomic import AtomicSource
from sirec.data.sources.base import RawData
from sirec.data.sources.table import TableSource
from sirec.errors import SirecError

ITEMS, USERS, LENGTH = 30, 40, 8
IDS = [f"i{number}" for number in range(ITEMS)]
ALL = PrepareOptions(core=0)
BRANDS = ["Nike", "Puma", "Adidas", "Asics", "Fila"]


def log(ids: list[str] = IDS, **columns: list[str]) -> pd.DataFrame:
    """Forty users with eight interactions each; further columns repeat their values."""
    rows = []
    for user in range(USERS):
        for step in range(LENGTH):
            time = 1_600_000_000 + 1000 * user + step
            rows.append((f"u{user}", ids[(user * 3 + step) % len(ids)], time))
    table = pd.DataFrame(rows, columns=["user", "item", "time"])
    for name, values in columns.items():
        table[name] = [values[row % len(values)] for row in range(len(table))]
    return table


def described(values: list[Any], name: str = "brand", ids: list[str] = IDS) -> pd.DataFrame:
    """A table of items whose attribute repeats the values."""
    return pd.DataFrame({"item": ids, name: [values[row % len(values)] for row in range(len(ids))]})


def findings(
    items: pd.DataFrame | None = None,
    interactions: pd.DataFrame | None = None,
    options: PrepareOptions = ALL,
) -> dict[tuple[str, str], ValueFinding]:
    """The findings of two frames, by kind and field; every other column is a field."""
    events = log() if interactions is None else interactions
    attributes = [] if items is None else [name for name in items if name not in ("item", "title")]
    behaviours = [name for name in events if name not in ("user", "item", "time")]
    columns = FrameColumns(
        time="time",
        behaviours={name: name for name in behaviours},
        attributes={name: name for name in attributes},
        title="title" if items is not None and "title" in items else None,
    )
    found = prepare(read_frames(events, items, columns), "shop", options).findings
    assert len({(each.kind, each.field) for each in found}) == len(found)
    return {(each.kind, each.field): each for each in found}


def test_a_clean_shop_has_no_findings() -> None:
    """Control of everything below: users, items, titles, attributes and behaviours."""
    items = described(BRANDS)
    items["title"] = [f"A shoe, size {number}" for number in range(ITEMS)]
    items["category"] = ["Tools & Home", "Bath, Body", "AC/DC", "Men's", "100% Wool"] * 6
    items["year"] = ["1995", "1996", "1997"] * 10
    events = log(device=["tv", "app"], rating=["5", "4", "3"])
    assert not findings(items, events)
    assert not findings(None, log())


def test_words_for_nothing_are_counted_by_items_and_interactions() -> None:
    """Six of thirty items have the brand `nan`, 41 interactions the user `NULL`, 160 the device
    `N/A`.
    """
    events = log(device=["tv", "N/A"])
    events.loc[:40, "user"] = "NULL"
    found = findings(described([*BRANDS[:4], "nan"]), events)
    assert set(found) == {("missing-words", field) for field in ("user", "brand", "device")}
    assert found["missing-words", "brand"].count == 6
    assert found["missing-words", "brand"].samples == ("nan",)
    assert found["missing-words", "user"].count == 41
    assert found["missing-words", "user"].remedy == "--missing=NULL --skip-bad-lines 41"
    assert found["missing-words", "device"].count == 160


def test_a_missing_word_is_as_an_empty_cell() -> None:
    """An item loses its brand; an interaction without a user is bad, and refused unless it may be
    skipped. Without the option (control) both stay.
    """
    events = log()
    events.loc[:40, "user"] = "NULL"
    raw = read_frames(
        events,
        described([*BRANDS[:4], "nan"]),
        FrameColumns(time="time", attributes={"brand": "brand"}),
    )
    options = PrepareOptions(core=0, missing=("nan", "NULL"))
    with pytest.raises(SirecError, match="41 interactions have no user") as caught:
        prepare(raw, "shop", options, bad_lines=BadLines(40))
    assert caught.value.hint == "--skip-bad-lines 41 leaves them out"
    bad_lines = BadLines(41)
    data = prepare(raw, "shop", options, bad_lines=bad_lines).dataset
    assert bad_lines.messages[0] == "interactions:1, column user: 'NULL' is no value"
    assert len(data.items) == USERS * LENGTH - 41
    assert data.vocabularies["brand"] == ["", "Adidas", "Asics", "Nike", "Puma"]
    kept = prepare(raw, "shop", ALL).dataset
    assert "nan" in kept.vocabularies["brand"]
    assert "NULL" in kept.user_names


LITERALS = ["['Arts', 'Puzzles']", '["Games"]', "['Arts' 'Games']", "[]"]


@pytest.mark.parametrize(
    "values",
    [["[Arts, Puzzles]", "[Arts]", "[Toys, Puzzles]"], ["{Arts,Puzzles}", "{Toys}", "{Puzzles}"]],
)
def test_lists_without_quotes_are_read_where_every_cell_is_one(values: list[str]) -> None:
    """Three values in place of three other ones; a name in brackets among others (control) is no
    list, so that it stays whole.
    """
    items = described(values, "genre")
    assert findings(items)["lists", "genre"].remedy == "--lists genre=literal"
    options = PrepareOptions(core=0, lists={"genre": "literal"})
    columns = FrameColumns(time="time", attributes={"genre": "genre"})
    read = prepare(read_frames(log(), items, columns), "shop", options).dataset
    assert read.vocabularies["genre"] == ["", "Arts", "Puzzles", "Toys"]
    control = described(["[REC]", "Alien, Aliens", "[Arts, Puzzles]"], "genre")
    assert ("lists", "genre") not in findings(control)
    kept = prepare(read_frames(log(), control, columns), "shop", options).dataset
    assert set(kept.vocabularies["genre"]) == {"", *control["genre"]}


def test_lists_in_cells_are_read_by_their_option() -> None:
    """Three forms of lists give three values in place of four; an empty list gives none."""
    items = described(LITERALS, "genre")
    assert findings(items)["lists", "genre"].remedy == "--lists genre=literal"
    assert findings(items)["lists", "genre"].count == ITEMS
    options = PrepareOptions(core=0, lists={"genre": "literal"})
    assert not findings(items, options=options)
    raw = read_frames(log(), items, FrameColumns(time="time", attributes={"genre": "genre"}))
    data = prepare(raw, "shop", options).dataset
    assert data.vocabularies["genre"] == ["", "Arts", "Games", "Puzzles"]
    first, _, third, fourth = data.fields[0].values[1:].tolist()[:4]
    assert (first, third, fourth) == ([1, 3], [1, 2], [0, 0])


@pytest.mark.parametrize("separator", ["|", ";", ",", ", ", "/", " / ", " > ", "::", "、"])
def test_a_separator_is_suggested_and_splits(separator: str) -> None:
    """Cells with several genres are told with their separator, and the option splits them."""
    genres = [
        ("Arts", "Puzzles"),
        ("Arts",),
        ("Puzzles", "Games"),
        ("Games", "Arts"),
        ("War", "Arts"),
    ]
    items = described(list(map(separator.join, genres)), "genre")
    found = findings(items)
    assert set(found) == {("lists", "genre")}
    assert found["lists", "genre"].count == 24
    options = PrepareOptions(core=0, lists={"genre": separator.strip()})
    assert not findings(items, options=options)


@pytest.mark.parametrize(
    "values",
    [
        ["Heatmax, Inc.", "Foo, LLC", "Bar, Inc.", "Nike", "A, B & C"],
        ["Springfield, IL", "Chicago, IL", "Boston, MA", "Reno, NV", "Salem, MA"],
        ["12/31/2019", "12/30/2019", "1/31/2019", "1/30/2019"],
        ["Tom &amp; Jerry", "Ben &amp; Jerry", "Tom &amp; Ben", "A &amp; B"],
        ["66,56", "2,00", "66,00", "2,56"],
        ["AC/DC", "R/S", "Nike", "Puma"],
    ],
)
def test_signs_inside_names_are_no_separators(values: list[str]) -> None:
    """Control: companies, cities, dates, entities, numbers and names."""
    assert ("lists", "brand") not in findings(described(values))


def test_markup_is_found_in_attributes_and_titles_and_cleaned() -> None:
    """Entities and tags; `AT&T` and `a < b` (control) are kept."""
    items = described(["Tom &amp; Jerry", "</span>", "AT&T", "a < b"])
    items["title"] = [f"Shoe {number}" for number in range(29)] + ["Kid&#39;s"]
    found = findings(items)
    assert {key: each.count for key, each in found.items()} == {
        ("markup", "brand"): 16,
        ("markup", "title"): 1,
    }
    options = PrepareOptions(core=0, clean=True)
    assert not findings(items, options=options)
    columns = FrameColumns(time="time", attributes={"brand": "brand"}, title="title")
    data = prepare(read_frames(log(), items, columns), "shop", options).dataset
    assert data.vocabularies["brand"] == ["", "AT&T", "Tom & Jerry", "a < b"]
    assert data.titles is not None
    assert data.titles[data.item_names.index("i29")] == "Kid's"


WRITTEN = {
    "$": [f"${number}.99" for number in range(ITEMS)],
    "decimal comma": [f"{number},5" for number in range(ITEMS)],
    "thousands": [f"{number + 1},000" for number in range(ITEMS)],
    "blanks": [f"{number + 1} 000" for number in range(ITEMS)],
    "per cent": [f"{number} %" for number in range(ITEMS)],
    "exponent": [f"{number}.5e3" for number in range(ITEMS)],
}


@pytest.mark.parametrize("form", WRITTEN)
def test_numbers_that_are_names_are_found_as_attribute_and_behaviour(form: str) -> None:
    """Thirty prices are thirty names, each of one item; bins are suggested."""
    found = findings(described(WRITTEN[form], "price"), log(fee=WRITTEN[form]))
    assert set(found) == {("numbers-as-text", "price"), ("numbers-as-text", "fee")}
    assert found["numbers-as-text", "price"].count == ITEMS
    assert ("--decimal" in found["numbers-as-text", "price"].remedy) == (
        form in ("decimal comma", "thousands")
    )


@pytest.mark.parametrize(
    "values",
    [
        [str(1990 + number) for number in range(ITEMS)],
        [f"{number / 2}" for number in range(10)],
        [f"2019-01-{number:02}" for number in range(1, 31)],
        [f"XPS {number}" for number in range(ITEMS)],
    ],
)
def test_years_scales_dates_and_models_are_no_numbers(values: list[str]) -> None:
    """Control: they may well be names."""
    assert ("numbers-as-text", "price") not in findings(described(values, "price"))


def test_bins_read_numbers_in_the_declared_form() -> None:
    """66,56 lies above 50 and 2,5 below 10; with the other sign (control) 66,56 is no number."""
    items, events = described(["66,56", "2,5", "20,0"], "price"), log(fee=["66,56", "2,5", "20,0"])
    columns = FrameColumns(time="time", attributes={"price": "price"}, behaviours={"fee": "fee"})
    raw = read_frames(events, items, columns)
    bins = {"price": "10,50", "fee": "10,50"}
    for decimal in (",", None):
        options = PrepareOptions(core=0, bins=bins, decimal=decimal)  # type: ignore[arg-type]
        data = prepare(raw, "shop", options).dataset
        names = ["below 10", "10 to 50", "50 and more"]
        assert sorted(data.vocabularies["price"]) == sorted(["", *names])
        assert data.vocabularies["fee"] == ["", *names]
        assert data.behaviours["fee"][:3].tolist() == [3, 1, 2]
    with pytest.raises(SirecError, match=r"no numbers|is no number"):
        prepare(raw, "shop", PrepareOptions(core=0, bins=bins, decimal="."))


def test_a_number_that_could_be_two_is_asked_about() -> None:
    """`2,349` needs a declared sign; the hint says what each sign reads."""
    raw = read_frames(
        log(fee=["2,349", "1,000"]), None, FrameColumns(time="time", behaviours={"fee": "fee"})
    )
    with pytest.raises(SirecError, match=r"'2,349' may be 2349 or 2\.349") as caught:
        prepare(raw, "shop", PrepareOptions(core=0, bins={"fee": "1500"}))
    assert "--decimal . reads 2349, --decimal , reads 2.349" in (caught.value.hint or "")
    for decimal, codes in ((".", [2, 1]), (",", [1, 1])):
        options = PrepareOptions(core=0, bins={"fee": "1500"}, decimal=decimal)  # type: ignore[arg-type]
        assert prepare(raw, "shop", options).dataset.behaviours["fee"][:2].tolist() == codes


def test_a_value_that_is_no_number_is_refused_with_a_way_out() -> None:
    """One price is `free`: the hint says how it counts as missing, and then it works."""
    items = described(["$9.99", "$5", "free"], "price")
    raw = read_frames(log(), items, FrameColumns(time="time", attributes={"price": "price"}))
    options = PrepareOptions(core=0, bins={"price": "7"})
    with pytest.raises(SirecError, match="'free' is no number") as caught:
        prepare(raw, "shop", options)
    assert caught.value.hint == "if it means nothing: --missing=free"
    data = prepare(
        raw, "shop", PrepareOptions(core=0, bins={"price": "7"}, missing=("free",))
    ).dataset
    assert sorted(data.vocabularies["price"]) == ["", "7 and more", "below 7"]


@pytest.mark.parametrize(
    ("here", "there", "remedy"),
    [
        ([f"{n:05d}" for n in range(30)], [f"{n}.0" for n in range(30)], "--join number"),
        ([f"ab{n}" for n in range(30)], [f"AB{n}" for n in range(30)], "--join text"),
        ([str(n) for n in range(30)], [f"item_{n}" for n in range(30)], "--join prefix"),
        ([f"x{n}" for n in range(30)], [f"y{n * n + 500}z{n}" for n in range(30)], ""),
    ],
)
def test_items_without_a_row_are_counted_and_explained(
    here: list[str], there: list[str], remedy: str
) -> None:
    """Half of the items, and then all, are spelt otherwise in the table of items."""
    half = [*there[:15], *here[15:]]
    events, items = log(here), described(BRANDS, ids=half)
    found = findings(items, events)["joins", "item"]
    assert (found.count, found.remedy) == (15, remedy)
    assert "15 of 30 items have no row in items" in found.what
    if remedy:
        assert all(sign in found.reason for sign in (here[0], there[0]))
        options = PrepareOptions(core=0, join=remedy.split()[1])  # type: ignore[arg-type]
        assert not findings(items, events, options)
        columns = FrameColumns(time="time", attributes={"brand": "brand"})
        data = prepare(read_frames(events, items, columns), "shop", options).dataset
        assert bool((data.fields[0].values[1:] != 0).all())


def test_rows_without_interactions_are_told_only_if_they_are_most() -> None:
    """Sixty of ninety rows are never bought; of forty rows ten (control) are normal."""
    others = [f"z{number}" for number in range(60)]
    most = findings(described(BRANDS, ids=[*IDS, *others]))
    assert most["joins", "item"].count == 60
    assert not findings(described(BRANDS, ids=[*IDS, *others[:10]]))


def test_fields_that_say_nothing_are_found() -> None:
    """One value an item, one value for all, most items without; and a behaviour with one value."""
    items = described([f"v{number}" for number in range(ITEMS)], "code")
    items["same"], items["rare"] = "x", [*BRANDS, *BRANDS, *[None] * 20]
    found = findings(items, log(source=["web"]))
    assert {key: each.count for key, each in found.items()} == {
        ("uninformative", "code"): 30,
        ("uninformative", "same"): 30,
        ("uninformative", "rare"): 20,
        ("uninformative", "source"): USERS * LENGTH,
    }
    options = PrepareOptions(core=0, without=("code", "same", "rare", "source"))
    assert not findings(items, log(source=["web"]), options)


def test_twins_are_found_among_values_users_and_items_and_merged() -> None:
    """Two spellings of a brand, of every user and of one item; merged they are one each, and items
    keep their attributes.
    """
    events = log()
    events["user"] = np.where(
        np.arange(len(events)) % 2, events["user"].str.upper(), events["user"]
    )
    events.loc[events.index[events["item"] == "i3"][:2], "item"] = "I3"
    items = described(["Nike", "NIKE ", "nike", "Puma"])
    found = findings(items, events)
    assert {key: each.count for key, each in found.items() if key[0] == "spellings"} == {
        ("spellings", "user"): USERS,
        ("spellings", "item"): 1,
        ("spellings", "brand"): 1,
    }
    options = PrepareOptions(core=0, merge=("user", "item", "brand"))
    assert not findings(items, events, options)
    columns = FrameColumns(time="time", attributes={"brand": "brand"})
    data = prepare(read_frames(events, items, columns), "shop", options).dataset
    assert (data.user_count, data.item_count) == (USERS, ITEMS)
    assert bool((data.fields[0].values[1:] != 0).all())


def test_twins_count_before_the_filters() -> None:
    """A user of whom each spelling is too short for the filter is told nevertheless."""
    extra = pd.DataFrame(
        {"user": ["Ann"] * 3 + ["ann"] * 3, "item": IDS[:6], "time": range(10**9, 10**9 + 6)}
    )
    found = findings(None, pd.concat([log(), extra]), PrepareOptions(core=5))
    assert found["spellings", "user"].samples == ("Ann", "ann")


# --- every reader ---------------------------------------------------------------------------------

DIRTY = {
    "brand": ["nan", "Nike", "NIKE", "Puma"],
    "genre": LITERALS[:3],
    "kind": ["Bath &amp; Body", "Face"],
    "price": WRITTEN["$"],
}
EXPECTED = {
    ("missing-words", "brand"): 8,
    ("spellings", "brand"): 1,
    ("lists", "genre"): 30,
    ("markup", "kind"): 15,
    ("numbers-as-text", "price"): 30,
}


def dirty_items() -> pd.DataFrame:
    """A table of items with dirt of every kind."""
    items = described(DIRTY["brand"])
    for name, values in DIRTY.items():
        items[name] = described(values, name)[name]
    return items


def as_table(
    write: Callable[[pd.DataFrame, Path], object], ending: str
) -> Callable[[Path], RawData]:
    """A reader of the shop in a format of the table source."""

    def read(folder: Path) -> RawData:
        write(log(), folder / f"orders{ending}")
        write(dirty_items(), folder / f"items{ending}")
        return TableSource(
            interactions=f"orders{ending}",
            items=f"items{ending}",
            time="time",
            attributes={name: name for name in DIRTY},
        ).read(folder)

    return read


def as_atomic(folder: Path) -> RawData:
    """The shop as atomic files."""
    names = {"user": "user_id:token", "item": "item_id:token", "time": "timestamp:float"}
    log().rename(columns=names).to_csv(folder / "x.inter", sep="\t", index=False, quoting=3)
    items = dirty_items().rename(columns={"item": "item_id", **{name: name for name in DIRTY}})
    items.columns = [f"{name}:token" for name in items.columns]
    items.to_csv(folder / "x.item", sep="\t", index=False, quoting=3)
    return AtomicSource().read(folder)


def as_frames(folder: Path) -> RawData:
    """The shop as DataFrames."""
    columns = FrameColumns(time="time", attributes={name: name for name in DIRTY})
    return read_frames(log(), dirty_items(), columns)


def as_plugin(folder: Path) -> RawData:
    """The shop as a source of somebody else fills `RawData`, without a list of the items."""
    attributes: dict[str, pd.DataFrame] = {}
    for name in DIRTY:
        attributes[name] = dirty_items()[["item", name]].rename(columns={name: "value"})
    return RawData(log().rename(columns={"time": "timestamp"}), attributes)


READERS: Mapping[str, Callable[[Path], RawData]] = {
    "csv": as_table(lambda table, path: table.to_csv(path, index=False), ".csv"),
    "tsv": as_table(lambda table, path: table.to_csv(path, index=False, sep="\t"), ".tsv"),
    "json lines": as_table(
        lambda table, path: table.to_json(path, orient="records", lines=True), ".jsonl"
    ),
    "parquet": as_table(lambda table, path: table.to_parquet(path), ".parquet"),
    "atomic": as_atomic,
    "frames": as_frames,
    "plugin": as_plugin,
}


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_feeds_the_checks(reader: str, tmp_path: Path) -> None:
    """The same shop has the same findings, whatever it was read from; options do away with them."""
    raw = READERS[reader](tmp_path)
    found = {(each.kind, each.field): each.count for each in prepare(raw, "shop", ALL).findings}
    assert found == EXPECTED
    options = PrepareOptions(
        core=0,
        missing=("nan",),
        merge=("brand",),
        lists={"genre": "literal"},
        clean=True,
        bins={"price": "10,20"},
    )
    assert not prepare(raw, "shop", options).findings


def test_options_left_alone_change_no_array() -> None:
    """A data set is what it was before there were options; each option (control) changes it."""
    raw = as_frames(Path())
    plain = prepare(raw, "shop", ALL).dataset.fingerprint()
    changed = {"missing": ("nan",), "merge": ("brand",), "lists": {"genre": "literal"}}
    changed |= {"bins": {"price": "10"}, "without": ("brand",)}
    for name, value in changed.items():
        options = PrepareOptions(core=0, **{name: value})  # type: ignore[arg-type]
        assert prepare(raw, "shop", options).dataset.fingerprint() != plain


def test_a_check_is_one_declaration() -> None:
    """A check that somebody adds sees the distinct values of each field with their counts."""

    def find_shouting(values: ReadValues) -> list[ValueFinding]:
        found: list[ValueFinding] = []
        for field in values.of_role("attribute"):
            loud = np.array([text.isupper() for text in field.texts])
            found.append(ValueFinding("shouting", field.name, field.count(loud), "shouts"))
        return found

    check = ValueCheck("shouting", find_shouting)
    assert "shouting" not in VALUE_CHECKS
    assert {each.name for each in VALUE_CHECKS.values()} == set(VALUE_CHECKS)
    from sirec.data.prepare.value_checks.gathering import gather

    raw = as_frames(Path())
    values = gather(raw, prepare(raw, "shop", ALL).dataset)
    assert {each.field: each.count for each in check.find(values)}["brand"] == 7


def test_lines_are_narrow_and_keep_remedies_whole() -> None:
    """Each line fits 80 columns, no more lines are written than asked for, and what is left out is
    counted; every remedy of a written finding is there.
    """
    remedy = "--missing='" + ",".join([f"word{number}" for number in range(6)]) + "'"
    found = [
        ValueFinding("missing-words", f"field{number}", 5, "5 items", ("x" * 200, "\u200b"), remedy)
        for number in range(9)
    ]
    lines = list(listed(found))
    assert len(lines) == 11
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "and 4 more"
    assert sum(remedy in line for line in lines) == 5
    assert len(list(listed(found, most=None))) == 18


def test_findings_are_plain_values(tmp_path: Path) -> None:
    """`dataset.yaml` keeps them, and gives them back as they were."""
    from sirec.data.store import storage

    prepared = prepare(as_frames(tmp_path), "shop", ALL)
    folder = storage.write(tmp_path, prepared)
    manifest = storage.read_manifest(folder)
    assert manifest.findings == prepared.findings
    assert json.dumps([each.samples for each in manifest.findings or ()])


def test_few_numbers_with_a_decimal_comma_get_their_order() -> None:
    """Stars such as `4,5` are read as numbers once the sign is declared; `5`, `4` alone (control)
    are no finding.
    """
    events = log(stars=["10", "4,5", "5"])
    assert findings(None, events)["numbers-as-text", "stars"].remedy == "--decimal ,"
    options = PrepareOptions(core=0, decimal=",")
    assert not findings(None, events, options)
    raw = read_frames(events, None, FrameColumns(time="time", behaviours={"stars": "stars"}))
    assert prepare(raw, "shop", options).dataset.vocabularies["stars"] == ["", "4.5", "5", "10"]
    assert not findings(None, log(stars=["10", "4", "5"]))


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (["nan"], {"missing": ("nan",), "bins": {"brand": "1"}}),
        (["</b>"], {"clean": True}),
        (["[]"], {"lists": {"brand": "literal"}}),
    ],
)
def test_an_attribute_may_lose_all_of_its_values(
    values: list[str], options: dict[str, Any]
) -> None:
    """It is left out, and the note says so."""
    columns = FrameColumns(time="time", attributes={"brand": "brand"})
    raw = read_frames(log(), described(values), columns)
    prepared = prepare(raw, "shop", PrepareOptions(core=0, **options))
    assert "no remaining item has a value of brand: the attribute is left out" in prepared.notes
    assert "brand" not in prepared.dataset.vocabularies
