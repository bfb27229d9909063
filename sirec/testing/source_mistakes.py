"""Checks of a source on raw files in other forms of text, and on damaged ones."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

from sirec.data.reading.context import BadLines, ReadingContext
from sirec.errors import SirecError
from sirec.testing.source_examples import SourceExample, sample
from sirec.testing.source_reading import difference, read, refusal, rows_of, wanted_rows

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
BEFORE_BAD_LINE = 3  # interactions that stand before a bad line

FORMS: dict[str, Callable[[bytes], bytes]] = {
    "lines end as on Windows": lambda data: data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
    "a byte order mark": lambda data: BYTE_ORDER_MARK + data,
    "no end of the last line": lambda data: data.rstrip(b"\r\n"),
}
"""Forms in which programs save the same text."""


def check_forms_of_text(example: SourceExample, folder: Path) -> None:
    """Line ends, a byte order mark and compression change nothing of what is read.

    Args:
        example: the source.
        folder: a folder in which files may be written.
    """
    plain = folder / "text"
    path = _write(example, plain)
    expected = read(example, plain)
    data = path.read_bytes()
    if example.bad_line is not None:
        for name, change in FORMS.items():
            path.write_bytes(change(data))
            _check_same(example, plain, expected, name)
    if example.may_be_gzipped:
        path.unlink()
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(data))
        _check_same(example, plain, expected, "compression by gzip")


def _check_same(example: SourceExample, folder: Path, expected: object, name: str) -> None:
    try:
        other = difference(expected, read(example, folder))  # type: ignore[arg-type]
    except SirecError as error:
        raise AssertionError(f"{name}: the file is refused: {error}") from error
    assert other is None, f"{name}: this changes {other}"


def check_bad_line(example: SourceExample, folder: Path) -> None:
    """A bad line is named with file and number; where it may be skipped, it alone is missing.

    Args:
        example: the source.
        folder: a folder in which files may be written.
    """
    lines = {"a bad line": example.bad_line, "a line without an item": example.without_item}
    for place, (what, line) in enumerate(lines.items()):
        if line is None:
            continue
        own = folder / f"bad {place}"
        path = _write(example, own)
        number = example.header_lines + BEFORE_BAD_LINE + 1
        content = path.read_bytes().splitlines(keepends=True)
        content.insert(number - 1, line.encode() + b"\n")
        path.write_bytes(b"".join(content))
        where = f"{path.name}:{number}"
        error = refusal(example, own, what)
        assert where in error.message, f"{what}: the message does not say {where}: {error.message}"
        assert error.hint, f"{what}: the message has no hint"
        bad_lines = BadLines(1)
        raw = example.source.read(own, ReadingContext(bad_lines=bad_lines))
        count = len(bad_lines.messages)
        assert count == 1, f"{what}: {count} skipped lines are counted, not 1"
        is_same = rows_of(raw) == wanted_rows(example, sample())
        assert is_same, f"{what}: skipping it changes other interactions"


def check_damaged_files(example: SourceExample, folder: Path) -> None:
    """A file that is missing, empty, without rows or cut short is refused by its name.

    Args:
        example: the source.
        folder: a folder in which files may be written.
    """
    own = folder / "damaged"
    path = _write(example, own)
    data = path.read_bytes()
    _check_named(example, own, path, "an empty file", b"")
    if example.bad_line is not None and example.header_lines:
        header = data.splitlines(keepends=True)[: example.header_lines]
        _check_named(example, own, path, "a file with nothing but a header", b"".join(header))
    if example.may_be_gzipped:
        cut = gzip.compress(data)[:-12]  # the checksum and the last bytes of the contents
        packed = path.with_name(f"{path.name}.gz")
        path.unlink()
        _check_named(example, own, packed, "a compressed file that is cut short", cut)
        packed.unlink()
    else:
        path.unlink()
    error = refusal(example, own, "a missing file")
    says = path.suffix in f"{error.message} {error.hint}"  # a name may be free, but for its ending
    wrong = f"a missing file: neither message nor hint tells of {path.name}: {error.message}"
    assert says, wrong


def _check_named(
    example: SourceExample, folder: Path, path: Path, what: str, content: bytes
) -> None:
    """Write a damaged file, and check that it is refused by its name."""
    path.write_bytes(content)
    error = refusal(example, folder, what)
    says = path.name in error.message
    assert says, f"{what}: the message does not name {path.name}: {error.message}"


def _write(example: SourceExample, folder: Path) -> Path:
    """Write the example's files into a new folder; the path of the interactions."""
    assert example.write is not None
    folder.mkdir(parents=True)
    return example.write(folder, sample())
