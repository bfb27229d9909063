"""Raw formats, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from sirec.data.raw import Source
from sirec.data.sources.amazon import AmazonSource
from sirec.data.sources.atomic import AtomicSource
from sirec.data.sources.demo import DemoSource
from sirec.data.sources.movielens import MovieLensSource
from sirec.data.sources.s3rec import S3RecSource
from sirec.data.sources.table import TableSource
from sirec.data.sources.yelp import YelpSource

AnySource = AmazonSource | AtomicSource | DemoSource | MovieLensSource | S3RecSource | TableSource | YelpSource
SOURCES: Mapping[str, type[Source]] = {source.name: source for source in get_args(AnySource)}
"""Every source by name. `SOURCES["s3rec"]().read(folder)` gives the raw data."""

__all__ = [
    "SOURCES",
    "AmazonSource",
    "AnySource",
    "AtomicSource",
    "DemoSource",
    "MovieLensSource",
    "S3RecSource",
    "TableSource",
    "YelpSource",
]
