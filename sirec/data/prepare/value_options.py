"""The options that change values after reading: fields left out, lists, markup, missing words,
numbers, spellings, and the ids of the table of items. Without them the values stay as they were
read.

They are applied in this order: a list may hold markup, a word for nothing may be inside a list, and
spellings are compared once all that is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sirec.data.prepare.bins import number_text
from sirec.data.prepare.distinct import distinct, text_behaviours, with_tables
from sirec.data.prepare.filters import PrepareOptions
from sirec.data.prepare.findings import shortened
from sirec.data.prepare.numbers import with_numbers
from sirec.data.reading.context import BadLines
from sirec.data.reading.vectors import ItemVectors
from sirec.data.sources.base import RawData
from sirec.data.value_forms.absence import matching_words
from sirec.data.value_forms.html_text import cleaned
from sirec.data.value_forms.list_literals import list_values
from sirec.data.value_forms.spellings import JoinRule, joined_ids, twins
from sirec.data.value_forms.written_numbers import read_number
from sirec.errors import SirecError, unknown
from sirec.shell import arguments

Tables = dict[str, pd.DataFrame]
T = TypeVar("T")


def read_values(raw: RawData, options: PrepareOptions, bad_lines: BadLines) -> RawData:
    """The raw data with the values that the options ask for.

    Args:
        raw: the raw data, which stay as they are.
        options: what to change.
        bad_lines: counts the interactions without a user, an item or a behaviour.

    Raises:
        SirecError: for a field that is not there, a number that is none, and more interactions
            without a value than are tolerated.
    """
    if options.without:
        raw = _without(raw, options.without)
    if options.changes_tables_of_items or options.bins:
        raw = _complete(raw)
    if options.lists:
        raw = _with_lists(raw, options)
    if options.clean:
        raw = _clean(raw)
    if options.missing:
        raw = _without_missing(raw, options, bad_lines)
    raw = with_numbers(raw, options.bins, options.decimal)
    for name in options.merge:
        raw = _merged(raw, name)
    if options.join is not None:
        raw = _joined(raw, options.join)
    return raw


def _complete(raw: RawData) -> RawData:
    """The raw data without rows of items whose value or title is null, which no option changes."""
    titles = None if raw.titles is None else raw.titles.dropna(ignore_index=True)
    raw = with_tables(raw, lambda name, table: table.dropna(ignore_index=True))
    return replace(raw, titles=titles)


def _without(raw: RawData, names: Sequence[str]) -> RawData:
    """The raw data without these fields."""
    known = [*raw.attributes, *raw.vectors, *raw.behaviours, *raw.of_users]
    for name in names:
        if name not in known:
            raise unknown("field", name, known, "without")
    behaviours = [name for name in raw.behaviours if name in names]
    return replace(
        raw,
        attributes=_others(raw.attributes, names),
        vectors=_others(raw.vectors, names),
        of_users=_others(raw.of_users, names),
        interactions=raw.interactions.drop(columns=behaviours),
    )


def _others(fields: Mapping[str, T], names: Sequence[str]) -> dict[str, T]:
    """Fields without those of some names."""
    return {name: each for name, each in fields.items() if name not in names}


def _with_lists(raw: RawData, options: PrepareOptions) -> RawData:
    """The attributes whose cells are declared to hold lists, with one row for each element."""
    attributes = dict(raw.attributes)
    for name, form in options.lists.items():
        if name not in attributes:
            raise unknown("attribute", name, attributes, "lists")

        attributes[name] = _split_values(attributes[name], form)
    return replace(raw, attributes=attributes)


def _split_values(table: pd.DataFrame, form: str) -> pd.DataFrame:
    """A table of an attribute with the elements of each distinct value in place of it."""
    codes, texts = distinct(table["value"])
    lists = np.empty(len(texts), dtype=object)
    lists[:] = list_values(texts, form)
    rows = table[["item"]].assign(value=lists[codes]).explode("value").dropna(subset="value")
    return rows.drop_duplicates(ignore_index=True)


def _clean(raw: RawData) -> RawData:
    """Attributes, titles and behaviours of texts without markup; what is empty then is missing."""

    def without_markup(name: str, table: pd.DataFrame) -> pd.DataFrame:
        values = _replaced(table["value"], cleaned)
        rows = table.assign(value=values)[(values != "").to_numpy()]
        return rows.reset_index(drop=True)

    raw = with_tables(raw, without_markup)
    titles = raw.titles
    if titles is not None:
        titles = titles.assign(title=_replaced(titles["title"], cleaned))
    texts: dict[str, pd.Series[Any]] = {}
    for name in text_behaviours(raw):
        texts[name] = _replaced(raw.interactions[name], cleaned)
    return replace(raw, titles=titles, interactions=raw.interactions.assign(**texts))


def _without_missing(raw: RawData, options: PrepareOptions, bad_lines: BadLines) -> RawData:
    """The raw data in which the words are no values, as if their cells were empty.

    An item just loses such a value of an attribute and such a title. An interaction that has no
    user, item or behaviour then is bad, as a line with an empty cell is; but behaviours that are
    declared `unknown` may have no value.
    """
    words = options.missing
    raw = with_tables(
        raw,
        lambda name, table: table[~_has_word(table["value"], words)].reset_index(drop=True),
    )
    titles = raw.titles
    if titles is not None:
        titles = titles[~_has_word(titles["title"], words)].reset_index(drop=True)
    interactions = raw.interactions
    bad = np.zeros(len(interactions), dtype=np.bool_)
    columns: dict[str, NDArray[np.int64]] = {}
    for name in ("user", "item", *raw.behaviours):
        found = _is_no_value(interactions[name], words) & ~bad
        if name in options.unknown:
            interactions = interactions.assign(**{name: interactions[name].mask(found)})
            continue
        bad |= found
        columns[name] = np.flatnonzero(found)
    if bad.any():
        _count_bad(interactions, columns, bad_lines)
        interactions = interactions[~bad].reset_index(drop=True)
    return replace(raw, titles=titles, interactions=interactions)


def _count_bad(
    interactions: pd.DataFrame, columns: Mapping[str, NDArray[np.int64]], bad_lines: BadLines
) -> None:
    """Count interactions that lack something.

    Args:
        interactions: the interactions.
        columns: by column, the rows that lack a value there; no row twice.
        bad_lines: counts them.

    Raises:
        SirecError: if they are more than may be skipped, with the number that would do.
    """
    needed = len(bad_lines.messages) + sum(map(len, columns.values()))
    if needed > bad_lines.tolerated:
        name = max(columns, key=lambda column: len(columns[column]))
        value = number_text(interactions[name].iloc[columns[name][0]])
        other_way = ""
        if name not in ("user", "item"):
            other_way = f"; {arguments('--unknown', name)} makes it a value of its own"
        raise SirecError(
            f"{len(columns[name]):,} interactions have no {name}: {shortened(value)} is declared "
            "to be no value",
            f"{arguments('--skip-bad-lines', needed)} leaves them out{other_way}",
        )
    for name, rows in columns.items():
        for row in rows.tolist():
            value = number_text(interactions[name].iloc[row])
            bad_lines.add(
                f"interactions:{row + 1}, column {name}", f"{shortened(value)} is no value"
            )


def _merged(raw: RawData, name: str) -> RawData:
    """The raw data with one spelling, the commonest, of each value of a field."""
    attributes = {**raw.attributes, **raw.of_users}
    if name in attributes:

        def merged(each: str, table: pd.DataFrame) -> pd.DataFrame:
            return _merged_table(table) if each == name else table

        return with_tables(raw, merged)
    possible = ("user", "item", *text_behaviours(raw))
    if name not in possible:
        raise unknown("field of texts", name, [*possible, *attributes], "merge")
    values = raw.interactions[name]
    spelling = _spellings(values)
    interactions = raw.interactions.assign(**{name: _renamed(values, spelling)})
    if name == "user":
        raw = replace(raw, of_users=_with_user_ids(raw.of_users, spelling))
    if name != "item":
        return replace(raw, interactions=interactions)
    here = {old: [new] for old, new in spelling.items()}
    return replace(_with_item_ids(raw, here), interactions=interactions)


def _merged_table(table: pd.DataFrame) -> pd.DataFrame:
    """A table of values with one spelling of each."""
    merged = table.assign(value=_one_spelling(table["value"]))
    return merged.drop_duplicates(ignore_index=True)


def _with_user_ids(tables: Mapping[str, pd.DataFrame], names: Mapping[str, str]) -> Tables:
    """Tables of users with other ids."""
    renamed: Tables = {}
    for name, table in tables.items():
        users = table["user"].map(lambda user: names.get(user, user))
        renamed[name] = table.assign(user=users).drop_duplicates(ignore_index=True)
    return renamed


def _joined(raw: RawData, rule: JoinRule) -> RawData:
    """The raw data with the interactions' ids in the table of items and in the vectors, where the
    rule finds them.
    """
    mentioned = set(pd.unique(raw.interactions["item"].astype(object)))
    vectors: dict[str, ItemVectors] = {}
    for name, each in raw.vectors.items():
        vectors[name] = _vectors_with_ids(each, _found_ids(rule, mentioned, set(each.ids)))
    here = _found_ids(rule, mentioned, set(raw.listed_items()))
    return replace(_with_item_ids(raw, here), vectors=vectors)


def _found_ids(rule: JoinRule, mentioned: set[str], listed: set[str]) -> dict[str, list[str]]:
    """Id in a table -> ids of the interactions that the rule finds as it."""
    found = joined_ids(rule, sorted(mentioned - listed), sorted(listed - mentioned))
    here: dict[str, list[str]] = {}
    for text, rows in found.there.items():
        for row in rows:
            here.setdefault(row, []).append(text)
    return here


def _with_item_ids(raw: RawData, here: Mapping[str, Sequence[str]]) -> RawData:
    """The tables of items with other ids.

    Args:
        raw: the raw data.
        here: id in the tables -> the ids that take its place.
    """
    attributes: Tables = {}
    for name, table in raw.attributes.items():
        attributes[name] = _with_ids(table, here).drop_duplicates(ignore_index=True)
    titles = raw.titles
    if titles is not None:
        titles = _with_ids(titles, here).drop_duplicates("item", ignore_index=True)
    table_of_items = raw.items
    if table_of_items is not None:
        ids = _with_ids(pd.DataFrame({"item": list(table_of_items.ids)}, dtype=object), here)
        table_of_items = replace(table_of_items, ids=tuple(dict.fromkeys(ids["item"])))
    vectors = {name: _vectors_with_ids(each, here) for name, each in raw.vectors.items()}
    return replace(raw, attributes=attributes, titles=titles, items=table_of_items, vectors=vectors)


def _vectors_with_ids(vectors: ItemVectors, here: Mapping[str, Sequence[str]]) -> ItemVectors:
    """Vectors of items with other ids; the first one of an item counts."""
    rows: dict[str, int] = {}
    for row, item in enumerate(vectors.ids):
        for other in here.get(item, (item,)):
            rows.setdefault(other, row)
    return ItemVectors(tuple(rows), vectors.matrix[list(rows.values())])


def _with_ids(table: pd.DataFrame, here: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    ids = [here.get(item, (item,)) for item in table["item"]]
    return table.assign(item=pd.Series(ids, index=table.index, dtype=object)).explode("item")


def _one_spelling(values: pd.Series[Any]) -> pd.Series[Any]:
    return _renamed(values, _spellings(values))


def _spellings(values: pd.Series[Any]) -> dict[str, str]:
    codes, texts = distinct(values)
    counts = np.bincount(codes[codes >= 0], minlength=len(texts))
    return twins(texts, counts).as_mapping()


def _renamed(values: pd.Series[Any], names: Mapping[str, str]) -> pd.Series[Any]:
    return _replaced(values, lambda text: names.get(text, text))


def _replaced(values: pd.Series[Any], change: Callable[[str], str]) -> pd.Series[Any]:
    """The values after a change, which is made once for each distinct one."""
    codes, texts = distinct(values)
    changed_codes, changed = pd.factorize(np.array(list(map(change, texts)), dtype=object))
    categories: pd.Index[str] = pd.Index(changed, dtype=object)
    new_codes = np.append(changed_codes, -1)[codes]  # a missing value, whose code is -1, stays so
    new = pd.Series(pd.Categorical.from_codes(new_codes, categories), values.index)
    return new if isinstance(values.dtype, pd.CategoricalDtype) else new.astype(object)


def _is_no_value(values: pd.Series[Any], words: Sequence[str]) -> NDArray[np.bool_]:
    """Bool[N]: which texts are one of the words; of numbers, which are one that a word tells."""
    if not pd.api.types.is_numeric_dtype(values):
        return _has_word(values, words)
    numbers: list[float] = []
    for word in words:
        number = read_number(word, ".")
        if number is not None:
            numbers.append(number)
    return values.isin(numbers).to_numpy()


def _has_word(values: pd.Series[Any], words: Sequence[str]) -> NDArray[np.bool_]:
    """Bool[N]: which values are one of the words."""
    codes, texts = distinct(values)
    return np.append(matching_words(texts, words), False)[codes]
