"""Recipes: how a data set is prepared, as declarations.

The data sets of the field are declared here; a person declares his own in a YAML file:

    name: shop                    name of the prepared data set
    source: {name: table, …}      the raw format, with its options
    options: {core: 5, …}         filters, bins, split (`PrepareOptions`)
    raw: downloads/shop           folder of the raw files; without it `raw/<format>`
    beside: {users: users.csv, …} vectors of items and attributes of users (`beside`)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import get_args

from sirec import config
from sirec.data.beside import Beside
from sirec.data.dates import written
from sirec.data.download.fetch import Remote, download
from sirec.data.prepare.filters import PrepareOptions
from sirec.data.prepare.pipeline import Prepared, prepare
from sirec.data.reading.context import ReadingContext
from sirec.data.sources import SOURCES
from sirec.data.sources.amazon import AmazonSource
from sirec.data.sources.base import Source
from sirec.data.sources.demo import DemoSource
from sirec.data.sources.movielens import MovieLensSource, Release
from sirec.data.sources.s3rec import S3RecSource
from sirec.data.sources.yelp import YelpSource
from sirec.data.store import storage
from sirec.data.store.replacement import NOT_ALLOWED, Replacement
from sirec.errors import SirecError, unknown
from sirec.shell import arguments, command

RAW = Path("raw")


@dataclass(frozen=True)
class Sizes:
    """What a data set counts when it is prepared as declared, and who says so."""

    users: int
    items: int
    interactions: int
    said_by: str


@dataclass(frozen=True)
class Recipe:
    """How a data set is prepared. `sizes` are known for the settings as declared, and for no
    others.
    """

    name: str
    source: Source
    options: PrepareOptions = field(default_factory=PrepareOptions)
    raw: str | None = None
    sizes: Sizes | None = None
    beside: Beside = field(default_factory=Beside)


BOTH_PAPERS = "DIF-SR, Table 1, and COMIF, Table 1"
RECIPES: Sequence[Recipe] = (
    Recipe("demo", DemoSource()),
    Recipe(
        "beauty", AmazonSource(category="Beauty"), sizes=Sizes(22_363, 12_101, 198_502, BOTH_PAPERS)
    ),
    Recipe(
        "sports",
        AmazonSource(category="Sports_and_Outdoors"),
        sizes=Sizes(35_598, 18_357, 296_337, BOTH_PAPERS),
    ),
    Recipe(
        "toys",
        AmazonSource(category="Toys_and_Games"),
        sizes=Sizes(19_412, 11_924, 167_597, "DIF-SR, Table 1"),
    ),
    Recipe("yelp", YelpSource()),
    # the year of the papers, whose converter read local times in a zone eight hours ahead of UTC
    Recipe(
        "yelp-2019",
        YelpSource(),
        PrepareOptions(since="2018-12-31T22:00", until="2019-12-30T22:00:00"),
        sizes=Sizes(30_499, 20_068, 317_182, "DIF-SR, Table 1"),
    ),
    Recipe("beauty", S3RecSource("Beauty"), sizes=Sizes(22_363, 12_101, 198_502, BOTH_PAPERS)),
    Recipe(
        "sports",
        S3RecSource("Sports_and_Outdoors"),
        sizes=Sizes(35_598, 18_357, 296_337, BOTH_PAPERS),
    ),
    Recipe(
        "toys",
        S3RecSource("Toys_and_Games"),
        sizes=Sizes(19_412, 11_924, 167_597, "DIF-SR, Table 1"),
    ),
    Recipe("yelp", S3RecSource("Yelp"), sizes=Sizes(30_431, 20_033, 316_354, "S3-Rec, Table 1")),
    *(Recipe(release, MovieLensSource(release)) for release in get_args(Release)),
)
"""Data sets by name; where a name has several sources, the first is meant."""


def resolve(
    name: str,
    source: str | None = None,
    called: str | None = None,
    source_options: Mapping[str, object] | None = None,
    options: Mapping[str, object] | None = None,
    beside: Mapping[str, object] | None = None,
) -> Recipe:
    """A recipe, with some of its settings changed.

    `name` is one of `RECIPES` (`source` chooses between several of that name), a YAML file, the
    name of a source, or with `source` any name. `called` names the data set otherwise; the options,
    and the files beside, go over those that the recipe declares, key by key where one is a mapping
    (see `_over`). Raises `SirecError` with the nearest name for anything unknown, and for an option
    that the source does not have.
    """
    declared = _declared(name, source)
    bare: config.Tree = {"name": name, "source": {"name": declared}, "options": {}}
    tree: config.Tree = config.dump(declared) if isinstance(declared, Recipe) else bare
    tree["name"] = called or tree["name"]
    tree["source"] = _over(tree["source"], source_options or {})
    _check_required(tree["source"])
    tree["options"] = _over(tree["options"], options or {})
    tree["beside"] = _over(tree.get("beside", {}), beside or {})
    recipe = config.load(Recipe, tree, "prepare")
    same = isinstance(declared, Recipe) and (recipe.source, recipe.options) == (
        declared.source,
        declared.options,
    )
    return recipe if same else replace(recipe, sizes=None)


def _check_required(options: config.Tree) -> None:
    """Raise `SirecError` for an option without which a source cannot be built."""
    name = options["name"]
    for option in fields(SOURCES[name]):  # type: ignore[arg-type]
        is_required = option.default is MISSING and option.default_factory is MISSING
        if is_required and option.name not in options:
            value = f"{option.name}={option.name.upper()}"
            raise SirecError(
                f"the source {name} needs its option '{option.name}'",
                f"say it: {arguments('--set', value)}",
            )


def _over(declared: Mapping[str, object], given: Mapping[str, object]) -> config.Tree:
    """What is declared, with what is given over it: mappings (a split, bins, columns) likewise, key
    by key.

    An empty mapping leaves nothing of the declared one, and another split nothing of the declared
    split's settings.
    """
    merged = dict(declared)
    for key, value in given.items():
        before = merged.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping) and value:
            is_another = key == "split" and value.get("name", before["name"]) != before["name"]
            merged[key] = value if is_another else {**before, **value}
        else:
            merged[key] = value
    return merged


def _declared(name: str, source: str | None) -> Recipe | str:
    """What is declared under a name: a recipe, or just a source's name."""
    if source is not None and source not in SOURCES:
        raise unknown("source", source, SOURCES)
    if name.endswith((".yaml", ".yml")):
        recipe = config.load(Recipe, config.read_yaml(Path(name)), name)
        if source not in (None, recipe.source.name):
            what = f"{name}: its source is '{recipe.source.name}', not '{source}'"
            raise SirecError(
                what,
                "leave out --source, or change the file: "
                "its other settings are those of its source",
            )
        return recipe
    for recipe in RECIPES:
        if recipe.name == name and source in (None, recipe.source.name):
            return recipe
    if source is None and name not in SOURCES:
        if Path(name).is_file():
            table = command("prepare", "table", "--interactions", name)
            raise SirecError(
                f"'{name}' is a file, and no known data set",
                f"as a table it is read by: {table}; sources: {', '.join(sorted(SOURCES))}",
            )
        raise unknown(
            "known data set",
            name,
            dict.fromkeys([*(recipe.name for recipe in RECIPES), *SOURCES]),
            "prepare",
        )
    return source or name


def carry_out(
    recipe: Recipe,
    data_root: Path,
    raw: Path | None = None,
    reading: ReadingContext | None = None,
    replacement: Replacement = NOT_ALLOWED,
) -> Prepared:
    """Fetch what is missing, read, prepare, compare with the known sizes and write
    `data_root/<name>`.

    Files are fetched into `raw/` only, never into a place that a person named.

    Args:
        recipe: the recipe.
        data_root: folder of prepared data sets.
        raw: folder or archive with the raw files; None for the recipe's own.
        reading: receives the progress, and counts bad lines that may be skipped.
        replacement: whether another data set of the same name may be replaced.

    Raises:
        SirecError: for everything that the download, the source, the filters or the disk refuse,
            and for another data set of the same name.
    """
    reading = reading or ReadingContext()
    options = recipe.options
    reading = replace(
        reading, whole_cells=frozenset(options.lists), unknown=frozenset(options.unknown)
    )
    place = raw or (Path(recipe.raw) if recipe.raw else None)
    if place is None and recipe.source.needs_files:
        place = _provided(recipe, RAW / recipe.source.home(), reading)
    beside = recipe.beside.read(reading)
    read = beside.added_to(recipe.source.read(place, reading))
    with reading.bad_lines.told():
        prepared = prepare(read, recipe.name, recipe.options, reading.progress, reading.bad_lines)
    remarks = (*prepared.notes, *_remarks(recipe, prepared))
    prepared = replace(prepared, notes=remarks, skipped_lines=len(reading.bad_lines.messages))
    storage.write(data_root, prepared, replacement)
    return prepared


def _provided(recipe: Recipe, place: Path, reading: ReadingContext) -> Path:
    """The folder of the raw files, with everything in it that a public address offers and nothing
    there stands in for.
    """
    remotes = recipe.source.remotes()
    if remotes:
        download(
            [remote for remote in remotes if not _is_replaced(remote, place)],
            place,
            reading.progress,
        )
    elif not place.exists():
        raise SirecError(
            f"{recipe.name}: there are no raw files in {place}",
            f"put there {recipe.source.instructions()}; or say --raw",
        )
    return place


def _is_replaced(remote: Remote, place: Path) -> bool:
    """Whether something in the folder does in place of the file; the file itself, if it is there,
    has to be checked.
    """
    return not (place / remote.name).exists() and any(
        (place / other).exists() for other in remote.instead
    )


def _remarks(recipe: Recipe, prepared: Prepared) -> Iterator[str]:
    """What a person should know: how the counts compare with the known ones, and which time they
    cover.
    """
    counts = prepared.statistics
    ours = (counts.users, counts.items, counts.interactions)
    if recipe.sizes:
        theirs = (recipe.sizes.users, recipe.sizes.items, recipe.sizes.interactions)
        figures = " / ".join(f"{count:,}" for count in theirs)
        verdict = "the counts are those of" if ours == theirs else "the counts differ from those of"
        yield f"{verdict} {recipe.sizes.said_by}: {figures} users, items, interactions"
    if prepared.timestamps is not None:
        ticks, per_second = prepared.timestamps.ticks, prepared.timestamps.per_second
        first, last = written(int(ticks.min()), per_second), written(int(ticks.max()), per_second)
        yield f"from {first} to {last} (UTC)"
