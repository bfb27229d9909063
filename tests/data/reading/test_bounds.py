"""What unpacks without end is refused before it fills the memory, and the bound can be raised."""

from __future__ import annotations

import gzip
import time
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sirec
from sirec.data.reading import bounds, parquet
from sirec.data.reading.columns import WantedColumn
from sirec.data.reading.context import ReadingContext
from sirec.data.reading.files import RawFiles, read_text
from sirec.data.reading.tables import read_delimited, read_json_lines, read_parquet
from sirec.errors import SirecError

COLUMNS = [WantedColumn("user"), WantedColumn("item")]
MEGABYTE = 1 << 20


@pytest.fixture
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that little files reach."""
    monkeypatch.setattr(bounds, "UNSUSPICIOUS", MEGABYTE)
    monkeypatch.setenv(bounds.VARIABLE, "1")


def packed(path: Path, content: bytes) -> None:
    """Write a gzip file or a zip with one member."""
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(content))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("t.csv", content)


@pytest.mark.usefixtures("small_bounds")
@pytest.mark.parametrize("name", ["t.csv.gz", "t.zip"])
def test_what_unpacks_to_hundreds_of_times_its_size(tmp_path: Path, name: str) -> None:
    """Rows that repeat; as many that differ (the control) are data."""
    packed(tmp_path / name, b"user,item\n" + b"1,1\n" * MEGABYTE)
    with pytest.raises(SirecError, match="unpacks to more than 100 times its size"):
        read_delimited(RawFiles(tmp_path, "").need("t.csv"), COLUMNS, ReadingContext())
    rows = "".join(f"{number},{number * 7919 % 99991}\n" for number in range(MEGABYTE // 8))
    packed(tmp_path / name, f"user,item\n{rows}".encode())
    file = RawFiles(tmp_path, "").need("t.csv")
    assert len(read_delimited(file, COLUMNS, ReadingContext())) == MEGABYTE // 8


@pytest.mark.usefixtures("small_bounds")
@pytest.mark.parametrize("content", [b"1 2 3\n", b" ", b'{"user": "1", "item": "2"}\n'])
def test_blocks_of_any_format_have_the_bound(tmp_path: Path, content: bytes) -> None:
    """JSON lines, blanks without end, sequences."""
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress(content * (5 * MEGABYTE // len(content))))
    file = RawFiles(tmp_path, "").need("t.jsonl")
    with pytest.raises(SirecError, match=r"t\.jsonl"):
        read_json_lines(file, COLUMNS, ReadingContext())


@pytest.mark.usefixtures("small_bounds")
def test_files_that_are_read_whole_have_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told with the way to raise it, which works."""
    (tmp_path / "u.genre").write_bytes(b"drama|1\n" * (3 * MEGABYTE // 8))
    file = RawFiles(tmp_path, "").need("u.genre")
    with pytest.raises(SirecError, match="more than 1 MB, and it is read as a whole") as caught:
        read_text(file)
    variable, _, value = (caught.value.hint or "").rpartition(": ")[2].partition("=")
    monkeypatch.setenv(variable, value)
    assert len(read_text(file)) == 3 * MEGABYTE
    for wrong in ("0", "-1", "many", "", "1e3"):
        monkeypatch.setenv(variable, wrong)
        with pytest.raises(SirecError, match="not a number of megabytes"):
            read_text(file)


@pytest.mark.usefixtures("small_bounds")
def test_sequences_and_attributes_of_a_release(tmp_path: Path) -> None:
    """Each file of the release that is read whole."""
    (tmp_path / "item2attributes.json").write_text('{"1": [1]}')
    (tmp_path / "sequences.txt.gz").write_bytes(gzip.compress(b"5 " * 2 * MEGABYTE))
    with pytest.raises(SirecError, match=r"sequences\.txt"):
        sirec.prepare("s3rec", raw=tmp_path, name="x", data_root=tmp_path / "data")
    (tmp_path / "sequences.txt.gz").unlink()
    (tmp_path / "sequences.txt").write_text("1 2 3 4\n2 3 4 5\n")
    (tmp_path / "item2attributes.json").write_bytes(b'{"1": [1]' + b" " * 2 * MEGABYTE + b"}")
    with pytest.raises(SirecError, match=r"item2attributes\.json"):
        sirec.prepare("s3rec", raw=tmp_path, name="x", data_root=tmp_path / "data")


def test_parquet_with_more_rows_than_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million equal rows take some hundred bytes; the file says beforehand how many they are."""
    rows = pa.array(["u"] * 100_000).dictionary_encode()
    pq.write_table(pa.table({"user": rows, "item": rows}), tmp_path / "t.parquet")
    file = RawFiles(tmp_path, "").need("t.parquet")
    assert len(read_parquet(file, COLUMNS, ReadingContext())) == 100_000
    monkeypatch.setattr(parquet, "memory_size", lambda: 200_000)
    with pytest.raises(SirecError, match="100,000 rows do not fit"):
        read_parquet(file, COLUMNS, ReadingContext())


def test_twenty_thousand_columns(tmp_path: Path) -> None:
    """Names are compared once each: the time is that of reading, and not of their pairs."""
    names = [f"c{number}" for number in range(20_000)]
    (tmp_path / "t.csv").write_text(",".join(names) + "\n" + ",".join(names) + "\n")
    seconds = time.process_time()
    file = RawFiles(tmp_path, "").need("t.csv")
    wanted = [WantedColumn("c1"), WantedColumn("c19999")]
    assert len(read_delimited(file, wanted, ReadingContext())) == 1
    frame = pd.DataFrame([[1] * 20_000] * 3, columns=names)
    with pytest.raises(SirecError):
        sirec.prepare(frame, name="x", user="c1", item="c2", data_root=tmp_path)
    assert time.process_time() - seconds < 10  # 22 s when it was quadratic
