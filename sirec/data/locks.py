"""Files that one process at a time may write; the operating system lets go of them when a process
ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def held(path: Path, *, wait: bool) -> Iterator[BinaryIO]:
    """The file at `path`, made if need be, open for appending and held by this process alone.

    Raises `BlockingIOError` where another process holds it and `wait` is false, and `OSError` where
    the disk refuses.
    """
    while True:
        with path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _has_name(path, file):
                yield file
                return


def _has_name(path: Path, file: BinaryIO) -> bool:
    """Whether what is open still is what `path` names: whoever held it before may have renamed or
    deleted it.
    """
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
