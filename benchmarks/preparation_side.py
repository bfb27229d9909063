"""One side of `preparation.py`: does one thing in this process and prints one JSON line.

    python benchmarks/preparation_side.py generate FOLDER --reviews 500000
    python benchmarks/preparation_side.py prepare FOLDER

`generate` writes raw files as large as Yelp's with what slows readers down: 22-character ids of
long-tailed popularity, texts of many lengths with escapes and letters that are not ASCII, keys that
nobody wants. The others print what they read in a few sums, so that nobody is fast by reading
something else.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

REVIEWS, BUSINESSES = "yelp_academic_dataset_review.json", "yelp_academic_dataset_business.json"
USERS_PER_REVIEW, BUSINESSES_PER_REVIEW = 0.25, 0.026  # as in the dump of 2020
USER_TAIL, BUSINESS_TAIL = 0.75, 0.6  # popularity of the one of rank r: r^-tail
FIRST_DAY, LAST_DAY = "2005-02-16", "2019-12-13"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
WORDS = (
    "the",
    "food",
    "was",
    "really",
    "good",
    "and",
    "we",
    "had",
    "a",
    "great",
    "time",
    "with",
    "friends",
    "but",
    "service",
    "took",
    "forever",
    "when",
    "it's",
    "busy",
    "on",
    "weekends",
    "my",
    "husband",
    "ordered",
    "tacos",
    r"caf\u00e9",
    r"\"best\"",
    "in",
    r"town.\n\nWould",
    "definitely",
    "come",
    "back",
    "crème",
    "brûlée",
    "5/5",
    "$12.50",
    "place",
    "recommended",
    "staff",
)
CITIES = (
    "Las Vegas",
    "Phoenix",
    "Toronto",
    "Charlotte",
    "Scottsdale",
    "Montréal",
    "Mesa",
    "Henderson",
    "Tempe",
    "Cleveland",
)
KINDS = ("Local", "Asian", "Home", "Auto", "Pet", "Event")
TRADES = (
    "Restaurants",
    "Bars",
    "Services",
    "Shopping",
    "Bakeries",
    "Repair",
    "Salons",
    "Tours",
    "Schools",
    "Clinics",
    "& Tea",
)
CATEGORIES = tuple(f"{kind} {trade}" for kind in KINDS for trade in TRADES)
WORDS_PER_TEXT, SPREAD, CHUNK = 120, 0.7, 100_000
COLUMNS = ("user_id", "business_id", "stars", "date")


def generate(folder: Path, reviews: int, seed: int = 0) -> dict[str, Any]:
    """Write reviews and businesses into a folder; the same arguments give the same bytes."""
    import numpy as np

    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    users = ids(max(int(reviews * USERS_PER_REVIEW), 2), rng)
    businesses = ids(max(int(reviews * BUSINESSES_PER_REVIEW), 2), rng)
    with (folder / BUSINESSES).open("w", encoding="utf-8") as file:
        file.writelines(_business(number, name, rng) for number, name in enumerate(businesses))
    with (folder / REVIEWS).open("w", encoding="utf-8") as file:
        for start in range(0, reviews, CHUNK):
            file.writelines(_reviews(min(CHUNK, reviews - start), users, businesses, rng))
    return {
        "reviews": reviews,
        "users": len(users),
        "businesses": len(businesses),
        "bytes": (folder / REVIEWS).stat().st_size,
    }


def ids(count: int, rng: Any) -> list[str]:
    """Random ids of 22 letters."""
    import numpy as np

    letters = np.frombuffer(LETTERS.encode(), dtype=np.uint8)
    return (
        letters[rng.integers(0, len(letters), (count, 22))]
        .view("S22")
        .ravel()
        .astype("U22")
        .tolist()
    )


def _reviews(count: int, users: list[str], businesses: list[str], rng: Any) -> Iterator[str]:
    import numpy as np

    who, where = (
        long_tailed(names, tail, count, rng)
        for names, tail in ((users, USER_TAIL), (businesses, BUSINESS_TAIL))
    )
    stars = rng.choice(5, count, p=[0.15, 0.08, 0.11, 0.22, 0.44]) + 1
    first, last = (np.datetime64(day, "s").astype(np.int64) for day in (FIRST_DAY, LAST_DAY))
    dates = np.datetime_as_string(rng.integers(first, last, count).astype("datetime64[s]")).tolist()
    votes = rng.geometric(0.5, (count, 3)) - 1
    pool = [WORDS[place] for place in rng.integers(0, len(WORDS), 4096)]
    lengths = np.clip(
        WORDS_PER_TEXT * rng.lognormal(-SPREAD * SPREAD / 2, SPREAD, count), 5, 1000
    ).astype(np.int64)
    starts = rng.integers(0, len(pool) - lengths)
    names = iter(ids(count, rng))
    columns = (column.tolist() for column in (stars, votes, starts, starts + lengths))
    for user, business, star, (useful, funny, cool), start, end, date in zip(
        who, where, *columns, dates, strict=True
    ):
        text = " ".join(pool[start:end])
        yield (
            f'{{"review_id":"{next(names)}","user_id":"{user}","business_id":"{business}",'
            f'"stars":{star}.0,"useful":{useful},'
            f'"funny":{funny},"cool":{cool},"text":"{text}","date":"{date[:10]} {date[11:]}"}}\n'
        )


def long_tailed(names: Sequence[str], tail: float, count: int, rng: Any) -> list[str]:
    """Names drawn with a popularity of about rank^-tail, by inverting its integral."""
    ranks = (rng.random(count) ** (1 / (1 - tail)) * len(names)).astype(int)
    return [names[rank] for rank in ranks.tolist()]


def _business(number: int, name: str, rng: Any) -> str:
    categories = ", ".join(
        CATEGORIES[place]
        for place in rng.choice(len(CATEGORIES), rng.integers(1, 7), replace=False)
    )
    record = {
        "business_id": name,
        "name": f"Café No. {number}",
        "address": f"{number} Main St",
        "city": CITIES[number % len(CITIES)],
        "state": "NV",
        "postal_code": "89101",
        "latitude": 36.1,
        "longitude": -115.1,
        "stars": 4.5,
        "review_count": 12,
        "is_open": 1,
        "attributes": {"WiFi": "u'free'"} if number % 9 else None,
        "categories": categories if number % 50 else None,
        "hours": {"Monday": "8:0-22:0"},
    }
    return json.dumps(record, ensure_ascii=False) + "\n"


def prepare_yelp(folder: Path) -> dict[str, Any]:
    """Raw files to a written data set, 5-core, as `sirec prepare` does it."""
    from sirec.data.sources.yelp import YelpSource

    return timed_preparation(lambda: YelpSource().read(folder))


def prepare_s3rec(folder: Path) -> dict[str, Any]:
    """The same from S3-Rec files."""
    from sirec.data.sources.s3rec import S3RecSource

    return timed_preparation(lambda: S3RecSource().read(folder))


def timed_preparation(read: Callable[[], Any]) -> dict[str, Any]:
    """Reading, preparing with the 5-core, and writing: seconds and what is left."""
    from sirec.data.prepare.pipeline import prepare
    from sirec.data.store import storage

    moments = [time.perf_counter()]
    raw = read()
    moments.append(time.perf_counter())
    prepared = prepare(raw, "benchmark")
    moments.append(time.perf_counter())
    with tempfile.TemporaryDirectory() as root:
        storage.write(Path(root), prepared)
    moments.append(time.perf_counter())
    stages = [later - earlier for earlier, later in pairwise(moments)]
    found = prepared.statistics
    return {
        "seconds": sum(stages),
        "stages": dict(zip(("reading", "filtering and coding", "writing"), stages, strict=True)),
        "sums": [found.users, found.items, found.interactions],
    }


def read_ours(folder: Path) -> dict[str, Any]:
    """The wanted keys of the reviews by our reading layer."""
    import pyarrow.compute as pc

    from sirec.data.reading.context import ReadingContext
    from sirec.data.reading.files import RawFiles
    from sirec.data.reading.tables import read_json_lines
    from sirec.data.sources.yelp import REVIEW_COLUMNS

    start = time.perf_counter()
    table = read_json_lines(
        RawFiles(folder, REVIEWS).need(REVIEWS), REVIEW_COLUMNS, ReadingContext()
    )
    seconds = time.perf_counter() - start
    distinct = [len(table[name].chunk(0).dictionary) for name in COLUMNS[:2]]
    return {
        "seconds": seconds,
        "sums": [
            len(table),
            *distinct,
            pc.sum(table["stars"]).as_py(),
            pc.sum(table["date"]).as_py(),
        ],
    }


def read_polars(folder: Path) -> dict[str, Any]:
    """The same by polars, lazily and streaming, texts left as texts."""
    import polars as pl

    start = time.perf_counter()
    schema = {
        "user_id": pl.String,
        "business_id": pl.String,
        "stars": pl.Float64,
        "date": pl.String,
    }
    lines = pl.scan_ndjson(folder / REVIEWS, schema=schema).select(COLUMNS)
    table = lines.with_columns(
        pl.col("date").str.to_datetime("%Y-%m-%d %H:%M:%S").dt.epoch("s")
    ).collect(engine="streaming")
    seconds = time.perf_counter() - start
    distinct = [table[name].n_unique() for name in COLUMNS[:2]]
    return {
        "seconds": seconds,
        "sums": [len(table), *distinct, table["stars"].sum(), table["date"].sum()],
    }


def read_json(folder: Path) -> dict[str, Any]:
    """The same by Python's json, line by line; equal texts are kept once."""
    start = time.perf_counter()
    texts: dict[str, str] = {}
    columns: tuple[list[Any], ...] = ([], [], [], [])
    with (folder / REVIEWS).open(encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            moment = datetime.fromisoformat(record["date"]).replace(tzinfo=UTC)
            names = [texts.setdefault(record[name], record[name]) for name in COLUMNS[:2]]
            for column, value in zip(
                columns, (*names, record["stars"], int(moment.timestamp())), strict=True
            ):
                column.append(value)
    seconds = time.perf_counter() - start
    users, businesses, stars, dates = columns
    return {
        "seconds": seconds,
        "sums": [len(users), len(set(users)), len(set(businesses)), sum(stars), sum(dates)],
    }


SIDES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "prepare": prepare_yelp,
    "s3rec": prepare_s3rec,
    "ours": read_ours,
    "polars": read_polars,
    "json": read_json,
}
"""What can be timed, by name."""


def main() -> None:
    """Do what is asked for and print it as a line of JSON; `missing` where a library for it is not
    installed.
    """
    parser = argparse.ArgumentParser(description="One side of preparation.py.")
    parser.add_argument("side", choices=("generate", *SIDES))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--reviews", type=int, default=500_000)
    args = parser.parse_args()
    if args.side == "polars" and importlib.util.find_spec("polars") is None:
        print(json.dumps({"missing": "polars"}))
        return
    result = (
        generate(args.folder, args.reviews)
        if args.side == "generate"
        else SIDES[args.side](args.folder)
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )
    print(json.dumps(result | {"peak_bytes": peak}))


if __name__ == "__main__":
    main()
