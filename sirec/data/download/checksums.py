"""Files that must stay as they were when they were first used.

`SHA256SUMS` beside them is a list as the tool `sha256sum` writes it, so that `sha256sum -c
SHA256SUMS` checks the same. No digest is known beforehand, so none is invented: the first use
records it, whoever put the file there, and every later use is held to it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from sirec.data.locks import wait_and_hold
from sirec.data.progress import ProgressCallback
from sirec.disk import atomic_file
from sirec.errors import SirecError

SUMS = "SHA256SUMS"
LINE = re.compile(r"(?P<digest>[0-9a-fA-F]{64}) [ *](?P<name>.+)")
BLOCK = 1 << 20


def verify(paths: Sequence[Path], progress: ProgressCallback | None = None) -> None:
    """Check files against the `SHA256SUMS` beside them; the digest of a file without a line is
    recorded.

    `progress` hears of "checking NAME", in bytes. Raises `SirecError` naming both digests where a
    file has changed, and where a file or the list cannot be read or written.
    """
    report = progress or (lambda stage, done, total: None)
    for path in paths:
        sums = path.with_name(SUMS)
        try:
            found = _digest(path, report)
            recorded = _recorded(sums).get(path.name) or _record(sums, found, path.name)
        except OSError as error:
            where = f"{error.filename or path}: {error.strerror or error}"
            raise SirecError(
                where, f"{path.name} must be readable, and {sums} writable for its sha256"
            ) from error
        if recorded != found:
            raise SirecError(
                f"{path}: changed since its first use: "
                f"its sha256 is {found}, {SUMS} says {recorded}",
                f"delete it to fetch it again, or delete its line in {sums} if the change is meant",
            )


def _digest(path: Path, report: ProgressCallback) -> str:
    """The sha256 of a file, in hexadecimal."""
    digest, done, size = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            done += len(block)
            report(f"checking {path.name}", done, size)
    return digest.hexdigest()


def _recorded(sums: Path) -> dict[str, str]:
    """Name -> digest. Raises `SirecError` naming a line that `sha256sum` would not have written."""
    digests: dict[str, str] = {}
    for number, line in enumerate(_lines(sums), 1):
        if line == "" or line.startswith("#"):
            continue
        parts = LINE.fullmatch(line)
        if parts is None:
            raise SirecError(
                f"{sums}:{number}: '{line[:80]}' is not a sha256, two spaces and a name",
                "delete the line",
            )
        if parts["name"] in digests:
            raise SirecError(
                f"{sums}:{number}: {parts['name']} is listed twice", "delete the wrong line"
            )
        digests[parts["name"]] = parts["digest"].lower()
    return digests


def _record(sums: Path, digest: str, name: str) -> str:
    """Add a line and return the digest in it: another process may have been first."""
    with wait_and_hold(sums):
        recorded = _recorded(sums)
        lines = _lines(sums)
        if name not in recorded:
            lines.append(f"{digest}  {name}")
        with atomic_file(sums) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return recorded.get(name, digest)


def _lines(sums: Path) -> list[str]:
    try:
        return sums.read_text(encoding="utf-8").splitlines() if sums.exists() else []
    except UnicodeDecodeError as error:
        raise SirecError(
            f"{sums}: not UTF-8 text at byte {error.start}", "delete it: first use writes it anew"
        ) from None
