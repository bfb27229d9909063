"""A data set with names in place of codes: what every export format writes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sirec.data.dataset import Dataset
from sirec.data.fields import Field
from sirec.data.store.export.order import InteractionIndex, file_order
from sirec.data.times import NANOSECONDS, Times, as_decimals
from sirec.errors import SirecError

NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?")


@dataclass(frozen=True, eq=False)
class PlainBehaviour:
    """The values of a behaviour as text.

    Attributes:
        values: the text of each interaction, in the order of the data set.
        is_number: whether the texts are numbers that sort as their codes do.
        notes: what the reader of a file has to know.
    """

    values: NDArray[np.object_]
    is_number: bool
    notes: tuple[str, ...]

    @classmethod
    def of(cls, name: str, codes: InteractionIndex, vocabulary: Sequence[str]) -> PlainBehaviour:
        """The values of a behaviour.

        Names that would sort otherwise than their codes (bins) get numbers in front.

        Args:
            name: the behaviour.
            codes: Int[N].
            vocabulary: the name of each code; the first one is that of the padding.
        """
        names, notes = list(vocabulary[1:]), []
        is_number = _are_ascending_numbers(names)
        if not is_number and not _ascends(names):
            width = len(str(len(names)))
            names = [f"{code:0{width}d} {text}" for code, text in enumerate(names, 1)]
            notes.append(
                f"{name}: its values are numbered, as they sort otherwise than their codes, "
                f"for example '{names[0]}'"
            )
        if len(np.unique(codes)) < len(names):
            notes.append(
                f"{name}: values that no interaction has are not written, "
                "and their codes will be gone"
            )
        return cls(np.array(["", *names], dtype=object)[codes], is_number, tuple(notes))


@dataclass(frozen=True, eq=False)
class PlainData:
    """A data set with names in place of codes.

    Attributes:
        data: the data set.
        times: the time of each interaction, in the order of the data set; or None.
        order: Int[N], the order in which interactions are written.
        users: raw id of the user of each interaction, in the order of the data set.
        items: raw id of the item of each interaction, in the order of the data set.
        behaviours: values of each behaviour, by name.
        attributes: values of each item, by name of the attribute.
        titles: title of each item, empty where its raw id stands for it; or None.
    """

    data: Dataset
    times: Times | None
    order: InteractionIndex
    users: NDArray[np.object_]
    items: NDArray[np.object_]
    behaviours: Mapping[str, PlainBehaviour]
    attributes: Mapping[str, Sequence[Sequence[str]]]
    titles: Sequence[str] | None

    @classmethod
    def of(cls, data: Dataset, timestamps: Times | None) -> PlainData:
        """The data set with names in place of codes.

        Args:
            data: the data set.
            timestamps: the time of each interaction, or None.
        """
        behaviours: dict[str, PlainBehaviour] = {}
        written = [field for field in data.fields if field.form == "values"]
        attributes: dict[str, list[list[str]]] = {}
        for field in written:
            names = data.vocabularies[field.name]
            if field.kind == "attribute":
                attributes[field.name] = _values_of_items(field, names)
            else:
                codes = data.behaviours[field.name].numpy()
                behaviours[field.name] = PlainBehaviour.of(field.name, codes, names)
        return cls(
            data=data,
            times=timestamps,
            order=file_order(data, timestamps),
            users=np.repeat(np.array(data.user_names[1:], dtype=object), data.lengths.numpy()),
            items=np.array(data.item_names, dtype=object)[data.items.numpy()],
            behaviours=behaviours,
            attributes=attributes,
            titles=_titles(data),
        )

    def interactions(
        self, user: str, item: str, time: str, name: Callable[[str], str]
    ) -> pd.DataFrame:
        """A table of interactions, in the order in which they are written.

        Args:
            user: name of the column of users.
            item: name of the column of items.
            time: name of the column of times.
            name: gives the name of the column of a behaviour.
        """
        columns: dict[str, object] = {user: self.users, item: self.items}
        if self.times is not None:
            columns[time] = _seconds(self.times)
        for key, behaviour in self.behaviours.items():
            columns[name(key)] = behaviour.values
        return pd.DataFrame(columns, copy=False).iloc[self.order]

    def described(
        self, item: str, title: str, name: Callable[[str], str], separator: str
    ) -> pd.DataFrame:
        """A table of items.

        Args:
            item: name of the column of items.
            title: name of the column of titles.
            name: gives the name of the column of an attribute.
            separator: what stands between several values of an attribute.
        """
        columns: dict[str, object] = {item: self.data.item_names[1:]}
        if self.titles is not None:
            columns[title] = self.titles
        for key, rows in self.attributes.items():
            columns[name(key)] = list(map(separator.join, rows))
        return pd.DataFrame(columns, dtype=object)

    @property
    def has_nanoseconds(self) -> bool:
        """Whether there are times that microseconds do not hold."""
        return self.times is not None and self.times.per_second == NANOSECONDS

    @property
    def has_items(self) -> bool:
        """Whether anything is known of the items."""
        return bool(self.attributes) or self.titles is not None

    @property
    def notes(self) -> list[str]:
        """What the reader of a file has to know about fields."""
        notes: list[str] = []
        others = [field.name for field in self.data.fields if field.form != "values"]
        if others:
            notes.append(f"not written, as vectors and attributes of users: {', '.join(others)}")
        for behaviour in self.behaviours.values():
            notes += behaviour.notes
        return notes


def free_separator(candidates: Sequence[str], plain: PlainData, attributes: Iterable[str]) -> str:
    """The first of some characters that no value contains.

    Args:
        candidates: the characters.
        plain: the data set.
        attributes: the attributes whose values are looked at.

    Raises:
        SirecError: if every character occurs.
    """
    used: set[str] = set()
    for name in attributes:
        for value in plain.data.vocabularies[name]:
            used |= set(value)
    for candidate in candidates:
        if candidate not in used:
            return candidate
    raise SirecError(
        "values of attributes contain every character that could stand between them: "
        f"{''.join(candidates)}"
    )


def check_names(names: Iterable[str], taken: Sequence[str]) -> None:
    """Raise `SirecError` if a field has a name that means something else in a format.

    Args:
        names: names of fields.
        taken: names that mean something else.
    """
    for name in names:
        if name in taken:
            raise SirecError(
                f"the field '{name}' cannot be exported under its name, "
                "which means something else there",
                "rename it",
            )


def write_tab_separated(table: pd.DataFrame, path: Path) -> None:
    """Write a table with tabs between cells and without quotes.

    Args:
        table: the table.
        path: the file.
    """
    cells = [pa.array(table[name]).cast(pa.string()) for name in table.columns]
    rows = pc.binary_join_element_wise(*cells, "\t").to_pylist() if len(table) else []
    path.write_text("\n".join(["\t".join(table.columns), *rows]) + "\n", encoding="utf-8")


def _seconds(times: Times) -> InteractionIndex | NDArray[np.object_]:
    """Seconds since 1970 as whole numbers, or as texts with all digits."""
    if times.per_second == 1:
        return times.numpy()
    return as_decimals(times.numpy(), times.per_second)


def _values_of_items(field: Field, vocabulary: Sequence[str]) -> list[list[str]]:
    """The names of each item's values, without the padding item."""
    rows: list[list[str]] = []
    for codes in field.values[1:].tolist():
        rows.append([vocabulary[code] for code in codes if code])
    return rows


def _titles(data: Dataset) -> list[str] | None:
    if data.titles is None:
        return None
    titles: list[str] = []
    for title, item in zip(data.titles[1:], data.item_names[1:], strict=True):
        titles.append("" if title == item else " ".join(title.split()))
    return titles


def _are_ascending_numbers(names: Sequence[str]) -> bool:
    if not all(map(NUMBER.fullmatch, names)):
        return False
    return _ascends(list(map(float, names)))


def _ascends(values: Sequence[str] | Sequence[float]) -> bool:
    return all(left < right for left, right in pairwise(values))  # type: ignore[operator]
