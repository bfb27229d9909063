"""A text file as blocks of whole lines: a large file is never in memory, and lines keep numbers."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import IO

import numpy as np
from numpy.typing import NDArray

from sirec.data.progress import ProgressCallback
from sirec.data.reading.archives import DAMAGE
from sirec.data.reading.files import RawFile
from sirec.errors import SirecError
from sirec.shell import arguments

BLOCK = 8 << 20  # bytes
# More bytes than this without the end of a line are a mistake, and would fill the memory.
LONGEST = 16 * BLOCK
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UTF_8, UTF_16, UTF_16_MARKS = "utf-8", "utf-16", (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
QUOTE = ord('"')
NEWLINE = ord("\n")


@dataclass(frozen=True)
class LineBlock:
    """Some whole lines of a file.

    Attributes:
        data: the lines, in UTF-8.
        first: number of the first line in the file, from 1.
        unclosed: whether the file ends in this block between quotes.
    """

    data: bytes
    first: int
    unclosed: bool = False

    @cached_property
    def lines(self) -> int:
        """The number of lines; a last line without an end counts."""
        return self.data.count(b"\n") + (not self.data.endswith(b"\n"))

    def line(self, index: int) -> str:
        """The text of the line with the number `index` in the block (from 0), without its end."""
        start, end = self._starts[index : index + 2]
        return self.data[start:end].decode("utf-8", errors="replace").rstrip("\r\n")

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        """Int64[lines + 1], where each line starts, and where the last one ends.

        They are found once, because every line of a block may be bad.
        """
        ends = np.flatnonzero(np.frombuffer(self.data, dtype=np.uint8) == NEWLINE) + 1
        unfinished = [] if self.data.endswith(b"\n") else [len(self.data)]
        return np.concatenate([[0], ends, unfinished]).astype(np.int64)


def blocks(
    file: RawFile,
    progress: ProgressCallback,
    *,
    quoted: bool = False,
    size: int = BLOCK,
    encoding: str = UTF_8,
    remedy: str = "save it as UTF-8",
) -> Iterator[LineBlock]:
    """Read a file in blocks of whole lines, in UTF-8 and without a byte order mark.

    Args:
        file: the file.
        progress: receives the number of stored bytes that were read.
        quoted: whether a line break between double quotes belongs to a cell; then no block ends
            there.
        size: approximate size of a block, in bytes.
        encoding: the declared encoding. It is not guessed, but for UTF-16 with its byte order mark.
        remedy: what a person does if the file is in another encoding.

    Raises:
        SirecError: for an empty file, a damaged one (with the last good line), bytes that are not
            of the encoding, and a line of more than `LONGEST` bytes.
    """
    line, inside = 1, False
    rest: list[bytes] = []  # the beginning of a line whose end has not been read
    try:
        with file.open() as (stream, counted):
            for data in _in_utf8(_pieces(stream, size), encoding):
                end, inside = _last_end(data, inside) if quoted else (data.rfind(b"\n") + 1, False)
                if end:
                    block = _joined((*rest, memoryview(data)[:end]), line)
                    line, rest = line + block.lines, [data[end:]]
                    yield block
                else:
                    rest.append(data)
                _check_length(rest, f"{file}:{line}", quoted=quoted)
                progress(f"reading {file.name}", min(counted.taken, file.size), file.size)
    except DAMAGE as error:
        raise SirecError(
            f"{file}:{line + _newlines(rest)}: the file is damaged or cut short: {error}",
            "fetch it again",
        ) from None
    except UnicodeDecodeError as error:
        before = _newlines(rest) + error.object.count(NEWLINE, 0, error.start)
        raise SirecError(
            f"{file}:{line + before}: not {UTF_16 if encoding == UTF_8 else encoding} text",
            remedy,
        ) from None
    except UnicodeError as error:  # UTF-16 or UTF-32 without the mark of the order of bytes
        raise SirecError(
            f"{file}:{line}: not {encoding} text: {error}",
            f"say the order of its bytes: {arguments('--encoding', f'{encoding}-le')} or -be",
        ) from None
    last = replace(_joined(rest, line), unclosed=inside)
    if last.data:
        yield last
    elif line == 1:
        raise SirecError(f"{file}: the file is empty")
    progress(f"reading {file.name}", file.size, file.size)


def _pieces(stream: IO[bytes], size: int) -> Iterator[bytes]:
    """The contents of a stream, about `size` bytes at a time.

    If the stream is damaged, everything that could be read comes before the error.
    """
    pieces: list[bytes] = []
    try:
        while piece := stream.read1(size):  # type: ignore[attr-defined]
            pieces.append(piece)
            if sum(map(len, pieces)) >= size:
                yield b"".join(pieces)
                pieces = []
    except DAMAGE:
        yield b"".join(pieces)
        raise
    yield b"".join(pieces)


def _in_utf8(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """The pieces of a text in `encoding`, in UTF-8."""
    first = next(pieces)
    if encoding == UTF_8 and first.startswith(UTF_16_MARKS):
        encoding = UTF_16
    if encoding == UTF_8:
        yield first
        yield from pieces
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    for piece in chain([first], pieces):
        yield decoder.decode(piece).encode("utf-8", "surrogatepass")
    yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")


def _joined(pieces: Sequence[bytes | memoryview], first: int) -> LineBlock:
    data = b"".join(pieces)
    if first == 1:
        data = data.removeprefix(BYTE_ORDER_MARK)
    return LineBlock(data, first)


def _newlines(pieces: Sequence[bytes]) -> int:
    return sum(data.count(NEWLINE) for data in pieces)


def _last_end(data: bytes, inside: bool) -> tuple[int, bool]:
    """Where the last whole line of a table ends, and whether the data end between quotes.

    Args:
        data: a piece of the table.
        inside: whether the piece begins between quotes.

    Returns:
        (number of bytes up to the end, 0 if no line ends in the piece; between quotes or not).
    """
    if QUOTE not in data:
        return 0 if inside else data.rfind(b"\n") + 1, inside
    # A line break is inside quotes if the number of quotes before it is odd. (A doubled quote
    # inside a cell changes nothing.)
    values = np.frombuffer(data, dtype=np.uint8)
    odd = np.bitwise_xor.accumulate(values == QUOTE) ^ inside
    ends = np.flatnonzero((values == NEWLINE) & ~odd)
    return int(ends[-1]) + 1 if len(ends) else 0, bool(odd[-1])


def _check_length(rest: list[bytes], where: str, *, quoted: bool) -> None:
    if sum(map(len, rest)) > LONGEST:
        hint = "a double quote that is never closed?" if quoted else "is this a text file?"
        raise SirecError(f"{where}: a line of more than {LONGEST >> 20} MB", hint)
