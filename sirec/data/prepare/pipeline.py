"""Raw data into a coded data set: filters, order, codes.

Users and items are coded from 1 in the order in which what the filters left of them first appears
in the files; a user's interactions are sorted by time, and ties as declared (`order`). An
attribute's values are those of the items that are left, coded from 1 in alphabetical order; a
behaviour's values or bins are coded from 1 in ascending order (`behaviours`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sirec.data.dataset import Dataset
from sirec.data.fields import Field
from sirec.data.prepare.behaviours import COMPUTED, code_behaviour
from sirec.data.prepare.bins import EACH, Bins
from sirec.data.prepare.coded_attributes import (
    CodeArray,
    code_attribute,
    code_of_users,
    code_vectors,
)
from sirec.data.prepare.filters import PrepareOptions, Step, apply_filters, k_core
from sirec.data.prepare.findings import ValueFinding
from sirec.data.prepare.order import interaction_order, order_in_words
from sirec.data.prepare.raw_times import with_ticks
from sirec.data.prepare.repeated_rows import RepeatedRows, find_repeated_rows
from sirec.data.prepare.statistics import Statistics, describe
from sirec.data.prepare.unlikely_times import find_unlikely_times
from sirec.data.prepare.value_checks import find
from sirec.data.prepare.value_checks.gathering import gather
from sirec.data.prepare.value_options import read_values
from sirec.data.progress import ProgressCallback
from sirec.data.reading.context import BadLines
from sirec.data.sources import is_own_data
from sirec.data.sources.base import KEYS, RawData
from sirec.data.times import Times, coarsest
from sirec.errors import SirecError, unknown
from sirec.shell import arguments

__all__ = ["PrepareOptions", "Prepared", "Step", "k_core", "prepare"]

RESERVED = frozenset({*KEYS, "id", "title", "position"})
LONGEST_NAME = 100  # characters: names become names of files, with endings of ours
WORD = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True, eq=False)
class Prepared:
    """A coded data set, and how it was made.

    Attributes:
        dataset: the data set.
        timestamps: the time of each interaction; None if times are not known.
        statistics: its sizes.
        options: filters, bins and split.
        steps: what each filter left; the first step is the raw data.
        source: options of the source, as text.
        files: the raw files.
        notes: remarks for a person, for example on an attribute that no remaining item has.
        skipped_lines: how many bad lines of the raw files were left out.
        order: what decides the order of a user's interactions, in words.
        unused_times: columns of the raw files that may be times and are not used.
        repeated_rows: how many rows of the raw files repeat an earlier one.
        findings: what in the values may not be meant.
    """

    dataset: Dataset
    timestamps: Times | None
    statistics: Statistics
    options: PrepareOptions
    steps: tuple[Step, ...]
    source: Mapping[str, str]
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    skipped_lines: int = 0
    order: str = ""
    unused_times: tuple[str, ...] = ()
    repeated_rows: RepeatedRows | None = None
    findings: tuple[ValueFinding, ...] = ()


def prepare(
    raw: RawData,
    name: str,
    options: PrepareOptions | None = None,
    progress: ProgressCallback | None = None,
    bad_lines: BadLines | None = None,
) -> Prepared:
    """Filter, sort and code raw data.

    Args:
        raw: the raw data.
        name: name of the data set.
        options: filters, bins and split.
        progress: called with the stage, what is done, and the total.
        bad_lines: counts interactions that the options leave without a user, an item or a
            behaviour; None tolerates none.

    Raises:
        SirecError: if a name is not possible, if a filter leaves nothing or needs a column that is
            missing, if a user has too few interactions, or if the split leaves nothing to train on
            or to predict.
    """
    options = options or PrepareOptions()
    report = progress or (lambda stage, done, total: None)
    _check_names(name, [*raw.attributes, *raw.vectors, *raw.behaviours, *raw.of_users])
    _check_bins(raw, options)
    _check_complete(raw.interactions, options.unknown)
    _check_times(raw, options)
    raw = read_values(raw, options, bad_lines or BadLines())
    report("filtering", 0, 2)
    interactions, ticks_per_second = with_ticks(raw.interactions)
    table, steps = apply_filters(interactions, options, ticks_per_second)
    report("coding", 1, 2)
    dataset, timestamps, notes = _code(raw, table, ticks_per_second, name, options)
    held_out = options.split.hold_out(dataset.offsets, timestamps)
    dataset = replace(dataset, cut=held_out, is_own=is_own_data(raw.source))
    statistics = describe(dataset, timestamps)
    repeated_rows = find_repeated_rows(interactions)[1]
    order = order_in_words(
        raw.time_column,
        has_times=timestamps is not None,
        ties=options.ties,
        seed=options.ties_seed,
    )
    for carrier, tables in {"item": raw.attributes, "user": raw.of_users}.items():
        for field in tables:
            if field not in dataset.vocabularies:
                what = f"no remaining {carrier} has a value of {field}"
                notes.append(f"{what}: the attribute is left out")
    notes += [*raw.notes, *_order_notes(statistics, repeated_rows, options)]
    skipped = 0 if bad_lines is None else len(bad_lines.messages)
    findings = find(gather(raw, dataset, options.bins, skipped, options.unknown))
    if timestamps is not None:
        findings = (*findings, *find_unlikely_times(timestamps))
    report("coding", 2, 2)
    return Prepared(
        dataset=dataset,
        timestamps=timestamps,
        statistics=statistics,
        options=options,
        steps=steps,
        source=raw.source,
        files=raw.files,
        notes=tuple(notes),
        order=order,
        unused_times=raw.unused_times,
        repeated_rows=repeated_rows,
        findings=findings,
    )


def _order_notes(
    statistics: Statistics, repeated_rows: RepeatedRows, options: PrepareOptions
) -> Iterator[str]:
    """What a person should know about rows written twice, and about the order of ties."""
    has_times = statistics.tied_last_pairs is not None
    found = repeated_rows.note(has_times=has_times, dropped=options.drop_repeated_rows)
    if found:
        yield found
    pattern = statistics.item_order
    if options.ties == "file" and pattern is not None:
        warning = pattern.warning(has_times=has_times)
        if warning:
            yield warning


def _code(
    raw: RawData, table: pd.DataFrame, ticks_per_second: int, name: str, options: PrepareOptions
) -> tuple[Dataset, Times | None, list[str]]:
    """The data set, the time of each interaction, and notes on what does not fit."""
    users, user_names = pd.factorize(table["user"])
    items, item_names = pd.factorize(table["item"])
    times = np.zeros(len(table), np.int64)
    if "timestamp" in table:
        # What the filters have left may need no fractions of a second.
        times, ticks_per_second = coarsest(table["timestamp"].to_numpy(), ticks_per_second)
    raw_ids = (list(user_names), list(item_names))
    order = interaction_order(
        users,
        items,
        times,
        raw_ids,
        per_second=ticks_per_second,
        ties=options.ties,
        seed=options.ties_seed,
    )
    bins = {field: Bins(field, edges) for field, edges in options.bins.items()}
    behaviours: dict[str, tuple[CodeArray, list[str]]] = {}
    for field in raw.behaviours:
        values = table[field].to_numpy()[order]
        behaviours[field] = code_behaviour(
            field, values, bins.get(field), is_name=field in raw.declared_texts
        )
    for field in _computed(raw):
        if field in bins:
            code = COMPUTED[field]
            behaviours[field] = code(users[order], times[order], ticks_per_second, bins[field])
    fields: list[Field] = []
    vocabularies: dict[str, list[str]] = {}
    for field, of_items in raw.attributes.items():
        split = field == "category" and options.categories == "fragment"
        codes, names = code_attribute(field, of_items, pd.Index(item_names), split=split)
        if len(names) > 1:
            fields.append(Field(field, "attribute", len(names), torch.from_numpy(codes)))
            vocabularies[field] = names
    notes: list[str] = []
    for field, beside in raw.vectors.items():
        matrix, note = code_vectors(field, beside, pd.Index(item_names))
        vectors = torch.from_numpy(matrix)
        fields.append(Field(field, "attribute", matrix.shape[1], vectors, form="vector"))
        notes += [note] if note else []
    coded: dict[str, Tensor] = {}
    for field, (codes, names) in behaviours.items():
        fields.append(Field(field, "behaviour", len(names)))
        vocabularies[field] = names
        coded[field] = torch.from_numpy(codes)
    for field, of_each in raw.of_users.items():
        of_user, names = code_of_users(field, of_each, pd.Index(user_names))
        if len(names) > 1:
            fields.append(Field(field, "behaviour", len(names), form="user"))
            vocabularies[field] = names
            coded[field] = torch.from_numpy(of_user[users[order]])
    offsets = np.concatenate([[0], np.bincount(users).cumsum()]).astype(np.int64)
    dataset = Dataset(
        name=name,
        offsets=torch.from_numpy(offsets),
        items=torch.from_numpy(items[order].astype(np.int64) + 1),
        fields=tuple(fields),
        behaviours=coded,
        item_names=["", *item_names],
        user_names=["", *user_names],
        titles=None if raw.titles is None else _titles(raw.titles, item_names),
        vocabularies=vocabularies,
    )
    if "timestamp" not in table:
        return dataset, None, notes
    return dataset, Times(torch.from_numpy(times[order]), ticks_per_second), notes


def _titles(table: pd.DataFrame, items: Iterable[str]) -> list[str]:
    """List the titles by code; an item without one is shown by its raw id."""
    known = dict(zip(table["item"], table["title"], strict=True))
    return ["", *(known.get(item) or item for item in items)]


def _check_names(name: str, fields: Sequence[str]) -> None:
    # Names become file and column names; a folder that begins with a dot is hidden, and one with a
    # dash looks like an option.
    if not WORD.fullmatch(name) or name[0] in ".-":
        raise SirecError(
            f"'{name}' cannot be the name of a data set",
            "use letters, digits, '_', and later '-' and '.'",
        )
    if len(name) > LONGEST_NAME:
        raise SirecError(
            f"'{name}' cannot be the name of a data set: it has {len(name)} characters",
            f"use at most {LONGEST_NAME}",
        )
    counts = Counter(fields)
    for field in counts:
        if not WORD.fullmatch(field):
            raise SirecError(
                f"'{field}' cannot be the name of a field", "use letters, digits, '_', '-' and '.'"
            )
        if len(field) > LONGEST_NAME:
            raise SirecError(
                f"the field name '{field}' has {len(field)} characters",
                f"use at most {LONGEST_NAME}",
            )
        if field in RESERVED or counts[field] > 1:
            why = "is reserved" if field in RESERVED else "names two fields"
            raise SirecError(
                f"the field name '{field}' {why}", f"reserved: {', '.join(sorted(RESERVED))}"
            )


def _check_bins(raw: RawData, options: PrepareOptions) -> None:
    possible = [
        *raw.behaviours,
        *raw.attributes,
        *raw.of_users,
        *(_computed(raw) if "timestamp" in raw.interactions else []),
    ]
    for field in options.bins:
        if field not in possible:
            raise unknown("behaviour or attribute", field, possible, "bins")
    for field in _computed(raw):
        if options.bins.get(field, "").strip() == EACH:
            raise SirecError(
                f"bins of {field}: {EACH} makes none, and times need some",
                "say 8q or 1h,1d for gap, 90d for span",
            )


def _computed(raw: RawData) -> list[str]:
    """The behaviours that would be computed from times: those that no field is called like."""
    given = {*raw.behaviours, *raw.attributes, *raw.of_users}
    return [field for field in COMPUTED if field not in given]


def _check_times(raw: RawData, options: PrepareOptions) -> None:
    """Refuse what needs times where a column may hold them and nobody said so."""
    if "timestamp" in raw.interactions or not raw.unused_times:
        return
    needed = {
        "since": options.since is not None,
        "until": options.until is not None,
        f"the {options.split.name} split": options.split.needs_timestamps,
        **{f"the behaviour {field}": field in options.bins for field in _computed(raw)},
    }
    for what, is_needed in needed.items():
        if is_needed:
            candidates = ", ".join(raw.unused_times)
            raise SirecError(
                f"{what} needs times, and none were chosen; they may be in: {candidates}",
                f"for example: {arguments('--time', raw.unused_times[0])}",
            )


def _check_complete(table: pd.DataFrame, may_lack: Sequence[str]) -> None:
    for field in may_lack:
        if field not in table or field in KEYS:
            possible = [name for name in map(str, table.columns) if name not in KEYS]
            raise unknown("behaviour", field, possible, "unknown")
    incomplete = table.drop(columns=list(may_lack)).isna().any()
    if incomplete.any():
        column = str(incomplete.idxmax())
        row = int(table[column].isna().to_numpy().argmax())
        raise SirecError(
            f"interaction {row + 1} has no {column}",
            "give every interaction a value or leave the column out",
        )
