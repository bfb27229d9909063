"""The format in which the S3-Rec release circulates: sequences without times, and attribute ids.

    sequences.txt          user item item …          one line per user, in time order
    item2attributes.json   {"item": [id, id, …], …}  a repeated id counts once
    attributes.tsv         attribute_id kind name …  optional: kinds and names of the attribute ids
    items.tsv              item_id asin title …      optional: public ids and titles of the items

The first two may have the authors' names RELEASE.txt and RELEASE_item2attributes.json; users, items
and attribute ids in them are whole numbers. With attributes.tsv there are the attributes `brand`
and `category`; without it there is one attribute called `attribute`. A brand without a name, or
called `(blank brand)`, is no brand: the shop left the box empty, and items that share an empty box
share nothing. With items.tsv the ASIN is the raw id of an item.

Source: Zhou et al., CIKM 2020; https://github.com/RUCAIBox/CIKM2020-S3Rec.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

import numpy as np
import pandas as pd

from sirec.config import MalformedTextError, parse_json
from sirec.data.download.fetch import Remote
from sirec.data.reading.context import BadLines, ReadingContext
from sirec.data.reading.files import RawFile, RawFiles, read_text
from sirec.data.reading.table_commands import interaction_rows
from sirec.data.sources.base import RawData, Source, written_options
from sirec.errors import SirecError
from sirec.shell import arguments

SEQUENCES, ITEM_ATTRIBUTES, ATTRIBUTES, ITEMS = (
    "sequences.txt",
    "item2attributes.json",
    "attributes.tsv",
    "items.tsv",
)
KINDS = ("brand", "category")
ADDRESS = "https://raw.githubusercontent.com/RUCAIBox/CIKM2020-S3Rec/master/data"
NAMELESS = ("", "(blank brand)")


@dataclass(frozen=True)
class S3RecSource(Source):
    """A folder with `sequences.txt` and `item2attributes.json`, or the two files of a release.

    Attributes:
        release: the name that the authors' two files begin with: Beauty, Sports_and_Outdoors,
            Toys_and_Games, Yelp or LastFM. None expects the plain names.
    """

    name: ClassVar[str] = "s3rec"
    licence: ClassVar[str] = (
        "the release states no licence that sirec knows; its data are from Amazon and "
        "Yelp, and Yelp allows academic use alone"
    )
    needs_files: ClassVar[bool] = True
    is_own: ClassVar[bool] = False

    release: str | None = None

    def remotes(self) -> tuple[Remote, ...]:
        """The release's two files in the authors' repository."""
        if self.release is None:
            return ()
        sequences = self._names_of(SEQUENCES)[-1]
        item_attributes = self._names_of(ITEM_ATTRIBUTES)[-1]
        return (
            Remote(sequences, f"{ADDRESS}/{sequences}"),
            Remote(item_attributes, f"{ADDRESS}/{item_attributes}"),
        )

    def instructions(self) -> str:
        """The two files that are not optional."""
        sequences = " or ".join(self._names_of(SEQUENCES))
        item_attributes = " or ".join(self._names_of(ITEM_ATTRIBUTES))
        return f"a folder with {sequences} and {item_attributes}"

    def read(self, folder: Path | None = None, context: ReadingContext | None = None) -> RawData:
        """Read sequences, attributes and titles.

        Args:
            folder: the folder or archive with the raw files.
            context: receives the progress, and counts bad lines that may be skipped.

        Raises:
            SirecError: for a missing file, or with file and line of the first mistake.
        """
        context = context or ReadingContext()
        raw = RawFiles(folder, self.instructions())
        context.progress("reading sequences", 0, 3)
        if raw.find(*self._names_of(SEQUENCES)) is None:
            _suggest_release(raw, self._names_of(SEQUENCES))
        sequences = raw.need(*self._names_of(SEQUENCES))
        interactions = _sequences(sequences, context.bad_lines)
        context.progress("reading attributes", 1, 3)
        item_attributes = raw.need(*self._names_of(ITEM_ATTRIBUTES))
        kinds = raw.find(ATTRIBUTES)
        items = raw.find(ITEMS)
        attributes = _attributes(item_attributes, kinds, context.bad_lines)
        context.progress("reading items", 2, 3)
        titles = None
        if items is not None:
            titles = _rename_items(items, interactions, attributes, context.bad_lines)
        files = tuple(file.path for file in (sequences, item_attributes, kinds, items) if file)
        context.progress("reading items", 3, 3)
        source = {"name": self.name, **written_options(self)}
        return RawData(interactions, attributes, titles, source, files)

    def _names_of(self, name: str) -> tuple[str, ...]:
        """Possible names of the file with the plain name `name`."""
        if self.release is None:
            return (name,)
        if name == SEQUENCES:
            return (name, f"{self.release}.txt")
        return (name, f"{self.release}_{name}")


def _suggest_release(raw: RawFiles, wanted: Sequence[str]) -> None:
    """Raise `SirecError` if there are the two files of a release, and none of the wanted names."""
    releases: list[str] = []
    for name in raw.named():
        release = PurePosixPath(name).name.removesuffix(f"_{ITEM_ATTRIBUTES}")
        if raw.find(f"{release}.txt") is not None:
            releases.append(arguments("--release", release))
    if releases:
        raise SirecError(
            f"{raw.location}: no {' or '.join(wanted)} in it, but the files of a release",
            f"say which: {' or '.join(releases)}",
        )


def _sequences(file: RawFile, bad_lines: BadLines) -> pd.DataFrame:
    """Interactions of the file of sequences, in its order."""
    users: list[str] = []
    counts: list[int] = []
    items: list[str] = []
    lines: dict[str, int] = {}
    text = read_text(file).splitlines()
    for number, line in enumerate(text, 1):
        wrong = _wrong(line, lines)
        if wrong is not None:
            _refuse_interactions(text, file)
            what, kind = wrong
            bad_lines.add(f"{file}:{number}", f"{what}, expected: user item item …", line, kind)
            continue
        user, *sequence = line.split()
        lines[user] = number
        users.append(user)
        counts.append(len(sequence))
        items.extend(sequence)
    return pd.DataFrame(
        {
            "user": np.repeat(np.array(users, dtype=object), counts),
            "item": np.array(items, dtype=object),
        }
    )


def _refuse_interactions(lines: Sequence[str], file: RawFile) -> None:
    """Raise `SirecError` if every line is an interaction, and not the sequence of a user."""
    rows = interaction_rows(lines)
    if rows is not None:
        raise SirecError(
            f"{file}: a line for each interaction, not one for the whole sequence of a user",
            f"read it as a table: {rows.command(file)}",
        )


def _wrong(line: str, users: Mapping[str, int]) -> tuple[str, str] | None:
    """(what, of which kind) is wrong with a line of a user and items; None if nothing is.

    Args:
        line: the line.
        users: the users of the lines before it, with the number of their lines.
    """
    parts = line.split()
    for part in parts:
        if not (part.isascii() and part.isdecimal()):
            return f"'{part[:80]}' is not a whole number", "not a whole number"
    if not parts:
        return "the line is empty", "an empty line"
    user = parts[0]
    if len(parts) == 1:
        return f"user {user} has no items", "a user without items"
    if user in users:
        first = f"first in line {users[user]}"
        return f"user {user} is listed twice, {first}", "a user that is listed twice"
    return None


def _attributes(
    file: RawFile, kinds: RawFile | None, bad_lines: BadLines
) -> dict[str, pd.DataFrame]:
    """Tables of `RawData.attributes`: one for each kind, or a single one if kinds are unknown."""
    pairs = list(_pairs(file))
    if kinds is None:
        return {"attribute": pd.DataFrame(pairs, columns=["item", "value"], dtype=object)}
    known = _kinds_and_names(kinds, bad_lines)
    kinds_there = {kind for kind, _ in known.values()}
    found: dict[str, list[tuple[str, str]]] = {kind: [] for kind in KINDS if kind in kinds_there}
    for item, value in pairs:
        if value not in known:
            raise SirecError(
                f"{file}: item {item}: attribute {value} has no line in {ATTRIBUTES}",
                "are both of one release?",
            )
        kind, name = known[value]
        if name not in NAMELESS:
            found[kind].append((item, name))
    tables: dict[str, pd.DataFrame] = {}
    for kind, rows in found.items():
        tables[kind] = pd.DataFrame(rows, columns=["item", "value"], dtype=object)
    return tables


def _pairs(file: RawFile) -> Iterator[tuple[str, str]]:
    """(item, attribute id), each pair once."""
    try:
        table = parse_json(read_text(file))
    except MalformedTextError as error:
        raise SirecError(
            error.in_file(str(file), "JSON").message, "is the file truncated?"
        ) from None
    if not isinstance(table, dict):
        raise SirecError(
            f"{file}: expected an object, got {str(table)[:80]}", 'expected: {"item": [id, …], …}'
        )
    for item, values in table.items():
        if not isinstance(values, list) or any(type(value) is not int for value in values):
            raise SirecError(
                f"{file}: item {item}: expected a list of whole numbers, got {str(values)[:80]}"
            )
        for value in dict.fromkeys(values):
            yield item, str(value)


def _kinds_and_names(file: RawFile, bad_lines: BadLines) -> dict[str, tuple[str, str]]:
    """Kind and name by attribute id."""
    known: dict[str, tuple[str, str]] = {}
    for where, (attribute, kind, name) in _rows(file, ("attribute_id", "kind", "name"), bad_lines):
        if kind not in KINDS:
            what = f"'{kind}' is not a kind (kinds: {', '.join(KINDS)})"
            bad_lines.add(where, what, kind="an unknown kind")
        elif attribute in known:
            what = f"attribute {attribute} is listed twice"
            bad_lines.add(where, what, kind="an attribute that is listed twice")
        else:
            known[attribute] = (kind, name.strip())
    return known


def _rename_items(
    file: RawFile,
    interactions: pd.DataFrame,
    attributes: dict[str, pd.DataFrame],
    bad_lines: BadLines,
) -> pd.DataFrame:
    """Replace the release's item numbers by ASINs in all tables, and read the titles.

    Args:
        file: the file of items.
        interactions: table of interactions, which is changed.
        attributes: tables of attributes, which are changed.
        bad_lines: counts lines with an item or ASIN that was listed before.

    Returns:
        The table of titles.

    Raises:
        SirecError: if an item of the interactions has no line in the file.
    """
    public: dict[str, str] = {}
    titles: dict[str, str] = {}
    for where, (item, asin, title) in _rows(file, ("item_id", "asin", "title"), bad_lines):
        if item in public:
            what = f"item {item} is listed twice"
            bad_lines.add(where, what, kind="an item that is listed twice")
        elif asin in titles:
            what = f"ASIN {asin} is listed twice"
            bad_lines.add(where, what, kind="an ASIN that is listed twice")
        else:
            public[item], titles[asin] = asin, title.strip()
    missing = set(interactions["item"].unique()) - set(public)
    if missing:
        raise SirecError(
            f"{file}: item {min(missing, key=int)} of {SEQUENCES} has no line "
            f"({len(missing)} such items)"
        )
    for table in (interactions, *attributes.values()):
        # An item that only the attribute file knows keeps its number: no interaction mentions it.
        table["item"] = np.array([public.get(item, item) for item in table["item"]], dtype=object)
    return pd.DataFrame({"item": list(titles), "title": list(titles.values())}, dtype=object)


def _rows(
    file: RawFile, columns: tuple[str, ...], bad_lines: BadLines
) -> Iterator[tuple[str, list[str]]]:
    """(file and line, cells of the wanted columns) of each row of a tab-separated table.

    Args:
        file: the table.
        columns: the names that its header must begin with.
        bad_lines: counts lines with another number of cells than the header.

    Raises:
        SirecError: if the header is another one.
    """
    header, *lines = read_text(file).split("\n")
    if tuple(header.rstrip("\r").split("\t")[: len(columns)]) != columns:
        raise SirecError(
            f"{file}:1: unexpected header '{header[:80]}'",
            f"expected (tab-separated): {' '.join(columns)} …",
        )
    width = len(header.split("\t"))
    for number, line in enumerate(lines, 2):
        if line == "" and number == len(lines) + 1:
            return
        cells = line.rstrip("\r").split("\t")
        if len(cells) != width:
            bad_lines.add(
                f"{file}:{number}", f"{len(cells)} tab-separated cells, expected {width}", line
            )
            continue
        yield f"{file}:{number}", cells[: len(columns)]
