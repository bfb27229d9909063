"""Digests for prepared data sets of version 0.2, which had none."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from pathlib import Path

from sirec.data.store.digests import digests_below
from sirec.data.store.manifest import MANIFEST, manifest_text
from sirec.data.store.storage import load, read_manifest
from sirec.errors import Remark, SirecError


def seal_dataset(folder: Path) -> bool:
    """Add digests to a prepared folder of version 0.2, once it has been found readable.

    Returns:
        Whether digests were added: not where the folder has some already.

    Raises:
        SirecError: if the folder cannot be read, or the disk refuses.
    """
    manifest = read_manifest(folder)
    if manifest.digests:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)
        load(folder)
    digests = digests_below(folder)
    digests.pop(MANIFEST)
    path = folder / MANIFEST
    temporary = folder / f".{MANIFEST}.new-{os.getpid()}"
    try:
        temporary.write_text(manifest_text(replace(manifest, digests=digests)), encoding="utf-8")
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise SirecError(
            f"{path}: could not be written: {error.strerror or error}",
            "is the disk full or read-only?",
        ) from error
    return True
