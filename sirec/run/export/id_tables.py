"""The tables that tell codes from raw ids, as CSV that any program reads.

items.csv     code, item, title (if known), and the codes of each attribute that the model reads
                  (vectors are part of the model alone)
values.csv    field, code, value: what the codes of attributes and behaviours stand for
users.csv     code, user; only if the model reads who a user is
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from sirec.data.dataset import Dataset
from sirec.data.fields import PADDING, names
from sirec.run.export.base import ExportedRun

ITEM_TABLE, VALUE_TABLE, USER_TABLE = "items.csv", "values.csv", "users.csv"
SEPARATOR = "|"  # between several codes in a cell


def write_id_tables(run: ExportedRun, folder: Path, *, with_users: bool) -> None:
    """Write the tables of a run.

    Args:
        run: the run.
        folder: where the tables are written.
        with_users: whether the model reads who a user is.
    """
    data = run.data
    headings = ["code", "item"]
    if data.titles is not None:
        headings.append("title")
    attributes = run.built.schema.with_values
    _write(folder / ITEM_TABLE, [*headings, *names(attributes)], _item_rows(run))
    _write(folder / VALUE_TABLE, ["field", "code", "value"], _value_rows(data))
    if with_users:
        users = enumerate(data.user_names[1:], start=1)
        _write(folder / USER_TABLE, ["code", "user"], users)


def _item_rows(run: ExportedRun) -> Iterable[Sequence[object]]:
    """Code, id, title and codes of attributes of each item."""
    data = run.data
    tables = [field.values.cpu().tolist() for field in run.built.schema.with_values]
    for code in range(1, data.item_codes):
        row: list[object] = [code, data.item_names[code]]
        if data.titles is not None:
            row.append(data.titles[code])
        for table in tables:
            values = [str(value) for value in table[code] if value != PADDING]
            row.append(SEPARATOR.join(values))
        yield row


def _value_rows(data: Dataset) -> Iterable[Sequence[object]]:
    """Field, code and value of all fields that have names for their codes."""
    for field in data.fields:
        vocabulary = data.vocabularies.get(field.name, ())
        for code, value in enumerate(vocabulary[1:], start=1):
            yield [field.name, code, value]


def _write(path: Path, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(headings)
        writer.writerows(rows)
