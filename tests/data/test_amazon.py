"""The Amazon reviews of three editions: what is read, and what each kind of broken file is told."""

from __future__ import annotations

import ast
import csv
import gzip
import html
import json
import re
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from data.rawfiles import amazon
from data.rawfiles.amazon import LAYOUTS, Record

from sirec import config
from sirec.data.prepare.pipeline import PrepareOptions, prepare
from sirec.data.reading import lines, literals, parallel
from sirec.data.reading.context import BadLines, ReadingContext
from sirec.data.sources.amazon import AmazonSource
from sirec.data.sources.base import RawData
from sirec.errors import SirecError

EDITIONS = tuple(LAYOUTS)
DAY = 86_400
START = 1_391_040_000


def source(edition: str, **options: Any) -> AmazonSource:
    """The source as a configuration gives it."""
    return config.load(
        AmazonSource,
        {"name": "amazon", "category": "Beauty", "edition": edition, **options},
        "source",
    )


def write_random(
    folder: Path, edition: str, seed: int, size: int = 120
) -> tuple[list[Record], list[Record]]:
    """Write random files; the records in them."""
    rng, layout = np.random.default_rng(seed), LAYOUTS[edition]
    reviews, products = (
        amazon.random_reviews(layout, rng, size),
        amazon.random_products(layout, rng, size // 2),
    )
    amazon.write_edition(folder, edition, reviews, products)
    return reviews, products


def lines_of(path: Path) -> list[str]:
    """The lines of a compressed file."""
    return gzip.decompress(path.read_bytes()).decode().removesuffix("\n").split("\n")


def naive(
    folder: Path, edition: str
) -> tuple[list[list[Any]], dict[str, list[list[str]]], list[list[str]]]:
    """Interactions, attributes and titles by loops over lines, with the standard library only."""
    layout = LAYOUTS[edition]
    loads = ast.literal_eval if edition == "2014" else json.loads
    interactions, products = [], {}
    for line in lines_of(folder / f"{layout.reviews}.gz"):
        record = json.loads(line)
        time = record[layout.time]
        if edition == "2023":
            time = pd.Timestamp(time, unit="ms")
        interactions.append([record[layout.user], record[layout.item], time, record[layout.rating]])
    seen = {item for _, item, _, _ in interactions}
    for line in lines_of(folder / f"{layout.metadata}.gz"):
        record = loads(line)
        if record[layout.item] in seen and record[layout.item] not in products:
            products[record[layout.item]] = record
    attributes: dict[str, list[list[str]]] = {"brand": [], "category": []}
    titles = []
    for item, record in products.items():
        if (record.get(layout.brand) or "").strip():
            attributes["brand"].append([item, record[layout.brand].strip()])
        values = record.get(layout.category) or []
        flat = [value for path in values for value in path] if edition == "2014" else values
        attributes["category"] += [
            [item, value] for value in dict.fromkeys(v.strip() for v in flat) if value
        ]
        if record.get("title"):
            titles.append(
                [item, record["title"] if edition == "2023" else html.unescape(record["title"])]
            )
    return interactions, attributes, titles


def same(first: RawData, second: RawData) -> None:
    """Fail unless two sources' data are equal."""
    pd.testing.assert_frame_equal(first.interactions, second.interactions)
    assert list(first.attributes) == list(second.attributes)
    for name in first.attributes:
        pd.testing.assert_frame_equal(first.attributes[name], second.attributes[name])
    assert first.titles is not None
    assert second.titles is not None
    pd.testing.assert_frame_equal(first.titles, second.titles)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("edition", EDITIONS)
def test_values_are_those_of_a_naive_loop(tmp_path: Path, edition: str, seed: int) -> None:
    """Whatever keys are missing, repeated or oddly written, the result is that of a loop over
    lines.
    """
    write_random(tmp_path, edition, seed)
    raw = source(edition).read(tmp_path)
    interactions, attributes, titles = naive(tmp_path, edition)
    assert raw.interactions.columns.tolist() == ["user", "item", "timestamp", "rating"]
    assert raw.interactions.astype(object).values.tolist() == interactions
    assert {name: frame.values.tolist() for name, frame in raw.attributes.items()} == attributes
    assert raw.titles is not None
    assert raw.titles.values.tolist() == titles
    # The control: the cases that are meant to occur do occur.
    assert len(interactions) > len({tuple(row[:2]) for row in interactions})
    assert {item for _, item, _, _ in interactions} & set(amazon.ODD_IDS)
    assert min(map(len, (attributes["brand"], attributes["category"], titles))) > 5


@pytest.mark.parametrize("edition", EDITIONS)
def test_files_may_be_unpacked(tmp_path: Path, edition: str) -> None:
    """The same files without their compression, somewhere in the folder, give the same data."""
    write_random(tmp_path, edition, 0)
    packed = source(edition).read(tmp_path)
    assert [path.name for path in packed.files] == [
        f"{LAYOUTS[edition].reviews}.gz",
        f"{LAYOUTS[edition].metadata}.gz",
    ]
    (tmp_path / "below").mkdir()
    for path in packed.files:
        (tmp_path / "below" / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    unpacked = source(edition).read(tmp_path)
    same(packed, unpacked)
    assert [path.parent.name for path in unpacked.files] == ["below", "below"]


@pytest.mark.parametrize("edition", EDITIONS)
def test_what_does_not_matter(tmp_path: Path, edition: str) -> None:
    """Line ends of another system, a byte order mark, blank lines and bytes in unread keys that are
    no UTF-8 change nothing.
    """
    write_random(tmp_path, edition, 1)
    clean = source(edition).read(tmp_path)
    for path in clean.files:
        text = gzip.decompress(path.read_bytes())
        text = re.sub(
            rb"""(['"](?:reviewText|text|imUrl|tech1|main_category)['"]: ['"])""",
            b"\\1\xff\xfe caf\xe9",
            text,
        )
        assert b"\xff" in text
        path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + b"\r\n\r\n".join(text.split(b"\n"))))
    same(source(edition).read(tmp_path), clean)


def test_which_reviews(tmp_path: Path) -> None:
    """The 5-core is read unless all are asked for; all may be a table of ratings, its columns in an
    edition's own order.
    """
    one = json.dumps(amazon.review_2014("A1", "B1", 5.0, START))
    amazon.write(tmp_path / "reviews_Beauty_5.json.gz", [one])
    amazon.write(tmp_path / "reviews_Beauty.json.gz", [one] * 2)
    bare = {"attributes": False}
    found = [
        source("2014", **bare, reviews=which).read(tmp_path) for which in (None, "5-core", "all")
    ]
    assert [len(raw.interactions) for raw in found] == [1, 1, 2]
    (tmp_path / "reviews_Beauty.json.gz").unlink()
    (tmp_path / "reviews_Beauty_5.json.gz").unlink()
    rows = [["A1", "B,1", "5.0", START], ["A2", 'B"2', "1.0", START + DAY]]
    for name, order in (("ratings_Beauty.csv", [0, 1, 2, 3]), ("Beauty.csv", [1, 0, 2, 3])):
        with (tmp_path / name).open("w", newline="") as file:
            csv.writer(file).writerows([[row[place] for place in order] for row in rows])
    for edition in ("2014", "2018"):
        raw = source(edition, **bare, reviews="all").read(tmp_path)
        assert raw.interactions.astype(object).values.tolist() == [
            [u, i, t, float(r)] for u, i, r, t in rows
        ]
        with pytest.raises(
            SirecError, match=r"no (reviews_)?Beauty_5\.json\.gz"
        ):  # ratings are no 5-core
            source(edition, **bare).read(tmp_path)


def test_metadata_are_needed_unless_attributes_are_not(tmp_path: Path) -> None:
    """Without metadata there are no attributes: that has to be said; and it is said in what was
    prepared.
    """
    write_random(tmp_path, "2018", 0)
    (tmp_path / "meta_Beauty.json.gz").unlink()
    with pytest.raises(
        SirecError, match=r"no meta_Beauty\.json\.gz or meta_Beauty\.json in it"
    ) as caught:
        source("2018").read(tmp_path)
    assert "attributes=false" in str(caught.value.hint)
    raw = source("2018", attributes=False).read(tmp_path)
    assert (raw.attributes, raw.titles, len(raw.files)) == ({}, None, 1)
    expected = {
        "name": "amazon",
        "category": "Beauty",
        "edition": "2018",
        "reviews": "5-core",
        "attributes": "False",
    }
    assert dict(raw.source) == expected


def test_metadata_of_something_else(tmp_path: Path) -> None:
    """Metadata that know none of the items are those of another category."""
    layout = LAYOUTS["2018"]
    amazon.write_edition(
        tmp_path,
        "2018",
        [layout.review("A", "B", 5.0, START)],
        [layout.product("C", dict.fromkeys(KNOWN))],
    )
    with pytest.raises(
        SirecError, match=r"meta_Beauty\.json\.gz: none of its rows has a wanted asin"
    ):
        source("2018").read(tmp_path)


KNOWN = {"title": "A soap", "brand": "Acme", "categories": ["Beauty", "Soap"]}
NOT_UTF8 = "caf\udce9"
Change = Callable[[list[str]], list[str]]


def replaced(old: str, new: str) -> Change:
    """Replace in the second line."""

    def change(texts: list[str]) -> list[str]:
        assert old in texts[1]
        return [texts[0], texts[1].replace(old, new), *texts[2:]]

    return change


def second(line: str) -> Change:
    """Put another line in the place of the second."""
    return lambda texts: [texts[0], line, *texts[2:]]


# edition, which file, what is done to it, what is said
BROKEN: dict[str, tuple[str, str, Change, str]] = {
    "cut line": ("2014", "reviews", second('{"reviewerID": "A1", "as'), ":2: not a valid record"),
    "no object": ("2018", "reviews", second("[1, 2]"), ":2: expected a record with keys, got list"),
    "no user": (
        "2014",
        "reviews",
        replaced("reviewerID", "reviewer"),
        ":2, column reviewerID: it is missing or empty",
    ),
    "no item": (
        "2023",
        "reviews",
        replaced("parent_asin", "parent"),
        ":2, column parent_asin: it is missing or empty",
    ),
    "item is a list": (
        "2018",
        "reviews",
        replaced('"B1"', '["B1"]'),
        ":2, column asin: expected text",
    ),
    "no number": (
        "2018",
        "reviews",
        replaced("5.0", '"five"'),
        ":2, column overall: expected a number",
    ),
    "no time": (
        "2023",
        "reviews",
        replaced("1391040086923", '"soon"'),
        ":2, column timestamp: expected seconds since 1970",
    ),
    "user is not UTF-8": (
        "2014",
        "reviews",
        replaced('"A1"', f'"{NOT_UTF8}"'),
        ":2, column reviewerID: not UTF-8 text",
    ),
    "item is not UTF-8": (
        "2023",
        "reviews",
        replaced('"B1"', f'"{NOT_UTF8}"'),
        ":2, column parent_asin: not UTF-8 text",
    ),
    "cut literal": (
        "2014",
        "metadata",
        second("{'asin': 'B1', 'ti"),
        ":2: not a valid record: neither",
    ),
    "code": (
        "2014",
        "metadata",
        second("{'asin': 'B1', 'title': exit()}"),
        ":2: not a valid record: neither a Python literal",
    ),
    "no asin": (
        "2014",
        "metadata",
        replaced("'asin'", "'isin'"),
        ":2, column asin: it is missing or empty",
    ),
    "empty asin": (
        "2014",
        "metadata",
        replaced("'B1'", "''"),
        ":2, column asin: it is missing or empty",
    ),
    "brand is a list": (
        "2014",
        "metadata",
        replaced("'Acme'", "['Acme']"),
        ":2, column brand: expected text",
    ),
    "title is not UTF-8": (
        "2014",
        "metadata",
        replaced("A soap", NOT_UTF8),
        ":2, column title: not UTF-8 text",
    ),
    "category is not UTF-8": (
        "2018",
        "metadata",
        replaced('"Soap"', f'"{NOT_UTF8}"'),
        ":2, column category: not UTF-8 text",
    ),
    "store is a number": (
        "2023",
        "metadata",
        replaced('"Acme"', "1.5"),
        ":2, column store: expected text",
    ),
    "no JSON": ("2018", "metadata", second("{'asin': 'B1'}"), ":2: not a valid record"),
}


def write_small(folder: Path, edition: str) -> dict[str, Path]:
    """Three reviews of three items, all of them described."""
    layout = LAYOUTS[edition]
    reviews = [
        layout.review(f"A{number}", f"B{number}", 5.0, START + 86 * number) for number in range(3)
    ]
    paths = amazon.write_edition(
        folder, edition, reviews, [layout.product(f"B{number}", KNOWN) for number in range(3)]
    )
    return dict(zip(("reviews", "metadata"), paths, strict=True))


@pytest.mark.parametrize("case", BROKEN)
def test_broken_lines_are_named_and_can_be_skipped(tmp_path: Path, case: str) -> None:
    """A bad line is told with file, line and key; a budget skips it, and the other lines are
    read.
    """
    edition, which, change, message = BROKEN[case]
    path = write_small(tmp_path, edition)[which]
    source(edition).read(tmp_path)  # the control: nothing is wrong before
    text = gzip.decompress(path.read_bytes()).decode()
    amazon.write(path, change(text.splitlines()))
    with pytest.raises(SirecError) as caught:
        source(edition).read(tmp_path)
    assert f"{path}{message}" in caught.value.message
    bad_lines = BadLines(1)
    raw = source(edition).read(tmp_path, ReadingContext(bad_lines=bad_lines))
    assert len(bad_lines.messages) == 1
    assert len(raw.interactions) == (2 if which == "reviews" else 3)
    assert raw.attributes["brand"].values.tolist() == [["B0", "Acme"], ["B2", "Acme"]]


@pytest.mark.parametrize("which", ["reviews", "metadata"])
@pytest.mark.parametrize("edition", EDITIONS)
def test_broken_files_are_named(tmp_path: Path, edition: str, which: str) -> None:
    """A file that is cut short says so with the line reached; an empty one that it is empty."""
    write_random(tmp_path, edition, 0, size=2000)
    paths = dict(zip(("reviews", "metadata"), source(edition).read(tmp_path).files, strict=True))
    whole = paths[which].read_bytes()
    paths[which].write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        SirecError, match=rf"{paths[which].name}:\d+: the file is damaged or cut short"
    ):
        source(edition).read(tmp_path)
    for nothing in (b"", gzip.compress(b"")):
        paths[which].write_bytes(nothing)
        with pytest.raises(SirecError, match=f"{paths[which].name}: the file is empty"):
            source(edition).read(tmp_path)


def test_nothing_in_the_metadata_is_run(tmp_path: Path) -> None:
    """A line that is code is a bad line; the control shows that it would have left a trace."""
    paths, trace = write_small(tmp_path, "2014"), tmp_path / "trace"
    code = f"__import__('os').system('touch {trace}')"
    amazon.write(
        paths["metadata"],
        [code, f"{{'asin': 'B0', 'brand': {code}}}", "{'asin': 'B1', 'brand': 'Acme'}"],
    )
    bad_lines = BadLines(2)
    raw = source("2014").read(tmp_path, ReadingContext(bad_lines=bad_lines))
    assert len(bad_lines.messages) == 2
    assert raw.attributes["brand"].values.tolist() == [["B1", "Acme"]]
    assert not trace.exists()
    eval(code)
    assert trace.exists()


class DyingPool:
    """A pool whose processes die at once, as where memory is short."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        pass

    def __enter__(self) -> DyingPool:
        """As a pool begins."""
        return self

    def __exit__(self, *raised: object) -> None:
        """As a pool ends."""

    def submit(self, *arguments: Any) -> None:
        raise BrokenProcessPool("died")


def test_a_process_that_dies_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the file that was read and what to look at; without a pool (control) it is read."""
    write_random(tmp_path, "2014", 2, size=600)
    source("2014").read(tmp_path)
    monkeypatch.setitem(lines.blocks.__kwdefaults__, "size", 4_000)
    monkeypatch.setattr(literals, "ProcessPoolExecutor", DyingPool)
    with pytest.raises(SirecError, match=r"meta_Beauty.*: a process that helped") as caught:
        source("2014").read(tmp_path)
    assert "__main__" in str(caught.value.hint)


@pytest.mark.slow
def test_any_number_of_workers_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process or several, one block or many: the rows, their order and the bad lines are the
    same.
    """
    write_random(tmp_path, "2014", 2, size=600)
    path = tmp_path / "meta_Beauty.json.gz"
    texts = gzip.decompress(path.read_bytes()).decode().splitlines()
    amazon.write(path, [*texts[:50], "{'asin': ", *texts[50:200], "{", *texts[200:]])
    starts: list[int] = []
    monkeypatch.setattr(literals, "ProcessPoolExecutor", counting(starts))
    found: list[tuple[RawData, list[str]]] = []
    for size, workers in ((lines.BLOCK, 1), (4_000, 1), (4_000, 3)):
        monkeypatch.setitem(lines.blocks.__kwdefaults__, "size", size)
        monkeypatch.setattr(literals, "WORKERS", workers)
        monkeypatch.setattr(parallel, "WORKERS", workers)
        bad_lines = BadLines(2)
        found.append(
            (source("2014").read(tmp_path, ReadingContext(bad_lines=bad_lines)), bad_lines.messages)
        )
    assert starts == [1, 3]  # one block is not worth a process
    for raw, messages in found[1:]:
        same(raw, found[0][0])
        assert messages == found[0][1]
    assert [message.split(": ")[0].rpartition(":")[2] for message in found[0][1]] == ["51", "202"]


def counting(starts: list[int]) -> type:
    """The pool of processes that notes each start."""

    class Counting(literals.ProcessPoolExecutor):
        def __init__(self, workers: int, *arguments: Any, **options: Any) -> None:
            starts.append(workers)
            super().__init__(workers, *arguments, **options)

    return Counting


@pytest.mark.parametrize("edition", EDITIONS)
def test_from_files_to_a_prepared_data_set(tmp_path: Path, edition: str) -> None:
    """Six users with six items each stay, whoever has less goes; every count is known
    beforehand.
    """
    layout = LAYOUTS[edition]
    pairs = [(f"A{user}", f"B{item}") for user in range(6) for item in range(6)]
    pairs += [("A9", f"B{item}") for item in range(4)] + [
        ("A0", "C1"),
        ("A0", "B0"),
    ]  # a rare user, a rare item, a repetition
    reviews = [
        layout.review(user, item, 1.0 + n % 5, START + DAY * (n % 7))
        for n, (user, item) in enumerate(pairs)
    ]
    products = [
        layout.product(f"B{item}", {**KNOWN, "brand": f"Brand {item % 3}"}) for item in range(5)
    ]
    amazon.write_edition(tmp_path, edition, reviews, products)
    for dedupe, interactions in ((False, 37), (True, 36)):
        prepared = prepare(
            source(edition).read(tmp_path), "beauty", PrepareOptions(core=5, drop_duplicates=dedupe)
        )
        found = prepared.statistics
        assert (found.users, found.items, found.interactions) == (6, 6, interactions)
        coverage = {entry.name: (entry.values, entry.items) for entry in found.attributes}
        assert coverage == {"brand": (3, 5), "category": (3 if edition == "2014" else 2, 5)}
        assert prepared.dataset.titles is not None
        assert prepared.dataset.titles[1:] == ["A soap"] * 5 + ["B5"]
        assert prepared.steps[0].interactions == len(pairs)


ADDRESSES: dict[str, Sequence[str]] = {
    "2014": (
        "productGraph/categoryFiles/reviews_Beauty_5.json.gz",
        "productGraph/categoryFiles/meta_Beauty.json.gz",
    ),
    "2018": (
        "data/amazon_v2/categoryFilesSmall/Beauty_5.json.gz",
        "data/amazon_v2/metaFiles2/meta_Beauty.json.gz",
    ),
    "2023": (
        "data/amazon_2023/raw/review_categories/Beauty.jsonl.gz",
        "raw/meta_categories/meta_Beauty.jsonl.gz",
    ),
}


@pytest.mark.parametrize("edition", EDITIONS)
def test_addresses(edition: str) -> None:
    """What is downloaded is what is read, and what the instructions ask for."""
    remotes = source(edition).remotes()
    for remote, address in zip(remotes, ADDRESSES[edition], strict=True):
        assert remote.url.startswith("https://")
        assert remote.url.endswith(address)
        assert remote.url.endswith(f"/{remote.name}")
        assert remote.name in source(edition).instructions()
    assert [remote.name for remote in remotes] == [
        f"{LAYOUTS[edition].reviews}.gz",
        f"{LAYOUTS[edition].metadata}.gz",
    ]
    assert source(edition, attributes=False).remotes() == remotes[:1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"category": "Sports and Outdoors"}, "'Sports and Outdoors' cannot be a category"),
        ({"category": "../Beauty"}, "cannot be a category"),
        ({"edition": "2015"}, "'2015' is not a choice"),
        ({"edition": "2023", "reviews": "5-core"}, "the edition of 2023 has no 5-core reviews"),
        ({"reviews": "some"}, "'some' is not a choice"),
        ({"attributes": "no"}, "expected true or false"),
    ],
)
def test_options_are_checked(options: Record, message: str) -> None:
    """An option that cannot be meant is refused before anything is read."""
    with pytest.raises(SirecError, match=message):
        config.load(AmazonSource, {"name": "amazon", "category": "Beauty", **options}, "source")
