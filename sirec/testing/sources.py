"""Checks of a source.

`check_source` lets an example (`SourceExample`) write tiny raw files, reads them with the source,
and compares what is read with what was written. Then it damages the files in the ways in which raw
files are damaged (`source_mistakes.py`). Each check raises `AssertionError` with a sentence that
says which promise of `sirec.data.sources.base` is broken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_datetime64_any_dtype, is_integer_dtype, is_numeric_dtype

from sirec.data.sources.base import RawData, options_from
from sirec.data.store.export import data_formats, export
from sirec.errors import SirecError
from sirec.testing.source_examples import (
    INTRODUCED,
    NANOSECONDS,
    ODD_IDS,
    START,
    SampleInteraction,
    SourceExample,
    sample,
)
from sirec.testing.source_mistakes import (
    check_bad_line,
    check_damaged_files,
    check_forms_of_text,
)
from sirec.testing.source_reading import (
    blocks_of,
    difference,
    prepared,
    read,
    rows_of,
    wanted_rows,
)
from sirec.testing.source_values import check_ids_are_looked_at

SMALLEST_BLOCK = 64  # bytes


def check_source(example: SourceExample, folder: Path) -> None:
    """Run all checks that apply to a source.

    Args:
        example: the source, and how its raw files are written.
        folder: an empty folder, in which the files are written.
    """
    check_shape(read(example, _written(example, folder / "shape", sample())))
    check_repeated_reading(example, folder)
    check_options(example, folder)
    check_export(example, folder)
    if example.write is None:
        return
    check_values(example, folder)
    check_odd_ids(example, folder)
    check_ids_are_looked_at(example, folder)
    check_order(example, folder)
    check_fractions_of_a_second(example, folder)
    check_interleaving(example, folder)
    check_forms_of_text(example, folder)
    check_bad_line(example, folder)
    check_damaged_files(example, folder)


def check_shape(raw: RawData) -> None:
    """Tables and columns are of the types that `RawData` says.

    Args:
        raw: what a source read.
    """
    table = raw.interactions
    for column in ("user", "item"):
        assert column in table, f"the interactions have no column {column}"
        assert _are_texts(table[column]), f"not every {column} of the interactions is a text"
    if "timestamp" in table:
        times = table["timestamp"]
        is_time = is_integer_dtype(times) or is_datetime64_any_dtype(times)
        assert is_time, f"the timestamps are of type {times.dtype}: expected int64 or datetime64"
        assert times.notna().all(), "a timestamp is missing"
    for name in raw.behaviours:
        values = table[name]
        is_number = is_numeric_dtype(values) and values.notna().all()
        assert is_number or _are_texts(values), f"{name}: neither all numbers nor all texts"
    for name, rows in raw.attributes.items():
        assert list(rows.columns) == ["item", "value"], f"the columns of the attribute {name}"
        for column in ("item", "value"):
            assert _are_texts(rows[column]), f"attribute {name}: not every {column} is a text"
    if raw.titles is not None:
        assert list(raw.titles.columns) == ["item", "title"], "the columns of the titles"
        assert raw.titles["item"].is_unique, "an item has two titles"
    if raw.items is not None:
        are_texts = all(isinstance(item, str) for item in raw.items.ids)
        assert are_texts, "not every item of the table of items is a text"
    for path in raw.files:
        assert path.is_file(), f"among the files that were read is none called {path}"


def check_values(example: SourceExample, folder: Path) -> None:
    """Users, items, times and ratings are read as they were written, in the order of the file.

    Args:
        example: the source.
        folder: a folder in which files may be written.
    """
    rows = sample()
    raw = read(example, _written(example, folder / "values", rows))
    found, wanted = rows_of(raw), wanted_rows(example, rows)
    if example.unit is not None:
        assert "timestamp" in raw.interactions, "the times of the file are lost"
    assert len(found) == len(wanted), f"{len(wanted)} interactions are written, {len(found)} read"
    for place, (read_row, row) in enumerate(zip(found, wanted, strict=True)):
        what = f"interaction {place + 1} is read as {read_row}, and was written as {row}"
        assert read_row == row, what
    if "rating" in raw.behaviours:
        ratings = raw.interactions["rating"].astype(int).tolist()
        written = list(map(attrgetter("rating"), example.expected(rows)))
        assert ratings == written, f"the ratings are read as {ratings}, and were {written}"


def check_odd_ids(example: SourceExample, folder: Path) -> None:
    """Ids that look like a missing value or like numbers stay what they are.

    Args:
        example: the source.
        folder: a folder in which files may be written.
    """
    if not example.has_text_ids:
        return
    rows: list[SampleInteraction] = []
    for place, name in enumerate(ODD_IDS):
        for item in (name, "7", "12"):
            rows.append(SampleInteraction(name, item, START + place * NANOSECONDS))
    found = rows_of(read(example, _written(example, folder / "odd", rows)))
    for position, column in enumerate(("user", "item")):
        kept = {str(row[position]) for row in found}
        for name in ODD_IDS:
            assert name in kept, f"the {column} '{name}' is read as something else"
    assert len(found) == len(rows), "interactions with odd ids are lost"


def check_order(example: SourceExample, folder: Path) -> None:
    """Interactions are sorted by time, ties keep the order of the file, and both are said.

    Args:
        example: the source.
        folder: a folder in which files may be written.
    """
    rows = sample()
    made = prepared(read(example, _written(example, folder / "order", rows)))
    if example.unit is None:
        assert "no times" in made.order, f"without times the order is said to be '{made.order}'"
    else:
        assert made.order.startswith("time"), f"the order is said to be '{made.order}', not time"
    data = made.dataset
    for code, user in enumerate(data.user_names[1:]):
        first, last = int(data.offsets[code]), int(data.offsets[code + 1])
        found = list(map(data.item_names.__getitem__, data.items[first:last].tolist()))
        own = [each for each in rows if each.user == user]
        if example.unit is not None:
            own.sort(key=attrgetter("nanoseconds"))
        wanted = list(map(attrgetter("item"), own))
        assert found == wanted, f"user {user} has the order {found}, not {wanted}"


def check_fractions_of_a_second(example: SourceExample, folder: Path) -> None:
    """Interactions of one second are in the order of their times, where the format has them.

    Args:
        example: the source.
        folder: a folder in which files may be written.
    """
    if example.unit is None or example.unit >= NANOSECONDS:
        return
    late, early = START + 900_000_000, START + 100_000_000
    if example.unit == 1:
        early, late = START + 1, START + 2
    rows = [
        *sample(),
        SampleInteraction("5", "11", late),
        SampleInteraction("5", "12", early),
        SampleInteraction("5", "13", START + NANOSECONDS),
    ]
    data = prepared(read(example, _written(example, folder / "fractions", rows))).dataset
    code = data.user_names.index("5")
    first, last = int(data.offsets[code - 1]), int(data.offsets[code])
    found = list(map(data.item_names.__getitem__, data.items[first:last].tolist()))
    assert found == ["12", "11", "13"], "fractions of a second have no part in the order"


def check_interleaving(example: SourceExample, folder: Path) -> None:
    """The fingerprint does not change with the order of rows of different users.

    That holds as long as users and items first appear in the same order, which gives their codes.

    Args:
        example: the source.
        folder: a folder in which files may be written.
    """
    if example.is_grouped:
        return
    rows = sample()
    other = [*rows[:INTRODUCED], *sorted(rows[INTRODUCED:], key=lambda each: each.user)]
    assert rows != other
    fingerprints: set[str] = set()
    for name, order in (("one", rows), ("other", other)):
        raw = read(example, _written(example, folder / f"interleaved {name}", order))
        fingerprints.add(prepared(raw).dataset.fingerprint())
    assert len(fingerprints) == 1, "the order of rows of different users changes the fingerprint"


def check_repeated_reading(example: SourceExample, folder: Path) -> None:
    """The same files give the same data, whatever the size of blocks and the number of threads.

    Args:
        example: the source.
        folder: a folder in which files may be written.
    """
    place = _written(example, folder / "repeated", sample())
    raw = read(example, place)
    again = difference(raw, read(example, place))
    assert again is None, f"two readings of the same files differ in {again}"
    largest = max((path.stat().st_size for path in raw.files), default=0)
    for size, workers in ((largest, 1), (max(largest // 2, SMALLEST_BLOCK), 3)):
        with blocks_of(max(size, SMALLEST_BLOCK), workers):
            other = difference(raw, read(example, place))
        assert other is None, f"the size of the blocks that are read changes {other}"


def check_options(example: SourceExample, folder: Path) -> None:
    """The options that `dataset.yaml` keeps build a source that reads the same.

    Args:
        example: the source.
        folder: a folder in which files may be written.
    """
    place = _written(example, folder / "options", sample())
    raw = read(example, place)
    name = raw.source.get("name")
    assert name == example.source.name, f"the written name of the source is {name!r}"
    for key, value in raw.source.items():
        assert isinstance(value, str), f"the option {key} is not written as a text: {value!r}"
    try:
        source = options_from(type(example.source), raw.source)
        other = difference(raw, read(replace(example, source=source), place))
    except SirecError as error:
        raise AssertionError(f"the written options do not read the files: {error}") from error
    assert other is None, f"the written options read other {other}"


def check_export(example: SourceExample, folder: Path) -> None:
    """What was prepared is exported in every format and prepared again: the same fingerprint.

    A format that cannot hold everything, as sequences have no times, has to say what is lost.

    Args:
        example: the source.
        folder: a folder in which files may be written.
    """
    made = prepared(read(example, _written(example, folder / "export", sample())))
    for form, declared in data_formats().items():
        try:
            exported = export(made.dataset, made.timestamps, folder / f"export {form}", form)
            again = prepared(exported.source.read(exported.folder))
        except SirecError as error:
            raise AssertionError(f"cannot be exported as {form}: {error}") from error
        is_same = again.dataset.fingerprint() == made.dataset.fingerprint()
        is_told = bool(exported.notes) and not declared.keeps_times
        wrong = f"exported as {form} and prepared again, the fingerprint is another"
        assert is_same or is_told, wrong


def _written(
    example: SourceExample, folder: Path, rows: Sequence[SampleInteraction]
) -> Path | None:
    """A new folder with the example's files; None if it needs none."""
    if example.write is None:
        return None
    folder.mkdir(parents=True)
    example.write(folder, rows)
    return folder


def _are_texts(values: pd.Series[Any]) -> bool:
    if isinstance(values.dtype, pd.CategoricalDtype):
        return bool(values.notna().all()) and _are_texts(values.cat.categories.to_series())
    return all(isinstance(value, str) for value in values)
