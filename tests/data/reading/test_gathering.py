"""A table that is gathered from many parts is the same however many are joined at a time."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from sirec.data.reading import json_lines, lines, tables
from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.context import ReadingContext
from sirec.data.reading.files import RawFile
from sirec.errors import SirecError

COLUMNS = (
    WantedColumn("user"),
    WantedColumn("tags", "texts"),
    WantedColumn("stars", "number", required=False),
)


@pytest.mark.parametrize("together", [2, 3, 7, 64])
def test_how_many_parts_are_joined_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    """Rows, their order and one dictionary of distinct texts in the order in which they first
    appear.
    """
    users = [f"u{number * number % 23}" for number in range(200)]
    path = tmp_path / "file.jsonl"
    path.write_text(
        "".join(
            f'{{"user": "{user}", "tags": ["{user}", "é"], "stars": {n}}}\n'
            for n, user in enumerate(users)
        )
    )
    monkeypatch.setattr(
        json_lines, "blocks", lambda file, progress: lines.blocks(file, progress, size=300)
    )
    monkeypatch.setattr(tables, "JOINED", together)
    table = tables.read_json_lines(RawFile(path, path.stat().st_size), COLUMNS, ReadingContext())
    assert table.column("user").to_pylist() == users
    assert table.column("tags").to_pylist() == [[user, "é"] for user in users]
    assert table.column("stars").to_pylist() == [float(number) for number in range(200)]
    assert table.column("user").num_chunks == 1
    assert table.column("user").chunk(0).dictionary.to_pylist() == list(dict.fromkeys(users))


def test_a_mistake_leaves_no_thread_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The threads of a file are gone when its error arrives, not when somebody lets go of the
    error.
    """
    path = tmp_path / "file.jsonl"
    path.write_text(
        '{"user": "a", "tags": []}\n' * 200 + "{\n" + '{"user": "a", "tags": []}\n' * 200
    )
    monkeypatch.setattr(
        json_lines, "blocks", lambda file, progress: lines.blocks(file, progress, size=300)
    )
    before = threading.active_count()
    with pytest.raises(SirecError, match=r"file\.jsonl:201: not a valid record") as caught:
        tables.read_json_lines(RawFile(path, path.stat().st_size), COLUMNS, ReadingContext())
    assert threading.active_count() == before
    assert caught.value.__traceback__ is not None  # which holds the reader's frames
