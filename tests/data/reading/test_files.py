"""Files that the system, a compression or an archive keeps back: each is one line that names the
file, and no traceback.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.context import ReadingContext
from sirec.data.reading.files import RawFiles, read_text
from sirec.data.reading.tables import read_delimited
from sirec.errors import SirecError

CONTENT = b"user,item\na,1\n"


def rows(place: Path, name: str) -> list[Any]:
    found: list[Any] = read_delimited(
        RawFiles(place, "a table").need(name), [WantedColumn("user")], ReadingContext()
    ).to_pylist()
    return found


def test_a_file_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loose tables, small texts and archives alike: the file, what the system says, and no word of
    damage.
    """
    (tmp_path / "a.csv").write_bytes(CONTENT)
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("c.csv", CONTENT)
    loose, packed = (RawFiles(tmp_path, "a table").need(name) for name in ("a.csv", "c.csv"))
    assert rows(tmp_path, "a.csv") == rows(tmp_path, "c.csv") == [{"user": "a"}]  # the control
    opened = Path.open

    def refused(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.suffix in (".csv", ".zip"):  # as the system does for others than the administrator
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refused)
    attempts = {
        "a.csv": [lambda: rows(tmp_path, "a.csv"), lambda: read_text(loose)],
        "b.zip": [lambda: rows(tmp_path, "c.csv"), lambda: read_text(packed)],
    }
    for name, reads in attempts.items():
        for read in reads:
            with pytest.raises(SirecError) as caught:
                read()
            assert caught.value.message == f"{tmp_path / name}: Permission denied"


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may look into every folder")
def test_a_folder_that_may_not_be_looked_into_is_named(tmp_path: Path) -> None:
    """As the place itself, and above it."""
    (tmp_path / "closed" / "inner").mkdir(parents=True)
    (tmp_path / "closed").chmod(0)
    try:
        with pytest.raises(SirecError, match=r"Permission denied|no a\.csv in it"):
            rows(tmp_path / "closed" / "inner", "a.csv")
    finally:
        (tmp_path / "closed").chmod(0o755)


@pytest.mark.parametrize("compress", [bz2.compress, gzip.compress])
def test_damaged_compression_is_named(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    """Cut short or with wrong bytes in it, wherever: never a traceback, always the file, in tables
    and in small texts.
    """
    lines = CONTENT + b"".join(b"b,%d\n" % (number * number) for number in range(3_000))
    whole = compress(lines)
    path = tmp_path / "a.csv.z"
    path.write_bytes(whole)
    assert len(rows(path, path.name)) == 3_001  # the control
    half = len(whole) // 2
    wrong = (
        whole[:half] + bytes(byte ^ 255 for byte in whole[half : half + 40]) + whole[half + 40 :]
    )
    for content in (whole[:half], wrong, whole[:-6], whole[:20] + b"\xff" * 30 + whole[50:]):
        path.write_bytes(content)
        with pytest.raises(SirecError, match=r"a\.csv\.z:\d+: the file is damaged or cut short"):
            rows(path, path.name)
        with pytest.raises(SirecError, match=r"a\.csv\.z: the file is damaged or cut short"):
            read_text(RawFiles(path, "a table").need(path.name))


def test_a_table_may_begin_with_the_letters_of_a_compression(tmp_path: Path) -> None:
    """`BZh9` is a name of a column; an empty file that was compressed is an empty file."""
    for name in ("BZ", "BZid", "BZh9"):
        (tmp_path / "a.csv").write_text(f"{name},user\n1,a\n")
        assert rows(tmp_path, "a.csv") == [{"user": "a"}], name
    (tmp_path / "a.csv").write_bytes(bz2.compress(b""))
    with pytest.raises(SirecError, match="the file is empty"):
        rows(tmp_path, "a.csv")


ENTRY, FLAGS, METHOD = (
    b"PK\x01\x02",
    8,
    10,
)  # of a member in a zip's directory: where its flags and its compression stand
UNREADABLE = {"encrypted": (FLAGS, 1), "compressed in another way": (METHOD, 9)}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_zip_that_cannot_be_unpacked_here_is_named(tmp_path: Path, case: str) -> None:
    """A member that is encrypted, or compressed as the standard library cannot: its name, and what
    a person can do.
    """
    place, value = UNREADABLE[case]
    path = tmp_path / "b.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("c.csv", CONTENT)
    assert rows(tmp_path, "c.csv") == [{"user": "a"}]  # the control
    content = bytearray(path.read_bytes())
    directory, local = content.index(ENTRY), content.index(b"PK\x03\x04")
    content[directory + place] = content[local + place - 2] = value
    path.write_bytes(content)
    with pytest.raises(SirecError, match=r"b\.zip!c\.csv: ") as caught:
        rows(tmp_path, "c.csv")
    assert "--raw FOLDER" in (caught.value.hint or "")


def test_two_files_that_could_be_meant_are_both_named(tmp_path: Path) -> None:
    """The nearer of two is taken, and the unpacked before the packed; between equals nobody
    guesses.
    """
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "review.json").write_text(place)
    with pytest.raises(SirecError, match=r"both .*a/review.json and .*b/review.json are there"):
        RawFiles(tmp_path, "reviews").need("review.json")
    (tmp_path / "review.json.gz").write_bytes(gzip.compress(b"near"))
    assert (
        RawFiles(tmp_path, "reviews").need("review.json").name == "review.json.gz"
    )  # nearer than both
    (tmp_path / "review.json").write_text("near")
    assert RawFiles(tmp_path, "reviews").need("review.json").path == tmp_path / "review.json"
    assert (
        RawFiles(tmp_path / "a", "reviews").need("review.json").path
        == tmp_path / "a" / "review.json"
    )
