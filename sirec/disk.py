"""What the disk is asked for: files that are replaced whole, and what is said where it refuses.

A file is written under a temporary name beside its own, `.NAME.new-HOST-PID-XXXXXXXX`, and renamed
when it is complete and on disk. No two processes use one temporary name. A process that fails
deletes its file. A process that is killed cannot, but the name tells the next writer that this
process has ended, and what it left is deleted then.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sirec.errors import SirecError

NAME_PART = 100  # characters of a name that its temporary name repeats: names end at 255 bytes
FULL = "free some space and run the same command again: what is finished stays"
IN_THE_WAY = "something of another kind stands there: name another place"
NOT_ALLOWED = "name a place that you may read and write"
TOO_MANY_FILES = "close other programs, or raise the limit: ulimit -n 4096"
HINTS = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EFBIG: "the file would be larger than this disk, or ulimit -f, allows: name another disk",
    errno.EROFS: "this disk can only be read: name a folder on another one",
    errno.EACCES: NOT_ALLOWED,
    errno.EPERM: NOT_ALLOWED,
    errno.ENOTDIR: IN_THE_WAY,
    errno.EEXIST: IN_THE_WAY,
    errno.EISDIR: IN_THE_WAY,
    errno.ENOTEMPTY: "another process may be writing there: run the same command again",
    errno.ENOENT: "was it moved or deleted meanwhile? run the same command again",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.EINVAL: "this disk does not allow such a name: give another one",
    errno.ELOOP: "its links lead in a circle: name the place itself",
    errno.EMFILE: TOO_MANY_FILES,
    errno.ENFILE: TOO_MANY_FILES,
    errno.EIO: "the disk, or the way to it, may be failing: look at it before you run this again",
    errno.ESTALE: "the shared disk has lost it: run the same command again",
    errno.ENOLCK: "this disk has no locks, as some shared disks have none: name another one",
}
"""What to do about an error of the operating system, by its number."""


def disk_error_text(error: OSError) -> str:
    """What the operating system said, without the words of the library in between."""
    return os.strerror(error.errno) if error.errno else str(error)


def disk_error(path: Path, error: OSError) -> SirecError:
    """The error for a disk that does not let a file or a folder be written.

    Args:
        path: the file or folder.
        error: what the operating system said.
    """
    hint = HINTS.get(error.errno or 0)
    return SirecError(f"{path}: could not be written: {disk_error_text(error)}", hint)


def read_fault(path: Path, error: OSError) -> SirecError:
    """The error for a file that the disk does not let be read.

    Args:
        path: the file.
        error: what the operating system said.
    """
    return SirecError(
        f"{path}: cannot be read: {disk_error_text(error)}", HINTS.get(error.errno or 0)
    )


@contextmanager
def disk_faults() -> Iterator[None]:
    """Turn an error of the disk into a `SirecError`, wherever it was met.

    Whoever can name the file better does so before; this is the last resort. Errors that no disk
    causes, such as those of a network or of a closed pipe, pass.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in HINTS:
            raise
        where = "a file" if error.filename is None else str(error.filename)
        raise SirecError(f"{where}: {disk_error_text(error)}", HINTS[error.errno]) from error


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A temporary name for a file, which takes the place of `path` if the block ends well.

    Its content is on disk before it is renamed. Files that ended processes of this machine left
    beside it are deleted first.

    Args:
        path: the file; its folder is made if it is not there.

    Raises:
        SirecError: if the disk refuses.
    """
    temporary: Path | None = None
    try:
        make_folder(path.parent)
        remove_leftovers(path.parent)
        temporary = _fresh_name(path)
        yield temporary
        synchronise(temporary)
        temporary.replace(path)
    except OSError as error:
        raise disk_error(path, error) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make a folder and its parents, unless they exist; raises `SirecError` if that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(path, error) from None


def synchronise(path: Path) -> None:
    """Wait until the content of a file, or the names in a folder, are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def temporary_prefix(name: str) -> str:
    """What the temporary name for a file or folder begins with; eight characters follow."""
    return f".{_shortened(name)}.new-{_host()}-{os.getpid()}-"


def remove_leftovers(root: Path) -> None:
    """Delete the temporary files and folders that ended processes of this machine left."""
    begun = re.compile(rf"\..+\.new-{re.escape(_host())}-(\d{{1,9}})-[a-z0-9_]{{8}}")
    for path in root.iterdir():
        parts = begun.fullmatch(path.name)
        if parts is None or path.is_symlink() or _runs(int(parts[1])):
            continue
        with suppress(OSError):  # another process may be deleting it, too
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def _fresh_name(path: Path) -> Path:
    """A new empty file beside `path`, readable as other files of this process are."""
    fresh = path.with_name(temporary_prefix(path.name) + secrets.token_hex(4))
    fresh.touch(exist_ok=False)  # mkstemp would make it readable by its owner alone
    return fresh


def _shortened(name: str) -> str:
    """As much of a name as fits into a temporary one, in bytes and not only in characters."""
    return os.fsdecode(os.fsencode(name)[:NAME_PART]).encode("utf-8", "ignore").decode()


def _runs(process: int) -> bool:
    """Whether there is a process with this id, be it another one that was given the id again."""
    try:
        os.kill(process, 0)  # sends no signal, but checks that the process exists
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _host() -> str:
    return socket.gethostname()
