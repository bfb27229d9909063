"""Digests (sha256) by which a file is known to be as it was written.

A digest finds accidents: a damaged disk, a copy that broke off, a file edited by mistake. It does
not find a forger, who can write the digest anew as well.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sirec.errors import SirecError

OWN = "digest"  # the key under which a text holds the digest of all the rest of itself
_LINE = f"{OWN}: "


def sha256_of_file(path: Path) -> str:
    """The sha256 of a file's bytes, 64 hexadecimal digits; raises `OSError`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_text(text: str) -> str:
    """The sha256 of a text in UTF-8, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def digests_below(folder: Path) -> dict[str, str]:
    """Name -> sha256 of every file below a folder; the name is relative to the folder."""
    digests: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digests[path.relative_to(folder).as_posix()] = sha256_of_file(path)
    return digests


def check_files(
    folder: Path, digests: Mapping[str, str], names: Iterable[str], what: str, hint: str
) -> None:
    """Check that files of a folder are as they were written.

    Args:
        folder: the folder.
        digests: name -> sha256.
        names: the files to check; one that is missing is left to whoever reads it.
        what: what was done to the folder if a file differs, for the message.
        hint: what to do then.

    Raises:
        SirecError: for the first file that differs, or has no digest among others that have one.
    """
    for name in names:
        path = folder / name
        if path.is_file() and sha256_of_file(path) != digests.get(name):
            raise SirecError(f"{path}: not what was written: {what}", hint)


def sealed_yaml(text: str) -> str:
    """A YAML text with the digest of itself as its last line."""
    return f"{text}{_LINE}{sha256_of_text(text)}\n"


def is_sealed_yaml(text: str) -> bool | None:
    """Whether a YAML text is the one that its last line has the digest of; None without one."""
    *lines, last = text.splitlines(keepends=True) or [""]
    if not last.startswith(_LINE):
        return None
    return last == f"{_LINE}{sha256_of_text(''.join(lines))}\n"


def digest_of_values(values: Mapping[str, Any]) -> str:
    """The sha256 of plain values, whatever their layout in a file; the key `digest` is left out."""
    others = {key: value for key, value in values.items() if key != OWN}
    return sha256_of_text(json.dumps(others, sort_keys=True, ensure_ascii=False))
