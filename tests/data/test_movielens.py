"""The MovieLens releases: each layout says the same of the same data, and what is told of broken
files.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from data.rawfiles import movielens
from data.rawfiles.movielens import ALL, FOLDERS, MOVIES, Movie, Rating

from sirec import config
from sirec.data.prepare.filters import PrepareOptions
from sirec.data.prepare.pipeline import prepare
from sirec.data.reading.context import BadLines, ReadingContext
from sirec.data.sources.movielens import MovieLensSource, Release
from sirec.errors import SirecError


def source(release: str) -> MovieLensSource:
    """The source as a configuration gives it."""
    return config.load(MovieLensSource, {"name": "movielens", "release": release}, "movielens")


def expected(ratings: list[Rating]) -> list[list[object]]:
    return [[user, movie, seconds, float(stars)] for user, movie, stars, seconds in ratings]


def skipping(lines: int) -> ReadingContext:
    return ReadingContext(bad_lines=BadLines(lines))


@pytest.mark.parametrize("packed", [False, True], ids=["unpacked", "zip"])
@pytest.mark.parametrize("release", ALL)
def test_every_release_is_read_whole(tmp_path: Path, release: str, packed: bool) -> None:
    """Ratings in file order, titles with their commas, quotes and accents, genres and years, from
    the zip or out of it.
    """
    ratings = movielens.random_ratings(3, halves=release not in ("ml-100k", "ml-1m"))
    files = movielens.files(release, ratings)
    if packed:
        (tmp_path / f"{release}.zip").write_bytes(movielens.archive(release, files))
    else:
        movielens.write(tmp_path, files)
    before = sorted(tmp_path.rglob("*"))
    raw = source(release).read(tmp_path)
    assert list(raw.interactions.columns) == ["user", "item", "timestamp", "rating"]
    assert raw.interactions.values.tolist() == expected(ratings)
    assert raw.titles is not None
    assert raw.titles.values.tolist() == [[movie.id, movie.title] for movie in MOVIES]
    assert raw.attributes["genre"].values.tolist() == movielens.expected_genres(release)
    assert raw.attributes["year"].values.tolist() == movielens.expected_years(release)
    assert raw.source == {"name": "movielens", "release": release}
    assert len(raw.files) == (1 if packed else 3 if release == "ml-100k" else 2)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_releases_are_those_of_the_option() -> None:
    """Every release that can be asked for was read above, and no other can be."""
    assert set(ALL) == set(get_args(Release))
    with pytest.raises(SirecError, match="ml-2m"):
        source("ml-2m")


@pytest.mark.parametrize("release", ALL)
def test_the_archive_is_fetched_from_grouplens(release: str) -> None:
    """One archive with the release's name, and the instructions tell the same address."""
    (remote,) = source(release).remotes()
    assert remote.name == f"{release}.zip"
    assert remote.url == f"https://files.grouplens.org/datasets/movielens/{release}.zip"
    assert f"{release}.zip" in source(release).instructions()


@pytest.mark.parametrize("packed", [False, True], ids=["unpacked", "zip"])
@pytest.mark.parametrize("release", ["ml-20m", "ml-latest-small", "ml-10m", "ml-1m"])
def test_releases_beside_each_other_are_told_apart(
    tmp_path: Path, release: str, packed: bool
) -> None:
    """In a folder with several releases, whose files have the same names, each reads its own."""
    ratings = {other: movielens.random_ratings(seed, 50) for seed, other in enumerate(ALL)}
    for other in ALL:
        files = movielens.files(other, ratings[other])
        if packed:
            (tmp_path / f"{other}.zip").write_bytes(movielens.archive(other, files))
        else:
            movielens.write(tmp_path / FOLDERS[other], files)
    assert source(release).read(tmp_path).interactions.values.tolist() == expected(ratings[release])


def test_the_date_of_release_stands_in_for_the_year(tmp_path: Path) -> None:
    """The title's year comes first; ml-100k has a date for titles without one."""
    movies = (
        Movie("1", "A (1990)", "1990", (), "01-Jan-1995"),
        Movie("2", "B", None, (), "31-Dec-1922"),
        Movie("3", "C", None),
    )
    ratings = movielens.random_ratings(0, 20)
    raw = source("ml-100k").read(
        movielens.write(tmp_path, movielens.files("ml-100k", ratings, movies))
    )
    assert raw.attributes["year"].values.tolist() == [["1", "1990"], ["2", "1922"]]


Broken = tuple[str, str, int, Callable[[bytes], bytes], str]
BROKEN: dict[str, Broken] = {  # release, file, line, change of the line, what is said
    "missing cell": (
        "ml-1m",
        "ratings.dat",
        2,
        lambda line: line.rpartition(b"::")[0] + b"\n",
        ": 3 cells, expected 4",
    ),
    "cell too many": (
        "ml-100k",
        "u.data",
        3,
        lambda line: line.rstrip() + b"\t1\n",
        ": 5 cells, expected 4",
    ),
    "title with the separator": (
        "ml-10m",
        "movies.dat",
        2,
        lambda line: line.replace(b"Triad", b"T::d"),
        ": 4 cells, expected 3: '2::Shanghai T::d",
    ),
    "no user": (
        "ml-25m",
        "ratings.csv",
        3,
        lambda line: b"," + line.split(b",", 1)[1],
        ", column userId: it is missing",
    ),
    "rating in words": (
        "ml-20m",
        "ratings.csv",
        2,
        lambda line: b"1,2,good,800000000\n",
        ", column rating: expected a number",
    ),
    "no rating": (
        "ml-1m",
        "ratings.dat",
        5,
        lambda line: b"1::2::::800000000\n",
        ", column rating: it is missing or empty",
    ),
    "no time": (
        "ml-100k",
        "u.data",
        1,
        lambda line: b"1\t2\t3\t \n",
        ", column timestamp: it is missing or empty",
    ),
    "time in words": (
        "ml-32m",
        "ratings.csv",
        4,
        lambda line: b"1,2,3.0,today\n",
        ", column timestamp: expected seconds",
    ),
    "movie without id": (
        "ml-latest",
        "movies.csv",
        2,
        lambda line: b",A title,Drama\n",
        ", column movieId: it is missing",
    ),
    "title without quotes": (
        "ml-latest",
        "movies.csv",
        2,
        lambda line: b"1,A, title,Drama\n",
        ": 4 cells, expected 3",
    ),
    "title in another encoding": (
        "ml-10m",
        "movies.dat",
        3,
        lambda line: line.decode().encode("latin-1"),
        ", column title: not UTF-8 text",
    ),
    "odd date": (
        "ml-100k",
        "u.item",
        2,
        lambda line: line.replace(b"4-Feb-1996", b"1996-02-04"),
        ", column released: expect",
    ),
    "missing flag": (
        "ml-100k",
        "u.item",
        1,
        lambda line: line[:-3] + b"\n",
        ": 10 cells, expected 11",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_line_is_named_or_counted(tmp_path: Path, case: str) -> None:
    """File, line and column of a broken line are told; if bad lines may be skipped, one is missing
    from its file alone.
    """
    release, name, number, change, what = BROKEN[case]
    files = movielens.files(release, movielens.random_ratings(1, 30))
    whole = source(release).read(movielens.write(tmp_path, files))  # nothing is wrong before
    lines = files[name].splitlines(keepends=True)
    assert change(lines[number - 1]) != lines[number - 1]
    lines[number - 1] = change(lines[number - 1])
    (tmp_path / name).write_bytes(b"".join(lines))
    with pytest.raises(SirecError) as caught:
        source(release).read(tmp_path)
    assert f"{tmp_path / name}:{number}{what}" in caught.value.message
    reading = skipping(1)
    rest = source(release).read(tmp_path, reading)
    assert len(reading.bad_lines.messages) == 1
    assert whole.titles is not None
    assert rest.titles is not None
    lost = len(whole.interactions) - len(rest.interactions), len(whole.titles) - len(rest.titles)
    assert lost == ((1, 0) if name in ("u.data", "ratings.dat", "ratings.csv") else (0, 1))


# release, file, change, what is said
FILES: dict[str, tuple[str, str, Callable[[bytes], bytes], str]] = {
    "empty ratings": ("ml-1m", "ratings.dat", lambda data: b"", "ratings.dat: the file is empty"),
    "empty movies": ("ml-100k", "u.item", lambda data: b"", "u.item: the file is empty"),
    "only a header": (
        "ml-20m",
        "ratings.csv",
        lambda data: data.splitlines(keepends=True)[0],
        "ratings.csv: no rows in it",
    ),
    "no header": (
        "ml-20m",
        "ratings.csv",
        lambda data: data.split(b"\n", 1)[1],
        "ratings.csv: 'userId' is not a column",
    ),
    "another header": (
        "ml-25m",
        "movies.csv",
        lambda data: data.replace(b"genres", b"genre", 1),
        "'genres' is not a column",
    ),
    "odd flag": (
        "ml-100k",
        "u.item",
        lambda data: data.replace(b"|1|", b"|7|", 1),
        "column Children's: '7' is not a flag",
    ),
    "genres out of order": (
        "ml-100k",
        "u.genre",
        lambda data: data.replace(b"|1\n", b"|2\n"),
        "u.genre:2: 'Action|2' is not a new genre",
    ),
    "genre twice": (
        "ml-100k",
        "u.genre",
        lambda data: data.replace(b"Drama", b"Action"),
        "u.genre:4: 'Action|3' is not a new",
    ),
    "genre without number": (
        "ml-100k",
        "u.genre",
        lambda data: data.replace(b"|1\n", b"\n"),
        "u.genre:2: 'Action' is not a",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_a_broken_file_is_named(tmp_path: Path, case: str) -> None:
    """What is wrong with a file as a whole is told with its name."""
    release, name, change, what = FILES[case]
    files = movielens.files(release, movielens.random_ratings(1, 30))
    source(release).read(movielens.write(tmp_path, files))  # nothing is wrong before
    (tmp_path / name).write_bytes(change(files[name]))
    with pytest.raises(SirecError) as caught:
        source(release).read(tmp_path)
    assert what in caught.value.message
    assert str(tmp_path / name) in caught.value.message


@pytest.mark.parametrize(
    ("release", "name"),
    [("ml-100k", "u.genre"), ("ml-1m", "movies.dat"), ("ml-20m", "ratings.csv")],
)
def test_a_missing_file_is_told_with_where_to_get_it(
    tmp_path: Path, release: str, name: str
) -> None:
    """The name of the file and the archive that has it."""
    files = movielens.files(release, movielens.random_ratings(1, 30))
    movielens.write(tmp_path, {other: data for other, data in files.items() if other != name})
    with pytest.raises(SirecError, match=f"no {name}") as caught:
        source(release).read(tmp_path)
    assert f"{release}.zip" in str(caught.value.hint)


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.99])
def test_an_archive_that_was_cut_short_is_refused(tmp_path: Path, cut: float) -> None:
    """No part of an archive passes for the whole."""
    data = movielens.archive("ml-1m", movielens.files("ml-1m", movielens.random_ratings(1)))
    (tmp_path / "ml-1m.zip").write_bytes(data[: int(cut * len(data))])
    with pytest.raises(SirecError, match=r"ml-1m\.zip: not a readable archive"):
        source("ml-1m").read(tmp_path)


def test_line_ends_do_not_matter(tmp_path: Path) -> None:
    """Lines that end as on Windows and a missing last line end change nothing."""
    ratings = movielens.random_ratings(5, 40)
    files = movielens.files("ml-1m", ratings)
    odd = {
        name: io.BytesIO(data).read().replace(b"\n", b"\r\n").rstrip()
        for name, data in files.items()
    }
    plain, other = (
        source("ml-1m").read(movielens.write(tmp_path / name, each))
        for name, each in (("a", files), ("b", odd))
    )
    assert other.interactions.equals(plain.interactions)
    assert all(other.attributes[name].equals(plain.attributes[name]) for name in ("genre", "year"))
    assert other.titles is not None
    assert other.titles.equals(plain.titles)


def test_from_raw_files_to_a_data_set(tmp_path: Path) -> None:
    """Core, order by time with ties in file order, genres and ratings as codes: as a loop finds
    them.
    """
    ratings = movielens.random_ratings(9)
    raw = source("ml-1m").read(movielens.write(tmp_path, movielens.files("ml-1m", ratings)))
    dataset = prepare(raw, "ml-1m", PrepareOptions(core=3, min_rating=2)).dataset
    histories: dict[str, list[tuple[int, int, str]]] = {}
    for place, (user, movie, stars, seconds) in enumerate(ratings):
        if int(stars) >= 2:
            histories.setdefault(user, []).append((seconds, place, movie))
    found = [dataset.item_names[item] for item in dataset.items.tolist()]
    assert found == [
        movie for user in dataset.user_names[1:] for _, _, movie in sorted(histories[user])
    ]
    assert dataset.vocabularies["rating"] == ["", "2", "3", "4", "5"]
    assert dataset.vocabularies["genre"] == [
        "",
        "Action",
        "Children's",
        "Drama",
        "Film-Noir",
        "Sci-Fi",
    ]
    assert dataset.vocabularies["year"] == ["", "1968", "1989", "1994", "1995", "1998"]
    assert sum(map(len, histories.values())) == len(found) < len(ratings)
