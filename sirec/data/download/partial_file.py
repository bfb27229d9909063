"""A file that is not whole yet: its bytes so far, and which version of the file they belong to.

NAME.part        the bytes so far
.NAME.part.lock  held by the process that adds to them
NAME.part.yaml   `Version`: noted before the first byte and only while there is none
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sirec import config
from sirec.data.locks import hold_or_refuse
from sirec.errors import SirecError

ENDINGS = (".part", ".part.yaml")
"""How the name of no whole file may end."""


@dataclass(frozen=True)
class Version:
    """Which version of a file some bytes belong to; without a validator nothing can be asked to be
    the rest of it.

    `validator` is a strong ETag or a date of change, `length` the bytes in all (None: the server
    did not say).
    """

    url: str
    validator: str | None = None
    length: int | None = None


@dataclass
class PartialFile:
    """The bytes of a file so far. Every method raises `OSError` where the disk refuses."""

    path: Path
    file: BinaryIO
    version: Version | None

    @property
    def size(self) -> int:
        """Bytes so far."""
        return os.fstat(self.file.fileno()).st_size

    def rest_of(self, url: str) -> Version | None:
        """The version whose rest is missing, if it is one of this address and the server can be
        asked for the rest.
        """
        usable = (
            self.size
            and self.version is not None
            and self.version.url == url
            and self.version.validator
        )
        return self.version if usable else None

    def clear(self) -> None:
        """Forget all bytes, for good, before anything else happens."""
        self.file.truncate(0)
        os.fsync(self.file.fileno())

    def begin(self, version: Version) -> None:
        """Start with no bytes of a version: when it is noted no byte of another is left, and none
        comes before it is noted.
        """
        self.clear()
        self.version = version
        with _note(self.path).open("w", encoding="utf-8") as file:
            file.write(config.to_yaml(config.dump(version)))
            file.flush()
            os.fsync(file.fileno())

    def append(self, block: bytes) -> None:
        """Add bytes; the operating system has them before this returns, so that a killed process
        loses none.
        """
        self.file.write(block)
        self.file.flush()

    def finish(self, target: Path) -> None:
        """Give the file its name, its contents being on disk."""
        os.fsync(self.file.fileno())
        self.path.replace(target)
        _note(self.path).unlink(missing_ok=True)


@contextmanager
def part_of(target: Path) -> Iterator[PartialFile]:
    """What is there of a file, held by this process; an empty part is not left behind.

    Raises `BlockingIOError` where another process holds it, `OSError` where the disk refuses, and
    `SirecError` for a note that was changed by hand.
    """
    path = target.with_name(f"{target.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    with hold_or_refuse(path), path.open("ab") as file:
        part = PartialFile(path, file, None)
        try:
            if part.size and _note(path).exists():  # a note of no bytes may be half a note
                part.version = _noted(path)
            yield part
        finally:
            if path.exists() and part.size == 0:
                _note(path).unlink(missing_ok=True)
                path.unlink()


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.yaml")


def _noted(path: Path) -> Version:
    try:
        return config.load(Version, config.read_yaml(_note(path)), str(_note(path)))
    except SirecError as error:
        raise SirecError(error.message, f"delete it and {path} to begin anew") from None
