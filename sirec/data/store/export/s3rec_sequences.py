"""Export in the format of the S3-Rec release, which `sources.s3rec` reads.

The files are sequences.txt, item2attributes.json, attributes.tsv and items.tsv. The format has no
times, no behaviours, and no attributes but brand and category.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from sirec.data.sources.base import Source
from sirec.data.sources.s3rec import (
    ATTRIBUTES,
    ITEM_ATTRIBUTES,
    ITEMS,
    KINDS,
    SEQUENCES,
    S3RecSource,
)
from sirec.data.store.export.base import DataFormat
from sirec.data.store.export.order import introduces_in_order
from sirec.data.store.export.plain import PlainData, write_tab_separated

Numbers = Mapping[tuple[str, str], int]
"""The number of each value of an attribute, by kind and name."""


def write_sequences(plain: PlainData, folder: Path) -> tuple[Source, Sequence[str]]:
    """Write the files of the S3-Rec release.

    Args:
        plain: the data set.
        folder: an empty folder.

    Returns:
        The source that reads the files, and notes.
    """
    data = plain.data
    users = data.user_names[1:]
    keeps_users = all(name.isascii() and name.isdecimal() for name in users)
    names = users if keeps_users else list(map(str, range(1, len(users) + 1)))
    rows = np.split(data.items.numpy().astype(str), data.offsets[1:-1].numpy())
    lines = [f"{name} {' '.join(row)}\n" for name, row in zip(names, rows, strict=True)]
    (folder / SEQUENCES).write_text("".join(lines), encoding="utf-8")
    numbers = _numbers(plain)
    kinds = list(dict.fromkeys(kind for kind, _ in numbers))
    _write_attributes(plain, numbers, kinds, folder)
    titles = plain.titles or [""] * data.item_count
    codes = range(1, data.item_codes)
    items = pd.DataFrame({"item_id": codes, "asin": data.item_names[1:], "title": titles})
    write_tab_separated(items, folder / ITEMS)
    return S3RecSource(), list(_notes(plain, kinds, keeps_users=keeps_users))


def _numbers(plain: PlainData) -> Numbers:
    numbers: dict[tuple[str, str], int] = {}
    for kind in KINDS:
        if kind in plain.attributes:
            for value in plain.data.vocabularies[kind][1:]:
                numbers[kind, value] = len(numbers) + 1
    return numbers


def _write_attributes(
    plain: PlainData, numbers: Numbers, kinds: Sequence[str], folder: Path
) -> None:
    of_items: dict[int, list[int]] = {}
    for code in range(1, plain.data.item_codes):
        listed: list[int] = []
        for kind in kinds:
            listed += [numbers[kind, value] for value in plain.attributes[kind][code - 1]]
        if listed:
            of_items[code] = listed
    (folder / ITEM_ATTRIBUTES).write_text(json.dumps(of_items), encoding="utf-8")
    values = [(number, kind, value) for (kind, value), number in numbers.items()]
    table = pd.DataFrame(values, columns=["attribute_id", "kind", "name"])
    write_tab_separated(table, folder / ATTRIBUTES)


def _notes(plain: PlainData, kinds: Sequence[str], *, keeps_users: bool) -> Iterator[str]:
    lost = [] if plain.times is None else ["times"]
    lost += plain.behaviours
    lost += [name for name in plain.attributes if name not in kinds]
    if lost:
        yield f"the format has no place for {', '.join(lost)}: left out"
    if not keeps_users:
        yield "users of this format are whole numbers: they are numbered"
    if not introduces_in_order(plain.data.items.numpy()):
        yield (
            "the format has one line per user, so that items first appear in another order, "
            "and will have other codes"
        )


S3REC_SEQUENCES = DataFormat(
    "sequences", write_sequences, keeps_times=False, forbidden=re.compile("[\t\r\n]")
)
