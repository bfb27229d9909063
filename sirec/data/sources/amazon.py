"""The Amazon reviews of a category, in the three editions of the McAuley Lab: 2014, 2018 and 2023.

    edition  reviews                        of all users and items  metadata                metadata are
    2014     reviews_Beauty_5.json.gz       reviews_Beauty.json.gz  meta_Beauty.json.gz     Python literals
    2018     All_Beauty_5.json.gz           All_Beauty.json.gz      meta_All_Beauty.json.gz JSON lines
    2023     (its 5-core has no raw form)   All_Beauty.jsonl.gz     meta_All_Beauty.jsonl.gz

Files may be unpacked. In place of all reviews the ratings without text do as well, where an edition
has them as a table (2014: ratings_Beauty.csv; 2018: All_Beauty.csv). Interactions are the reviews,
a repeated one included; the behaviour is `rating`. The times of 2014 and 2018 are days; those of
2023 are milliseconds, of which the whole seconds are kept.

An item is an `asin`; in 2023 a `parent_asin`, which stands for all variants of a product and is
what the metadata describe. The attribute `brand` is the brand; in 2023, which has no such key, it
is `store`, the name under which the shop shows the product's maker or seller. The attribute
`category` are all values of the item's category paths, each once, the root of the shop (`Beauty`)
included. Where the metadata describe an item twice, the first description counts.

Sources: McAuley et al., SIGIR 2015 (arXiv 1506.04757); Ni et al., EMNLP 2019; Hou et al., 2024
(arXiv 2403.03952).
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Literal

import pandas as pd
import pyarrow as pa

from sirec.data.download.fetch import Remote
from sirec.data.reading import tables
from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.context import ReadingContext
from sirec.data.reading.delimited import Dialect
from sirec.data.reading.files import RawFile, RawFiles
from sirec.data.reading.records import Wanted
from sirec.data.sources.base import RawData, Source
from sirec.errors import SirecError

Selection = Literal["5-core", "all"]
SNAP = "https://snap.stanford.edu/data/amazon/productGraph/categoryFiles"
LAB = "https://mcauleylab.ucsd.edu/public_datasets/data"
TITLE = "title"
CATEGORY = re.compile(r"[A-Za-z0-9_'-]+")


@dataclass(frozen=True)
class _Ratings:
    """The table without a header that has all of an edition's ratings: its file, and the keys in
    the order of its columns.
    """

    file: str
    keys: tuple[str, str, str, str]


@dataclass(frozen=True, eq=False)
class _Edition:
    """How an edition is distributed; {} in an address is the category.

    `reviews` has the address of each selection, first the one that is read unless another is asked
    for.
    """

    reviews: Mapping[Selection, str]
    metadata: str
    read_metadata: Callable[..., pa.Table]
    user: str = "reviewerID"
    item: str = "asin"
    rating: str = "overall"
    time: str = "unixReviewTime"
    brand: str = "brand"
    category: str = "category"
    escaped: bool = True  # titles are as in a page: `Bath &amp; Body`
    ratings: _Ratings | None = None


EDITIONS: Mapping[str, _Edition] = {
    "2014": _Edition(
        reviews={"5-core": f"{SNAP}/reviews_{{}}_5.json.gz", "all": f"{SNAP}/reviews_{{}}.json.gz"},
        metadata=f"{SNAP}/meta_{{}}.json.gz",
        read_metadata=tables.read_literals,
        category="categories",
        ratings=_Ratings("ratings_{}.csv", ("reviewerID", "asin", "overall", "unixReviewTime")),
    ),
    "2018": _Edition(
        reviews={
            "5-core": f"{LAB}/amazon_v2/categoryFilesSmall/{{}}_5.json.gz",
            "all": f"{LAB}/amazon_v2/categoryFiles/{{}}.json.gz",
        },
        metadata=f"{LAB}/amazon_v2/metaFiles2/meta_{{}}.json.gz",
        read_metadata=tables.read_json_lines,
        ratings=_Ratings("{}.csv", ("asin", "reviewerID", "overall", "unixReviewTime")),
    ),
    "2023": _Edition(
        reviews={"all": f"{LAB}/amazon_2023/raw/review_categories/{{}}.jsonl.gz"},
        metadata=f"{LAB}/amazon_2023/raw/meta_categories/meta_{{}}.jsonl.gz",
        read_metadata=tables.read_json_lines,
        user="user_id",
        item="parent_asin",
        rating="rating",
        time="timestamp",
        brand="store",
        category="categories",
        escaped=False,
    ),
}


@dataclass(frozen=True)
class AmazonSource(Source):
    """A category's reviews and the metadata of its products.

    `category` is written as in the names of the files: Beauty, Sports_and_Outdoors. `reviews` is
    which of an edition's files: "5-core" has only the users and items with five reviews or more,
    "all" has everybody; unless said otherwise it is the 5-core where the edition has one, as in the
    papers. With `attributes: false` the metadata are neither needed nor read.
    """

    name: ClassVar[str] = "amazon"
    needs_files: ClassVar[bool] = True

    category: str
    edition: Literal["2014", "2018", "2023"] = "2014"
    reviews: Selection | None = None
    attributes: bool = True

    def __post_init__(self) -> None:
        """Refuse what no file can be called, and reviews that the edition does not have."""
        if not CATEGORY.fullmatch(self.category):
            raise SirecError(
                f"'{self.category}' cannot be a category",
                "as in the names of the files: Sports_and_Outdoors",
            )
        if self.reviews is not None and self.reviews not in self._form.reviews:
            what = f"the edition of {self.edition} has no {self.reviews} reviews"
            raise SirecError(
                what,
                f"it has: {', '.join(self._form.reviews)}; the filter core=5 makes a 5-core of them",
            )

    def remotes(self) -> tuple[Remote, ...]:
        """The reviews and the metadata, from Stanford's SNAP (2014) and the McAuley Lab (2018,
        2023).
        """
        reviews = Remote(_name(self._reviews), self._reviews, self._review_names[1:])
        metadata = Remote(_name(self._metadata), self._metadata, _names(self._metadata)[1:])
        return (reviews, metadata) if self.attributes else (reviews,)

    def instructions(self) -> str:
        """The files, by the names under which they are distributed."""
        return f"a folder with {' and '.join(remote.name for remote in self.remotes())}"

    def home(self) -> str:
        """The editions have files of the same names."""
        return f"{self.name}-{self.edition}"

    def read(self, place: Path | None = None, reading: ReadingContext | None = None) -> RawData:
        """Read reviews and metadata. Raises `SirecError` with file, line and key of the first
        mistake.
        """
        raw, reading = RawFiles(place, self.instructions()), reading or ReadingContext()
        reviews, metadata = raw.need(*self._review_names), self._find_metadata(raw)
        interactions = _interactions(reviews, self._form, reading)
        items = frozenset(interactions["item"].cat.categories)
        attributes, titles = (
            _products(metadata, self._form, items, reading) if metadata else ({}, None)
        )
        options = {**asdict(self), "reviews": self._selection}
        source = {"name": self.name, **{key: str(value) for key, value in options.items()}}
        return RawData(
            interactions,
            attributes,
            titles,
            source,
            tuple(file.path for file in (reviews, metadata) if file),
        )

    @property
    def _form(self) -> _Edition:
        return EDITIONS[self.edition]

    @property
    def _selection(self) -> Selection:
        return next(iter(self._form.reviews)) if self.reviews is None else self.reviews

    @property
    def _reviews(self) -> str:
        return self._form.reviews[self._selection].format(self.category)

    @property
    def _metadata(self) -> str:
        return self._form.metadata.format(self.category)

    @property
    def _review_names(self) -> tuple[str, ...]:
        """What the file of the reviews may be called, or where they are those of everybody that of
        the ratings without text.
        """
        ratings = self._form.ratings if self._selection == "all" else None
        return (
            *_names(self._reviews),
            *(_names(f"{ratings.file.format(self.category)}.gz") if ratings else ()),
        )

    def _find_metadata(self, raw: RawFiles) -> RawFile | None:
        if not self.attributes:
            return None
        names = _names(self._metadata)
        found = raw.find(*names)
        if found is None:
            what = f"{raw.place}: no {' or '.join(names)} in it, loose or in an archive"
            raise SirecError(
                what, "the attributes are in it; with --set attributes=false it is not needed"
            )
        return found


def _name(address: str) -> str:
    return address.rpartition("/")[2]


def _names(address: str) -> tuple[str, str]:
    """What the file of an address is called, and what it is called unpacked."""
    return _name(address), _name(address).removesuffix(".gz")


def _interactions(file: RawFile, form: _Edition, reading: ReadingContext) -> pd.DataFrame:
    columns = (
        WantedColumn(form.user),
        WantedColumn(form.item),
        WantedColumn(form.rating, "number"),
        WantedColumn(form.time, "time"),
    )
    if form.ratings is not None and file.suffix == ".csv":
        table = tables.read_delimited(file, columns, reading, Dialect(header=form.ratings.keys))
    else:
        table = tables.read_json_lines(file, columns, reading)
    return tables.interactions(
        table, user=form.user, item=form.item, time=form.time, behaviours={"rating": form.rating}
    )


def _products(
    file: RawFile, form: _Edition, items: frozenset[str], reading: ReadingContext
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Attributes and titles of the items; nothing but the item itself has to be known of one."""
    optional = (
        WantedColumn(TITLE, required=False),
        WantedColumn(form.brand, required=False),
        WantedColumn(form.category, "texts", required=False),
    )
    described = form.read_metadata(
        file, (WantedColumn(form.item), *optional), reading, Wanted(form.item, items)
    )
    table = tables.first_rows(described, form.item)
    keys = {"brand": form.brand, "category": form.category}
    values = {name: tables.lists_to_rows(table, form.item, key) for name, key in keys.items()}
    titles = tables.titles(table, form.item, TITLE)
    if form.escaped:
        titles["title"] = titles["title"].map(html.unescape)
    return {name: rows.drop_duplicates(ignore_index=True) for name, rows in values.items()}, titles
