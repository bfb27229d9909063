"""The MovieLens releases of GroupLens, as distributed or unpacked.

    release                      ratings                                    movies
    ml-100k                      u.data: user item rating time, tabs        u.item: id|title|release date|…|19 flags, Latin-1;
                                                                            u.genre: name|number,
                                                                            the meaning of the flags
    ml-1m, ml-10m                ratings.dat: user::item::rating::time      movies.dat: id::title::A|B (ml-1m: Latin-1)
    ml-20m, -25m, -32m, latest   ratings.csv: userId,movieId,rating,…       movies.csv: movieId,title,"A|B"

A movie's year is what its title ends in, `(1995)`; where the title of ml-100k has none, it is that
of the release date. The genres `unknown` and `(no genres listed)` mean none. Times are seconds
since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sirec.data.download.fetch import Remote
from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.context import ReadingContext
from sirec.data.reading.delimited import CSV, Dialect
from sirec.data.reading.files import RawFile, RawFiles, read_text
from sirec.data.reading.tables import interactions, lists_to_rows, read_delimited, titles
from sirec.data.sources.base import RawData, Source
from sirec.errors import SirecError

Release = Literal[
    "ml-100k", "ml-1m", "ml-10m", "ml-20m", "ml-25m", "ml-32m", "ml-latest-small", "ml-latest"
]
ADDRESS = "https://files.grouplens.org/datasets/movielens"
NO_GENRE = ("unknown", "(no genres listed)")
YEAR = r"\((?P<year>\d{4})\)$"

RATING_COLUMNS = (
    WantedColumn("userId"),
    WantedColumn("movieId"),
    WantedColumn("rating", "number"),
    WantedColumn("timestamp", "time"),
)
MOVIE = (WantedColumn("movieId"), WantedColumn("title", required=False))
GENRES = WantedColumn("genres", "texts", required=False, separator="|")
RELEASED = WantedColumn("released", "time", required=False, format="%d-%b-%Y")


@dataclass(frozen=True)
class ReleaseFiles:
    """The files of a release and how their cells are told apart.

    `folder` is what the archive unpacks into. With `flags`, a file of genres, the movies have one
    column per genre after those of the dialect's header, and a release date.
    """

    folder: str
    ratings: str
    movies: str
    ratings_dialect: Dialect = CSV
    movies_dialect: Dialect = CSV
    flags: str | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """The names of all files."""
        return (self.ratings, self.movies, *([self.flags] if self.flags else []))


def _colons(folder: str, encoding: str) -> ReleaseFiles:
    ratings = Dialect("::", quoted=False, header=("userId", "movieId", "rating", "timestamp"))
    movies = Dialect("::", quoted=False, header=("movieId", "title", "genres"), encoding=encoding)
    return ReleaseFiles(folder, "ratings.dat", "movies.dat", ratings, movies)


LAYOUTS: Mapping[str, ReleaseFiles] = MappingProxyType(
    {
        "ml-100k": ReleaseFiles(
            folder="ml-100k",
            ratings="u.data",
            movies="u.item",
            ratings_dialect=Dialect(
                "\t", quoted=False, header=("userId", "movieId", "rating", "timestamp")
            ),
            movies_dialect=Dialect(
                "|",
                quoted=False,
                header=("movieId", "title", "released", "video", "url"),
                encoding="latin-1",
            ),
            flags="u.genre",
        ),
        "ml-1m": _colons("ml-1m", "latin-1"),
        "ml-10m": _colons("ml-10M100K", "utf-8"),
        **{
            release: ReleaseFiles(release, "ratings.csv", "movies.csv")
            for release in ("ml-20m", "ml-25m", "ml-32m", "ml-latest-small", "ml-latest")
        },
    }
)
"""The layout of every release."""


@dataclass(frozen=True)
class MovieLensSource(Source):
    """Ratings as interactions, movies as items with genres and a year; `release` says in which
    files and how written.
    """

    name: ClassVar[str] = "movielens"
    needs_files: ClassVar[bool] = True

    release: Release = "ml-1m"

    @property
    def layout(self) -> ReleaseFiles:
        """The release's files."""
        return LAYOUTS[self.release]

    def remotes(self) -> tuple[Remote, ...]:
        """The release's archive at GroupLens, unless its own folder is there."""
        return (
            Remote(f"{self.release}.zip", f"{ADDRESS}/{self.release}.zip", (self.layout.folder,)),
        )

    def instructions(self) -> str:
        """The archive, or what is in it."""
        names = " and ".join(self.layout.files)
        return f"a folder with {self.release}.zip from {ADDRESS}, or with {names} out of it"

    def home(self) -> str:
        """Files of all releases."""
        return self.name

    def read(self, place: Path | None = None, reading: ReadingContext | None = None) -> RawData:
        """Read ratings and movies. Raises `SirecError` with file, line and column of the first
        mistake.
        """
        raw, reading, layout = (
            RawFiles(self._own(place), self.instructions()),
            reading or ReadingContext(),
            self.layout,
        )
        ratings_file, movies_file, *flags = [raw.need(name) for name in layout.files]
        movies = (
            _listed(movies_file, layout, reading)
            if not flags
            else _flagged(movies_file, flags[0], layout, reading)
        )
        ratings = read_delimited(ratings_file, RATING_COLUMNS, reading, layout.ratings_dialect)
        return RawData(
            interactions=interactions(
                ratings,
                user="userId",
                item="movieId",
                time="timestamp",
                behaviours={"rating": "rating"},
            ),
            attributes={"genre": _genres(movies), "year": lists_to_rows(movies, "movieId", "year")},
            titles=titles(movies, "movieId", "title"),
            source={"name": self.name, "release": self.release},
            files=tuple(dict.fromkeys(file.path for file in (ratings_file, movies_file, *flags))),
        )

    def _own(self, place: Path | None) -> Path | None:
        """The release's own folder or archive where a folder may hold several releases, whose files
        are called the same.
        """
        own = (place / self.layout.folder, place / f"{self.release}.zip") if place else ()
        return next((path for path in own if path.exists()), place)


def _listed(file: RawFile, layout: ReleaseFiles, reading: ReadingContext) -> pa.Table:
    """Movies that list their genres, with a column `year`."""
    table = read_delimited(file, (*MOVIE, GENRES), reading, layout.movies_dialect)
    return table.append_column("year", _year_in(table["title"]))


def _flagged(
    file: RawFile, genre_file: RawFile, layout: ReleaseFiles, reading: ReadingContext
) -> pa.Table:
    """Movies with a flag per genre, as `_listed` gives them."""
    names = _genre_names(genre_file)
    dialect = replace(layout.movies_dialect, header=(*(layout.movies_dialect.header or ()), *names))
    table = read_delimited(file, (*MOVIE, RELEASED, *map(WantedColumn, names)), reading, dialect)
    flags = table.select(names).to_pandas()
    _check_flags(file, flags, table["movieId"])
    genres = [
        [name for name, flag in zip(names, row, strict=True) if flag == "1"]
        for row in flags.itertuples(index=False)
    ]
    released = pc.strftime(table["released"].cast(pa.timestamp("s")), format="%Y")
    year = pc.coalesce(_year_in(table["title"]), released)
    table = table.select(["movieId", "title"]).append_column(
        "genres", pa.array(genres, pa.list_(pa.string()))
    )
    return table.append_column("year", year)


def _genre_names(file: RawFile) -> list[str]:
    """The genres in the order of their flags."""
    lines = [line for line in read_text(file).splitlines() if line.strip()]
    names = []
    for number, line in enumerate(lines, 1):
        name, _, index = line.strip().rpartition("|")
        if not name or index != str(number - 1) or name in names:
            raise SirecError(
                f"{file}:{number}: '{line[:80]}' is not a new genre and its number",
                f"expected: NAME|{number - 1}",
            )
        names.append(name)
    return names


def _check_flags(file: RawFile, flags: pd.DataFrame, movies: pa.ChunkedArray) -> None:
    for genre in flags.columns:
        wrong = (~flags[genre].isin(["0", "1"])).to_numpy()
        if wrong.any():
            row = int(wrong.argmax())
            raise SirecError(
                f"{file}: movie {movies[row]}, column {genre}: '{flags[genre].iloc[row]}' is not a flag",
                "0 or 1",
            )


def _year_in(movie_titles: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.struct_field(pc.extract_regex(movie_titles.cast(pa.string()), YEAR), "year")


def _genres(movies: pa.Table) -> pd.DataFrame:
    rows = lists_to_rows(movies, "movieId", "genres")
    return rows[~rows["value"].isin(NO_GENRE)].reset_index(drop=True)
