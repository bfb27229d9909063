"""The script that compares the numbers of two results folders sees a changed digit, and no word."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from load_script import load

compare_numbers = load("compare_numbers", "scripts")
TABLE = "table,row,is_floor,value\nOverall,SASRec,0,0.1202\nOverall,(floor),1,\n"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two equal results folders with one table."""
    old, new = tmp_path / "old", tmp_path / "new"
    (old / "tables").mkdir(parents=True)
    (old / "tables" / "overall.csv").write_text(TABLE)
    shutil.copytree(old, new)
    return old, new


def change(folder: Path, before: str, after: str) -> None:
    """Replace a text in the table of a folder."""
    path = folder / "tables" / "overall.csv"
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))


def test_words_may_differ(folders: tuple[Path, Path]) -> None:
    """Another heading, another label: the numbers are the same."""
    old, new = folders
    change(new, "is_floor", "is_training_free")
    change(new, "(floor)", "training-free baseline")
    assert list(compare_numbers.differences(old, new)) == []
    assert compare_numbers.main([str(old), str(new)]) == 0


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("0.1202", "0.1203", "tables/overall.csv: row 2, column 4: '0.1202', now '0.1203'"),
        ("0.1202", "-", "row 2, column 4: '0.1202', now '-'"),
        ("Overall,(floor),1,\n", "", "tables/overall.csv: 3 rows, now 2"),
        (",0,0.1202", ",0.1202", "row 2: 4 columns, now 3"),
        ("(floor),1,", "(floor),1,7", "row 3, column 4: '', now '7'"),
    ],
)
def test_a_number_that_changed_is_named(
    before: str, after: str, said: str, folders: tuple[Path, Path]
) -> None:
    """File, row, column and both values."""
    old, new = folders
    change(new, before, after)
    [found] = compare_numbers.differences(old, new)
    assert said in found
    assert compare_numbers.main([str(old), str(new)]) == 1


def test_a_file_that_one_side_lacks_is_named(folders: tuple[Path, Path]) -> None:
    """Whichever side it is."""
    old, new = folders
    (new / "tables" / "more.csv").write_text(TABLE)
    assert [f"tables/more.csv: only in {new}"] == list(compare_numbers.differences(old, new))
    assert [f"tables/more.csv: only in {new}"] == list(compare_numbers.differences(new, old))
