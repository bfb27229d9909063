"""The MovieLens releases of GroupLens, as distributed or unpacked.

    release                      ratings       cells                      movies
    ml-100k                      u.data        user item rating time      u.item, u.genre
    ml-1m, ml-10m                ratings.dat   user::item::rating::time   movies.dat: id::title::A|B
    ml-20m, -25m, -32m, latest   ratings.csv   userId,movieId,rating,…    movies.csv: id,title,A|B

u.item has `id|title|release date|…` and 19 flags, whose genres u.genre names (`name|number`); the
cells of u.data are separated by tabs.
u.item and the movies.dat of ml-1m are in Latin-1, all other files in UTF-8.

A movie's year is what its title ends in, `(1995)`; where the title of ml-100k has none, it is that
of the release date. The genres `unknown` and `(no genres listed)` mean none. Times are seconds
since 1970, UTC.

Source: Harper and Konstan, "The MovieLens Datasets: History and Context", ACM TiiS 5(4), 2015.
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
from sirec.data.reading.dialect import CSV, Dialect
from sirec.data.reading.files import RawFile, RawFiles, read_text
from sirec.data.reading.frames import distinct_items, interactions, lists_to_rows, titles
from sirec.data.reading.tables import read_delimited
from sirec.data.sources.base import ItemRows, RawData, Source
from sirec.errors import SirecError
from sirec.shell import arguments

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
    """The files of a release, and the dialects in which they are written.

    Attributes:
        folder: the folder into which the archive unpacks.
        ratings: name of the file of ratings.
        movies: name of the file of movies.
        ratings_dialect: separator, quotes and header of the ratings.
        movies_dialect: the same of the movies.
        flags: name of the file that lists the genres. With it, the movies have a release date, and
            one column per genre after those of the dialect's header.
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
        if self.flags is None:
            return (self.ratings, self.movies)
        return (self.ratings, self.movies, self.flags)


def _with_colons(folder: str, encoding: str) -> ReleaseFiles:
    """The files of a release that has `::` between its cells."""
    ratings = Dialect("::", quoted=False, header=("userId", "movieId", "rating", "timestamp"))
    movies = Dialect("::", quoted=False, header=("movieId", "title", "genres"), encoding=encoding)
    return ReleaseFiles(folder, "ratings.dat", "movies.dat", ratings, movies)


def _with_commas(release: str) -> ReleaseFiles:
    """The files of a release that has CSV files with headers."""
    return ReleaseFiles(release, "ratings.csv", "movies.csv")


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
        "ml-1m": _with_colons("ml-1m", "latin-1"),
        "ml-10m": _with_colons("ml-10M100K", "utf-8"),
        "ml-20m": _with_commas("ml-20m"),
        "ml-25m": _with_commas("ml-25m"),
        "ml-32m": _with_commas("ml-32m"),
        "ml-latest-small": _with_commas("ml-latest-small"),
        "ml-latest": _with_commas("ml-latest"),
    }
)
"""The files of every release."""


@dataclass(frozen=True)
class MovieLensSource(Source):
    """Ratings are interactions; movies are items with genres and a year.

    Attributes:
        release: which of GroupLens's releases.
    """

    name: ClassVar[str] = "movielens"
    licence: ClassVar[str] = (
        "GroupLens allows research that names it; commercial use, and passing the data "
        "on, need its permission (see the README of the release)"
    )
    needs_files: ClassVar[bool] = True
    is_own: ClassVar[bool] = False

    release: Release = "ml-1m"

    @property
    def layout(self) -> ReleaseFiles:
        """The release's files."""
        return LAYOUTS[self.release]

    def remotes(self) -> tuple[Remote, ...]:
        """The release's archive at GroupLens, unless the folder that it unpacks into is there."""
        archive = f"{self.release}.zip"
        return (Remote(archive, f"{ADDRESS}/{archive}", (self.layout.folder,)),)

    def instructions(self) -> str:
        """The archive, or the files that are in it."""
        names = " and ".join(self.layout.files)
        return f"a folder with {self.release}.zip from {ADDRESS}, or with {names} out of it"

    def read(self, folder: Path | None = None, context: ReadingContext | None = None) -> RawData:
        """Read ratings and movies.

        Args:
            folder: the folder or archive with the raw files; it may hold several releases.
            context: receives the progress, and counts bad lines that may be skipped.

        Raises:
            SirecError: for a missing file, or with file, line and column of the first mistake.
        """
        context = context or ReadingContext()
        layout = self.layout
        raw = RawFiles(self._own_folder(folder), self.instructions())
        if raw.find(layout.ratings) is None:
            _suggest_release(raw, self.release)
        files = list(map(raw.need, layout.files))
        ratings_file, movies_file, *genre_files = files
        if genre_files:
            movies = _with_genre_flags(movies_file, genre_files[0], layout, context)
        else:
            movies = _with_listed_genres(movies_file, layout, context)
        ratings = read_delimited(ratings_file, RATING_COLUMNS, context, layout.ratings_dialect)
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
            items=ItemRows(movies_file.name, distinct_items(movies, "movieId")),
            files=tuple(dict.fromkeys(file.path for file in files)),
            time_column="timestamp",
        )

    def _own_folder(self, folder: Path | None) -> Path | None:
        """The release's folder or archive inside `folder` if there is one, else `folder` itself.

        A folder may hold several releases, whose files have the same names.
        """
        if folder is None:
            return None
        for path in (folder / self.layout.folder, folder / f"{self.release}.zip"):
            if path.exists():
                return path
        return folder


def _suggest_release(raw: RawFiles, release: str) -> None:
    """Raise `SirecError` if the files of another release are there than that of a person."""
    others: list[str] = []
    for other, layout in LAYOUTS.items():
        if all(raw.find(name) for name in layout.files):
            others.append(arguments("--release", other))
    if others:
        raise SirecError(
            f"{raw.location}: no {LAYOUTS[release].ratings} of {release} in it, but the files of "
            "another release",
            f"say which: {' or '.join(others)}",
        )


def _with_listed_genres(file: RawFile, layout: ReleaseFiles, context: ReadingContext) -> pa.Table:
    """Movies that list their genres in one cell, with a column `year` more."""
    table = read_delimited(file, (*MOVIE, GENRES), context, layout.movies_dialect)
    return table.append_column("year", _year_in(table["title"]))


def _with_genre_flags(
    file: RawFile, genre_file: RawFile, layout: ReleaseFiles, context: ReadingContext
) -> pa.Table:
    """Movies with a flag for each genre, in the form that `_with_listed_genres` gives them."""
    names = _genre_names(genre_file)
    dialect = replace(layout.movies_dialect, header=(*(layout.movies_dialect.header or ()), *names))
    columns = (*MOVIE, RELEASED, *map(WantedColumn, names))
    table = read_delimited(file, columns, context, dialect)
    flags = table.select(names).to_pandas()
    _check_flags(file, flags, table["movieId"])
    genres: list[list[str]] = []
    for row in flags.itertuples(index=False):
        genres.append([name for name, flag in zip(names, row, strict=True) if flag == "1"])
    released = pc.strftime(table["released"].cast(pa.timestamp("s")), format="%Y")
    year = pc.coalesce(_year_in(table["title"]), released)
    listed = pa.array(genres, pa.list_(pa.string()))
    movies = table.select(["movieId", "title"])
    return movies.append_column("genres", listed).append_column("year", year)


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
                f"{file}: movie {movies[row]}, column {genre}: "
                f"'{flags[genre].iloc[row]}' is not a flag",
                "0 or 1",
            )


def _year_in(movie_titles: pa.ChunkedArray) -> pa.ChunkedArray:
    """The years in parentheses at the ends of titles, null where there is none."""
    return pc.struct_field(pc.extract_regex(movie_titles.cast(pa.string()), YEAR), "year")


def _genres(movies: pa.Table) -> pd.DataFrame:
    rows = lists_to_rows(movies, "movieId", "genres")
    return rows[~rows["value"].isin(NO_GENRE)].reset_index(drop=True)
