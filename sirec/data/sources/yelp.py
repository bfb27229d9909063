"""The Yelp open dataset: reviews and businesses as JSON lines.

    file                                  older name       keys that are read
    yelp_academic_dataset_review.json     review.json      user_id, business_id, stars, date
    yelp_academic_dataset_business.json   business.json    business_id, name, city, categories

The files may be loose, compressed, or in the archive that Yelp distributes (a tar, in recent years
inside a zip). Dates have no time zone and are read as UTC. In older dumps they are days, so that
the reviews of one day are tied and keep the order of the file. `categories` is one text with commas
between the categories, or null. A user who reviews a business again has two interactions with it.

Businesses and reviews differ between dumps. The published figures are those of the year 2019 in the
dump of 2020.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.context import ReadingContext
from sirec.data.reading.files import RawFiles
from sirec.data.reading.frames import distinct_items, interactions, lists_to_rows, titles
from sirec.data.reading.tables import read_json_lines
from sirec.data.sources.base import ItemRows, RawData, Source

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
)
CATEGORIES = WantedColumn("categories", "texts", required=False)


@dataclass(frozen=True)
class YelpSource(Source):
    """Reviews are interactions rated in stars; businesses are items with a city and categories."""

    name: ClassVar[str] = "yelp"
    licence: ClassVar[str] = (
        "Yelp's terms of the dataset allow academic use and forbid passing the data on "
        "(see the agreement in the release)"
    )
    needs_files: ClassVar[bool] = True
    is_own: ClassVar[bool] = False

    def instructions(self) -> str:
        """The archive, and how a person gets it; its licence forbids to download it for him."""
        return (
            f"a folder with {REVIEWS[0]} and {BUSINESSES[0]}, or the archive with them as it "
            "comes: on https://www.yelp.com/dataset accept the licence, choose the JSON download, "
            "and put the file into the folder"
        )

    def read(self, folder: Path | None = None, context: ReadingContext | None = None) -> RawData:
        """Read reviews and businesses.

        Args:
            folder: the folder or archive with the raw files.
            context: receives the progress, and counts bad lines that may be skipped.

        Raises:
            SirecError: for a missing file, or with file, line and key of the first mistake.
        """
        context = context or ReadingContext()
        raw = RawFiles(folder, self.instructions())
        reviews_file = raw.need(*REVIEWS)
        businesses_file = raw.need(*BUSINESSES)
        categories = replace(CATEGORIES, separator=context.separator("category", ","))
        businesses = read_json_lines(businesses_file, (*BUSINESS_COLUMNS, categories), context)
        reviews = read_json_lines(reviews_file, REVIEW_COLUMNS, context)
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
            items=ItemRows(businesses_file.name, distinct_items(businesses, "business_id")),
            files=tuple(dict.fromkeys((reviews_file.path, businesses_file.path))),
            time_column="date",
        )
