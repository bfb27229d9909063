"""Raw files wherever they lie: loose in a folder, compressed, or inside the archive in which they
are distributed.

Nothing is ever extracted: a member is read as a stream where it stands, so no archive can write
anywhere, whatever names its members have. An archive inside an archive (a tar in a zip) is opened
the same way.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO, Any

from sirec.errors import SirecError

DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile)
"""What the standard library raises, reading an opened file, where a compression or an archive is
cut short or damaged.
"""

TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2")
ARCHIVES = (".zip", *TARS)
DEEPEST = 3  # folders below the given one in which raw files are looked for
COMPRESSED: dict[re.Pattern[bytes], Callable[[Any], Any]] = {  # by the first bytes of a file
    re.compile(rb"\x1f\x8b"): gzip.open,
    re.compile(
        rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"
    ): bz2.open,  # with something in it, or nothing; letters alone may be a header
}
START = 10  # bytes that tell a compression
COMPRESSED_ENDS = ("", ".gz", ".bz2")  # after the name of a file that may be compressed
ZIP_START = (b"PK\x03\x04", b"PK\x05\x06")  # of an archive with members, of one without
# what macOS puts beside a file into an archive: its attributes, under the file's own name after
# this
MAC_COPY = "._"


@contextmanager
def accessible(place: Path) -> Iterator[None]:
    """Turns what the system refuses into a `SirecError` that names the file or folder."""
    try:
        yield
    except OSError as error:
        raise SirecError(
            f"{error.filename or place}: {error.strerror or error}", "can you read it yourself?"
        ) from None


def on_disk(path: Path) -> IO[bytes]:
    """The file, opened. Raises `SirecError` where the system refuses to."""
    with accessible(path):
        return path.open("rb")


class CountedStream(io.RawIOBase):
    """A stream that counts the bytes that were taken from it, to tell how far a reader is."""

    def __init__(self, inner: IO[bytes]) -> None:
        self.inner = inner
        self.taken = 0

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer and count."""
        taken: int = self.inner.readinto(buffer)  # type: ignore[attr-defined]  # every stream of bytes has it
        self.taken += taken
        return taken


@dataclass(frozen=True)
class RawFile:
    """A file on disk (`path`), or the member of an archive there that `members` leads to; `size` in
    bytes as stored.
    """

    path: Path
    size: int
    members: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The file as errors name it."""
        return "!".join((str(self.path), *self.members))

    @property
    def name(self) -> str:
        """The file's own name."""
        return PurePosixPath((str(self.path), *self.members)[-1]).name

    @property
    def suffix(self) -> str:
        """The ending that tells the format: `.csv` of `orders.csv.gz`."""
        name = PurePosixPath(self.name.lower())
        return PurePosixPath(name.stem).suffix if name.suffix in (".gz", ".bz2") else name.suffix

    @contextmanager
    def open(self) -> Iterator[tuple[IO[bytes], CountedStream]]:
        """The decompressed contents, and a count of the stored bytes that went into them.

        Compression is told by the first bytes, not by the name. Damage shows up as one of `DAMAGE`
        while reading.
        """
        with ExitStack() as stack:
            stored: IO[bytes] = stack.enter_context(on_disk(self.path))
            for member in self.members:
                stored = stack.enter_context(_member(stored, member, self.path))
            start = stored.read(START)
            stored.seek(0)
            counted = CountedStream(stored)
            buffered = io.BufferedReader(counted, 1 << 20)
            decompress = next(
                (opener for pattern, opener in COMPRESSED.items() if pattern.match(start)), None
            )
            yield stack.enter_context(decompress(buffered) if decompress else buffered), counted


def read_text(file: RawFile) -> str:
    """All of a small file's text. Raises `SirecError` where it is empty, damaged or not UTF-8."""
    try:
        with file.open() as (stream, _):
            text = stream.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SirecError(f"{file}: not UTF-8 text at byte {error.start}") from None
    except DAMAGE as error:
        raise SirecError(
            f"{file}: the file is damaged or cut short: {error}", "fetch it again"
        ) from None
    if not text.strip():
        raise SirecError(f"{file}: the file is empty")
    return text


class RawFiles:
    """The files in a folder, in its archives, or in one archive or file. Raises `SirecError` where
    there is no such place.
    """

    def __init__(self, place: Path | None, expected: str) -> None:
        with accessible(place or Path()):
            found = place is not None and place.exists()
        if place is None or not found:
            raise SirecError(
                f"{place or 'no raw files given'}: no such file or folder", f"expected {expected}"
            )
        self.place, self.expected = place, expected

    def find(self, *names: str) -> RawFile | None:
        """The file with one of these names, compressed or not, the first name first; loose files
        before members of archives.

        Of several the one with the shortest way to it is meant. Raises `SirecError` where two are
        equally near.
        """
        return _first(names, self._loose) or _first(
            names, self._packed
        )  # no archive is opened for what is loose

    def ending(self, ending: str) -> list[RawFile]:
        """All files whose names end so, compressed or not: the loose ones, or if there are none the
        members of archives.
        """
        ends = tuple(ending + end for end in COMPRESSED_ENDS)
        loose = [file for file in self._loose if file.name.endswith(ends)]
        return loose or [
            file
            for file in self._packed
            if file.name.endswith(ends) and not file.name.startswith(MAC_COPY)
        ]

    def need(self, *names: str) -> RawFile:
        """The file that has one of these names. Raises `SirecError` where there is none."""
        found = self.find(*names)
        if found is None:
            wanted = " or ".join(names)
            raise SirecError(
                f"{self.place}: no {wanted} in it, loose or in an archive",
                f"expected {self.expected}",
            )
        return found

    @cached_property
    def _loose(self) -> list[RawFile]:
        patterns = ["/".join(["*"] * depth) for depth in range(1, DEEPEST + 1)]
        with accessible(self.place):
            if self.place.is_file():
                return [RawFile(self.place, self.place.stat().st_size)]
            paths = [
                path
                for pattern in patterns
                for path in sorted(self.place.glob(pattern))
                if path.is_file()
            ]
            return [RawFile(path, path.stat().st_size) for path in paths]

    @cached_property
    def _packed(self) -> list[RawFile]:
        return [member for file in self._loose for member in _contents(file)]


def _first(names: Sequence[str], files: Sequence[RawFile]) -> RawFile | None:
    for name in names:
        forms = [name + end for end in COMPRESSED_ENDS]
        near = {
            file: (str(file).count("/"), forms.index(file.name))
            for file in files
            if file.name in forms
        }
        found = sorted(near, key=near.__getitem__)
        if len(found) > 1 and near[found[0]] == near[found[1]]:
            hint = "leave one, or name the folder or the archive that is meant"
            raise SirecError(f"both {found[0]} and {found[1]} are there", hint)
        if found:
            return found[0]
    return None


def _contents(file: RawFile) -> Iterator[RawFile]:
    """Members of an archive, and of the archives among them; none of what is no archive."""
    if not file.name.lower().endswith(ARCHIVES) or file.name.startswith(MAC_COPY):
        return
    try:
        with ExitStack() as stack:
            stored: IO[bytes] = stack.enter_context(on_disk(file.path))
            for member in file.members:
                stored = stack.enter_context(_member(stored, member, file.path))
            members = [
                RawFile(file.path, size, (*file.members, name)) for name, size in _names(stored)
            ]
    except DAMAGE as error:
        raise SirecError(
            f"{file}: not a readable archive: {str(error).splitlines()[0]}",
            "is the download complete?",
        ) from None
    for found in members:
        yield found
        yield from _contents(found)


def _names(stored: IO[bytes]) -> list[tuple[str, int]]:
    if _is_zip(stored):
        with zipfile.ZipFile(stored) as archive:
            return [
                (entry.filename, entry.file_size)
                for entry in archive.infolist()
                if not entry.is_dir()
            ]
    with tarfile.open(fileobj=stored, mode="r:*") as archive:
        return [(entry.name, entry.size) for entry in archive.getmembers() if entry.isreg()]


@contextmanager
def _member(stored: IO[bytes], name: str, path: Path) -> Iterator[IO[bytes]]:
    if _is_zip(stored):
        with zipfile.ZipFile(stored) as archive, _member_of_zip(archive, name, path) as member:
            yield member
        return
    with tarfile.open(fileobj=stored, mode="r:*") as tar:
        # By name, tarfile would first go through the whole archive, which is minutes of
        # decompression for large ones.
        found = tar.extractfile(
            next(entry for entry in tar if entry.name == name and entry.isreg())
        )
        assert found is not None  # a regular file has contents
        with found:
            yield found


def _member_of_zip(archive: zipfile.ZipFile, name: str, path: Path) -> IO[bytes]:
    try:
        return archive.open(name)
    except (
        RuntimeError
    ) as error:  # encrypted, or compressed in a way that the standard library does not know
        raise SirecError(
            f"{path}!{name}: {error}", "repack the archive, or unpack it and say --raw FOLDER"
        ) from None


def _is_zip(stored: IO[bytes]) -> bool:
    """Told by the first bytes: the standard library looks at the end, and to reach the end of a
    member is to read it all.
    """
    start = stored.read(4)
    stored.seek(0)
    return start in ZIP_START
