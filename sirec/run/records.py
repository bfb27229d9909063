"""JSON files with a digest of their own values: manifests of runs, and records of studies."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sirec.config import read_json
from sirec.data.store.digests import OWN, digest_of_values
from sirec.errors import Remark, SirecError
from sirec.run.files import replace_json


def replace_record(path: Path, values: Mapping[str, Any]) -> None:
    """Replace a JSON file by values and their digest.

    Args:
        path: the file; its folder is made if it is not there.
        values: plain values by key; `digest` is written anew.

    Raises:
        SirecError: if the disk refuses.
    """
    replace_json(path, {**values, OWN: digest_of_values(values)})


def read_record(path: Path, hint: str, *, may_lack_digest: bool = True) -> dict[str, Any]:
    """The values of a JSON file, without the digest, which is checked.

    Args:
        path: the file.
        hint: what to do if it is damaged.
        may_lack_digest: whether a file without a digest, as version 0.2 wrote it, is read with a
            `Remark`.

    Raises:
        SirecError: if the file cannot be read, holds no mapping, or is not what was written.
    """
    try:
        values = read_json(path)
    except SirecError as error:
        raise SirecError(error.message, error.hint or hint) from None
    found = values.pop(OWN, None)
    if found is None and may_lack_digest:
        warnings.warn(
            f"{path.parents[1]}: records without digests, which version 0.2 wrote, are read "
            "unchecked (sirec verify --seal adds digests)",
            Remark,
            stacklevel=2,
        )
    elif found != digest_of_values(values):
        raise SirecError(f"{path}: not what was written: its digest is another one", hint)
    return values


def has_own_digest(path: Path) -> bool:
    """Whether a record holds a digest of itself; raises `SirecError` if it cannot be read."""
    return OWN in read_json(path)
