"""Atomic folders: written under a temporary name and renamed when they are complete.

While a process writes, its folder is `.NAME.new-HOST-PID-XXXXXXXX`. A process that fails deletes
it. A process that is killed cannot, but the name tells the next writer that this process has ended,
and the folder is deleted then.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder`, which the caller fills and renames to `folder`.

    It is deleted if it was not renamed. Folders that ended processes of this machine left are
    deleted first. Raises `OSError` where the disk refuses.
    """
    for path, process in _leftovers(folder.parent):
        if not _runs(process):
            shutil.rmtree(path, ignore_errors=True)  # another process may be deleting it, too
    prefix = f".{folder.name}.new-{_host()}-{os.getpid()}-"
    fresh = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    fresh.chmod(0o755)  # mkdtemp makes it readable by its owner alone
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _leftovers(root: Path) -> Iterator[tuple[Path, int]]:
    """Folders that processes of this machine have begun, with the ids of these processes."""
    begun = re.compile(rf"\..+\.new-{re.escape(_host())}-(\d{{1,9}})-[a-z0-9_]{{8}}")
    for path in root.iterdir():
        parts = begun.fullmatch(path.name)
        if parts is not None and path.is_dir() and not path.is_symlink():
            yield path, int(parts[1])


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
