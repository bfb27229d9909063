"""Blocks of whole lines: nothing lost, nothing twice, every line with its number."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirec.data.reading.files import RawFile
from sirec.data.reading.lines import LineBlock, blocks
from sirec.errors import SirecError

TEXT = st.lists(
    st.sampled_from([b"a", b"\n", b"\r\n", b'"', b",", b"\xc3\xa9", b" "]), min_size=1, max_size=60
).map(b"".join)


def read(path: Path, content: bytes, size: int, *, quoted: bool = False) -> list[LineBlock]:
    path.write_bytes(content)
    return list(
        blocks(
            RawFile(path, len(content)), lambda stage, done, total: None, quoted=quoted, size=size
        )
    )


@given(content=TEXT, size=st.integers(1, 20))
def test_blocks_put_together_are_the_file(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, size: int
) -> None:
    """Whatever the block size; and each block's first line has the number that counting from the
    start gives.
    """
    parts = read(tmp_path_factory.mktemp("lines") / "file", content, size)
    assert b"".join(part.data for part in parts) == content
    before = b""
    for part in parts:
        assert part.first == before.count(b"\n") + 1
        assert before == b"" or before.endswith(b"\n")
        before += part.data
    assert sum(part.lines for part in parts) == content.count(b"\n") + (not content.endswith(b"\n"))


def test_no_block_ends_inside_quotes(tmp_path: Path) -> None:
    """A line break between quotes ends no line; without quotes in the format it does."""
    content = b'1,"a\nb"\n2,"c""\nd"\n3,e\n'
    ends = [part.data for part in read(tmp_path / "file", content, 1, quoted=True)]
    assert ends == [b'1,"a\nb"\n', b'2,"c""\nd"\n', b"3,e\n"]
    assert len(read(tmp_path / "file", content, 1)) == 5  # the control


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    """It is left out at the start of the file, and only there."""
    mark = b"\xef\xbb\xbf"
    assert [part.data for part in read(tmp_path / "file", mark + b"a\n" + mark, 1)] == [
        b"a\n",
        mark,
    ]


@given(
    content=st.text(st.sampled_from("aé\n€😀\u0a0a"), min_size=1, max_size=30),
    size=st.integers(2, 9),
)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8"])
def test_blocks_are_in_utf_8(
    tmp_path_factory: pytest.TempPathFactory, content: str, size: int, encoding: str
) -> None:
    """Whatever the encoding and wherever pieces of the file end; UTF-16 with its mark needs no
    declaration.
    """
    path = tmp_path_factory.mktemp("lines") / "file"
    path.write_bytes(content.encode(encoding))
    found = blocks(
        RawFile(path, 1),
        lambda stage, done, total: None,
        size=size,
        encoding="utf-8" if encoding == "utf-16" else encoding,
    )
    assert b"".join(part.data for part in found).decode() == content


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf"])
def test_an_empty_file_is_named(tmp_path: Path, content: bytes) -> None:
    """An empty file is a mistake, not a data set without interactions."""
    with pytest.raises(SirecError, match="file: the file is empty"):
        read(tmp_path / "file", content, 10)


def test_a_truncated_file_names_the_last_line(tmp_path: Path) -> None:
    """What could be read is counted, so the line is near the damage; a whole file is read."""
    lines = b"".join(b"line %06d\n" % number for number in range(50_000))
    whole = gzip.compress(lines)
    assert (
        b"".join(part.data for part in read(tmp_path / "file", whole, 1 << 12)) == lines
    )  # the control
    with pytest.raises(SirecError, match="damaged or cut short") as caught:
        read(tmp_path / "file", whole[: len(whole) // 2], 1 << 20)
    named = int(caught.value.message.split("file:")[1].split(":")[0])
    assert 15_000 < named < 35_000


def test_a_line_without_end_does_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quote that is never closed is named where it begins."""
    monkeypatch.setattr("sirec.data.reading.lines.LONGEST", 100)
    content = b'1,a\n2,"b\n' + b"3,c\n" * 100
    with pytest.raises(SirecError, match="file:2: a line of more than") as caught:
        read(tmp_path / "file", content, 10, quoted=True)
    assert "never closed" in (caught.value.hint or "")


@given(content=TEXT)
def test_a_line_of_a_block_is_found_by_its_place(content: bytes) -> None:
    """Every line as splitting at line feeds gives it, without its end; a carriage return alone ends
    none.
    """
    block = LineBlock(content, 1)
    lines = content.decode().split("\n")
    assert [block.line(index) for index in range(block.lines)] == [
        line.rstrip("\r") for line in lines[: block.lines]
    ]
