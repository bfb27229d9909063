"""A prepared data set as files that other programs read, and that prepared again give the same
fingerprint.

    atomic      NAME.inter, NAME.item                               RecBole's (`sources.atomic`)
    csv         interactions.csv, items.csv                         any spreadsheet's (`sources.table`)
    sequences   sequences.txt, item2attributes.json,                the S3-Rec release's (`sources.s3rec`): no times, no
                attributes.tsv, items.tsv                           behaviours, no attributes but brand and category

Users and items are coded in the order in which they first appear, so rows are written in an order
that introduces them as it was before (`file_order`). Values are never altered to fit: what stands
between several of them is a character that none of them contains. Only the names of a behaviour's
codes get numbers where they would sort otherwise than the codes (bins).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from torch import Tensor

from sirec.data.dataset import Dataset
from sirec.data.prepare.filters import PrepareOptions
from sirec.data.sources.atomic import AtomicSource
from sirec.data.sources.base import Source
from sirec.data.sources.s3rec import (
    ATTRIBUTES,
    ITEM_ATTRIBUTES,
    ITEMS,
    KINDS,
    SEQUENCES,
    S3RecSource,
)
from sirec.data.sources.table import TableSource
from sirec.data.split import LeaveOneOut, Split
from sirec.data.store.atomic_folder import beside
from sirec.errors import SirecError, unknown

InteractionIndex = NDArray[np.int64]
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?")
SEPARATORS = ("|", ";", ",", "/", "¦", "␟")  # the last is a picture of the character meant for this


@dataclass(frozen=True)
class Exported:
    """What was written: `source` reads the folder back, and `options` prepare the same data set
    from it.

    `notes` say what the format could not carry as it was.
    """

    folder: Path
    source: Source
    options: PrepareOptions
    notes: tuple[str, ...]


def export(data: Dataset, timestamps: Tensor | None, folder: Path, form: str = "csv") -> Exported:
    """Write a prepared data set into a new folder, all of it or nothing; `timestamps` is Long[N] in
    seconds since 1970.

    Raises `SirecError` where the folder holds something already, or a raw id cannot be written in
    that format.
    """
    if form not in WRITERS:
        raise unknown("format", form, WRITERS)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise SirecError(
            f"{folder}: there is something already", "name a folder that is new or empty"
        )
    _check_texts(data, form)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with beside(folder) as fresh:
            source, notes = WRITERS[form](_Plain.of(data, timestamps), fresh)
            fresh.rename(folder)
    except OSError as error:
        what = f"{folder}: could not be written: {error.strerror or error}"
        raise SirecError(what, "is the disk full or read-only?") from error
    options, lost = _options(data.held_out.split, form)
    return Exported(folder, source, options, (*notes, *lost))


def _options(split: Split, form: str) -> tuple[PrepareOptions, Sequence[str]]:
    """No filter, as all have been applied, and the same split; another, and a note on it, if that
    needs times that are lost.
    """
    if split.needs_timestamps and form in WITHOUT_TIMES:
        fewest = LeaveOneOut.shortest
        note = f"read again it is split {LeaveOneOut.name}, as {split.name} needs times, and without what is there less than"
        return PrepareOptions(core=fewest), [f"{note} {fewest} times"]
    return PrepareOptions(core=0, split=split), []


def file_order(data: Dataset, timestamps: Tensor | None) -> InteractionIndex:
    """int[N]: an order of the interactions in which users, and items, first appear in the order of
    their codes.

    Those of a user keep their order where nothing but the order tells it: at equal times, or at all
    without times. That of the raw files was such an order, so there is one; and to write any row
    that may be written now never rules out another later.
    """
    items: list[int] = (data.items - 1).tolist()
    if _introduces_in_order(data.items.numpy()):
        return np.arange(len(items))
    bound = _bound_to_the_row_before(data, timestamps).tolist()
    waiting: dict[int, list[int]] = defaultdict(
        list
    )  # item that nobody has had yet -> rows that would be its second
    order: list[int] = []
    introduced = 0
    for first, end in pairwise(data.offsets.tolist()):
        ready = [row for row in range(end - 1, first - 1, -1) if not bound[row]]
        while ready:
            row, may_follow = ready.pop(), True
            while may_follow:
                if items[row] > introduced:
                    waiting[items[row]].append(row)
                    break
                order.append(row)
                if items[row] == introduced:
                    introduced += 1
                    ready += waiting.pop(introduced, [])
                row += 1
                may_follow = row < len(items) and bound[row]
    if len(order) < len(items):
        raise SirecError(f"{data.name}: no order of its rows gives its codes", "prepare it again")
    return np.array(order)


def _introduces_in_order(codes: InteractionIndex) -> bool:
    known = np.maximum.accumulate(codes)
    return bool((np.diff(known, prepend=0) <= 1).all())


def _bound_to_the_row_before(data: Dataset, timestamps: Tensor | None) -> NDArray[np.bool_]:
    """Bool[N]: whether a row has to come after the one before it."""
    bound = (
        np.ones(len(data.items), dtype=np.bool_)
        if timestamps is None
        else np.diff(timestamps.numpy(), prepend=0) == 0
    )
    bound[data.offsets[:-1].numpy()] = False
    return bound


@dataclass(frozen=True, eq=False)
class _Behaviour:
    """A behaviour's values in the order of the data set; `is_number` says that their texts are
    numbers that sort as such.
    """

    values: NDArray[np.object_]
    is_number: bool
    notes: tuple[str, ...]

    @classmethod
    def of(cls, name: str, codes: InteractionIndex, vocabulary: Sequence[str]) -> _Behaviour:
        names, notes = list(vocabulary[1:]), []
        is_number = all(NUMBER.fullmatch(text) for text in names) and _ascends(
            [float(text) for text in names]
        )
        if not is_number and not _ascends(names):
            width = len(str(len(names)))
            names = [f"{code:0{width}d} {text}" for code, text in enumerate(names, 1)]
            notes.append(
                f"{name}: its values are numbered, as they sort otherwise than their codes, for example '{names[0]}'"
            )
        if len(np.unique(codes)) < len(names):
            notes.append(
                f"{name}: values that no interaction has are not written, and their codes will be gone"
            )
        return cls(np.array(["", *names], dtype=object)[codes], is_number, tuple(notes))


def _ascends(values: Sequence[str] | Sequence[float]) -> bool:
    return all(left < right for left, right in pairwise(values))  # type: ignore[operator]


@dataclass(frozen=True, eq=False)
class _Plain:
    """A data set with names in place of codes: what all formats write.

    `users`, `items` and the behaviours are in the order of the data set, `order` is that of the
    files. `attributes` maps a name to each item's values; `titles` has a text for each item, an
    empty one where its raw id stands for it.
    """

    data: Dataset
    timestamps: InteractionIndex | None
    order: InteractionIndex
    users: NDArray[np.object_]
    items: NDArray[np.object_]
    behaviours: Mapping[str, _Behaviour]
    attributes: Mapping[str, Sequence[Sequence[str]]]
    titles: Sequence[str] | None

    @classmethod
    def of(cls, data: Dataset, timestamps: Tensor | None) -> _Plain:
        return cls(
            data=data,
            timestamps=None if timestamps is None else timestamps.numpy(),
            order=file_order(data, timestamps),
            users=np.repeat(np.array(data.user_names[1:], dtype=object), data.lengths.numpy()),
            items=np.array(data.item_names, dtype=object)[data.items.numpy()],
            behaviours={
                name: _Behaviour.of(name, codes.numpy(), data.vocabularies[name])
                for name, codes in data.behaviours.items()
            },
            attributes={
                field.name: [
                    [data.vocabularies[field.name][code] for code in row if code]
                    for row in field.values[1:].tolist()
                ]
                for field in data.fields
                if field.kind == "attribute"
            },
            titles=data.titles
            and [_title(*pair) for pair in zip(data.titles[1:], data.item_names[1:], strict=True)],
        )

    def interactions(
        self, user: str, item: str, time: str, name: Callable[[str], str]
    ) -> pd.DataFrame:
        """The columns of a table of interactions, in the order of the files."""
        times = {} if self.timestamps is None else {time: self.timestamps}
        behaviours = {name(key): behaviour.values for key, behaviour in self.behaviours.items()}
        return pd.DataFrame(
            {user: self.users, item: self.items} | times | behaviours, copy=False
        ).iloc[self.order]

    def described(
        self, item: str, title: str, name: Callable[[str], str], between: Callable[[str], str]
    ) -> pd.DataFrame:
        """The columns of a table of items; `between` is what stands between the values of an
        attribute.
        """
        titles = {} if self.titles is None else {title: self.titles}
        attributes = {
            name(key): [between(key).join(row) for row in rows]
            for key, rows in self.attributes.items()
        }
        return pd.DataFrame({item: self.data.item_names[1:]} | titles | attributes, dtype=object)

    @property
    def has_items(self) -> bool:
        """Whether anything is known of the items."""
        return bool(self.attributes) or self.titles is not None

    @property
    def notes(self) -> list[str]:
        """What became of the behaviours."""
        return [note for behaviour in self.behaviours.values() for note in behaviour.notes]


def _write_csv(plain: _Plain, folder: Path) -> tuple[Source, Sequence[str]]:
    separator = _free(SEPARATORS, plain, plain.attributes)
    plain.interactions("user", "item", "timestamp", str).to_csv(
        folder / "interactions.csv", index=False
    )
    if plain.has_items:
        plain.described("item", "title", str, lambda name: separator).to_csv(
            folder / "items.csv", index=False
        )
    source = TableSource(
        interactions="interactions.csv",
        time=None if plain.timestamps is None else "timestamp",
        behaviours={name: name for name in plain.behaviours},
        texts=tuple(
            name for name, behaviour in plain.behaviours.items() if not behaviour.is_number
        ),
        attributes={name: name for name in plain.attributes},
        items="items.csv" if plain.has_items else None,
        title=None if plain.titles is None else "title",
        separator=separator,
    )
    return source, plain.notes


def _write_atomic(plain: _Plain, folder: Path) -> tuple[Source, Sequence[str]]:
    _check_free(plain.behaviours, ("user_id", "item_id", "order"))
    _check_free(plain.attributes, ("item_id",))
    several = {name for name, rows in plain.attributes.items() if max(map(len, rows)) > 1}
    separator = _free((" ", *SEPARATORS), plain, several)
    types = {name: "token_seq" if name in several else "token" for name in plain.attributes}
    types |= {
        name: "float" if behaviour.is_number else "token"
        for name, behaviour in plain.behaviours.items()
    }
    rows = plain.interactions(
        "user_id:token", "item_id:token", "timestamp:float", lambda name: f"{name}:{types[name]}"
    )
    if plain.timestamps is None:
        places = np.arange(len(plain.order)) - np.repeat(
            plain.data.offsets[:-1].numpy(), plain.data.lengths.numpy()
        )
        rows["order:float"] = places[plain.order]
    _write_tabs(rows, folder / f"{plain.data.name}.inter")
    if plain.has_items:
        title = "title:token_seq" if separator == " " else "title:token"
        items = plain.described(
            "item_id:token", title, lambda name: f"{name}:{types[name]}", lambda name: separator
        )
        _write_tabs(items, folder / f"{plain.data.name}.item")
    source = AtomicSource(
        behaviours={name: name for name in plain.behaviours},
        attributes={name: name for name in plain.attributes} or None,
        title=None if plain.titles is None else "title",
        separator=separator,
    )
    return source, [*plain.notes, *_for_recbole(plain, several, separator)]


def _for_recbole(plain: _Plain, several: Collection[str], separator: str) -> Iterator[str]:
    """What a person has to know who reads the atomic files with RecBole."""
    if separator != " ":
        blanks = f"values of {' and '.join(sorted(several))} contain blanks, so '{separator}' stands between them"
        yield f"{blanks}: tell RecBole seq_separator: '{separator}'"
    texts = (
        plain.data.item_names,
        plain.data.user_names,
        plain.titles or (),
        *plain.data.vocabularies.values(),
    )
    quoted = [text for group in texts for text in group if text.startswith('"')]
    if quoted:
        example = f"texts that do ({len(quoted)}), for example: {quoted[0][:40]}"
        yield f"RecBole takes a double quote that begins a text for quoting; {example}"


def _write_sequences(plain: _Plain, folder: Path) -> tuple[Source, Sequence[str]]:
    data = plain.data
    users = data.user_names[1:]
    keeps_users = all(name.isascii() and name.isdecimal() for name in users)
    rows = np.split(data.items.numpy().astype(str), data.offsets[1:-1].numpy())
    names = users if keeps_users else [str(code) for code in range(1, len(users) + 1)]
    lines = (f"{name} {' '.join(row)}\n" for name, row in zip(names, rows, strict=True))
    (folder / SEQUENCES).write_text("".join(lines), encoding="utf-8")
    pairs = [
        (kind, value)
        for kind in KINDS
        if kind in plain.attributes
        for value in data.vocabularies[kind][1:]
    ]
    numbers = {pair: number for number, pair in enumerate(pairs, 1)}
    kinds = list(dict.fromkeys(kind for kind, _ in pairs))
    of_items = (
        (
            code,
            [numbers[kind, value] for kind in kinds for value in plain.attributes[kind][code - 1]],
        )
        for code in range(1, data.item_codes)
    )
    text = json.dumps({code: listed for code, listed in of_items if listed})
    (folder / ITEM_ATTRIBUTES).write_text(text, encoding="utf-8")
    values = [(number, kind, value) for (kind, value), number in numbers.items()]
    _write_tabs(pd.DataFrame(values, columns=["attribute_id", "kind", "name"]), folder / ATTRIBUTES)
    titles = plain.titles or [""] * data.item_count
    items = pd.DataFrame(
        {"item_id": range(1, data.item_codes), "asin": data.item_names[1:], "title": titles}
    )
    _write_tabs(items, folder / ITEMS)
    return S3RecSource(), list(_lost_in_sequences(plain, kinds, keeps_users=keeps_users))


def _lost_in_sequences(plain: _Plain, kinds: Sequence[str], *, keeps_users: bool) -> Iterator[str]:
    lost = [
        *([] if plain.timestamps is None else ["times"]),
        *plain.behaviours,
        *(name for name in plain.attributes if name not in kinds),
    ]
    if lost:
        yield f"the format has no place for {', '.join(lost)}: left out"
    if not keeps_users:
        yield "users of this format are whole numbers: they are numbered"
    if not _introduces_in_order(plain.data.items.numpy()):
        yield "the format has one line per user, so that items first appear in another order, and will have other codes"


WRITERS: Mapping[str, Callable[[_Plain, Path], tuple[Source, Sequence[str]]]] = {
    "atomic": _write_atomic,
    "csv": _write_csv,
    "sequences": _write_sequences,
}
WITHOUT_TIMES = frozenset({"sequences"})
FORBIDDEN = {form: re.compile("\r" if form == "csv" else "[\t\r\n]") for form in WRITERS}


def _check_texts(data: Dataset, form: str) -> None:
    """Raise `SirecError` for an id or a value that would not be the same when it is read."""
    for what, names in {
        "user": data.user_names,
        "item": data.item_names,
        **data.vocabularies,
    }.items():
        for name in names[1:]:
            if name != name.strip() or FORBIDDEN[form].search(name):
                raise SirecError(
                    f"{what} {name!r} cannot be written as {form}",
                    "rename it, or try another format",
                )


def _check_free(names: Iterable[str], taken: Sequence[str]) -> None:
    for name in names:
        if name in taken:
            raise SirecError(
                f"the field '{name}' cannot be exported under its name, which means something else there",
                "rename it",
            )


def _free(candidates: Sequence[str], plain: _Plain, attributes: Iterable[str]) -> str:
    """The first of the candidates that no value of these attributes contains."""
    used = {
        letter for name in attributes for value in plain.data.vocabularies[name] for letter in value
    }
    free = next((candidate for candidate in candidates if candidate not in used), None)
    if free is None:
        raise SirecError(
            f"values of attributes contain every character that could stand between them: {''.join(candidates)}"
        )
    return free


def _title(title: str, item: str) -> str:
    return "" if title == item else " ".join(title.split())


def _write_tabs(table: pd.DataFrame, path: Path) -> None:
    """Write a table of tab-separated cells without quotes."""
    cells = [pa.array(table[name]).cast(pa.string()) for name in table.columns]
    rows = pc.binary_join_element_wise(*cells, "\t").to_pylist() if len(table) else []
    path.write_text("\n".join(["\t".join(table.columns), *rows]) + "\n", encoding="utf-8")
