"""The files of every MovieLens release as GroupLens writes them, with the oddities of the real
ones, and what they say.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

ALL = ("ml-100k", "ml-1m", "ml-10m", "ml-20m", "ml-25m", "ml-32m", "ml-latest-small", "ml-latest")
FOLDERS = {release: release for release in ALL} | {"ml-10m": "ml-10M100K"}
GENRES = ("unknown", "Action", "Children's", "Drama", "Film-Noir", "Sci-Fi")


@dataclass(frozen=True)
class Movie:
    """A movie; `released` is what only ml-100k knows besides the title."""

    id: str
    title: str
    year: str | None
    genres: tuple[str, ...] = ()
    released: str = ""


MOVIES = (
    Movie("1", "Toy Story (1995)", "1995", ("Children's",), "01-Jan-1995"),
    Movie(
        "2",
        "Shanghai Triad (Yao a yao yao dao waipo qiao) (1995)",
        "1995",
        ("Drama",),
        "4-Feb-1996",
    ),
    Movie("3", "Misérables, Les (1998)", "1998", ("Drama", "Action"), "26-Apr-1998"),
    Movie("4", 'Great Day, "In" Harlem, A (1994)', "1994", (), "01-Jan-1994"),
    Movie("5", '"Burbs, The" (1989)', "1989", ("Film-Noir", "Sci-Fi"), ""),
    Movie("6", "2001: A Space Odyssey (1968)", "1968", ("Sci-Fi",), "01-Jan-1922"),
    Movie("7", "unknown", None, ("unknown",)),
    Movie("8", "Babylon 5 (2006-2007)", None, ("Sci-Fi",)),
    Movie("9", "(1995) backwards", None, ("Drama",)),
    Movie("0010", "Land Before Time III (1995)", "1995", ("Action",), "01-Jan-1995"),
)
"""Movies whose titles hold commas, quotes, colons, accents and years where they do not belong; all
in Latin-1.
"""

Rating = tuple[str, str, str, int]


def random_ratings(seed: int, count: int = 300, *, halves: bool = False) -> list[Rating]:
    """User, movie, rating as written, seconds; movies of which some are in no list."""
    rng = np.random.default_rng(seed)
    known = [*(movie.id for movie in MOVIES), "99"]
    ratings = []
    for _ in range(count):
        stars = int(rng.integers(1, 6))
        written = (
            f"{stars - 0.5}"
            if halves and rng.random() < 0.5
            else f"{stars}.0"
            if halves
            else str(stars)
        )
        ratings.append(
            (
                str(rng.integers(1, 20)),
                known[rng.integers(len(known))],
                written,
                int(rng.integers(8e8, 9e8)) // 100,
            )
        )
    return ratings


def _hundred_thousand(ratings: list[Rating], movies: tuple[Movie, ...]) -> dict[str, bytes]:
    rows = [
        "|".join(
            [
                movie.id,
                movie.title,
                movie.released,
                "",
                "http://us.imdb.com/M/title-exact?x%20(1995)",
                *flags,
            ]
        )
        for movie in movies
        for flags in [["1" if genre in movie.genres else "0" for genre in GENRES]]
    ]
    return {
        "u.data": "".join("\t".join(map(str, rating)) + "\n" for rating in ratings).encode(),
        "u.item": "".join(row + "\n" for row in rows).encode("latin-1"),
        "u.genre": (
            "".join(f"{genre}|{number}\n" for number, genre in enumerate(GENRES)) + "\n"
        ).encode(),
    }


def _colons(ratings: list[Rating], movies: tuple[Movie, ...], encoding: str) -> dict[str, bytes]:
    rows = [
        f"{movie.id}::{movie.title}::{'|'.join(movie.genres) or '(no genres listed)'}\n"
        for movie in movies
    ]
    return {
        "ratings.dat": "".join("::".join(map(str, rating)) + "\n" for rating in ratings).encode(),
        "movies.dat": "".join(rows).encode(encoding),
    }


def _commas(ratings: list[Rating], movies: tuple[Movie, ...]) -> dict[str, bytes]:
    rows = [
        (movie.id, movie.title, "|".join(movie.genres) or "(no genres listed)") for movie in movies
    ]
    tables = {
        "ratings.csv": (("userId", "movieId", "rating", "timestamp"), ratings),
        "movies.csv": (("movieId", "title", "genres"), rows),
        "tags.csv": (("userId", "movieId", "tag", "timestamp"), [("1", "1", "funny, really", "1")]),
    }
    return {name: _csv(header, table) for name, (header, table) in tables.items()}


def _csv(header: tuple[str, ...], rows: list[Rating] | list[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([header, *rows])
    return text.getvalue().encode()


def files(
    release: str, ratings: list[Rating], movies: tuple[Movie, ...] = MOVIES
) -> dict[str, bytes]:
    """The release's files by name."""
    if release == "ml-100k":
        return _hundred_thousand(ratings, movies)
    if release in ("ml-1m", "ml-10m"):
        return _colons(ratings, movies, "latin-1" if release == "ml-1m" else "utf-8")
    return _commas(ratings, movies)


def expected_years(release: str, movies: tuple[Movie, ...] = MOVIES) -> list[list[str]]:
    """Items and years: the title's, or where the release has release dates, the date's."""
    years = []
    for movie in movies:
        released = (
            datetime.strptime(movie.released, "%d-%b-%Y").strftime("%Y") if movie.released else None
        )
        year = movie.year or (released if release == "ml-100k" else None)
        years += [[movie.id, year]] if year else []
    return years


def expected_genres(release: str, movies: tuple[Movie, ...] = MOVIES) -> list[list[str]]:
    """Items and genres, in the order in which the release lists them."""
    pairs = []
    for movie in movies:
        order = sorted(movie.genres, key=GENRES.index) if release == "ml-100k" else movie.genres
        pairs += [[movie.id, genre] for genre in order if genre != "unknown"]
    return pairs


def write(folder: Path, contents: Mapping[str, bytes]) -> Path:
    """Write files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return folder


def archive(release: str, contents: Mapping[str, bytes]) -> bytes:
    """The zip that is distributed: the files in a folder, with a README."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.mkdir(FOLDERS[release])
        for name, data in {"README.txt": b"SUMMARY", **contents}.items():
            packed.writestr(f"{FOLDERS[release]}/{name}", data)
            packed.writestr(f"__MACOSX/{FOLDERS[release]}/._{name}", b"Mac OS X")
    return buffer.getvalue()
