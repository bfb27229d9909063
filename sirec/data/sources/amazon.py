"""The Amazon reviews of a category, in the three editions of the McAuley Lab: 2014, 2018 and 2023.

    edition   5-core reviews             all reviews               metadata
    2014      reviews_Beauty_5.json.gz   reviews_Beauty.json.gz    meta_Beauty.json.gz
    2018      All_Beauty_5.json.gz       All_Beauty.json.gz        meta_All_Beauty.json.gz
    2023      (not distributed raw)      All_Beauty.jsonl.gz       meta_All_Beauty.jsonl.gz

Files are JSON lines, but for the metadata of 2014, whose lines are Python literals; they may be
unpacked. The ratings without text may stand in for all reviews where an edition has them as a table
(2014: ratings_Beauty.csv; 2018: All_Beauty.csv). Every review is an interaction, a repeated one
too; the behaviour is `rating`. The times of 2014 and 2018 are days. Those of 2023 are milliseconds.

An item is an `asin`; in 2023 a `parent_asin`, which stands for all variants of a product and is
what the metadata describe. The attribute `brand` is the brand; in 2023, which has no such key, it
is `store`, the name under which the shop shows the product's maker or seller. The attribute
`category` holds all values of the item's category paths, each once, the root of the shop (`Beauty`)
included. Where the metadata describe an item twice, the first description counts.

Sources: McAuley et al., SIGIR 2015 (arXiv 1506.04757); Ni et al., EMNLP 2019; Hou et al., 2024
(arXiv 2403.03952).
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar, Literal

import pandas as pd
import pyarrow as pa

from sirec.data.download.fetch import Remote
from sirec.data.reading import frames, tables
from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.context import ReadingContext
from sirec.data.reading.dialect import Dialect
from sirec.data.reading.files import RawFile, RawFiles
from sirec.data.reading.records import Wanted
from sirec.data.sources.base import ItemRows, RawData, Source
from sirec.errors import SirecError
from sirec.shell import arguments

Selection = Literal["5-core", "all"]
SNAP = "https://snap.stanford.edu/data/amazon/productGraph/categoryFiles"
LAB = "https://mcauleylab.ucsd.edu/public_datasets/data"
TITLE = "title"
CATEGORY = re.compile(r"[A-Za-z0-9_'-]+")


@dataclass(frozen=True)
class _Ratings:
    """The table without a header that has all ratings of an edition.

    Attributes:
        file: its name; {} stands for the category.
        keys: the keys of the columns, in their order.
    """

    file: str
    keys: tuple[str, str, str, str]


@dataclass(frozen=True, eq=False)
class _Edition:
    """How an edition is distributed; {} in an address stands for the category.

    Attributes:
        reviews: address of each selection of reviews, the default one first.
        metadata: address of the metadata.
        read_metadata: function that reads the metadata's format.
        user: key of the user in a review, and likewise `item`, `rating` and `time`.
        brand: key of the brand in the metadata, and likewise `category`.
        escaped: whether titles are HTML (`Bath &amp; Body`).
        ratings: the table of ratings that may stand in for all reviews.
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
    escaped: bool = True
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

    Attributes:
        category: as in the names of the files: Beauty, Sports_and_Outdoors.
        edition: which of the three editions.
        reviews: `5-core` has only the users and items with five reviews or more, `all` has
            everybody. None means the 5-core where the edition has one, as in the papers.
        attributes: whether the metadata are read; without them there are no attributes.
    """

    name: ClassVar[str] = "amazon"
    licence: ClassVar[str] = (
        "the release states no licence that sirec knows; its authors at UCSD ask to be "
        "cited, and the reviews are those of Amazon's customers"
    )
    needs_files: ClassVar[bool] = True
    is_own: ClassVar[bool] = False

    category: str
    edition: Literal["2014", "2018", "2023"] = "2014"
    reviews: Selection | None = None
    attributes: bool = True

    def __post_init__(self) -> None:
        """Refuse a category that no file can have, and reviews that the edition does not have."""
        if not CATEGORY.fullmatch(self.category):
            raise SirecError(
                f"'{self.category}' cannot be a category",
                "as in the names of the files: Sports_and_Outdoors",
            )
        if self.reviews is not None and self.reviews not in self._form.reviews:
            raise SirecError(
                f"the edition of {self.edition} has no {self.reviews} reviews",
                f"it has: {', '.join(self._form.reviews)}; "
                "the filter core=5 makes a 5-core of them",
            )

    def remotes(self) -> tuple[Remote, ...]:
        """The reviews and the metadata, at Stanford's SNAP (2014) or the McAuley Lab."""
        reviews = Remote(_name(self._reviews), self._reviews, self._review_names[1:])
        metadata = Remote(_name(self._metadata), self._metadata, _names(self._metadata)[1:])
        return (reviews, metadata) if self.attributes else (reviews,)

    def instructions(self) -> str:
        """The files, by the names under which they are distributed."""
        return f"a folder with {' and '.join(remote.name for remote in self.remotes())}"

    def home(self) -> str:
        """A folder for each edition, because the editions have files of the same names."""
        return f"{self.name}-{self.edition}"

    def read(self, folder: Path | None = None, context: ReadingContext | None = None) -> RawData:
        """Read reviews and metadata.

        Args:
            folder: the folder or archive with the raw files.
            context: receives the progress, and counts bad lines that may be skipped.

        Raises:
            SirecError: for a missing file, or with file, line and key of the first mistake.
        """
        context = context or ReadingContext()
        raw = RawFiles(folder, self.instructions())
        if raw.find(*self._review_names) is None:
            self._suggest_options(raw)
        files = [raw.need(*self._review_names)]
        metadata = self._find_metadata(raw)
        events = _interactions(files[0], self._form, context)
        attributes: dict[str, pd.DataFrame] = {}
        titles = None
        rows: ItemRows | None = None
        if metadata is not None:
            files.append(metadata)
            items = frozenset(events["item"].cat.categories)
            attributes, titles, rows = _products(metadata, self._form, items, context)
        source = {"name": self.name}
        for key, value in {**asdict(self), "reviews": self._selection}.items():
            source[key] = str(value)
        paths = tuple(file.path for file in files)
        time = self._form.time
        return RawData(events, attributes, titles, source, paths, time_column=time, items=rows)

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
        """Possible names of the reviews' file, and of a table of ratings that may stand in."""
        names = _names(self._reviews)
        ratings = self._form.ratings
        if self._selection == "all" and ratings is not None:
            names += _names(f"{ratings.file.format(self.category)}.gz")
        return names

    def _suggest_options(self, raw: RawFiles) -> None:
        """Raise `SirecError` if there are the reviews of other options than these."""
        found: list[str] = []
        for name in raw.named():
            options = _options_of(PurePosixPath(name).name)
            if options:
                found.append(options)
        if found:
            raise SirecError(
                f"{raw.location}: no {' or '.join(self._review_names)} in it, but other reviews",
                f"say which: {' or '.join(dict.fromkeys(found))}",
            )

    def _find_metadata(self, raw: RawFiles) -> RawFile | None:
        if not self.attributes:
            return None
        names = _names(self._metadata)
        found = raw.find(*names)
        if found is None:
            raise SirecError(
                f"{raw.location}: no {' or '.join(names)} in it, loose or in an archive",
                "the attributes are in it; with --set attributes=false it is not needed",
            )
        return found


def _options_of(name: str) -> str | None:
    """The options that read a file of reviews, by its name; None for another file."""
    for edition, form in EDITIONS.items():
        for selection, address in form.reviews.items():
            before, after = _name(address).removesuffix(".gz").split("{}")
            category = name.removesuffix(".gz").removeprefix(before).removesuffix(after)
            is_whole = f"{before}{category}{after}" == name.removesuffix(".gz")
            if is_whole and CATEGORY.fullmatch(category) and not name.startswith("meta_"):
                options = ["--category", category, "--edition", edition, "--reviews", selection]
                return arguments(*options)
    return None


def _name(address: str) -> str:
    return address.rpartition("/")[2]


def _names(address: str) -> tuple[str, ...]:
    """Name of the file at an address, and its name when it is unpacked."""
    return _name(address), _name(address).removesuffix(".gz")


def _interactions(file: RawFile, form: _Edition, context: ReadingContext) -> pd.DataFrame:
    columns = (
        WantedColumn(form.user),
        WantedColumn(form.item),
        WantedColumn(form.rating, "number"),
        WantedColumn(form.time, "time"),
    )
    if form.ratings is not None and file.suffix == ".csv":
        table = tables.read_delimited(file, columns, context, Dialect(header=form.ratings.keys))
    else:
        table = tables.read_json_lines(file, columns, context)
    return frames.interactions(
        table, user=form.user, item=form.item, time=form.time, behaviours={"rating": form.rating}
    )


def _products(
    file: RawFile, form: _Edition, items: frozenset[str], context: ReadingContext
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame, ItemRows]:
    """Attributes and titles of the items, and which of them have a row; of an item, everything but
    its id may be missing.
    """
    columns = (
        WantedColumn(form.item),
        WantedColumn(TITLE, required=False),
        WantedColumn(form.brand, required=False),
        WantedColumn(form.category, "texts", required=False),
    )
    described = form.read_metadata(file, columns, context, Wanted(form.item, items))
    table = frames.first_rows(described, form.item)
    brands = frames.lists_to_rows(table, form.item, form.brand)
    categories = frames.lists_to_rows(table, form.item, form.category)
    attributes = {
        "brand": brands.drop_duplicates(ignore_index=True),
        "category": categories.drop_duplicates(ignore_index=True),
    }
    titles = frames.titles(table, form.item, TITLE)
    if form.escaped:
        titles["title"] = titles["title"].map(html.unescape)
    return attributes, titles, ItemRows(file.name, frames.distinct_items(table, form.item))
