"""Every registered source with the raw files of its format, for the contract of sources."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from data.rawfiles import amazon, movielens, yelp

from sirec.data.sources.amazon import AmazonSource
from sirec.data.sources.atomic import AtomicSource
from sirec.data.sources.demo import DemoSource
from sirec.data.sources.movielens import MovieLensSource
from sirec.data.sources.s3rec import S3RecSource
from sirec.data.sources.table import TableSource
from sirec.data.sources.yelp import YelpSource
from sirec.testing import SampleInteraction, SourceExample
from sirec.testing.source_examples import NANOSECONDS

Rows = Sequence[SampleInteraction]
MILLISECOND = NANOSECONDS // 1000
SECONDS = "1600000000"


def seconds(each: SampleInteraction) -> int:
    """The time of an interaction in whole seconds."""
    return each.nanoseconds // NANOSECONDS


def milliseconds(each: SampleInteraction) -> int:
    """The time of an interaction in whole milliseconds."""
    return each.nanoseconds // MILLISECOND


def iso(each: SampleInteraction) -> str:
    """The time of an interaction as text with nine digits of the second."""
    moment = datetime.fromtimestamp(seconds(each), UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{each.nanoseconds % NANOSECONDS:09}Z"


def fraction(each: SampleInteraction) -> str:
    """The time of an interaction in seconds with a fraction."""
    return f"{seconds(each)}.{each.nanoseconds % NANOSECONDS:09}"


def lines(path: Path, texts: Sequence[str]) -> Path:
    """Write lines."""
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def items_of(rows: Rows) -> list[str]:
    """The items, each once."""
    return list(dict.fromkeys(each.item for each in rows))


def amazon_edition(edition: str) -> Callable[[Path, Rows], Path]:
    """Reviews and products of an edition."""
    layout = amazon.LAYOUTS[edition]

    def write(folder: Path, rows: Rows) -> Path:
        reviews = []
        for each in rows:
            review = layout.review(each.user, each.item, float(each.rating), seconds(each))
            if edition == "2023":
                review["timestamp"] = milliseconds(each)
            reviews.append(json.dumps(review))
        products = []
        for item in items_of(rows):
            known = {"title": "A soap", "brand": f"Brand {item[-1]}", "categories": ["Beauty", "A"]}
            products.append(layout.dumps(layout.product(item, known)))
        lines(folder / layout.metadata, products)
        return lines(folder / layout.reviews, reviews)

    return write


def amazon_ratings(folder: Path, rows: Rows) -> Path:
    """The table of ratings of 2014, which has no header."""
    texts = [f"{each.user},{each.item},{each.rating}.0,{seconds(each)}" for each in rows]
    return lines(folder / "ratings_Beauty.csv", texts)


def yelp_dump(folder: Path, rows: Rows) -> Path:
    """Reviews and businesses."""
    reviews = []
    for each in rows:
        date = datetime.fromtimestamp(seconds(each), UTC).strftime("%Y-%m-%d %H:%M:%S")
        reviews.append(json.dumps(yelp.review(each.user, each.item, float(each.rating), date)))
    businesses = [
        json.dumps(yelp.business(item, categories="Bars, Food")) for item in items_of(rows)
    ]
    lines(folder / yelp.BUSINESSES, businesses)
    return lines(folder / yelp.REVIEWS, reviews)


def movielens_release(release: str) -> Callable[[Path, Rows], Path]:
    """The files of a release, unpacked."""

    def write(folder: Path, rows: Rows) -> Path:
        ratings = [(each.user, each.item, str(each.rating), seconds(each)) for each in rows]
        written = movielens.files(release, ratings)
        movielens.write(folder, written)
        return folder / next(iter(written))

    return write


def s3rec(name: str, attributes: str) -> Callable[[Path, Rows], Path]:
    """Sequences and attributes under the plain names, or under those of a release."""

    def write(folder: Path, rows: Rows) -> Path:
        of_user: dict[str, list[str]] = {}
        for each in rows:
            of_user.setdefault(each.user, []).append(each.item)
        ids = {item: [place % 3 + 1] for place, item in enumerate(items_of(rows))}
        lines(folder / attributes, [json.dumps(ids)])
        return lines(folder / name, [" ".join((user, *items)) for user, items in of_user.items()])

    return write


def atomic(sign: str = "\t") -> Callable[[Path, Rows], Path]:
    """The two atomic files."""

    def write(folder: Path, rows: Rows) -> Path:
        header = ("user_id:token", "item_id:token", "rating:float", "timestamp:float")
        texts = [sign.join(header)]
        for each in rows:
            texts.append(sign.join((each.user, each.item, str(each.rating), fraction(each))))
        items = [sign.join(("item_id:token", "brand:token"))]
        items += [sign.join((item, f"B{place % 2}")) for place, item in enumerate(items_of(rows))]
        lines(folder / "shop.item", items)
        return lines(folder / "shop.inter", texts)

    return write


COLUMNS = ("user", "item", "rating", "time")


def records(rows: Rows, time: Callable[[SampleInteraction], object]) -> list[dict[str, object]]:
    """Rows of a table."""
    found = []
    for each in rows:
        values = (each.user, each.item, each.rating, time(each))
        found.append(dict(zip(COLUMNS, values, strict=True)))
    return found


def delimited(
    name: str, sign: str, time: Callable[[SampleInteraction], object], *, items: bool = False
) -> Callable[[Path, Rows], Path]:
    """A table of text, and if wanted one of items."""

    def write(folder: Path, rows: Rows) -> Path:
        path = folder / name
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, delimiter=sign, lineterminator="\n")
            table.writerow(COLUMNS)
            table.writerows(record.values() for record in records(rows, time))
        if items:
            texts = ["id,maker,kinds,name"]
            texts += [f'{item},"A, B",x|y,Item {item}' for item in items_of(rows)]
            lines(folder / "items.csv", texts)
        return path

    return write


def json_lines(folder: Path, rows: Rows) -> Path:
    """A table of JSON lines, with times in milliseconds."""
    texts = [json.dumps(record, ensure_ascii=False) for record in records(rows, milliseconds)]
    return lines(folder / "a.jsonl", texts)


def parquet(folder: Path, rows: Rows) -> Path:
    """A typed table, with times in nanoseconds."""
    table = pd.DataFrame(records(rows, lambda each: each.nanoseconds))
    table["time"] = table["time"].astype("datetime64[ns]")
    table.to_parquet(folder / "a.parquet")
    return folder / "a.parquet"


def table(name: str, **options: object) -> TableSource:
    """A source for one of the tables."""
    return TableSource(
        name,
        time="time",
        behaviours={"rating": "rating"},
        **options,  # type: ignore[arg-type]
    )


def _amazon(edition: str, unit: int = NANOSECONDS) -> SourceExample:
    layout = amazon.LAYOUTS[edition]
    without = {layout.user: "1", layout.rating: 5.0, layout.time: int(SECONDS)}
    return SourceExample(
        AmazonSource("Beauty", edition),  # type: ignore[arg-type]
        amazon_edition(edition),
        unit,
        bad_line="{",
        without_item=json.dumps(without),
    )


def _movielens(release: str) -> SourceExample:
    sign = {"ml-100k": "\t", "ml-1m": "::", "ml-10m": "::"}.get(release, ",")
    return SourceExample(
        MovieLensSource(release),  # type: ignore[arg-type]
        movielens_release(release),
        bad_line="1",
        without_item=sign.join(("1", "", "5", SECONDS)),
        header_lines=int(sign == ","),
    )


YELP_WITHOUT = {"user_id": "1", "stars": 5, "date": "2020-01-01 00:00:00"}
EXAMPLES: Mapping[str, SourceExample] = {
    "amazon 2014": _amazon("2014"),
    "amazon 2018": _amazon("2018"),
    "amazon 2023": _amazon("2023", MILLISECOND),
    "amazon ratings": SourceExample(
        AmazonSource("Beauty", reviews="all", attributes=False),
        amazon_ratings,
        bad_line="1,2",
        without_item=f"1,,5.0,{SECONDS}",
    ),
    "yelp": SourceExample(
        YelpSource(), yelp_dump, bad_line="[1]", without_item=json.dumps(YELP_WITHOUT)
    ),
    **{release: _movielens(release) for release in movielens.ALL},
    "s3rec": SourceExample(
        S3RecSource(),
        s3rec("sequences.txt", "item2attributes.json"),
        unit=None,
        bad_line="5 x",
        without_item="5",
        has_text_ids=False,
        is_grouped=True,
    ),
    "s3rec release": SourceExample(
        S3RecSource("Beauty"),
        s3rec("Beauty.txt", "Beauty_item2attributes.json"),
        unit=None,
        bad_line="",
        has_text_ids=False,
        is_grouped=True,
    ),
    "atomic": SourceExample(
        AtomicSource(),
        atomic(),
        unit=MILLISECOND,
        bad_line="1",
        without_item=f"1\t\t5\t{SECONDS}",
        header_lines=1,
    ),
    "atomic with commas": SourceExample(
        AtomicSource(delimiter=",", behaviours={}, attributes={"brand": "brand"}),
        atomic(","),
        unit=MILLISECOND,
        bad_line="1,2",
        header_lines=1,
    ),
    "table csv": SourceExample(
        table("a.csv"),
        delimited("a.csv", ",", iso),
        unit=1,
        bad_line="1,2,5,soon",
        without_item=f"1,,5,{SECONDS}",
        header_lines=1,
    ),
    "table csv with items": SourceExample(
        table(
            "a.csv",
            items="items.csv",
            items_key="id",
            attributes={"brand": "maker", "category": "kinds"},
            title="name",
        ),
        delimited("a.csv", ",", fraction, items=True),
        unit=MILLISECOND,
        bad_line="1,2,5,",
        header_lines=1,
    ),
    "table tsv": SourceExample(
        table("a.tsv"),
        delimited("a.tsv", "\t", milliseconds),
        unit=MILLISECOND,
        bad_line="1\t2\tgood\t5",
        without_item=f"1\t\t5\t{SECONDS}",
        header_lines=1,
    ),
    "table with other separators": SourceExample(
        table("a.dat", format="csv", delimiter=";"),
        delimited("a.dat", ";", seconds),
        bad_line="1;2;5",
        without_item=f"1; ;5;{SECONDS}",
        header_lines=1,
    ),
    "table jsonl": SourceExample(
        table("a.jsonl"),
        json_lines,
        unit=MILLISECOND,
        bad_line='{"user": "1"',
        without_item=f'{{"user": "1", "rating": 1, "time": {SECONDS}}}',
    ),
    "table parquet": SourceExample(table("a.parquet"), parquet, unit=1, may_be_gzipped=False),
    "demo": SourceExample(DemoSource(users=60, items=30, seed=3)),
}
