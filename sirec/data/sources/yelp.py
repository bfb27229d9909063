"""The Yelp open dataset: reviews and businesses as JSON lines.

    yelp_academic_dataset_review.json     user_id, business_id, stars, date           also called review.json
    yelp_academic_dataset_business.json   business_id, name, city, categories         also called business.json

Other keys are not looked at. The files may be loose, compressed, or in the archive that Yelp hands
out (a tar, of late inside a zip). Dates have no time zone and are taken as UTC; in older dumps they
are days, so that reviews of one day are tied and keep the order of the file. `categories` is one
text with commas between, or null. A review's id is not looked at either: a user who reviews a
business again has two interactions with it. Businesses and reviews come and go between dumps; the
published figures are those of 2019 in the dump of 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sirec.data.download.fetch import Remote
from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.context import ReadingContext
from sirec.data.reading.files import RawFiles
from sirec.data.reading.tables import interactions, lists_to_rows, read_json_lines, titles
from sirec.data.sources.base import RawData, Source

REVIEWS = ("yelp_academic_dataset_review.json", "review.json")
BUSINESSES = ("yelp_academic_dataset_business.json", "business.json")
REVIEW_COLUMNS = (
    WantedColumn("user_id"),
    WantedColumn("business_id"),
    WantedColumn("stars", "number"),
    WantedColumn("date", "time"),
)
BUSINESS_COLUMNS = (
    WantedColumn("business_id"),
    WantedColumn("name", required=False),
    WantedColumn("city", required=False),
    WantedColumn("categories", "texts", required=False, separator=","),
)


@dataclass(frozen=True)
class YelpSource(Source):
    """Reviews as interactions rated in stars, businesses as items with a city and categories."""

    name: ClassVar[str] = "yelp"
    needs_files: ClassVar[bool] = True

    def remotes(self) -> tuple[Remote, ...]:
        """None: a person has to accept Yelp's licence to get the files."""
        return ()

    def instructions(self) -> str:
        """The archive and how to get it."""
        return (
            f"a folder with {REVIEWS[0]} and {BUSINESSES[0]}, or the archive with them as it comes: on "
            "https://www.yelp.com/dataset accept the licence, choose the JSON download, and put the file into the folder"
        )

    def home(self) -> str:
        """Its own."""
        return self.name

    def read(self, place: Path | None = None, reading: ReadingContext | None = None) -> RawData:
        """Read reviews and businesses. Raises `SirecError` with file, line and key of the first
        mistake.
        """
        raw, reading = RawFiles(place, self.instructions()), reading or ReadingContext()
        reviews_file, businesses_file = raw.need(*REVIEWS), raw.need(*BUSINESSES)
        businesses = read_json_lines(businesses_file, BUSINESS_COLUMNS, reading)
        reviews = read_json_lines(reviews_file, REVIEW_COLUMNS, reading)
        return RawData(
            interactions=interactions(
                reviews,
                user="user_id",
                item="business_id",
                time="date",
                behaviours={"rating": "stars"},
            ),
            attributes={
                "city": lists_to_rows(businesses, "business_id", "city"),
                "category": lists_to_rows(businesses, "business_id", "categories"),
            },
            titles=titles(businesses, "business_id", "name"),
            source={"name": self.name},
            files=tuple(dict.fromkeys((reviews_file.path, businesses_file.path))),
        )
