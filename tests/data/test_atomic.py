"""RecBole's atomic files: what is read by default and on request, and what each kind of broken file
is told.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sirec import config
from sirec.data.prepare.filters import PrepareOptions
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.atomic import AtomicSource
from sirec.errors import SirecError

FILES = {
    "shop.inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float\tdevice:token\n"
    '007\t18446744073709551615\t4\t1577836800\t"phone\n'
    "8\ta, b\t3.5\t1.577836801e9\tweb\n"
    "007\ta, b\t1\t1577836802.0\tweb\n",
    "shop.item": "item_id:token\titem_title:token_seq\tbrand:token\tcategories:token_seq"
    "\tprice:float\tvector:float_seq\n"
    "18446744073709551615\tA nice soap\tTwo words\tbath soap bath\t9.5\t1 2\n"
    'a, b\t\t"Acme\t\t\t\n',
    "shop.user": "user_id:token\tage:token\n007\t40\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small data set with all three files."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_reads_what_recbole_would(folder: Path) -> None:
    """Ids keep their zeros, 64 bits, commas and quotes; sequences are split, names and titles are
    not; numbers are numbers.
    """
    raw = AtomicSource().read(folder)
    assert [list(raw.interactions.columns), *raw.interactions.astype(object).values.tolist()] == [
        ["user", "item", "timestamp", "rating"],
        ["007", "18446744073709551615", 1577836800, 4.0],
        ["8", "a, b", 1577836801, 3.5],
        ["007", "a, b", 1577836802, 1.0],
    ]
    assert {name: table.values.tolist() for name, table in raw.attributes.items()} == {
        "brand": [["18446744073709551615", "Two words"], ["a, b", '"Acme']],
        "categories": [["18446744073709551615", value] for value in ("bath", "soap", "bath")],
    }
    assert raw.titles is not None
    assert raw.titles.values.tolist() == [["18446744073709551615", "A nice soap"]]
    assert raw.files == (folder / "shop.inter", folder / "shop.item")


def test_other_fields_on_request(folder: Path) -> None:
    """Any field may be a behaviour or an attribute, under its own name or another; floats are taken
    as texts.
    """
    source = AtomicSource(
        behaviours={"by": "device"},
        attributes={"cost": "price", "vector": "vector", "name": "item_title"},
        title="brand",
    )
    raw = source.read(folder)
    assert raw.interactions["by"].tolist() == ['"phone', "web", "web"]
    assert {name: table["value"].tolist() for name, table in raw.attributes.items()} == {
        "cost": ["9.5"],
        "vector": ["1", "2"],
        "name": ["A", "nice", "soap"],
    }
    assert raw.titles is not None
    assert raw.titles["title"].tolist() == ["Two words", '"Acme']
    assert AtomicSource(behaviours={}, attributes={}).read(folder).behaviours == ()


def test_fields_may_have_other_names(folder: Path) -> None:
    """User, item and time by name; a separator other than a blank."""
    text = (
        FILES["shop.inter"]
        .replace("user_id", "uid")
        .replace("item_id", "iid")
        .replace("timestamp", "when")
    )
    (folder / "shop.inter").write_text(text)
    (folder / "shop.item").write_text("iid:token\tcategories:token_seq\na, b\tbath soap|bath\n")
    raw = AtomicSource(user="uid", item="iid", time="when", separator="|").read(folder)
    assert raw.interactions["timestamp"].tolist() == [1577836800, 1577836801, 1577836802]
    assert raw.attributes["categories"]["value"].tolist() == ["bath soap", "bath"]
    assert raw.titles is None
    assert (
        "timestamp" not in AtomicSource(user="uid", item="iid").read(folder).interactions
    )  # the control: no such name


def test_items_times_and_ratings_are_optional(folder: Path) -> None:
    """Users and items alone are interactions in the order of the file."""
    (folder / "shop.item").unlink()
    (folder / "shop.inter").write_text("user_id:token\titem_id:token\n2\tb\n1\ta\n")
    raw = AtomicSource().read(folder)
    assert raw.interactions.values.tolist() == [["2", "b"], ["1", "a"]]
    assert (raw.attributes, raw.titles) == ({}, None)


def test_a_folder_a_file_or_an_archive(folder: Path, tmp_path: Path) -> None:
    """The same data by its folder, by its `.inter` file, and in the archive in which RecBole
    distributes it.
    """
    archive = tmp_path / "elsewhere" / "shop.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as packed:
        for name in FILES:
            packed.write(folder / name, f"shop/{name}")
    for place in (folder / "shop.inter", archive):
        raw = AtomicSource().read(place)
        assert len(raw.interactions) == 3
        assert list(raw.attributes) == ["brand", "categories"], place


def test_one_of_several_is_chosen_by_name(folder: Path) -> None:
    """Two `.inter` files are a question, and `dataset` the answer."""
    (folder / "other.inter").write_text("user_id:token\titem_id:token\n1\ta\n")
    with pytest.raises(SirecError, match=r"2 files that end in \.inter") as caught:
        AtomicSource().read(folder)
    assert "other.inter, shop.inter" in (caught.value.hint or "")
    assert len(AtomicSource(dataset="other").read(folder).interactions) == 1
    assert len(AtomicSource(dataset="shop").read(folder).interactions) == 3


Break = tuple[str, Callable[[str], str], str]
BROKEN: Mapping[str, Break] = {
    "empty": ("shop.inter", lambda text: "", "shop.inter: the file is empty"),
    "header only": (
        "shop.inter",
        lambda text: text.split("\n")[0] + "\n",
        "shop.inter: no rows in it",
    ),
    "no type": (
        "shop.inter",
        lambda text: text.replace("rating:float", "rating"),
        "shop.inter:1: 'rating' is not a field",
    ),
    "unknown type": (
        "shop.item",
        lambda text: text.replace("brand:token", "brand:text"),
        "shop.item:1: 'brand:text' is not a",
    ),
    "field twice": (
        "shop.item",
        lambda text: text.replace("price:", "brand:"),
        "shop.item:1: two fields are called 'brand'",
    ),
    "no user": (
        "shop.inter",
        lambda text: text.replace("user_id", "uid"),
        "shop.inter: 'user_id' is not a field",
    ),
    "user is a number": (
        "shop.inter",
        lambda text: text.replace("user_id:token", "user_id:float"),
        "user_id is a float and has to be a token",
    ),
    "rating is a sequence": (
        "shop.inter",
        lambda text: text.replace("rating:float", "rating:float_seq"),
        "rating is a float_seq and has to be a",
    ),
    "wrong number": (
        "shop.inter",
        lambda text: text.replace("3.5", "good"),
        "shop.inter:3, column rating:float: expected a",
    ),
    "wrong time": (
        "shop.inter",
        lambda text: text.replace("1577836800", "noon"),
        "shop.inter:2, column timestamp:float: expected seconds",
    ),
    "no item": (
        "shop.item",
        lambda text: text.replace("a, b", ""),
        "shop.item:3, column item_id:token: it is missing",
    ),
    "a cell too many": (
        "shop.inter",
        lambda text: text.replace("8\ta", "8\t\ta"),
        "shop.inter:3: 6 cells, expected 5",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_named(folder: Path, case: str) -> None:
    """Each kind of broken file is a SirecError with the file, the place and what is wrong; whole
    files are read.
    """
    name, change, message = BROKEN[case]
    AtomicSource().read(folder)  # the control: nothing is wrong before
    assert change(FILES[name]) != FILES[name]
    (folder / name).write_text(change(FILES[name]))
    with pytest.raises(SirecError) as caught:
        AtomicSource().read(folder)
    assert message in caught.value.message
    assert str(folder) in caught.value.message


ASKED: Mapping[str, tuple[dict[str, Any], str]] = {
    "attribute": ({"attributes": {"brand": "brnd"}}, "shop.item: 'brnd' is not a field"),
    "title": ({"title": "price"}, "price is a float and has to be a token or a token_seq"),
    "time": ({"time": "when"}, "shop.inter: 'when' is not a field"),
    "reserved": (
        {"behaviours": {"timestamp": "rating"}},
        "a behaviour cannot be called 'timestamp'",
    ),
    "no separator": ({"separator": ""}, "at least one character"),
}


@pytest.mark.parametrize("case", ASKED)
def test_what_is_asked_for_has_to_be_there(folder: Path, case: str) -> None:
    """A declared field that is missing or of a wrong type is an error, not left out."""
    options, message = ASKED[case]
    with pytest.raises(SirecError) as caught:
        config.load(AtomicSource, {"name": "atomic", **options}, "shop.yaml").read(folder)
    assert message in caught.value.message


def test_items_that_are_asked_for_need_their_file(folder: Path) -> None:
    """Attributes that were named, and no `.item` file: an error, where the defaults would just have
    none.
    """
    (folder / "shop.item").unlink()
    assert AtomicSource().read(folder).attributes == {}
    with pytest.raises(SirecError, match=r"there is no \.item file beside it"):
        replace(AtomicSource(), attributes={"brand": "brand"}).read(folder)


@pytest.mark.parametrize(
    "given", [None, Path("/nowhere/at/all"), Path(__file__).parent / "reading"]
)
def test_no_files(given: Path | None) -> None:
    """A folder that is not there, not given, or without such files is an error."""
    with pytest.raises(SirecError, match=r"no such file or folder|no files that end in \.inter"):
        AtomicSource().read(given)


def test_movielens_figures() -> None:
    """The file that circulates: 943 users, 1,682 items, 100,000 ratings; genres, years and titles
    of all items.
    """
    root = os.environ.get("SIREC_TEST_DATA")
    if root is None or not (Path(root) / "ml-100k").is_dir():
        pytest.skip("SIREC_TEST_DATA names no folder with ml-100k")
    prepared = prepare(
        AtomicSource().read(Path(root) / "ml-100k"), "ml-100k", PrepareOptions(core=0)
    )
    found = prepared.statistics
    assert (found.users, found.items, found.interactions) == (943, 1_682, 100_000)
    assert {entry.name: (entry.values, entry.items) for entry in found.attributes} == {
        "release_year": (73, 1_682),  # two of them no years but slips of the file
        "class": (19, 1_682),
    }
    assert prepared.dataset.titles is not None
    assert prepared.dataset.titles[prepared.dataset.item_names.index("1")] == "Toy Story"
    assert prepared.dataset.vocabularies["rating"] == ["", "1", "2", "3", "4", "5"]


def test_days_written_as_numbers_need_their_format(folder: Path) -> None:
    """They are refused as seconds, and read with the format that the hint tells."""
    log = FILES["shop.inter"]
    for day, seconds in enumerate(("1577836800", "1.577836801e9", "1577836802.0"), 1):
        log = log.replace(seconds, f"2020010{day}")
    (folder / "shop.inter").write_text(log)
    with pytest.raises(
        SirecError, match=r"shop\.inter, column timestamp:float: all times are dates"
    ) as caught:
        AtomicSource().read(folder)
    assert "--time-format '%Y%m%d'" in (caught.value.hint or "")
    times = AtomicSource(time_format="%Y%m%d").read(folder).interactions["timestamp"]
    assert times.tolist() == [1577836800, 1577923200, 1578009600]
