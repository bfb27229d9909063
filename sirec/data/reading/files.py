"""Raw files: loose in a folder, compressed, or inside the archive in which they are distributed.

Nothing is ever extracted. A member of an archive is read as a stream where it stands, so that no
archive can write anywhere, whatever the names of its members are. An archive inside an archive (a
tar in a zip) is read the same way.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from sirec.data.reading.archives import (
    ARCHIVES,
    COMPRESSED,
    DAMAGE,
    START,
    CountedStream,
    accessible,
    member_names,
    on_disk,
    open_member,
)
from sirec.data.reading.bounds import BoundedStream, read_whole
from sirec.errors import SirecError

DEEPEST = 3  # levels of folders below the given one in which raw files are searched for
COMPRESSED_ENDS = ("", ".gz", ".bz2")  # after the name of a file that may be compressed
# macOS adds a file's attributes to an archive under the file's name with this prefix.
MAC_COPY = "._"


@dataclass(frozen=True)
class RawFile:
    """A file on disk, or a member of an archive.

    Attributes:
        path: the file or the archive on disk.
        size: bytes as stored, compressed or not.
        members: names of the members that lead to the file: none for a file on disk, several for a
            member of an archive inside an archive.
    """

    path: Path
    size: int
    members: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The file as messages name it: `archive.zip!inner.tar!file.csv`."""
        return "!".join((str(self.path), *self.members))

    @property
    def name(self) -> str:
        """The file's own name, without folders and archives."""
        return PurePosixPath((str(self.path), *self.members)[-1]).name

    @property
    def suffix(self) -> str:
        """The ending that says the format, in lower case: `.csv` of `orders.csv.gz`."""
        name = PurePosixPath(self.name.lower())
        if name.suffix in (".gz", ".bz2"):
            name = PurePosixPath(name.stem)
        return name.suffix

    def is_called(self, name: str) -> bool:
        """Whether this is the file's name, or the end of its path: `data/orders.csv`.

        Args:
            name: a name, with or without folders before it.
        """
        wanted = PurePosixPath(name).parts
        own = PurePosixPath("/".join((self.path.as_posix(), *self.members))).parts
        return own[len(own) - len(wanted) :] == wanted

    @contextmanager
    def open(self) -> Iterator[tuple[IO[bytes], CountedStream]]:
        """Open the decompressed contents, with a count of the stored bytes that were read.

        How the file is compressed is told by its first bytes and not by its name. If it is damaged,
        reading raises one of `DAMAGE`.
        """
        with ExitStack() as stack:
            stored: IO[bytes] = stack.enter_context(on_disk(self.path))
            for member in self.members:
                stored = stack.enter_context(open_member(stored, member, self.path))
            start = stored.read(START)
            stored.seek(0)
            counted = CountedStream(stored)
            buffered = io.BufferedReader(counted, 1 << 20)
            contents: Any = buffered
            for pattern, decompress in COMPRESSED.items():
                if pattern.match(start):
                    contents = decompress(buffered)
            stack.enter_context(contents)
            yield cast(IO[bytes], BoundedStream(contents, self._stored_bytes(), str(self))), counted

    def _stored_bytes(self) -> int:
        """Bytes of the file on disk, which may be an archive."""
        with accessible(self.path):
            return self.path.stat().st_size


def read_text(file: RawFile) -> str:
    """Read the text of a small file. Raises `SirecError` if it is empty, damaged or not UTF-8."""
    try:
        with file.open() as (stream, _):
            text = read_whole(stream, str(file)).decode("utf-8-sig")
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
    """The files in a folder and its archives, or in one archive, or one file.

    Args:
        location: the folder, archive or file.
        expected: which files are expected, for messages.

    Raises:
        SirecError: if `location` is None, or nothing is there.
    """

    def __init__(self, location: Path | None, expected: str) -> None:
        with accessible(location or Path()):
            found = location is not None and location.exists()
        if location is None or not found:
            raise SirecError(
                f"{location or 'no raw files given'}: no such file or folder",
                f"expected {expected}",
            )
        self.location = location
        self.expected = expected

    def find(self, *names: str) -> RawFile | None:
        """Find the file with one of several names, compressed or not.

        An earlier name is preferred to a later one, a loose file to a member of an archive, and a
        file near the top to one in deeper folders.

        Args:
            names: possible names of the file, without the ending of a compression. A name may have
                folders before it.

        Returns:
            The file, or None if there is none of these names.

        Raises:
            SirecError: if two files of one name are equally deep.
        """
        # No archive is opened for a file that is loose.
        return _first(names, self._loose) or _first(names, self._packed)

    def ending(self, ending: str) -> list[RawFile]:
        """All files whose names end so, compressed or not: the loose ones, or else members."""
        ends = tuple(ending + end for end in COMPRESSED_ENDS)
        loose = [file for file in self._loose if file.name.endswith(ends)]
        if loose:
            return loose
        packed: list[RawFile] = []
        for file in self._packed:
            if file.name.endswith(ends) and not file.name.startswith(MAC_COPY):
                packed.append(file)
        return packed

    def named(self) -> list[str]:
        """The paths of all files, loose and packed, as they are named below the location."""
        found: list[str] = []
        for file in (*self._loose, *self._packed):
            if file.members:
                found.append("!".join(file.members))
            elif file.path != self.location:
                found.append(file.path.relative_to(self.location).as_posix())
        return found

    def need(self, *names: str) -> RawFile:
        """Find the file with one of several names, as `find` does.

        Args:
            names: possible names of the file, without the ending of a compression.

        Raises:
            SirecError: if there is none, with what is expected; or if it is not clear which.
        """
        found = self.find(*names)
        if found is None:
            wanted = " or ".join(names)
            raise SirecError(
                f"{self.location}: no {wanted} in it, loose or in an archive",
                f"expected {self.expected}",
            )
        return found

    @cached_property
    def _loose(self) -> list[RawFile]:
        """Files on disk, those near the top first."""
        found: list[RawFile] = []
        with accessible(self.location):
            if self.location.is_file():
                return [RawFile(self.location, self.location.stat().st_size)]
            for depth in range(1, DEEPEST + 1):
                for path in sorted(self.location.glob("/".join(["*"] * depth))):
                    if path.is_file():
                        found.append(RawFile(path, path.stat().st_size))
        return found

    @cached_property
    def _packed(self) -> list[RawFile]:
        """Members of the archives on disk."""
        found: list[RawFile] = []
        for file in self._loose:
            found += contents(file)
        return found


def _first(names: Sequence[str], files: Sequence[RawFile]) -> RawFile | None:
    """The least deep of the files with the first of the names that any file has.

    Raises:
        SirecError: if two files are equally deep and equally compressed.
    """
    for name in names:
        forms = [name + end for end in COMPRESSED_ENDS]
        near: dict[RawFile, tuple[int, int]] = {}
        for file in files:
            for place, form in enumerate(forms):
                if file.is_called(form):
                    near[file] = (str(file).count("/"), place)
        found = sorted(near, key=near.__getitem__)
        if len(found) > 1 and near[found[0]] == near[found[1]]:
            hint = "leave one, or name the folder or the archive that is meant"
            raise SirecError(f"both {found[0]} and {found[1]} are there", hint)
        if found:
            return found[0]
    return None


def contents(file: RawFile) -> Iterator[RawFile]:
    """Members of an archive, and of the archives among them; none if `file` is no archive.

    Raises:
        SirecError: if an archive is damaged.
    """
    if not file.name.lower().endswith(ARCHIVES) or file.name.startswith(MAC_COPY):
        return
    try:
        with ExitStack() as stack:
            stored: IO[bytes] = stack.enter_context(on_disk(file.path))
            for member in file.members:
                stored = stack.enter_context(open_member(stored, member, file.path))
            members: list[RawFile] = []
            for name, size in member_names(stored):
                members.append(RawFile(file.path, size, (*file.members, name)))
    except DAMAGE as error:
        raise SirecError(
            f"{file}: not a readable archive: {str(error).splitlines()[0]}",
            "is the download complete?",
        ) from None
    for found in members:
        yield found
        yield from contents(found)
