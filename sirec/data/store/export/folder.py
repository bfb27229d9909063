"""The folder of an export, which is there whole or not at all."""

from __future__ import annotations

import filecmp
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sirec.data.store.atomic_folder import atomic_folder
from sirec.disk import disk_error, make_folder
from sirec.errors import SirecError


@contextmanager
def export_folder(folder: Path, *, replace: bool = False) -> Iterator[Path]:
    """A new folder, which takes the place of `folder` if the block ends well.

    Where the same files are there already, since a process was killed after it had written them,
    nothing is left to do. What a killed process left beside the folder is deleted.

    Args:
        folder: the folder, which must be empty or not exist, or hold the same files.
        replace: whether an earlier export may be replaced: a folder that holds no other names than
            the new one has.

    Raises:
        SirecError: if the folder holds something else, or the disk refuses.
    """
    try:
        make_folder(folder.parent)
        with atomic_folder(folder) as fresh:
            yield fresh
            if not _is_there(folder, fresh, replace=replace):
                _put(folder, fresh)
    except OSError as error:
        raise disk_error(folder, error) from error


def refuse_occupied(folder: Path, own_file: str, *, replace: bool) -> None:
    """Refuse a folder that an export could not take, before time goes into the export.

    Args:
        folder: the folder.
        own_file: name of a file that every export of this kind has: a folder with it may hold the
            same export already, which is known when it has been made.
        replace: whether an earlier export may be replaced.

    Raises:
        SirecError: if it is a file, or holds something else and nothing may be replaced.
    """
    may_be_same = replace or (folder / own_file).exists()
    if folder.is_file() or not (may_be_same or _is_free(folder)):
        raise _occupied(folder)


def _put(folder: Path, fresh: Path) -> None:
    """Rename a new folder to its name, and delete what was there.

    The older folder first moves to a temporary name, which the next export deletes if this process
    is killed.
    """
    if _is_free(folder):
        fresh.rename(folder)
        return
    with atomic_folder(folder) as aside:
        folder.rename(aside)
        fresh.rename(folder)


def _is_free(folder: Path) -> bool:
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


def _is_there(folder: Path, fresh: Path, *, replace: bool) -> bool:
    """Whether a folder holds the same files; raises `SirecError` if it holds something that must
    stay.
    """
    if _is_free(folder):
        return False
    if not folder.is_dir():
        raise _occupied(folder)
    written, found = _names(fresh), _names(folder)
    if found == written:
        _, different, unreadable = filecmp.cmpfiles(folder, fresh, written, shallow=False)
        if not different and not unreadable:
            return True
    foreign = sorted(set(found) - set(written))
    if replace and foreign:
        raise SirecError(
            f"{folder}: '{foreign[0]}' is not of this export, so the folder is not replaced",
            "name a folder that is new or empty, or move that file away",
        )
    if not replace:
        raise _occupied(folder)
    return False


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _occupied(folder: Path) -> SirecError:
    return SirecError(
        f"{folder}: there is something already",
        "name a folder that is new or empty, or replace an earlier export with --replace",
    )
