"""Attributes and titles of the public data sets are looked at as those of a table are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from data.rawfiles import amazon, yelp

from sirec.data.prepare.pipeline import PrepareOptions, prepare
from sirec.data.sources.amazon import AmazonSource
from sirec.data.sources.base import RawData
from sirec.data.sources.yelp import YelpSource

ITEMS, USERS = 20, 12
ALL = PrepareOptions(core=0)


def amazon_edition(edition: str) -> Callable[[Path, bool], RawData]:
    """Reviews of twenty products, of which some say nothing or have markup; two have no row."""

    def read(folder: Path, is_dirty: bool) -> RawData:
        layout = amazon.LAYOUTS[edition]
        reviews, products = [], []
        for row in range(USERS * 6):
            item = f"B{row * 7 % ITEMS:09}"
            reviews.append(layout.review(f"U{row // 6}", item, 1.0 + row % 5, 1_400_000_000 + row))
        for place in range(ITEMS - 2 * is_dirty):
            brand = (
                ["nan", "Acme", "Étoile"][place % 3] if is_dirty else ["Acme", "Étoile"][place % 2]
            )
            paths = ["Beauty", "Skin &amp; Hair" if is_dirty else "Skin & Hair"]
            known = {"title": f"Soap {place}", "brand": brand, "categories": paths}
            products.append(layout.product(f"B{place:09}", known))
        amazon.write_edition(folder, edition, reviews, products)
        return AmazonSource("Beauty", edition).read(folder)  # type: ignore[arg-type]

    return read


def yelp_dump(folder: Path, is_dirty: bool) -> RawData:
    """Reviews of twenty businesses with the same dirt: the city is the brand."""
    reviews, businesses = [], []
    for row in range(USERS * 6):
        reviews.append(yelp.review(f"u{row // 6}", f"b{row * 7 % ITEMS}", 1.0 + row % 5))
    for place in range(ITEMS - 2 * is_dirty):
        city = ["nan", "Tempe", "Mesa"][place % 3] if is_dirty else ["Tempe", "Mesa"][place % 2]
        categories = "Bars, Skin &amp; Hair" if is_dirty else "Bars, Skin & Hair"
        businesses.append(yelp.business(f"b{place}", f"Place {place}", city, categories))
    for name, records in ((yelp.REVIEWS, reviews), (yelp.BUSINESSES, businesses)):
        (folder / name).write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return YelpSource().read(folder)


READERS = {f"amazon {edition}": amazon_edition(edition) for edition in amazon.LAYOUTS}
READERS["yelp"] = yelp_dump


@pytest.mark.parametrize("reader", READERS)
def test_public_data_sets_are_looked_at(reader: str, tmp_path: Path) -> None:
    """Six products without a brand, eighteen categories with markup, two items without a row; a
    clean release (control) has none of that.
    """
    (tmp_path / "dirty").mkdir()
    (tmp_path / "clean").mkdir()
    raw = READERS[reader](tmp_path / "dirty", True)
    brand = "city" if reader == "yelp" else "brand"
    found = {(each.kind, each.field): each.count for each in prepare(raw, "x", ALL).findings}
    assert found == {
        ("missing-words", brand): 6,
        ("markup", "category"): 18,
        ("joins", "item"): 2,
    }
    options = PrepareOptions(core=0, missing=("nan",), clean=True)
    left = prepare(raw, "x", options)
    assert {each.kind for each in left.findings} == {"joins"}
    assert "Skin & Hair" in left.dataset.vocabularies["category"]
    assert not prepare(READERS[reader](tmp_path / "clean", False), "x", ALL).findings
