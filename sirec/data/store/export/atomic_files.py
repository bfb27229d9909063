"""Export as RecBole's atomic files, NAME.inter and NAME.item, which `sources.atomic` reads too."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from sirec.data.sources.atomic import AtomicSource
from sirec.data.sources.base import Source
from sirec.data.store.export.base import SEPARATORS, DataFormat
from sirec.data.store.export.plain import (
    PlainData,
    check_names,
    free_separator,
    write_tab_separated,
)


def write_atomic(plain: PlainData, folder: Path) -> tuple[Source, Sequence[str]]:
    """Write atomic files.

    Args:
        plain: the data set.
        folder: an empty folder.

    Returns:
        The source that reads the files, and notes.
    """
    check_names(plain.behaviours, ("user_id", "item_id", "order"))
    check_names(plain.attributes, ("item_id",))
    several = {name for name, rows in plain.attributes.items() if max(map(len, rows)) > 1}
    separator = free_separator((" ", *SEPARATORS), plain, several)
    types = _types(plain, several)

    def typed(name: str) -> str:
        return f"{name}:{types[name]}"

    rows = plain.interactions("user_id:token", "item_id:token", "timestamp:float", typed)
    if plain.times is None:
        first_of_user = np.repeat(plain.data.offsets[:-1].numpy(), plain.data.lengths.numpy())
        positions = np.arange(len(plain.order)) - first_of_user
        rows["order:float"] = positions[plain.order]
    write_tab_separated(rows, folder / f"{plain.data.name}.inter")
    if plain.has_items:
        title = "title:token_seq" if separator == " " else "title:token"
        items = plain.described("item_id:token", title, typed, separator)
        write_tab_separated(items, folder / f"{plain.data.name}.item")
    source = AtomicSource(
        behaviours={name: name for name in plain.behaviours},
        attributes={name: name for name in plain.attributes} or None,
        title=None if plain.titles is None else "title",
        separator=separator,
    )
    return source, [*plain.notes, *_notes_for_recbole(plain, several, separator)]


def _types(plain: PlainData, several: Collection[str]) -> dict[str, str]:
    """RecBole's type of each field."""
    types: dict[str, str] = {}
    for name in plain.attributes:
        types[name] = "token_seq" if name in several else "token"
    for name, behaviour in plain.behaviours.items():
        types[name] = "float" if behaviour.is_number else "token"
    return types


def _notes_for_recbole(plain: PlainData, several: Collection[str], separator: str) -> Iterator[str]:
    """What a person has to know who reads the files with RecBole."""
    if separator != " ":
        fields = " and ".join(sorted(several))
        yield (
            f"values of {fields} contain blanks, so '{separator}' stands between them: "
            f"tell RecBole seq_separator: '{separator}'"
        )
    if plain.has_nanoseconds:
        yield (
            "RecBole reads times as doubles, which hold microseconds: "
            "times that differ by less are equal there"
        )
    data = plain.data
    groups = [data.item_names, data.user_names, plain.titles or (), *data.vocabularies.values()]
    quoted: list[str] = []
    for texts in groups:
        quoted += [text for text in texts if text.startswith('"')]
    if quoted:
        example = f"texts that do ({len(quoted)}), for example: {quoted[0][:40]}"
        yield f"RecBole takes a double quote that begins a text for quoting; {example}"


ATOMIC = DataFormat("atomic", write_atomic, keeps_times=True, forbidden=re.compile("[\t\r\n]"))
