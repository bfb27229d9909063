"""Several files of a run replaced together.

New results are written into a folder inside the run's, with the new manifest. One rename, to
`.commit`, decides that they take the place of the old ones; then they are moved up, file by file. A
process that ends in between leaves a `.commit`, and whoever next writes to the run moves the rest.
Readers find each file by its digest, here or there (`sirec.run.manifest`): nobody reads a mix.
"""

from __future__ import annotations

from pathlib import Path

from sirec.disk import disk_error, synchronise
from sirec.run.evaluation_log import EVALUATIONS

COMMIT = ".commit"
LOGS = (EVALUATIONS,)  # files that are continued and not replaced


def commit(folder: Path, fresh: Path) -> None:
    """Put new results in the place of old ones, all of them or none.

    Args:
        folder: the folder of the run, which this process holds.
        fresh: the folder inside it with the new results; it is gone afterwards.

    Raises:
        SirecError: if the disk refuses; before the rename the old results are as they were.
    """
    try:
        for name in LOGS:
            _continue(folder / name, fresh / name)
        synchronise(fresh)
        fresh.rename(folder / COMMIT)
        synchronise(folder)
    except OSError as error:
        raise disk_error(folder, error) from error
    complete(folder)


def is_interrupted(folder: Path) -> bool:
    """Whether a process ended while it put new results in place."""
    return (folder / COMMIT).is_dir()


def complete(folder: Path) -> None:
    """Move the rest of the new results up, if there is any.

    Args:
        folder: the folder of the run, which this process holds.

    Raises:
        SirecError: if the disk refuses.
    """
    if not is_interrupted(folder):
        return
    try:
        for path in sorted((folder / COMMIT).iterdir()):
            path.replace(folder / path.name)
        (folder / COMMIT).rmdir()
    except OSError as error:
        raise disk_error(folder, error) from error


def _continue(log: Path, new: Path) -> None:
    """Put the lines of a log before those that are new."""
    if log.exists():
        lines = new.read_bytes() if new.exists() else b""
        new.write_bytes(log.read_bytes() + lines)
