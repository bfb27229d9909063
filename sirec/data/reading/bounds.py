"""Bounds on what comes out of a compressed file, and on files that are read as a whole.

Text of any kind shrinks to a tenth, repetitive logs to a fiftieth; what unpacks to a hundred times
its size was made to fill a memory, or is damaged. Large tables are read in blocks and have no
other bound. Small files (lists of genres, attributes of items, sequences) are read as a whole, and
`SIREC_WHOLE_FILE_MB` says how large one may be.
"""

from __future__ import annotations

import os
from typing import IO, Any

from sirec.errors import SirecError

MOST_TIMES = 100  # that contents may be larger than the file which holds them
UNSUSPICIOUS = 128 << 20  # bytes that may come out of a file of any size
VARIABLE, USUAL_MEGABYTES = "SIREC_WHOLE_FILE_MB", 256
PIECE = 1 << 20


class BoundedStream:
    """The contents of a file, which may not be absurdly larger than what is stored.

    Args:
        contents: the decompressed contents.
        stored: bytes of the file on disk.
        where: the file, for the message.
    """

    def __init__(self, contents: IO[bytes], stored: int, where: str) -> None:
        self.contents = contents
        self.most = max(UNSUSPICIOUS, MOST_TIMES * stored)
        self.where = where
        self.taken = 0

    def read(self, size: int = -1) -> bytes:
        """Read up to a number of bytes, or what is left; raises `SirecError` beyond the bound."""
        return self._counted(self.contents.read(self.most + 1 if size < 0 else size))

    def read1(self, size: int = -1) -> bytes:
        """Read what can be had at once; raises `SirecError` beyond the bound."""
        return self._counted(self.contents.read1(size))  # type: ignore[attr-defined]

    def _counted(self, data: bytes) -> bytes:
        self.taken += len(data)
        if self.taken > self.most:
            raise SirecError(
                f"{self.where}: unpacks to more than {MOST_TIMES} times its size",
                "is it damaged? If it is meant to be so, unpack it and read the unpacked file",
            )
        return data


def read_whole(stream: Any, where: str) -> bytes:
    """All bytes of a stream, if they are not more than a whole file may have.

    Args:
        stream: the stream.
        where: the file, for the message.

    Raises:
        SirecError: if there are more.
    """
    megabytes = _most_megabytes()
    pieces: list[bytes] = []
    left = megabytes << 20
    while piece := stream.read(PIECE):
        left -= len(piece)
        if left < 0:
            raise SirecError(
                f"{where}: more than {megabytes:,} MB, and it is read as a whole",
                f"if the memory suffices, raise the bound: {VARIABLE}={4 * megabytes}",
            )
        pieces.append(piece)
    return b"".join(pieces)


def _most_megabytes() -> int:
    text = os.environ.get(VARIABLE, str(USUAL_MEGABYTES))
    if not (text.isascii() and text.isdecimal() and int(text[:9]) > 0):
        raise SirecError(f"{VARIABLE}={text}: not a number of megabytes", "for example: 1024")
    return int(text[:9])
