"""The Parquet tables of a prepared data set, and the tensors of vectors: how they are written, and
read again checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from sirec.data.artefacts import StoredColumn, read_table, whole_numbers
from sirec.data.fields import Field
from sirec.data.prepare.coded_attributes import MOST_CELLS
from sirec.data.prepare.pipeline import Prepared
from sirec.data.store.manifest import REMEDY, FieldEntry, Manifest, changed
from sirec.data.tensors import check_tensors, load_tensors, save_tensors

INTERACTIONS, ITEMS, VOCABULARY = "interactions.parquet", "items.parquet", "vocabulary"
VECTORS = "vectors.safetensors"
TIMESTAMP = StoredColumn("timestamp", low=-(2**63), high=2**63 - 1)


def write_tables(folder: Path, prepared: Prepared) -> None:
    """Write the tables of a data set into an empty folder.

    Args:
        folder: the folder.
        prepared: the data set.
    """
    data = prepared.dataset
    users = torch.repeat_interleave(torch.arange(1, data.user_count + 1), data.lengths)
    columns = {"user": _narrow(users), "item": _narrow(data.items)}
    if prepared.timestamps is not None:
        columns["timestamp"] = pa.array(prepared.timestamps.numpy())
    for name, values in data.behaviours.items():
        columns[name] = _narrow(values)
    _save(columns, folder / INTERACTIONS)
    items = {
        "item": _narrow(torch.arange(1, data.item_codes)),
        "id": pa.array(data.item_names[1:], pa.string()),
    }
    if data.titles is not None:
        items["title"] = pa.array(data.titles[1:], pa.string())
    for field in data.fields:
        if field.kind == "attribute" and field.form == "values":
            items[field.name] = _lists(field.values[1:])
    _save(items, folder / ITEMS)
    vectors = {field.name: field.vectors for field in data.fields if field.form == "vector"}
    if vectors:
        save_tensors(folder / VECTORS, vectors)
    (folder / VOCABULARY).mkdir()
    for name, names in {"user": data.user_names, **data.vocabularies}.items():
        codes = pa.array(range(1, len(names)), pa.int32())
        _save(
            {"code": codes, "name": pa.array(names[1:], pa.string())},
            folder / VOCABULARY / f"{name}.parquet",
        )


@dataclass(frozen=True)
class StoredTables:
    """The tables of a prepared folder, each checked as it is read.

    Attributes:
        folder: the folder.
        manifest: its manifest, which says how many rows and codes there are.
    """

    folder: Path
    manifest: Manifest

    def interactions(self) -> pa.Table:
        """User, item, the codes of behaviours, and times where there are any."""
        counts = self.manifest.statistics
        columns = [
            StoredColumn("user", low=1, high=counts.users),
            StoredColumn("item", low=1, high=counts.items),
            TIMESTAMP if self.manifest.options.split.needs_timestamps else _optional(TIMESTAMP),
        ]
        for entry in self.manifest.fields:
            if entry.kind == "behaviour":
                columns.append(StoredColumn(entry.name, high=entry.size - 1))
        path = self.folder / INTERACTIONS
        return read_table(path, columns, REMEDY, rows=counts.interactions)

    def items(self) -> pa.Table:
        """Raw id, title and attributes' codes of each item."""
        count = self.manifest.statistics.items
        columns = [
            StoredColumn("item", low=1, high=count),
            StoredColumn("id", "text"),
            StoredColumn("title", "text", is_optional=True),
        ]
        for entry in self.manifest.fields:
            if entry.kind == "attribute" and entry.form == "values":
                columns.append(StoredColumn(entry.name, "wholes", low=1, high=entry.size - 1))
        table = read_table(self.folder / ITEMS, columns, REMEDY, rows=count)
        if not np.array_equal(whole_numbers(table, "item"), np.arange(1, count + 1)):
            raise changed(self.folder / ITEMS, "the column 'item' does not count the items")
        return table

    def names(self, name: str, size: int) -> list[str]:
        """The name of each code of a field or of the users, with the padding's.

        Args:
            name: name of the field, or `user`.
            size: number of codes, padding included.
        """
        path = self.folder / VOCABULARY / f"{name}.parquet"
        columns = [StoredColumn("code", low=1, high=max(size - 1, 1)), StoredColumn("name", "text")]
        return ["", *read_table(path, columns, REMEDY, rows=size - 1)["name"].to_pylist()]

    def vectors(self) -> dict[str, Tensor]:
        """Float[V, W] of each attribute of vectors, by name."""
        expected: dict[str, Tensor] = {}
        items = self.manifest.statistics.items
        for entry in self.manifest.fields:
            if entry.form == "vector":
                # A tensor of shape and type, without memory.
                expected[entry.name] = torch.empty(items + 1, entry.size, device="meta")
        if not expected:
            return {}
        path = self.folder / VECTORS
        found, _ = load_tensors(path, REMEDY)
        check_tensors(found, expected, str(path), REMEDY)
        return found

    def field(self, entry: FieldEntry, items: pa.Table, vectors: Mapping[str, Tensor]) -> Field:
        """A field, with its table where it is an attribute.

        Args:
            entry: what the manifest says of the field.
            items: what `items()` gave.
            vectors: what `vectors()` gave.
        """
        if entry.kind == "behaviour" or entry.form == "vector":
            table = vectors.get(entry.name)
            return Field(entry.name, entry.kind, entry.size, table, form=entry.form)
        lists = items[entry.name].combine_chunks()
        widest = max(int(lists.value_lengths().to_numpy().max()), 1)
        if widest * (len(lists) + 1) > MOST_CELLS:
            what = f"items have up to {widest:,} values of {entry.name}"
            raise changed(self.folder / ITEMS, what)
        return Field(entry.name, entry.kind, entry.size, _padded(lists, widest))


def codes(table: pa.Table, name: str) -> Tensor:
    """Long[N], a column of codes or times of a checked table."""
    return torch.from_numpy(whole_numbers(table, name))


def _optional(column: StoredColumn) -> StoredColumn:
    return StoredColumn(column.name, column.content, column.low, column.high, is_optional=True)


def _save(columns: Mapping[str, Any], path: Path) -> None:
    pq.write_table(pa.table(dict(columns)), path, compression="zstd")


def _narrow(values: Tensor) -> Any:
    return pa.array(values.to(torch.int32).numpy())


def _lists(table: Tensor) -> Any:
    """A padded table Long[V, F] as lists without the padding."""
    real = table != 0
    offsets = torch.cat([torch.zeros(1, dtype=torch.long), real.sum(1).cumsum(0)])
    return pa.ListArray.from_arrays(_narrow(offsets), _narrow(table[real]))


def _padded(lists: Any, widest: int) -> Tensor:
    """Lists as a padded table Long[V, F], with the row of the padding item."""
    counts = torch.tensor(lists.value_lengths().to_numpy(), dtype=torch.long)
    table = torch.zeros(len(counts) + 1, widest, dtype=torch.long)
    table[1:][torch.arange(widest) < counts[:, None]] = torch.tensor(
        lists.flatten().to_numpy(), dtype=torch.long
    )
    return table
