"""Folders written beside their place, so that what takes the place is complete.

While a process writes, its folder is `.NAME.new-HOST-PID-XXXXXXXX`. A process that ends deletes
what has not taken its place; one that is killed cannot, and the name tells the next writer of any
folder there that nobody is left to miss it.
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
def beside(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder`, to be filled and renamed; afterwards it is gone from there.

    What processes of this machine that are no longer running left beside it is deleted first.
    Raises `OSError` where the disk refuses.
    """
    for path, process in _leftovers(folder.parent):
        if not _runs(process):
            shutil.rmtree(
                path, ignore_errors=True
            )  # if another writer is at it as well, it is gone all the same
    fresh = Path(
        tempfile.mkdtemp(prefix=f".{folder.name}.new-{_host()}-{os.getpid()}-", dir=folder.parent)
    )
    fresh.chmod(0o755)  # mkdtemp keeps others out, and what takes the place is for them too
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _leftovers(root: Path) -> Iterator[tuple[Path, int]]:
    """The folders that processes of this machine have begun, and their ids: of another machine's
    ids nothing is known here.
    """
    begun = re.compile(rf"\..+\.new-{re.escape(_host())}-(\d{{1,9}})-[a-z0-9_]{{8}}")
    for path in root.iterdir():
        parts = begun.fullmatch(path.name)
        if parts is not None and path.is_dir() and not path.is_symlink():
            yield path, int(parts[1])


def _runs(process: int) -> bool:
    """Whether there is a process of this id; another one that has got a dead one's id counts, and
    its leftovers stay.
    """
    try:
        os.kill(process, 0)  # no signal, only the question
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _host() -> str:
    return socket.gethostname()
