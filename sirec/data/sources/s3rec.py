"""The format in which the S3-Rec release circulates: sequences without times, and attribute ids per
item.

    sequences.txt          user item item …          one line per user, in time order, whole numbers; or RELEASE.txt
    item2attributes.json   {"item": [id, id, …], …}  an id that is repeated counts once; or RELEASE_item2attributes.json
    attributes.tsv         attribute_id kind name …  optional: tells brands from categories and gives them names
    items.tsv              item_id asin title        optional: public ids and titles; the ASIN then is the item's raw id

Without `attributes.tsv` there is one attribute called `attribute`. A brand without a name, or
called `(blank brand)`, is no brand: the shop left the box empty, and items that share an empty box
share nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from sirec.data.download.fetch import Remote
from sirec.data.reading.context import BadLines, ReadingContext
from sirec.data.reading.files import RawFile, RawFiles, read_text
from sirec.data.sources.base import RawData, Source
from sirec.errors import SirecError

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
    """A folder with `sequences.txt` and `item2attributes.json`, or the two files that the authors
    call after `release`.

    The authors' releases are Beauty, Sports_and_Outdoors, Toys_and_Games, Yelp and LastFM.
    """

    name: ClassVar[str] = "s3rec"
    needs_files: ClassVar[bool] = True

    release: str | None = None

    def remotes(self) -> tuple[Remote, ...]:
        """The release's two files in the authors' repository (Zhou et al., CIKM 2020)."""
        names = (SEQUENCES, ITEM_ATTRIBUTES) if self.release else ()
        return tuple(
            Remote(self._of(name)[-1], f"{ADDRESS}/{self._of(name)[-1]}") for name in names
        )

    def instructions(self) -> str:
        """The two files."""
        return f"a folder with {' or '.join(self._of(SEQUENCES))} and {' or '.join(self._of(ITEM_ATTRIBUTES))}"

    def home(self) -> str:
        """Files of all releases."""
        return self.name

    def read(self, place: Path | None = None, reading: ReadingContext | None = None) -> RawData:
        """Read the folder. Raises `SirecError` with file and line of the first mistake."""
        raw, reading = RawFiles(place, self.instructions()), reading or ReadingContext()
        report = reading.progress
        report("reading sequences", 0, 3)
        sequences = raw.need(*self._of(SEQUENCES))
        interactions = _sequences(sequences, reading.bad_lines)
        report("reading attributes", 1, 3)
        item_attributes = raw.need(*self._of(ITEM_ATTRIBUTES))
        kinds, items = raw.find(ATTRIBUTES), raw.find(ITEMS)
        attributes = _attributes(item_attributes, kinds, reading.bad_lines)
        report("reading items", 2, 3)
        titles = _rename(items, interactions, attributes, reading.bad_lines) if items else None
        files = tuple(file.path for file in (sequences, item_attributes, kinds, items) if file)
        report("reading items", 3, 3)
        return RawData(interactions, attributes, titles, {"name": self.name}, files)

    def _of(self, name: str) -> tuple[str, ...]:
        """What a file may be called."""
        theirs = {
            SEQUENCES: f"{self.release}.txt",
            ITEM_ATTRIBUTES: f"{self.release}_{ITEM_ATTRIBUTES}",
        }
        return (name, theirs[name]) if self.release else (name,)


def _sequences(file: RawFile, bad_lines: BadLines) -> pd.DataFrame:
    users: list[str] = []
    counts: list[int] = []
    items: list[str] = []
    lines: dict[str, int] = {}
    for number, line in enumerate(read_text(file).splitlines(), 1):
        wrong = _wrong(line, lines)
        if wrong is not None:
            bad_lines.add(f"{file}:{number}", f"{wrong}, expected: user item item …", line)
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


def _wrong(line: str, users: Mapping[str, int]) -> str | None:
    """What is wrong with a line of a user and items, if anything is; `users` are those before it,
    and their lines.
    """
    parts = line.split()
    wrong = next((part for part in parts if not (part.isascii() and part.isdecimal())), None)
    if wrong is not None:
        return f"'{wrong[:80]}' is not a whole number"
    if len(parts) < 2:
        return f"user {parts[0]} has no items" if parts else "the line is empty"
    return (
        f"user {parts[0]} is listed twice, first in line {users[parts[0]]}"
        if parts[0] in users
        else None
    )


def _attributes(
    file: RawFile, kinds: RawFile | None, bad_lines: BadLines
) -> dict[str, pd.DataFrame]:
    pairs = list(_pairs(file))
    if kinds is None:
        return {"attribute": pd.DataFrame(pairs, columns=["item", "value"], dtype=object)}
    known = _kinds_and_names(kinds, bad_lines)
    found: dict[str, list[tuple[str, str]]] = {
        kind: [] for kind in KINDS if any(kind == k for k, _ in known.values())
    }
    for item, value in pairs:
        if value not in known:
            raise SirecError(
                f"{file}: item {item}: attribute {value} has no line in {ATTRIBUTES}",
                "are both of one release?",
            )
        kind, name = known[value]
        if name not in NAMELESS:
            found[kind].append((item, name))
    return {
        kind: pd.DataFrame(rows, columns=["item", "value"], dtype=object)
        for kind, rows in found.items()
    }


def _pairs(file: RawFile) -> Iterator[tuple[str, str]]:
    try:
        table = json.loads(read_text(file))
    except json.JSONDecodeError as error:
        where = f"{file}:{error.lineno}:{error.colno}"
        raise SirecError(
            f"{where}: not valid JSON: {error.msg}", "is the file truncated?"
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
    known: dict[str, tuple[str, str]] = {}
    for where, (attribute, kind, name) in _rows(file, ("attribute_id", "kind", "name"), bad_lines):
        if kind not in KINDS:
            bad_lines.add(where, f"'{kind}' is not a kind (kinds: {', '.join(KINDS)})")
        elif attribute in known:
            bad_lines.add(where, f"attribute {attribute} is listed twice")
        else:
            known[attribute] = (kind, name.strip())
    return known


def _rename(
    file: RawFile,
    interactions: pd.DataFrame,
    attributes: dict[str, pd.DataFrame],
    bad_lines: BadLines,
) -> pd.DataFrame:
    """Put the ASIN in place of the release's item number in all tables; returns the titles."""
    public: dict[str, str] = {}
    titles: dict[str, str] = {}
    for where, (item, asin, title) in _rows(file, ("item_id", "asin", "title"), bad_lines):
        if item in public or asin in titles:
            bad_lines.add(
                where, f"{f'item {item}' if item in public else f'ASIN {asin}'} is listed twice"
            )
        else:
            public[item], titles[asin] = asin, title.strip()
    missing = set(interactions["item"].unique()) - set(public)
    if missing:
        raise SirecError(
            f"{file}: item {min(missing, key=int)} of {SEQUENCES} has no line ({len(missing)} such items)"
        )
    for table in (interactions, *attributes.values()):
        # An item that only the attribute file knows keeps its number: no interaction mentions it.
        table["item"] = np.array([public.get(item, item) for item in table["item"]], dtype=object)
    return pd.DataFrame({"item": list(titles), "title": list(titles.values())}, dtype=object)


def _rows(
    file: RawFile, columns: tuple[str, ...], bad_lines: BadLines
) -> Iterator[tuple[str, list[str]]]:
    """The wanted cells of each row, with the row's place."""
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
