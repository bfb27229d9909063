"""Which prepared data sets there are, and what their manifests say, without their contents.

Nothing here imports torch: to look at what is there takes no second.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sirec.data.locks import wait_and_hold
from sirec.data.store.manifest import MANIFEST, Manifest, parse_manifest
from sirec.errors import SirecError, unknown

OLD = ".old"  # ends the name of an older data set while it is being replaced


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a prepared folder.

    Raises `SirecError` if there is none, or if it is not what was written.
    """
    restore(folder)
    if not folder.is_dir():
        raise unknown("data set", folder.name, list_datasets(folder.parent), str(folder.parent))
    if not (folder / MANIFEST).exists():
        raise SirecError(
            f"{folder}: no {MANIFEST}: not a prepared data set, or a half-copied one",
            "move it away, and prepare the data set again",
        )
    return parse_manifest(folder / MANIFEST)


def find(root: Path, name: str) -> Path:
    """The folder of a prepared data set.

    Args:
        root: the folder of prepared data sets.
        name: name of the data set.

    Raises:
        SirecError: if there is none of that name; the message has the nearest one.
    """
    restore(root / name)
    if name not in list_datasets(root):
        raise unknown("data set", name, list_datasets(root), str(root))
    return root / name


def list_datasets(root: Path) -> list[str]:
    """Names of the prepared data sets below `root`, in alphabetical order.

    Data sets whose replacement has stopped are among them: the next access moves them back.
    """
    found: set[str] = set()
    for path in root.glob(f"*/{MANIFEST}"):
        name = path.parent.name
        if not name.startswith("."):
            found.add(name)
        elif name.endswith(OLD):
            found.add(name.removeprefix(".").removesuffix(OLD))
    return sorted(found)


def restore(folder: Path) -> None:
    """Move an older data set back if its replacement has stopped before it was complete.

    Raises `SirecError` if the disk refuses.
    """
    if not _is_aside(folder):
        return
    try:
        with only_one(folder):
            # Checked again: another process may have completed its replacement meanwhile.
            if _is_aside(folder):
                replaced_folder(folder).rename(folder)
    except OSError as error:
        reason = error.strerror or error
        raise SirecError(
            f"{replaced_folder(folder)}: could not be moved back to {folder.name}: {reason}",
            "its replacement stopped half-way: rename it, or prepare it again",
        ) from error


def _is_aside(folder: Path) -> bool:
    return replaced_folder(folder).is_dir() and not folder.exists()


def replaced_folder(folder: Path) -> Path:
    """Where the older data set of a folder lies while it is being replaced.

    Args:
        folder: the folder of the data set.
    """
    return folder.with_name(f".{folder.name}{OLD}")


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """While this lasts, no other process moves the folder or its older one."""
    with wait_and_hold(folder):
        yield
