"""The S3-Rec format: what is read, and what each kind of broken file is told."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sirec.data.prepare.pipeline import prepare
from sirec.data.reading.context import BadLines, ReadingContext
from sirec.data.sources.base import RawData
from sirec.data.sources.s3rec import S3RecSource
from sirec.errors import SirecError

FILES = {
    "sequences.txt": "7 1 2 3\n9 2 3 4\n",
    "item2attributes.json": '{"1": [10, 20, 20], "2": [20], "3": [11, 30]}',
    "attributes.tsv": "attribute_id\tkind\tname\n10\tbrand\tAcme\n11\tbrand\t(blank brand)\n"
    "20\tcategory\tSoap\n30\tcategory\tHair Care\n",
    "items.tsv": (
        "item_id\tasin\ttitle\n1\tB01\tA soap\n2\tB02\t\n3\tB03\tA comb\n4\tB04\tA mirror\n"
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a small release with every file."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def plain(raw: RawData) -> list[Any]:
    """Raw data as lists, to compare."""
    return [table.values.tolist() for table in (raw.interactions, *raw.attributes.values())]


def test_reads_every_file(folder: Path) -> None:
    """Sequences keep their order, ASINs replace numbers, kinds become attributes, and blank brands
    are none.
    """
    raw = S3RecSource().read(folder)
    assert raw.interactions.values.tolist() == [
        ["7", "B01"],
        ["7", "B02"],
        ["7", "B03"],
        ["9", "B02"],
        ["9", "B03"],
        ["9", "B04"],
    ]
    assert raw.attributes["brand"].values.tolist() == [["B01", "Acme"]]
    expected = [
        ["B01", "Soap"],
        ["B02", "Soap"],
        ["B03", "Hair Care"],
    ]  # the repeated value counts once
    assert raw.attributes["category"].values.tolist() == expected
    assert raw.titles is not None
    assert raw.titles.values.tolist()[0] == ["B01", "A soap"]
    assert [path.name for path in raw.files] == list(FILES)
    assert raw.behaviours == ()


def test_optional_files_are_optional(folder: Path) -> None:
    """Without names there is one attribute of ids, and without items.tsv the numbers stay the raw
    ids.
    """
    (folder / "attributes.tsv").unlink()
    (folder / "items.tsv").unlink()
    raw = S3RecSource().read(folder)
    assert list(raw.attributes) == ["attribute"]
    assert raw.attributes["attribute"].values.tolist() == [
        ["1", "10"],
        ["1", "20"],
        ["2", "20"],
        ["3", "11"],
        ["3", "30"],
    ]
    assert set(raw.interactions["item"]) == {"1", "2", "3", "4"}
    assert raw.titles is None


Break = tuple[str, Callable[[str], str | None], str]
BROKEN: dict[str, Break] = {
    "missing sequences": ("sequences.txt", lambda text: None, "no sequences.txt in it"),
    "missing attributes": (
        "item2attributes.json",
        lambda text: None,
        "no item2attributes.json in it",
    ),
    "empty file": ("sequences.txt", lambda text: "\n", "sequences.txt: the file is empty"),
    "not a number": (
        "sequences.txt",
        lambda text: text.replace("9 2", "9 B2"),
        "sequences.txt:2: 'B2' is not a whole number",
    ),
    "negative number": (
        "sequences.txt",
        lambda text: text.replace("9 2", "9 -2"),
        "sequences.txt:2: '-2' is not a whole number",
    ),
    "no items": (
        "sequences.txt",
        lambda text: text + "11\n",
        "sequences.txt:3: user 11 has no items",
    ),
    "blank line": ("sequences.txt", lambda text: "\n" + text, "sequences.txt:1: the line is empty"),
    "user twice": (
        "sequences.txt",
        lambda text: text + "7 1 2\n",
        "sequences.txt:3: user 7 is listed twice, first in line 1",
    ),
    "truncated": (
        "item2attributes.json",
        lambda text: text[:20],
        "item2attributes.json:1:21: not valid JSON",
    ),
    "no object": (
        "item2attributes.json",
        lambda text: "[1, 2]",
        "item2attributes.json: expected an object, got [1, 2]",
    ),
    "no list": (
        "item2attributes.json",
        lambda text: '{"1": "x"}',
        "item2attributes.json: item 1: expected a list of whole",
    ),
    "unknown attribute": (
        "item2attributes.json",
        lambda text: '{"3": [99]}',
        "item 3: attribute 99 has no line in attributes.tsv",
    ),
    "wrong header": (
        "attributes.tsv",
        lambda text: text.replace("kind", "sort"),
        "attributes.tsv:1: unexpected header",
    ),
    "unknown kind": (
        "attributes.tsv",
        lambda text: text.replace("10\tbrand", "10\tbrnd"),
        "attributes.tsv:2: 'brnd' is not a kind",
    ),
    "short row": (
        "attributes.tsv",
        lambda text: text.replace("brand\tAcme", "brand"),
        "attributes.tsv:2: 2 tab-separated cells",
    ),
    "attribute twice": (
        "attributes.tsv",
        lambda text: text + "10\tbrand\tB\n",
        "attributes.tsv:6: attribute 10 is listed twice",
    ),
    "item without ASIN": (
        "items.tsv",
        lambda text: text.replace("4\tB04\tA mirror\n", ""),
        "items.tsv: item 4 of sequences.txt",
    ),
    "ASIN twice": (
        "items.tsv",
        lambda text: text.replace("B04", "B03"),
        "items.tsv:5: ASIN B03 is listed twice",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_named(folder: Path, case: str) -> None:
    """Each kind of broken file is a SirecError with the file, the place and what is wrong; whole
    files are read.
    """
    name, change, message = BROKEN[case]
    S3RecSource().read(folder)  # the control: nothing is wrong before
    text = change(FILES[name])
    (folder / name).unlink()
    if text is not None:
        (folder / name).write_text(text)
    with pytest.raises(SirecError) as caught:
        S3RecSource().read(folder)
    assert message in caught.value.message
    assert str(folder) in caught.value.message


LINES = [
    case
    for case, (name, _, message) in BROKEN.items()
    if f"{name}:" in message and message.split(":")[1].isdecimal()
]
BOUND = {
    "item2attributes.json",
    "wrong header",
}  # what is no line, and what no line means anything without


@pytest.mark.parametrize("case", [case for case in LINES if not {case, BROKEN[case][0]} & BOUND])
def test_as_many_bad_lines_as_allowed_are_skipped(folder: Path, case: str) -> None:
    """The line alone is missing, and told; what other files say of it is a mistake still."""
    name, change, message = BROKEN[case]
    whole = plain(S3RecSource().read(folder))
    (folder / name).write_text(change(FILES[name]) or "")
    bad = BadLines(1)
    if case in ("not a number", "negative number"):
        assert len(S3RecSource().read(folder, ReadingContext(bad_lines=bad)).interactions) == 3
    elif case in ("unknown kind", "short row", "ASIN twice"):
        with pytest.raises(SirecError, match="has no line"):
            S3RecSource().read(folder, ReadingContext(bad_lines=bad))
    else:
        assert plain(S3RecSource().read(folder, ReadingContext(bad_lines=bad))) == whole
    assert len(bad.messages) == 1
    assert message in bad.messages[0]


def test_not_text(folder: Path) -> None:
    """A file in another encoding is named with the byte."""
    (folder / "sequences.txt").write_bytes(b"1 2 \xff\xfe")
    with pytest.raises(SirecError, match=r"sequences\.txt: not UTF-8 text at byte 4"):
        S3RecSource().read(folder)


@pytest.mark.parametrize("given", [None, Path("/nowhere/at/all")])
def test_no_folder(given: Path | None) -> None:
    """A folder that is not there, or not given, is an error, not an empty data set."""
    with pytest.raises(SirecError, match=r"no such file or folder|no raw files"):
        S3RecSource().read(given)


RELEASED = {  # users, items, interactions, training examples, items with (brand, category)
    "beauty": (22_363, 12_101, 198_502, 131_413, {"brand": 7_474, "category": 12_101}),
    "sports": (35_598, 18_357, 296_337, 189_543, {"brand": 10_893, "category": 18_357}),
    "yelp": (30_431, 20_033, 316_354, 225_061, {"category": 20_032}),
}


@pytest.mark.parametrize("name", RELEASED)
def test_released_figures(name: str) -> None:
    """The release is already 5-core: preparing it keeps every interaction, and the figures are the
    published ones.
    """
    root = os.environ.get("SIREC_TEST_DATA")
    if root is None or not (Path(root) / name).is_dir():
        pytest.skip(f"SIREC_TEST_DATA names no folder with {name}")
    prepared = prepare(S3RecSource().read(Path(root) / name), name)
    found = prepared.statistics
    coverage = {entry.name: entry.items for entry in found.attributes}
    assert (
        found.users,
        found.items,
        found.interactions,
        found.training_examples,
        coverage,
    ) == RELEASED[name]
    lines = (Path(root) / name / "sequences.txt").read_text().splitlines()
    assert prepared.dataset.items.tolist() == [
        int(word) for line in lines for word in line.split()[1:]
    ]
