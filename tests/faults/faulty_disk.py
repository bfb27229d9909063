"""Faults that are arranged in the process of a command, before it begins.

An audit hook sees whatever Python opens, makes, renames and deletes. What libraries in C++ or Rust
write is not seen by it; a limit of the size of files stops these as well.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def changed_path(event: str, arguments: tuple[Any, ...]) -> str | None:
    """The file below the working directory that Python is about to write or change; else None."""
    is_write = event == "open" and (arguments[2] or 0) & WRITING
    if not is_write and event not in CHANGES:
        return None
    return _below(arguments[0])


def read_path(event: str, arguments: tuple[Any, ...]) -> str | None:
    """The file below the working directory that Python is about to open for reading; else None."""
    if event != "open" or (arguments[2] or 0) & WRITING:
        return None
    return _below(arguments[0])


def _below(place: Any) -> str | None:
    if not isinstance(place, str | bytes | os.PathLike):
        return None
    path = os.path.abspath(os.fsdecode(place))  # noqa: PTH100 (a Path would be slow here)
    return path if path.startswith(f"{os.getcwd()}{os.sep}") else None  # noqa: PTH109


@dataclass(frozen=True)
class RefusedChange:
    """From a certain change on, the disk refuses all changes.

    Attributes:
        number: which change is the first that is refused, from 0.
        error: number of the error.
        times: how many are refused; afterwards the disk works again.
    """

    number: int
    error: int
    times: int = 1 << 30

    def __call__(self) -> None:
        """Arrange it."""
        _at_events(changed_path, self.number, self._refuse, self.times)

    def _refuse(self, path: str) -> None:
        raise OSError(self.error, os.strerror(self.error), path)


@dataclass(frozen=True)
class RefusedReading:
    """One file cannot be opened for reading.

    Attributes:
        number: which opening is refused, from 0.
        error: number of the error.
    """

    number: int
    error: int

    def __call__(self) -> None:
        """Arrange it."""
        _at_events(read_path, self.number, self._refuse, 1)

    def _refuse(self, path: str) -> None:
        raise OSError(self.error, os.strerror(self.error), path)


@dataclass(frozen=True)
class LimitedFiles:
    """No file can be longer than some bytes, whoever writes it: as on a disk that is full.

    Attributes:
        size: the bytes.
    """

    size: int

    def __call__(self) -> None:
        """Arrange it."""
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.size, resource.RLIM_INFINITY))


@dataclass(frozen=True)
class KilledAtChange:
    """The process is killed just before it changes something on the disk.

    Attributes:
        number: before which change, from 0.
    """

    number: int

    def __call__(self) -> None:
        """Arrange it."""
        _at_events(changed_path, self.number, self._kill, 1)

    def _kill(self, path: str) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def _at_events(
    is_meant: Callable[[str, tuple[Any, ...]], str | None],
    number: int,
    do: Callable[[str], None],
    times: int,
) -> None:
    """Do something at certain events: from this number on, as many times."""
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        path = is_meant(event, arguments)
        if path is None:
            return
        seen += 1
        if number < seen <= number + times:
            do(path)

    sys.addaudithook(hook)
