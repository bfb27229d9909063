"""The distinct values of raw and prepared data, as the checks look at them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sirec.data.dataset import Dataset
from sirec.data.fields import PADDING, UNKNOWN, Field
from sirec.data.prepare.distinct import distinct_counts
from sirec.data.prepare.value_checks.base import FieldValues, ItemTable, ReadValues
from sirec.data.sources.base import RawData


def gather(
    raw: RawData,
    data: Dataset,
    binned: Collection[str] = (),
    skipped_lines: int = 0,
    unknown: Collection[str] = (),
) -> ReadValues:
    """The values of all fields.

    Args:
        raw: the raw data, before the filters.
        data: the data set that was made of them.
        binned: fields with declared bins, whose values are names of bins and no longer looked at.
        skipped_lines: how many bad lines were skipped already.
        unknown: behaviours of which an interaction may have no value.
    """
    fields = list(_ids(data))
    titles = _titles(data)
    if titles is not None:
        fields.append(titles)
    for field in data.fields:
        if field.name in binned or field.form == "vector":
            continue
        if field.form == "user":
            fields.append(_of_users(field, data))
        elif field.kind == "attribute":
            fields.append(_attribute(field, data))
        else:
            fields.append(_behaviour(field, raw, data, may_lack=field.name in unknown))
    raw_fields: list[FieldValues] = []
    for role in ("user", "item"):
        texts, counts = distinct_counts(raw.interactions[role])
        raw_fields.append(FieldValues(role, role, texts, counts, int(counts.sum())))

    def raw_rows(name: str, texts: Iterable[str]) -> int:
        return int(raw.interactions[name].isin(list(texts)).sum())

    table = _item_table(raw, data, raw_fields[-1].texts)
    return ReadValues(fields, raw_fields, table, raw_rows, skipped_lines)


def _ids(data: Dataset) -> Iterator[FieldValues]:
    interactions = len(data.items)
    users = data.lengths.numpy()
    yield FieldValues("user", "user", data.user_names[1:], users, interactions)
    items = np.bincount(data.items.numpy(), minlength=data.item_codes)[1:]
    yield FieldValues("item", "item", data.item_names[1:], items, interactions)


def _titles(data: Dataset) -> FieldValues | None:
    """The distinct titles; an item without one, which is shown by its id, does not count."""
    if data.titles is None:
        return None
    titles = pd.Series(data.titles[1:], dtype=object)
    names = pd.Series(data.item_names[1:], dtype=object)
    texts, counts = distinct_counts(titles[(titles != names).to_numpy()])
    return FieldValues("title", "title", texts, counts, data.item_count)


def _attribute(field: Field, data: Dataset) -> FieldValues:
    table = field.values.numpy()[1:]
    counts: NDArray[np.int64] = np.bincount(table.ravel(), minlength=field.size)
    counts[PADDING] = 0
    has_value = table != PADDING
    is_shared = (counts > 1)[table].any(axis=1)
    described = has_value.any(axis=1)
    return FieldValues(
        name=field.name,
        role="attribute",
        texts=data.vocabularies[field.name][1:],
        counts=counts[1:],
        total=data.item_count,
        described=int(described.sum()),
        alone=int((described & ~is_shared).sum()),
    )


def _behaviour(field: Field, raw: RawData, data: Dataset, *, may_lack: bool) -> FieldValues:
    """The values of a behaviour, without that of interactions that may lack one."""
    counts = np.bincount(data.behaviours[field.name].numpy(), minlength=field.size)[1:]
    is_number = pd.api.types.is_numeric_dtype(raw.interactions[field.name])
    is_name = field.name in raw.declared_texts
    texts = data.vocabularies[field.name][1:]
    total = len(data.items)
    if may_lack and texts[-1] == UNKNOWN:
        texts, counts = texts[:-1], counts[:-1]
    return FieldValues(
        field.name, "behaviour", texts, counts, total, is_number=is_number, is_name=is_name
    )


def _of_users(field: Field, data: Dataset) -> FieldValues:
    codes = data.behaviours[field.name][data.offsets[:-1]].numpy()
    counts: NDArray[np.int64] = np.bincount(codes, minlength=field.size)
    counts[PADDING] = 0
    return FieldValues(
        name=field.name,
        role="attribute",
        texts=data.vocabularies[field.name][1:],
        counts=counts[1:],
        total=data.user_count,
        described=int((codes != PADDING).sum()),
        alone=int((counts == 1).sum()),
        is_of_users=True,
    )


def _item_table(raw: RawData, data: Dataset, mentioned: Sequence[str]) -> ItemTable | None:
    listed = raw.listed_items()
    if raw.items is None and not listed:
        return None
    remaining = set(data.item_names[1:])
    return ItemTable(
        name="the table of items" if raw.items is None else raw.items.name,
        missing=sorted(remaining - listed),
        remaining=len(remaining),
        unused=sorted(listed.difference(mentioned)),
        rows=len(listed),
        is_whole=raw.items is not None,
    )
