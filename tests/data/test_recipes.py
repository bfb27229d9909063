"""Recipes: names become data sets; settings go over them; known sizes hold for the declared
settings only.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sirec import config
from sirec.data import recipes
from sirec.data.prepare.filters import PrepareOptions
from sirec.data.reading.context import BadLines, ReadingContext
from sirec.data.recipes import RECIPES, Recipe, Sizes, carry_out, resolve
from sirec.data.sources import SOURCES
from sirec.data.sources.amazon import AmazonSource
from sirec.data.sources.demo import DemoSource
from sirec.data.sources.s3rec import S3RecSource
from sirec.data.sources.table import TableSource
from sirec.data.split import LeaveOneOut, Temporal
from sirec.data.store import storage
from sirec.errors import SirecError

ORDERS = "customer,product,day\n" + "".join(
    f"c{c},p{(c + n) % 4},2024-01-{n + 1:02}\n" for c in range(4) for n in range(5)
)


@pytest.mark.parametrize(
    "recipe", RECIPES, ids=lambda recipe: f"{recipe.name}-{recipe.source.name}"
)
def test_every_recipe_survives_yaml_and_finds_itself(recipe: Recipe, tmp_path: Path) -> None:
    """A recipe is a declaration: written as YAML it is the same recipe, and its name (and source)
    leads to it.
    """
    (tmp_path / "recipe.yaml").write_text(config.to_yaml(config.dump(recipe)))
    assert resolve(str(tmp_path / "recipe.yaml")) == recipe
    assert resolve(recipe.name, recipe.source.name) == recipe
    assert recipe.source.home()
    assert recipe.source.instructions()


def test_the_first_of_several_sources_is_meant() -> None:
    """`beauty` is Amazon's raw files; with a source it is that of the same name."""
    assert isinstance(resolve("beauty").source, AmazonSource)
    assert resolve("beauty", "s3rec").source == S3RecSource("Beauty")
    assert resolve("anything", "s3rec").source == S3RecSource()
    assert resolve("demo", called="copy").name == "copy"


def test_settings_go_over_the_recipe_and_sizes_with_the_declared_ones() -> None:
    """What is not said stays as declared; the published counts are no promise for other
    settings.
    """
    plain = resolve("yelp-2019", called="yelp")
    assert plain.sizes is not None
    changed = resolve(
        "yelp-2019", options={"core": 10, "split": {"name": "temporal", "target": "first"}}
    )
    assert changed.options == PrepareOptions(
        since=plain.options.since,
        until=plain.options.until,
        core=10,
        split=Temporal(target="first"),
    )
    assert changed.sizes is None
    assert resolve("beauty", source_options={"edition": "2018"}).sizes is None


SHOP = """
name: shop
source:
  {name: table, interactions: orders.csv, behaviours: {rating: stars},
   attributes: {brand: maker, name: label}}
options:
  split: {name: temporal, valid_from: "2024-01-03", test_from: "2024-01-04"}
  bins: {rating: "2,4", gap: "1h"}
"""
DAYS = Temporal(valid_from="2024-01-03", test_from="2024-01-04")


def test_mappings_are_changed_key_by_key(tmp_path: Path) -> None:
    """A setting of the split, one bin or one column takes nothing else away; another split, or an
    empty mapping, does.
    """
    (tmp_path / "shop.yaml").write_text(SHOP)
    shop = str(tmp_path / "shop.yaml")
    assert resolve(shop).options == PrepareOptions(split=DAYS, bins={"rating": "2,4", "gap": "1h"})
    for split, expected in (
        ({"name": "temporal", "target": "first"}, replace(DAYS, target="first")),
        ({"target": "first"}, replace(DAYS, target="first")),
        ({"name": "temporal", "valid_from": "2024-01-02"}, replace(DAYS, valid_from="2024-01-02")),
        ({"name": "leave-one-out"}, LeaveOneOut()),
    ):
        assert resolve(shop, options={"split": split}).options.split == expected
    changed = resolve(
        shop,
        options={"bins": {"gap": "1d"}},
        source_options={"attributes": {"name": "title", "shop": "city"}},
    )
    assert changed.options.bins == {"rating": "2,4", "gap": "1d"}
    assert isinstance(changed.source, TableSource)
    assert changed.source.attributes == {"brand": "maker", "name": "title", "shop": "city"}
    assert changed.source.behaviours == {"rating": "stars"}
    without = resolve(
        shop, options={"bins": {}}, source_options={"attributes": {}, "texts": ["rating"]}
    )
    assert (without.options.bins, without.options.split) == ({}, DAYS)
    assert isinstance(without.source, TableSource)
    assert (without.source.attributes, without.source.texts) == ({}, ("rating",))


def test_a_source_beside_a_file_is_the_files_own(tmp_path: Path) -> None:
    """Another source than that of the YAML is refused: the file's other settings mean nothing to
    it.
    """
    (tmp_path / "shop.yaml").write_text(SHOP)
    shop = str(tmp_path / "shop.yaml")
    assert resolve(shop, "table") == resolve(shop)
    with pytest.raises(
        SirecError, match=r"shop\.yaml: its source is 'table', not 'amazon'"
    ) as caught:
        resolve(shop, "amazon")
    assert "--source" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("call", "message", "hint"),
    [
        ({"name": "bauty"}, "'bauty' is not a known data set", "did you mean 'beauty'"),
        ({"name": "beauty", "source": "amazn"}, "'amazn' is not a source", "did you mean 'amazon'"),
        ({"name": "yelp", "source_options": {"category": "x"}}, "'category' is not a key", ""),
        ({"name": "amazon"}, "the source amazon needs its option 'category'", "category"),
        ({"name": "demo", "options": {"cores": 5}}, "'cores' is not a key", "did you mean 'core'"),
        ({"name": "nowhere.yaml"}, "nowhere.yaml: no such file", ""),
    ],
)
def test_what_is_unknown_names_the_nearest(
    call: dict[str, object], message: str, hint: str
) -> None:
    """Names, sources, options and files."""
    with pytest.raises(SirecError) as caught:
        resolve(**call)  # type: ignore[arg-type]
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_five_lines_of_yaml_prepare_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person's own file, with names of its own."""
    monkeypatch.chdir(tmp_path)
    Path("orders.csv").write_text(ORDERS)
    Path("shop.yaml").write_text(
        "name: shop\nsource:\n  "
        "{name: table, interactions: orders.csv, user: customer, item: product, time: day}\n"
        "options: {core: 3}\n"
    )
    recipe = resolve("shop.yaml")
    assert isinstance(recipe.source, TableSource)
    prepared = carry_out(recipe, tmp_path / "data")
    assert (
        prepared.statistics.users,
        prepared.statistics.items,
        prepared.statistics.interactions,
    ) == (4, 4, 20)
    assert "from 2024-01-01 to 2024-01-05 (UTC)" in prepared.notes
    assert storage.load(tmp_path / "data" / "shop").user_count == 4


def test_known_sizes_are_compared_and_never_invented(tmp_path: Path) -> None:
    """Equal counts are said to be equal, others to differ; without known sizes nothing is said."""
    recipe = Recipe("demo", DemoSource(users=300, items=100))
    found = carry_out(recipe, tmp_path).statistics
    for users, verdict in (
        (found.users, "the counts are those of"),
        (found.users + 1, "the counts differ from those of"),
    ):
        sizes = Sizes(users, found.items, found.interactions, "a paper")
        notes = carry_out(Recipe("demo", recipe.source, sizes=sizes), tmp_path).notes
        assert any(note.startswith(f"{verdict} a paper") for note in notes)
    assert not any("counts" in note for note in carry_out(recipe, tmp_path).notes)


def test_files_without_an_address_are_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A licence-bound source says what to put where; once it is there, it is read."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SirecError, match="there are no raw files in raw/yelp") as caught:
        carry_out(resolve("yelp"), tmp_path / "data")
    assert "https://www.yelp.com/dataset" in (caught.value.hint or "")
    assert not (tmp_path / "data").exists()


def test_files_with_an_address_are_fetched_into_their_own_folder_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a place the remotes are fetched; a place that a person named is read as it is."""
    monkeypatch.chdir(tmp_path)
    asked: list[tuple[list[str], Path]] = []

    def fetch(remotes: object, folder: Path, progress: object) -> None:
        asked.append(([remote.name for remote in remotes], folder))  # type: ignore[attr-defined]
        folder.mkdir(parents=True)
        (folder / "Beauty.txt").write_text("".join(f"{user} 1 2 3\n" for user in range(1, 4)))
        (folder / "Beauty_item2attributes.json").write_text('{"1": [7]}')

    monkeypatch.setattr(recipes, "download", fetch)
    recipe = resolve("beauty", "s3rec", options={"core": 3})
    first = carry_out(recipe, tmp_path / "data").dataset.fingerprint()
    assert asked == [(["Beauty.txt", "Beauty_item2attributes.json"], Path("raw/s3rec"))]
    assert carry_out(recipe, tmp_path / "data", Path("raw/s3rec")).dataset.fingerprint() == first
    assert len(asked) == 1


def of_amazon(user: int, item: int) -> str:
    """A review."""
    return (
        f'{{"reviewerID": "u{user}", "asin": "i{item}", "overall": 5, "unixReviewTime": '
        f"{1_400_000_000 + item}}}\n"
    )


META = "".join(f"{{'asin': 'i{item}', 'brand': 'Acme'}}\n" for item in range(4))
REVIEWS = "".join(of_amazon(user, item) for user in range(4) for item in range(4))
RATINGS = "".join(
    f"u{user},i{item},5,{1_400_000_000 + item}\n" for user in range(4) for item in range(4)
)
STARS = "".join(f"{user}::{movie}::5::978300760\n" for user in range(4) for movie in range(4))
MOVIES = "".join(f"{movie}::Film (199{movie})::Drama\n" for movie in range(4))
UNPACKED: dict[str, tuple[str, dict[str, object], dict[str, str]]] = {
    "reviews and metadata": (
        "beauty",
        {},
        {"amazon-2014/reviews_Beauty_5.json": REVIEWS, "amazon-2014/meta_Beauty.json": META},
    ),
    "ratings in place of all reviews": (
        "beauty",
        {"reviews": "all"},
        {"amazon-2014/ratings_Beauty.csv": RATINGS, "amazon-2014/meta_Beauty.json": META},
    ),
    "a release of MovieLens": (
        "ml-1m",
        {},
        {"movielens/ml-1m/ratings.dat": STARS, "movielens/ml-1m/movies.dat": MOVIES},
    ),
}


@pytest.mark.parametrize("case", UNPACKED)
def test_what_lies_unpacked_in_its_place_is_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """Raw files that a person unpacked below `raw/` are read without a network; one that is missing
    is fetched alone.
    """
    monkeypatch.chdir(tmp_path)
    name, source_options, files = UNPACKED[case]
    for path, text in files.items():
        Path("raw", path).parent.mkdir(parents=True, exist_ok=True)
        Path("raw", path).write_text(text)
    fetched: list[list[str]] = []
    monkeypatch.setattr(
        recipes, "download", lambda remotes, *_: fetched.append([remote.name for remote in remotes])
    )
    recipe = resolve(name, source_options=source_options, options={"core": 0})
    assert carry_out(recipe, tmp_path / "data").statistics.interactions == 16
    assert fetched == [[]]


def test_only_what_is_missing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unpacked reviews stand in for the reviews alone; where the packed file is there too, it is
    the one to check and read.
    """
    monkeypatch.chdir(tmp_path)
    place = Path("raw/amazon-2014")
    place.mkdir(parents=True)
    fetched: list[list[str]] = []
    monkeypatch.setattr(
        recipes, "download", lambda remotes, *_: fetched.append([remote.name for remote in remotes])
    )
    for name in (None, "reviews_Beauty_5.json", "reviews_Beauty_5.json.gz"):
        if name:
            (place / name).write_text(REVIEWS)
        with pytest.raises(SirecError, match=r"no (reviews|meta)_Beauty"):
            carry_out(resolve("beauty"), tmp_path / "data")
    both = ["reviews_Beauty_5.json.gz", "meta_Beauty.json.gz"]
    assert fetched == [both, both[1:], both]


def test_skipped_lines_are_counted_and_recorded(tmp_path: Path) -> None:
    """As many bad lines as allowed are left out, and the manifest says how many; without leave the
    first one ends it.
    """
    (tmp_path / "orders.csv").write_text(ORDERS + "c1,,2024-01-09\nc1,p1\n")
    recipe = Recipe(
        "shop",
        TableSource("orders.csv", user="customer", item="product", time="day"),
        PrepareOptions(core=0),
    )
    prepared = carry_out(recipe, tmp_path / "data", tmp_path, ReadingContext(bad_lines=BadLines(2)))
    assert prepared.skipped_lines == 2
    assert storage.read_manifest(tmp_path / "data" / "shop").skipped_lines == 2
    with pytest.raises(SirecError, match=r"orders.csv:22, column product: it is missing"):
        carry_out(recipe, tmp_path / "data", tmp_path)
    assert (
        storage.read_manifest(tmp_path / "data" / "shop").skipped_lines == 2
    )  # the older one still stands


def test_every_source_is_registered_under_its_name() -> None:
    """What the command line offers is what there is."""
    assert {name: source.name for name, source in SOURCES.items()} == {
        name: name for name in SOURCES
    }
    assert {recipe.source.name for recipe in RECIPES} <= set(SOURCES)
