"""Reviews in other formats for `preparation.py`: Amazon's of 2018 and 2023, and CSV tables.

    python benchmarks/preparation_other.py generate-amazon-2018 FOLDER --reviews 500000
    python benchmarks/preparation_other.py amazon-2018 FOLDER

Users, items, stars and texts are drawn as in `preparation_side.py`. The times of 2018 are days,
those of 2023 and of the tables have milliseconds: they are kept in finer units than seconds.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preparation_side import (
    BUSINESS_TAIL,
    BUSINESSES_PER_REVIEW,
    CATEGORIES,
    CHUNK,
    FIRST_DAY,
    LAST_DAY,
    USER_TAIL,
    USERS_PER_REVIEW,
    WORDS,
    ids,
    long_tailed,
    timed_preparation,
)

DAY = 86_400
WORDS_PER_TEXT = 60
BRANDS = 5_000


@dataclass(frozen=True)
class Review:
    """One review; `milliseconds` since 1970."""

    user: str
    item: str
    stars: int
    milliseconds: int
    text: str


@dataclass(frozen=True)
class FileFormat:
    """A format: names of its files, a line of each, and what stands above the lines."""

    reviews: str
    items: str
    review: Callable[[Review], str]
    item: Callable[[int, str], str]
    review_header: str = ""
    item_header: str = ""


def _review_2018(review: Review) -> str:
    seconds = review.milliseconds // 1000 // DAY * DAY
    return (
        f'{{"overall": {review.stars}.0, "verified": true, "reviewTime": "01 30, 2018", '
        f'"reviewerID": "{review.user}", "asin": "{review.item}", "reviewerName": "A. Reader", '
        f'"reviewText": "{review.text}", "summary": "Five Stars", "unixReviewTime": {seconds}}}\n'
    )


def _review_2023(review: Review) -> str:
    return (
        f'{{"rating": {review.stars}.0, "title": "Good", "text": "{review.text}", "images": [], '
        f'"asin": "{review.item}V", "parent_asin": "{review.item}", "user_id": "{review.user}", '
        f'"timestamp": {review.milliseconds}, "helpful_vote": 0, "verified_purchase": true}}\n'
    )


def _review_csv(review: Review) -> str:
    seconds, rest = divmod(review.milliseconds, 1000)
    return f"{review.user},{review.item},{review.stars}.0,{seconds}.{rest:03}\n"


def _categories(number: int) -> list[str]:
    places = (number % 7, number % 11 + 20, number % 13 + 40)
    return ["Beauty", *(CATEGORIES[place] for place in places)]


def _product(number: int, item: str, key: str, brand: str, category: str) -> str:
    record = {
        category: _categories(number),
        "title": f"Café soap No. {number}",
        brand: f"Brand {number % BRANDS}",
        "description": ["Words about it."],
        "price": "$5.99",
        "details": {"Item Weight": "1 pound"},
        key: item,
    }
    return json.dumps(record) + "\n"


def _product_csv(number: int, item: str) -> str:
    return f"{item},Brand {number % BRANDS},{'|'.join(_categories(number))},Soap No. {number}\n"


FORMATS = {
    "amazon-2018": FileFormat(
        "Beauty_5.json",
        "meta_Beauty.json",
        _review_2018,
        lambda number, item: _product(number, item, "asin", "brand", "category"),
    ),
    "amazon-2023": FileFormat(
        "Beauty.jsonl",
        "meta_Beauty.jsonl",
        _review_2023,
        lambda number, item: _product(number, item, "parent_asin", "store", "categories"),
    ),
    "csv": FileFormat(
        "reviews.csv",
        "items.csv",
        _review_csv,
        _product_csv,
        "user,item,rating,time\n",
        "item,brand,category,title\n",
    ),
}


def generate(name: str, folder: Path, reviews: int, seed: int = 0) -> dict[str, Any]:
    """Write the two files of a format; the same arguments give the same bytes."""
    import numpy as np

    form = FORMATS[name]
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    users = [each[:14] for each in ids(max(int(reviews * USERS_PER_REVIEW), 2), rng)]
    items = [each[:10] for each in ids(max(int(reviews * BUSINESSES_PER_REVIEW), 2), rng)]
    with (folder / form.items).open("w", encoding="utf-8") as file:
        file.write(form.item_header)
        file.writelines(form.item(number, item) for number, item in enumerate(items))
    with (folder / form.reviews).open("w", encoding="utf-8") as file:
        file.write(form.review_header)
        for start in range(0, reviews, CHUNK):
            drawn = _drawn(min(CHUNK, reviews - start), users, items, rng)
            file.writelines(map(form.review, drawn))
    return {"reviews": reviews, "bytes": (folder / form.reviews).stat().st_size}


def _drawn(count: int, users: Sequence[str], items: Sequence[str], rng: Any) -> Iterator[Review]:
    import numpy as np

    who = long_tailed(users, USER_TAIL, count, rng)
    what = long_tailed(items, BUSINESS_TAIL, count, rng)
    stars = rng.integers(1, 6, count).tolist()
    first, last = (np.datetime64(day, "ms").astype(np.int64) for day in (FIRST_DAY, LAST_DAY))
    times = rng.integers(first, last, count).tolist()
    pool = [WORDS[place] for place in rng.integers(0, len(WORDS), 4096)]
    starts = rng.integers(0, len(pool) - 2 * WORDS_PER_TEXT, count)
    ends = (starts + rng.integers(1, 2 * WORDS_PER_TEXT, count)).tolist()
    rows = zip(who, what, stars, times, starts.tolist(), ends, strict=True)
    for user, item, star, time, start, end in rows:
        yield Review(user, item, star, time, " ".join(pool[start:end]))


def prepare(name: str, folder: Path) -> dict[str, Any]:
    """Raw files to a written data set, 5-core, as `sirec prepare` does it."""
    from sirec.data.sources.amazon import AmazonSource
    from sirec.data.sources.table import TableSource

    sources = {
        "amazon-2018": AmazonSource("Beauty", "2018"),
        "amazon-2023": AmazonSource("Beauty", "2023"),
        "csv": TableSource(
            FORMATS["csv"].reviews,
            time="time",
            behaviours={"rating": "rating"},
            items=FORMATS["csv"].items,
            attributes={"brand": "brand", "category": "category"},
            title="title",
        ),
    }
    return timed_preparation(lambda: sources[name].read(folder))


def main() -> None:
    """Do what is asked for and print it as a line of JSON."""
    parser = argparse.ArgumentParser(description="Other formats for preparation.py.")
    parser.add_argument("side", choices=(*FORMATS, *(f"generate-{name}" for name in FORMATS)))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--reviews", type=int, default=500_000)
    args = parser.parse_args()
    if args.side.startswith("generate-"):
        result = generate(args.side.removeprefix("generate-"), args.folder, args.reviews)
    else:
        result = prepare(args.side, args.folder)
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    print(json.dumps(result | {"peak_bytes": peak}))


if __name__ == "__main__":
    main()
