"""Files and folders that one process at a time may write.

Each lock is a file of its own, held through the operating system (by `filelock`: flock on Linux and
macOS, msvcrt on Windows), which lets go of it when a process ends, however it ends. So a killed
process leaves no lock behind, at most the empty file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

WAIT_FOREVER, DO_NOT_WAIT = -1, 0  # seconds, as `filelock` counts them


@contextmanager
def wait_and_hold(path: Path) -> Iterator[None]:
    """Hold `path` for this process, waiting as long as another process holds it.

    Raises `OSError` where the disk refuses the lock file `.NAME.lock` beside it.
    """
    with _hold(lock_file(path), WAIT_FOREVER, keeps_file=False):
        yield


@contextmanager
def hold_or_refuse(path: Path) -> Iterator[None]:
    """Hold `path` for this process. Raises `BlockingIOError` if another process holds it.

    Raises `OSError` where the disk refuses the lock file `.NAME.lock` beside it.
    """
    with _hold(lock_file(path), DO_NOT_WAIT, keeps_file=False):
        yield


@contextmanager
def hold_folder_or_refuse(folder: Path) -> Iterator[None]:
    """Hold a folder for this process. Raises `BlockingIOError` if another process holds it.

    The lock file is `.lock` in the folder, and stays there. Raises `OSError` where the disk refuses
    it.
    """
    with _hold(folder / ".lock", DO_NOT_WAIT, keeps_file=True):
        yield


def lock_file(path: Path) -> Path:
    """The lock file of a path: a hidden file beside it, so that the path itself may be renamed."""
    return path.with_name(f".{path.name}.lock")


@contextmanager
def _hold(lock_path: Path, timeout: float, *, keeps_file: bool) -> Iterator[None]:
    lock = FileLock(lock_path, timeout=timeout)
    try:
        lock.acquire()
    except Timeout:
        raise BlockingIOError(f"{lock_path} is held by another process") from None
    try:
        yield
    finally:
        # A process that waits for the deleted file notices that it has no name any more and begins
        # again. Windows does not delete what is open: there the empty file stays.
        if not keeps_file:
            with suppress(OSError):
                lock_path.unlink()
        lock.release()
