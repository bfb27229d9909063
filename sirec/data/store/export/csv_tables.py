"""Export as CSV: interactions.csv and items.csv, which any spreadsheet and `sources.table` read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from sirec.data.sources.base import Source
from sirec.data.sources.table import TableSource
from sirec.data.store.export.base import SEPARATORS, DataFormat
from sirec.data.store.export.plain import PlainData, free_separator


def write_csv(plain: PlainData, folder: Path) -> tuple[Source, Sequence[str]]:
    """Write CSV files.

    Args:
        plain: the data set.
        folder: an empty folder.

    Returns:
        The source that reads the files, and notes.
    """
    separator = free_separator(SEPARATORS, plain, plain.attributes)
    interactions = plain.interactions("user", "item", "timestamp", str)
    interactions.to_csv(folder / "interactions.csv", index=False)
    if plain.has_items:
        items = plain.described("item", "title", str, separator)
        items.to_csv(folder / "items.csv", index=False)
    texts = [name for name, behaviour in plain.behaviours.items() if not behaviour.is_number]
    source = TableSource(
        interactions="interactions.csv",
        time=None if plain.times is None else "timestamp",
        behaviours={name: name for name in plain.behaviours},
        texts=tuple(texts),
        attributes={name: name for name in plain.attributes},
        items="items.csv" if plain.has_items else None,
        title=None if plain.titles is None else "title",
        separator=separator,
    )
    return source, plain.notes


CSV = DataFormat("csv", write_csv, keeps_times=True, forbidden=re.compile("\r"))
