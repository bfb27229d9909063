"""The format in which the S3-Rec release circulates: sequences without times, and attribute ids per item.

    sequences.txt          user item item …          one line per user, in time order, whole numbers
    item2attributes.json   {"item": [id, id, …], …}  the order in a list carries no meaning and a repeated id counts once
    attributes.tsv         attribute_id kind name …  optional: tells brands from categories and gives them names
    items.tsv              item_id asin title        optional: public ids and titles; the ASIN then is the item's raw id

Without `attributes.tsv` there is one attribute called `attribute`. A brand without a name, or called `(blank brand)`, is no
brand: the shop left the box empty, and items that share an empty box share nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from sirec.data.raw import Progress, RawData
from sirec.errors import SirecError, unknown

SEQUENCES, ITEM_ATTRIBUTES, ATTRIBUTES, ITEMS = "sequences.txt", "item2attributes.json", "attributes.tsv", "items.tsv"
KINDS = ("brand", "category")
NAMELESS = ("", "(blank brand)")


@dataclass(frozen=True)
class S3RecSource:
    """A folder with `sequences.txt` and `item2attributes.json`."""

    name: ClassVar[str] = "s3rec"
    needs_files: ClassVar[bool] = True

    def read(self, folder: Path | None = None, progress: Progress | None = None) -> RawData:
        """Read the folder. Raises `SirecError` with file and line of the first mistake."""
        if folder is None or not folder.is_dir():
            raise SirecError(f"{folder or 'no raw folder given'}: no such folder", f"expected a folder with {SEQUENCES}")
        report = progress or (lambda stage, done, total: None)
        report("reading sequences", 0, 3)
        interactions = _sequences(folder / SEQUENCES)
        report("reading attributes", 1, 3)
        attributes = _attributes(folder)
        report("reading items", 2, 3)
        titles = _rename(folder / ITEMS, interactions, attributes) if (folder / ITEMS).exists() else None
        files = tuple(folder / name for name in (SEQUENCES, ITEM_ATTRIBUTES, ATTRIBUTES, ITEMS) if (folder / name).exists())
        report("reading items", 3, 3)
        return RawData(interactions, attributes, titles, {"name": self.name}, files)


def _sequences(path: Path) -> pd.DataFrame:
    users: list[str] = []
    counts: list[int] = []
    items: list[str] = []
    lines: dict[str, int] = {}
    for number, line in enumerate(_text(path).splitlines(), 1):
        user, *sequence = _numbers(line, f"{path}:{number}")
        if user in lines:
            raise SirecError(f"{path}:{number}: user {user} is listed twice, first in line {lines[user]}", "one line per user")
        lines[user] = number
        users.append(user)
        counts.append(len(sequence))
        items.extend(sequence)
    return pd.DataFrame({"user": np.repeat(np.array(users, dtype=object), counts), "item": np.array(items, dtype=object)})


def _numbers(line: str, where: str) -> list[str]:
    parts = line.split()
    wrong = next((part for part in parts if not (part.isascii() and part.isdecimal())), None)
    if wrong is not None:
        raise SirecError(f"{where}: '{wrong[:80]}' is not a whole number", "expected: user item item …")
    if len(parts) < 2:
        what = f"user {parts[0]} has no items" if parts else "the line is empty"
        raise SirecError(f"{where}: {what}", "expected: user item item …")
    return parts


def _attributes(folder: Path) -> dict[str, pd.DataFrame]:
    path = folder / ITEM_ATTRIBUTES
    pairs = list(_pairs(path))
    if not (folder / ATTRIBUTES).exists():
        return {"attribute": pd.DataFrame(pairs, columns=["item", "value"], dtype=object)}
    known = _kinds_and_names(folder / ATTRIBUTES)
    found: dict[str, list[tuple[str, str]]] = {kind: [] for kind in KINDS if any(kind == k for k, _ in known.values())}
    for item, value in pairs:
        if value not in known:
            raise SirecError(f"{path}: item {item}: attribute {value} has no line in {ATTRIBUTES}", "are both of one release?")
        kind, name = known[value]
        if name not in NAMELESS:
            found[kind].append((item, name))
    return {kind: pd.DataFrame(rows, columns=["item", "value"], dtype=object) for kind, rows in found.items()}


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    try:
        table = json.loads(_text(path))
    except json.JSONDecodeError as error:
        where = f"{path}:{error.lineno}:{error.colno}"
        raise SirecError(f"{where}: not valid JSON: {error.msg}", "is the file truncated?") from None
    if not isinstance(table, dict):
        raise SirecError(f"{path}: expected an object, got {str(table)[:80]}", 'expected: {"item": [id, …], …}')
    for item, values in table.items():
        if not isinstance(values, list) or any(type(value) is not int for value in values):
            raise SirecError(f"{path}: item {item}: expected a list of whole numbers, got {str(values)[:80]}")
        for value in dict.fromkeys(values):
            yield item, str(value)


def _kinds_and_names(path: Path) -> dict[str, tuple[str, str]]:
    known: dict[str, tuple[str, str]] = {}
    for number, (attribute, kind, name) in _rows(path, ("attribute_id", "kind", "name")):
        if kind not in KINDS:
            raise unknown("kind", kind, KINDS, f"{path}:{number}")
        if attribute in known:
            raise SirecError(f"{path}:{number}: attribute {attribute} is listed twice")
        known[attribute] = (kind, name.strip())
    return known


def _rename(path: Path, interactions: pd.DataFrame, attributes: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Put the ASIN in place of the release's item number in all tables; returns the titles."""
    public: dict[str, str] = {}
    titles: dict[str, str] = {}
    for number, (item, asin, title) in _rows(path, ("item_id", "asin", "title")):
        if item in public or asin in titles:
            twice = f"item {item}" if item in public else f"ASIN {asin}"
            raise SirecError(f"{path}:{number}: {twice} is listed twice")
        public[item], titles[asin] = asin, title.strip()
    missing = set(interactions["item"].unique()) - set(public)
    if missing:
        raise SirecError(f"{path}: item {min(missing, key=int)} of {SEQUENCES} has no line ({len(missing)} such items)")
    for table in (interactions, *attributes.values()):
        # An item that only the attribute file knows keeps its number: no interaction mentions it.
        table["item"] = np.array([public.get(item, item) for item in table["item"]], dtype=object)
    return pd.DataFrame({"item": list(titles), "title": list(titles.values())}, dtype=object)


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, list[str]]]:
    header, *lines = _text(path).split("\n")
    if tuple(header.rstrip("\r").split("\t")[: len(columns)]) != columns:
        raise SirecError(f"{path}:1: unexpected header '{header[:80]}'", f"expected (tab-separated): {' '.join(columns)} …")
    width = len(header.split("\t"))
    for number, line in enumerate(lines, 2):
        if line == "" and number == len(lines) + 1:
            return
        cells = line.rstrip("\r").split("\t")
        if len(cells) != width:
            raise SirecError(f"{path}:{number}: {len(cells)} tab-separated cells, expected {width}: '{line[:80]}'")
        yield number, cells[: len(columns)]


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SirecError(f"{path}: no such file", f"the S3-Rec format needs {SEQUENCES} and {ITEM_ATTRIBUTES}") from None
    except UnicodeDecodeError as error:
        raise SirecError(f"{path}: not UTF-8 text at byte {error.start}") from None
    if not text.strip():
        raise SirecError(f"{path}: the file is empty")
    return text
