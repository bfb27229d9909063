"""Atomic folders: written under a temporary name, and renamed when they are complete."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sirec.disk import remove_leftovers, temporary_prefix


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder`, which the caller fills and renames to `folder`.

    It is deleted if it was not renamed. Folders that ended processes of this machine left are
    deleted first. Raises `OSError` where the disk refuses.
    """
    remove_leftovers(folder.parent)
    fresh = Path(tempfile.mkdtemp(prefix=temporary_prefix(folder.name), dir=folder.parent))
    fresh.chmod(0o755)  # mkdtemp makes it readable by its owner alone
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
