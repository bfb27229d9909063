"""Files on disk, compressed files and members of archives as streams: nothing is extracted."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from sirec.errors import SirecError

DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile)
"""What the standard library raises while it reads a damaged or truncated file or archive."""

TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2")
ARCHIVES = (".zip", *TARS)
ZIP_START = (b"PK\x03\x04", b"PK\x05\x06")  # of an archive with members, and of an empty one
# Decompression by the first bytes of a file. The bytes after "BZh1" tell bzip2, with contents or
# without, from a header that begins with these letters.
COMPRESSED: dict[re.Pattern[bytes], Callable[[Any], Any]] = {
    re.compile(rb"\x1f\x8b"): gzip.open,
    re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"): bz2.open,
}
START = 10  # bytes that tell how a file is compressed


@contextmanager
def accessible(location: Path) -> Iterator[None]:
    """Turn errors of the operating system into a `SirecError` that names the file or folder."""
    try:
        yield
    except OSError as error:
        raise SirecError(
            f"{error.filename or location}: {error.strerror or error}", "can you read it yourself?"
        ) from None


def on_disk(path: Path) -> IO[bytes]:
    """Open a file. Raises `SirecError` if the operating system refuses to."""
    with accessible(path):
        return path.open("rb")


def member_names(stored: IO[bytes]) -> list[tuple[str, int]]:
    """(name, bytes) of each file in an archive."""
    found: list[tuple[str, int]] = []
    if _is_zip(stored):
        with zipfile.ZipFile(stored) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    found.append((entry.filename, entry.file_size))
        return found
    with tarfile.open(fileobj=stored, mode="r:*") as tar:
        for member in tar.getmembers():
            if member.isreg():
                found.append((member.name, member.size))
    return found


@contextmanager
def open_member(stored: IO[bytes], name: str, path: Path) -> Iterator[IO[bytes]]:
    """Open a member of the archive `stored`, which is at `path` or inside it."""
    if _is_zip(stored):
        with zipfile.ZipFile(stored) as archive, _open_zip_member(archive, name, path) as member:
            yield member
        return
    with tarfile.open(fileobj=stored, mode="r:*") as tar:
        # By name, tarfile would first go through the whole archive, which takes minutes of
        # decompression for a large one.
        entry = next(entry for entry in tar if entry.name == name and entry.isreg())
        found = tar.extractfile(entry)
        assert found is not None  # a regular file has contents
        with found:
            yield found


def _open_zip_member(archive: zipfile.ZipFile, name: str, path: Path) -> IO[bytes]:
    try:
        return archive.open(name)
    except RuntimeError as error:  # encrypted, or an unknown way of compression
        raise SirecError(
            f"{path}!{name}: {error}", "repack the archive, or unpack it and say --raw FOLDER"
        ) from None


def _is_zip(stored: IO[bytes]) -> bool:
    """Whether the first bytes are those of a zip.

    The standard library looks at the end instead, and to reach the end of a member is to read it.
    """
    start = stored.read(4)
    stored.seek(0)
    return start in ZIP_START


class CountedStream(io.RawIOBase):
    """A stream that counts the bytes that were read from it, for the progress of a reader.

    Args:
        inner: the stream to read from.
    """

    def __init__(self, inner: IO[bytes]) -> None:
        self.inner = inner
        self.taken = 0

    def readable(self) -> bool:
        """Always true: the stream is for reading."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read bytes into a buffer and count them; returns their number."""
        # Every stream of bytes has this method.
        taken: int = self.inner.readinto(buffer)  # type: ignore[attr-defined]
        self.taken += taken
        return taken
