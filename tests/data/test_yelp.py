"""The Yelp dataset: every packing, every kind of broken line, and the same values as a loop with
the json module.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from data.rawfiles import yelp
from data.rawfiles.yelp import BUSINESSES, PACKINGS, REVIEWS, business, review

from sirec.data.prepare.filters import PrepareOptions
from sirec.data.prepare.pipeline import prepare
from sirec.data.reading.context import BadLines, ReadingContext
from sirec.data.sources.base import RawData
from sirec.data.sources.yelp import YelpSource
from sirec.errors import SirecError

Values = dict[str, list[Any]]
SMALL = (
    [review("u1", "b1", 5.0), review("u2", "b2", 1.0), review("u1", "b2")],
    [business("b1", "Café", "Tempe", "Bars, Coffee & Tea"), business("b2", "A gym", "Mesa")],
)


def naive(reviews: bytes, businesses: bytes) -> Values:
    """What the files say, read the plain way."""
    values: Values = {"interactions": [], "city": [], "category": [], "titles": []}
    for line in reviews.decode().splitlines():
        record = json.loads(line)
        seconds = int(datetime.fromisoformat(record["date"]).replace(tzinfo=UTC).timestamp())
        values["interactions"].append(
            [record["user_id"], record["business_id"], seconds, float(record["stars"])]
        )
    for line in businesses.decode().splitlines():
        record = json.loads(line)
        item = record["business_id"]
        values["city"] += [[item, city.strip()] for city in [record["city"] or ""] if city.strip()]
        values["category"] += [
            [item, value.strip()]
            for value in (record["categories"] or "").split(",")
            if value.strip()
        ]
        values["titles"] += [[item, record["name"]]] if record["name"] else []
    return values


def values_of(raw: RawData) -> Values:
    """The same of raw data."""
    assert raw.titles is not None
    assert list(raw.interactions.columns) == ["user", "item", "timestamp", "rating"]
    return {
        "interactions": raw.interactions.values.tolist(),
        **{name: table.values.tolist() for name, table in raw.attributes.items()},
        "titles": raw.titles.values.tolist(),
    }


def skipping(lines: int) -> ReadingContext:
    return ReadingContext(bad_lines=BadLines(lines))


@pytest.mark.parametrize("form", [{}, {"days": True, "whole": True}], ids=["now", "older dumps"])
@pytest.mark.parametrize("seed", range(3))
def test_values_are_those_of_a_plain_loop(tmp_path: Path, seed: int, form: dict[str, bool]) -> None:
    """Every value of random files, in file order, is what the json module finds; dates of days
    too.
    """
    files = yelp.contents(*yelp.random_records(seed, **form))
    raw = YelpSource().read(yelp.write(tmp_path, files))
    expected = naive(files[REVIEWS], files[BUSINESSES])
    assert values_of(raw) == expected
    assert (
        len({category for _, category in expected["category"]}) > 3
    )  # there was something to get wrong
    assert raw.source == {"name": "yelp"}


@pytest.mark.parametrize("packing", PACKINGS)
def test_every_packing_gives_the_same(tmp_path: Path, packing: str) -> None:
    """Loose, compressed, in an archive or an archive in an archive: the same data, and nothing is
    written anywhere.
    """
    files = yelp.contents(*yelp.random_records(7))
    folder = yelp.write(tmp_path / "raw", PACKINGS[packing](files))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    raw = YelpSource().read(folder)
    assert values_of(raw) == naive(files[REVIEWS], files[BUSINESSES])
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert not Path("/tmp/evil-of-the-yelp-test").exists()
    assert all(path.is_file() for path in raw.files)
    assert len(raw.files) == len(set(raw.files)) <= 2


@pytest.mark.parametrize("packing", ["tar", "tgz", "zip with a tar"])
def test_the_archive_itself_may_be_given(tmp_path: Path, packing: str) -> None:
    """The path of the archive will do in place of its folder's."""
    (name, data), *_ = PACKINGS[packing](yelp.contents(*SMALL)).items()
    (tmp_path / name).write_bytes(data)
    assert len(YelpSource().read(tmp_path / name).interactions) == 3


Change = Callable[[bytes], bytes]


def on_line(number: int, change: Change) -> Change:
    """The same change of one line only, from 1."""

    def changed(data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        return b"".join(
            change(line) if place == number else line for place, line in enumerate(lines, 1)
        )

    return changed


def without(key: str) -> Change:
    """A line without a key."""
    return lambda line: (
        json.dumps({k: v for k, v in json.loads(line).items() if k != key}).encode() + b"\n"
    )


def setting(key: str, value: object) -> Change:
    """A line with another value."""
    return lambda line: json.dumps(json.loads(line) | {key: value}).encode() + b"\n"


BROKEN: dict[str, tuple[str, int, Change, str]] = {  # file, line, change, what is said
    "no user": (REVIEWS, 2, without("user_id"), "column user_id: it is missing or empty"),
    "no business": (
        REVIEWS,
        3,
        without("business_id"),
        "column business_id: it is missing or empty",
    ),
    "no stars": (REVIEWS, 1, without("stars"), "column stars: it is missing or empty"),
    "no date": (REVIEWS, 2, without("date"), "column date: it is missing or empty"),
    "empty user": (REVIEWS, 2, setting("user_id", "  "), "column user_id: it is missing or empty"),
    "null date": (REVIEWS, 2, setting("date", None), "column date: it is missing or empty"),
    "stars in words": (REVIEWS, 2, setting("stars", "five"), "column stars: expected a number"),
    "stars in a list": (REVIEWS, 2, setting("stars", [5]), "column stars: expected a number"),
    "infinitely many stars": (
        REVIEWS,
        2,
        lambda line: line.replace(b"1.0", b"Infinity"),
        "column stars: expected a number",
    ),
    "no such day": (
        REVIEWS,
        2,
        setting("date", "2019-02-30 10:00:00"),
        "column date: expected seconds since 1970, or a date",
    ),
    "another date": (
        REVIEWS,
        2,
        setting("date", "30/01/2019"),
        "column date: expected seconds since 1970, or a date",
    ),
    "no JSON": (REVIEWS, 2, lambda line: b"user,business\n", "not a valid record: Expecting value"),
    "half a line": (
        REVIEWS,
        2,
        lambda line: line[:60] + b"\n",
        "not a valid record: Unterminated string",
    ),
    "two objects": (
        REVIEWS,
        2,
        lambda line: line.rstrip() + line,
        "not a valid record: Extra data",
    ),
    "no object": (REVIEWS, 2, lambda line: b"[1, 2]\n", "expected a record with keys, got list"),
    "deep nesting": (REVIEWS, 2, lambda line: b"[" * 100_000 + b"\n", "not a valid record"),
    "not UTF-8": (
        REVIEWS,
        2,
        lambda line: line.replace(b'"u2"', b'"u\xff"'),
        "column user_id: not UTF-8 text",
    ),
    "half a surrogate": (
        REVIEWS,
        2,
        lambda line: line.replace(b'"u2"', rb'"u\ud800"'),
        "column user_id: not UTF-8 text",
    ),
    "no business id": (
        BUSINESSES,
        1,
        without("business_id"),
        "column business_id: it is missing or empty",
    ),
    "an object as category": (
        BUSINESSES,
        1,
        setting("categories", {"a": 1}),
        "column categories: expected text, a number or a list",
    ),
    "a city with parts": (
        BUSINESSES,
        2,
        setting("city", {"of": "x"}),
        "column city: expected text or a whole number",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_line_is_named_or_counted(tmp_path: Path, case: str) -> None:
    """File, line and key of a broken line are told; if bad lines may be skipped, it alone is
    missing.
    """
    name, number, change, what = BROKEN[case]
    files = yelp.contents(*SMALL)
    folder = yelp.write(tmp_path, files)
    assert values_of(YelpSource().read(folder)) == naive(
        files[REVIEWS], files[BUSINESSES]
    )  # nothing is wrong before
    yelp.write(folder, {name: on_line(number, change)(files[name])})
    with pytest.raises(SirecError) as caught:
        YelpSource().read(folder)
    assert f"{folder / name}:{number}" in caught.value.message
    assert what in caught.value.message
    assert caught.value.hint is not None
    assert "--skip-bad-lines" in caught.value.hint
    reading = skipping(1)
    rest = files | {name: on_line(number, lambda line: b"")(files[name])}
    assert values_of(YelpSource().read(folder, reading)) == naive(rest[REVIEWS], rest[BUSINESSES])
    assert [what in message for message in reading.bad_lines.messages] == [True]


def test_bad_lines_are_counted_over_both_files(tmp_path: Path) -> None:
    """One more than are tolerated is an error that says how many came before."""
    files = yelp.contents(*SMALL)
    broken = {name: data + b"{\n" for name, data in files.items()}
    yelp.write(tmp_path, broken)
    assert len(YelpSource().read(tmp_path, skipping(2)).interactions) == 3
    with pytest.raises(
        SirecError, match=r"review\.json:4: .*\(1 bad lines were skipped before it\)"
    ):
        YelpSource().read(tmp_path, skipping(1))


def test_what_nobody_asks_for_may_be_broken(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 in the text of a review, odd votes and unknown keys do not matter."""
    files = yelp.contents(*SMALL)
    odd = (
        files[REVIEWS]
        .replace(b"Great!", b"Gr\xffat!")
        .replace(b'"useful": 1', b'"useful": "many", "new": [{"key": null}]')
    )
    raw = YelpSource().read(yelp.write(tmp_path, files | {REVIEWS: odd}))
    assert values_of(raw) == naive(files[REVIEWS], files[BUSINESSES])


def test_line_ends_and_blank_lines_do_not_matter(tmp_path: Path) -> None:
    """Lines that end as on Windows, a byte order mark, blank lines and a missing last line end
    change nothing.
    """
    reviews, businesses = SMALL
    odd = {
        REVIEWS: b"\xef\xbb\xbf" + yelp.lines(reviews, end="\r\n") + b"\r\n\n",
        BUSINESSES: yelp.lines(businesses, ascii_only=True).rstrip(),
    }
    files = yelp.contents(*SMALL)
    assert odd != files
    assert values_of(YelpSource().read(yelp.write(tmp_path, odd))) == naive(
        files[REVIEWS], files[BUSINESSES]
    )


def test_repeated_reviews_are_kept(tmp_path: Path) -> None:
    """A user may review a business twice, even in the same second: both count until duplicates are
    dropped.
    """
    reviews = [review("u1", name) for name in ("b1", "b1", "b2", "b3", "b3")]
    businesses = [business(name, categories="Bars") for name in ("b1", "b2", "b3")]
    raw = YelpSource().read(yelp.write(tmp_path, yelp.contents(reviews, businesses)))
    kept, dropped = (
        prepare(raw, "y", PrepareOptions(core=0, drop_duplicates=drop)) for drop in (False, True)
    )
    assert kept.dataset.items.tolist() == [1, 1, 2, 3, 3]
    assert dropped.dataset.items.tolist() == [1, 2, 3]


def test_reviews_of_one_moment_keep_the_order_of_the_file(tmp_path: Path) -> None:
    """Ties are decided by the file, earlier dates come first wherever they stand."""
    names = [f"b{number}" for number in (5, 2, 4, 1, 3)]
    reviews = [review("u", name, date="2019-03-01") for name in names] + [
        review("u", "b0", date="2018-03-01")
    ]
    raw = YelpSource().read(
        yelp.write(tmp_path, yelp.contents(reviews, [business(name) for name in names]))
    )
    dataset = prepare(raw, "y", PrepareOptions(core=0)).dataset
    assert [dataset.item_names[item] for item in dataset.items.tolist()] == ["b0", *names]


def test_businesses_without_anything(tmp_path: Path) -> None:
    """A business without categories, city and name has no values; one that no line describes is
    still an item.
    """
    reviews = [review("u", name) for name in ("b1", "b2", "b3")]
    businesses = [
        business("b1", None, None, None),
        business("b2", "Two", "Tempe", " , Bars,, Bars "),
        business("b9", "Nine"),
    ]
    raw = YelpSource().read(yelp.write(tmp_path, yelp.contents(reviews, businesses)))
    assert raw.attributes["category"].values.tolist() == [["b2", "Bars"], ["b2", "Bars"]]
    dataset = prepare(raw, "y", PrepareOptions(core=0)).dataset
    assert dataset.vocabularies["category"] == ["", "Bars"]
    assert dataset.vocabularies["city"] == ["", "Tempe"]
    assert dataset.titles == ["", "b1", "Two", "b3"]


CUTS = (0.25, 0.5, 0.75)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(
    "packing",
    ["gzipped one by one", "bzip2 one by one", "tar", "tgz", "zip", "zip with a compressed tar"],
)
def test_what_was_cut_short_is_refused(tmp_path: Path, packing: str, cut: float) -> None:
    """No part of a truncated file or archive passes for the whole, and the message names it."""
    packed = PACKINGS[packing](yelp.contents(*yelp.random_records(3)))
    YelpSource().read(yelp.write(tmp_path, packed))  # whole it is read
    name = max(packed, key=lambda name: len(packed[name]))
    (tmp_path / name).write_bytes(packed[name][: int(cut * len(packed[name]))])
    with pytest.raises(SirecError) as caught:
        YelpSource().read(tmp_path, skipping(1_000))
    assert str(tmp_path / name) in caught.value.message
    assert "cut short" in caught.value.message or "not a readable archive" in caught.value.message


def test_a_plain_file_that_was_cut_short_ends_in_a_bad_line(tmp_path: Path) -> None:
    """Half of a last line is no review."""
    files = yelp.contents(*SMALL)
    yelp.write(tmp_path, files | {REVIEWS: files[REVIEWS][:-40]})
    with pytest.raises(SirecError, match=r"review\.json:3: not a valid record"):
        YelpSource().read(tmp_path)


@pytest.mark.parametrize("name", [REVIEWS, BUSINESSES])
@pytest.mark.parametrize(
    ("content", "what"),
    [(b"", "the file is empty"), (b"\n \n", "no rows"), (gzip.compress(b"", mtime=0), "empty")],
)
def test_an_empty_file_is_an_error(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    """Neither reviews nor businesses may be missing."""
    yelp.write(tmp_path, yelp.contents(*SMALL) | {name: content})
    with pytest.raises(SirecError) as caught:
        YelpSource().read(tmp_path)
    assert what in caught.value.message
    assert str(tmp_path / name) in caught.value.message


@pytest.mark.parametrize("name", [REVIEWS, BUSINESSES])
def test_a_missing_file_is_told_with_where_to_get_it(tmp_path: Path, name: str) -> None:
    """The address, and that there is a licence to accept; nothing can be downloaded without
    that.
    """
    yelp.write(
        tmp_path, {other: data for other, data in yelp.contents(*SMALL).items() if other != name}
    )
    with pytest.raises(SirecError, match=f"no {name}") as caught:
        YelpSource().read(tmp_path)
    assert "https://www.yelp.com/dataset" in str(caught.value.hint)
    assert "licence" in str(caught.value.hint)
    assert YelpSource().remotes() == ()


def naive_core(pairs: list[tuple[str, str]], core: int) -> list[tuple[str, str]]:
    """Leave out what is too rare until nothing is."""
    while True:
        counts = Counter(user for user, _ in pairs) + Counter(item for _, item in pairs)
        kept = [pair for pair in pairs if min(counts[pair[0]], counts[pair[1]]) >= core]
        if kept == pairs:
            return kept
        pairs = kept


@pytest.mark.parametrize("packing", ["loose", "zip with a tar"])
def test_a_window_from_raw_files_to_a_data_set(tmp_path: Path, packing: str) -> None:
    """The reviews of 2019, 4-core, are those that a loop keeps; the first and the last second of
    the year belong to it.
    """
    reviews, businesses = yelp.random_records(11)
    users, items = ({record[key] for record in reviews} for key in ("user_id", "business_id"))
    edges = (
        "2018-12-31 23:59:59",
        "2019-01-01 00:00:00",
        "2019-12-31 23:59:59",
        "2020-01-01 00:00:00",
    )
    reviews += [review(min(users), min(items), date=date) for date in edges]
    files = PACKINGS[packing](yelp.contents(reviews, businesses))
    raw = YelpSource().read(yelp.write(tmp_path, files))
    prepared = prepare(raw, "yelp", PrepareOptions(since="2019-01-01", until="2019-12-31", core=4))
    year = [
        (record["user_id"], record["business_id"])
        for record in reviews
        if record["date"].startswith("2019")
    ]
    kept = naive_core(year, 4)
    assert len(kept) < len(year) < len(reviews)
    dataset = prepared.dataset
    lengths = dataset.offsets.diff().tolist()
    owners = [
        name
        for name, length in zip(dataset.user_names[1:], lengths, strict=True)
        for _ in range(length)
    ]
    found = list(
        zip(owners, (dataset.item_names[item] for item in dataset.items.tolist()), strict=True)
    )
    assert Counter(found) == Counter(kept)
    assert [field.name for field in dataset.fields] == ["city", "category", "rating"]
    assert dataset.vocabularies["rating"] == ["", "1", "2", "3", "4", "5"]
