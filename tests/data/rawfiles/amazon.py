"""Amazon reviews and metadata in the forms of the three editions, with every key of theirs and
contents of our own.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Record = dict[str, Any]
CATEGORY = "Beauty"
ODD_IDS = ("B,1", 'B"2"', "B'3'", "B\t4", "B\\5", "Bé6", "0000000007")
BRANDS = ("Acme", "L'Étoile", 'The "Best"', "A & B", "", "  ", " Acme ", None)
WORDS = ("Skin Care", "Face", "Hair & Scalp", "Men's", 'Size "S"', "Bath, Body", "", "Skin Care ")
TITLES = (
    "A soap",
    "Salt &amp; sea",
    "Kid&#39;s brush",
    "5&quot; comb",
    "É",
    "'asin': 'B000000'",
    '"asin": "B0"',
    "",
    None,
)


@dataclass(frozen=True, eq=False)
class Layout:
    """An edition's files: their names, how a line of the metadata is written, and the keys that are
    read.
    """

    reviews: str
    metadata: str
    dumps: Callable[[Record], str]
    user: str
    item: str
    rating: str
    time: str
    brand: str
    category: str
    review: Callable[[str, str, float, int], Record]
    product: Callable[[str, Record], Record]


def review_2014(user: str, item: str, rating: float, time: int) -> Record:
    """A review of 2014."""
    return {
        "reviewerID": user,
        "asin": item,
        "reviewerName": "A. Reader",
        "helpful": [0, 0],
        "reviewText": 'It "works".\nWell.',
        "overall": rating,
        "summary": "Good",
        "unixReviewTime": time,
        "reviewTime": "01 30, 2014",
    }


def review_2018(user: str, item: str, rating: float, time: int) -> Record:
    """A review of 2018; only some have a style, votes and pictures."""
    more = (
        {"vote": "2", "style": {"Size:": " 4 oz"}, "image": ["https://example.org/a.jpg"]}
        if time % 2
        else {}
    )
    return {
        "overall": rating,
        "verified": True,
        "reviewTime": "01 30, 2018",
        "reviewerID": user,
        "asin": item,
        "reviewerName": "A. Reader",
        "reviewText": "It works.",
        "summary": "Good",
        "unixReviewTime": time,
        **more,
    }


def review_2023(user: str, item: str, rating: float, time: int) -> Record:
    """A review of 2023: `asin` is a variant of the item, times are in milliseconds."""
    return {
        "rating": rating,
        "title": "Good",
        "text": "It works.",
        "images": [],
        "asin": f"{item}-variant",
        "parent_asin": item,
        "user_id": user,
        "timestamp": 1000 * time + 923,
        "helpful_vote": 0,
        "verified_purchase": True,
    }


def product_2014(item: str, known: Record) -> Record:
    """A product of 2014: what is not known has no key; categories are several paths."""
    categories = known["categories"]
    paths = {} if categories is None else {"categories": [categories, [*categories[:1], "Gifts"]]}
    described = {key: known[key] for key in ("title", "brand") if known[key] is not None}
    more = {
        "salesRank": {"Beauty": 461863},
        "imUrl": "http://example.org/a.jpg",
        "related": {"also_bought": ["B000000"]},
        "price": 5.99,
    }
    return {"asin": item, **described, **more, **paths}


def product_2018(item: str, known: Record) -> Record:
    """A product of 2018: all keys are there; what is not known is empty."""
    return {
        "category": known["categories"] or [],
        "tech1": "",
        "description": ["Words."],
        "fit": "",
        "title": known["title"] or "",
        "also_buy": ["B000000"],
        "tech2": "",
        "brand": known["brand"] or "",
        "feature": [],
        "rank": "1,606 in Beauty (" if len(item) % 2 else [">#1 in Beauty"],
        "also_view": [],
        "details": {"ASIN: ": item},
        "main_cat": "Beauty",
        "similar_item": "",
        "date": "",
        "price": "$5.99",
        "asin": item,
        "imageURL": [],
    }


def product_2023(item: str, known: Record) -> Record:
    """A product of 2023: all keys are there; what is not known is null, or an empty list."""
    return {
        "main_category": "All Beauty",
        "title": known["title"],
        "average_rating": 4.8,
        "rating_number": 10,
        "features": [],
        "description": [],
        "price": None if len(item) % 2 else 5.99,
        "images": [{"thumb": "https://example.org/a.jpg"}],
        "videos": [],
        "store": known["brand"],
        "categories": known["categories"] or [],
        "details": {"Brand": "Another", "asin": "B0"},
        "parent_asin": item,
        "bought_together": None,
    }


OLD_KEYS = ("reviewerID", "asin", "overall", "unixReviewTime", "brand")
LAYOUTS: Mapping[str, Layout] = {
    "2014": Layout(
        "reviews_Beauty_5.json",
        "meta_Beauty.json",
        repr,
        *OLD_KEYS,
        "categories",
        review_2014,
        product_2014,
    ),
    "2018": Layout(
        "Beauty_5.json",
        "meta_Beauty.json",
        json.dumps,
        *OLD_KEYS,
        "category",
        review_2018,
        product_2018,
    ),
    "2023": Layout(
        "Beauty.jsonl",
        "meta_Beauty.jsonl",
        json.dumps,
        "user_id",
        "parent_asin",
        "rating",
        "timestamp",
        "store",
        "categories",
        review_2023,
        product_2023,
    ),
}


def random_reviews(layout: Layout, rng: np.random.Generator, count: int) -> list[Record]:
    """Reviews with repetitions, equal times and odd ids, in no order."""
    users = [f"A{number}" for number in range(6)]
    return [
        layout.review(
            users[rng.integers(6)],
            _item(rng),
            float(rng.integers(1, 6)),
            1_391_040_000 + int(rng.integers(4)),
        )
        for _ in range(count)
    ]


def random_products(layout: Layout, rng: np.random.Generator, count: int) -> list[Record]:
    """Products, some of them twice, many of which have no review, of which little may be known."""
    return [layout.product(_item(rng), _known(rng)) for _ in range(count)]


def write(path: Path, lines: Iterable[str], *, end: str = "\n") -> None:
    """Write lines, compressed if the name says so."""
    data = "".join(f"{line}{end}" for line in lines).encode("utf-8", "surrogateescape")
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def write_edition(
    folder: Path, edition: str, reviews: Iterable[Record], products: Iterable[Record]
) -> tuple[Path, Path]:
    """Write both files of an edition, compressed as they are distributed; the paths."""
    layout = LAYOUTS[edition]
    paths = folder / f"{layout.reviews}.gz", folder / f"{layout.metadata}.gz"
    write(paths[0], map(json.dumps, reviews))
    write(paths[1], map(layout.dumps, products))
    return paths


def _item(rng: np.random.Generator) -> str:
    number = int(rng.integers(40))
    return ODD_IDS[number] if number < len(ODD_IDS) else f"B{number:06d}"


def _known(rng: np.random.Generator) -> Record:
    words = [WORDS[index] for index in rng.integers(len(WORDS), size=rng.integers(4))]
    return {
        "title": TITLES[rng.integers(len(TITLES))],
        "brand": BRANDS[rng.integers(len(BRANDS))],
        "categories": None if rng.random() < 0.2 else ["Beauty", *words],
    }
