"""Only wanted rows are kept of a file, in whatever way its lines are written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirec.data.reading import frames, tables
from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.context import ReadingContext
from sirec.data.reading.files import RawFile
from sirec.data.reading.records import Wanted
from sirec.errors import SirecError

COLUMNS = (WantedColumn("id"), WantedColumn("note", required=False))
FORMS: dict[str, tuple[Callable[..., Any], Callable[[object], str]]] = {
    "JSON": (tables.read_json_lines, json.dumps),
    "JSON with other letters": (
        tables.read_json_lines,
        lambda record: json.dumps(record, ensure_ascii=False),
    ),
    "literals": (tables.read_literals, repr),
    "literals that are JSON": (tables.read_literals, json.dumps),
}
keys = st.text("ab'\"\\ ,:é{}", min_size=1, max_size=4).map(str.strip).filter(bool)
notes = st.one_of(
    st.none(),
    keys,
    keys.map(lambda key: f"'id': '{key}'"),
    keys.map(lambda key: f'"id": "{key}", \'id\': \''),
)
Rows = list[tuple[str, str | None]]


def read(folder: Path, form: str, rows: Rows, wanted: Wanted) -> Rows:
    """Write rows in a form and read the wanted ones."""
    reader, dumps = FORMS[form]
    path = folder / "file"
    path.write_text(
        "".join(f"{dumps({'note': note, 'id': key})}\n" for key, note in rows), encoding="utf-8"
    )
    table = reader(RawFile(path, path.stat().st_size), COLUMNS, ReadingContext(), wanted)
    return [(row["id"], row["note"]) for row in table.to_pylist()]


@pytest.mark.parametrize("form", FORMS)
@given(
    rows=st.lists(st.tuples(keys, notes), max_size=20),
    more=st.frozensets(keys, max_size=3),
    data=st.data(),
)
def test_wanted_rows_are_kept_and_no_others(
    tmp_path_factory: pytest.TempPathFactory,
    form: str,
    rows: Rows,
    more: frozenset[str],
    data: st.DataObject,
) -> None:
    """Whatever ids and other values look like, those rows are left whose id is wanted, in order."""
    chosen = (
        data.draw(st.frozensets(st.sampled_from([key for key, _ in rows]))) if rows else frozenset()
    )
    expected = [
        (key, None if note is None else note.strip() or None)
        for key, note in rows
        if key in chosen | more
    ]
    folder = tmp_path_factory.getbasetemp()
    if expected:
        assert read(folder, form, rows, Wanted("id", chosen | more)) == expected
    elif rows:
        with pytest.raises(SirecError, match="none of its rows has a wanted id"):
            read(folder, form, rows, Wanted("id", chosen | more))


@pytest.mark.parametrize("form", FORMS)
def test_texts_of_other_rows_are_forgotten(tmp_path: Path, form: str) -> None:
    """What is not wanted takes no memory: the distinct texts of a table are those of its rows."""
    reader, dumps = FORMS[form]
    path = tmp_path / "file"
    path.write_text(
        "".join(
            f"{dumps({'id': str(number), 'note': f'note {number}'})}\n" for number in range(100)
        )
    )
    table = reader(
        RawFile(path, path.stat().st_size),
        COLUMNS,
        ReadingContext(),
        Wanted("id", frozenset({"7", "8"})),
    )
    assert [
        table.column(name).combine_chunks().dictionary.to_pylist() for name in table.column_names
    ] == [
        ["7", "8"],
        ["note 7", "note 8"],
    ]


def test_the_first_row_of_a_key(tmp_path: Path) -> None:
    """Of rows with the same key the first is kept, whatever it lacks."""
    path = tmp_path / "file"
    path.write_text(
        '{"id": "b"}\n{"id": "a", "note": "x"}\n{"id": "b", "note": "y"}\n{"id": "a"}\n'
    )
    table = tables.read_json_lines(RawFile(path, path.stat().st_size), COLUMNS, ReadingContext())
    assert frames.first_rows(table, "id").to_pylist() == [
        {"id": "b", "note": None},
        {"id": "a", "note": "x"},
    ]


@pytest.mark.parametrize("form", FORMS)
def test_lines_keep_their_numbers(tmp_path: Path, form: str) -> None:
    """A bad line is told by its number in the file, however many lines before it are not wanted."""
    reader, dumps = FORMS[form]
    path = tmp_path / "file"
    path.write_text("".join(f"{dumps({'id': key})}\n" for key in "abcd") + "{\n")
    with pytest.raises(SirecError, match=r"file:5: not a valid record"):
        reader(
            RawFile(path, path.stat().st_size),
            COLUMNS,
            ReadingContext(),
            Wanted("id", frozenset({"d"})),
        )
