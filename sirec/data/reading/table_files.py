"""The file of a table that a person named: on disk, compressed, or in an archive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sirec.data.reading.archives import ARCHIVES, accessible
from sirec.data.reading.files import MAC_COPY, RawFile, RawFiles, contents
from sirec.data.reading.tables import FORMATS
from sirec.errors import SirecError, unknown
from sirec.shell import arguments

EXPECTED = "a file with a table"


def find_table(folder: Path | None, path: str, option: str) -> RawFile:
    """Find the file of a table.

    Args:
        folder: the folder or archive that the path is relative to; None means the working
            directory.
        path: the path. Below a folder or archive that was named, a file in an archive or a deeper
            folder is found, too. An archive with a single table stands for that table.
        option: the option that named the path, for messages: `--interactions`.

    Raises:
        SirecError: if there is no such file, with the nearest name; or if an archive was named that
            has several files with tables, or none.
    """
    file = _find(folder, path, option)
    return _only_table(file, option) if file.name.lower().endswith(ARCHIVES) else file


def _find(folder: Path | None, path: str, option: str) -> RawFile:
    where = (folder or Path()) / path
    if where.is_file():
        return RawFiles(where, EXPECTED).need(where.name)
    if folder is None:
        raise _no_such_file(where, [each.name for each in _siblings(where)])
    raw = RawFiles(folder, EXPECTED)
    found = raw.find(path)
    if found is not None:
        return found
    if Path(path).is_file():
        outside = arguments(option, Path(path).resolve())
        raise SirecError(f"{where}: no such file", f"outside there is one: {outside}")
    raise _no_such_file(where, raw.named())


def _siblings(path: Path) -> list[Path]:
    """The files in the folder in which a file should be."""
    with accessible(path):
        return [each for each in path.parent.glob("*") if each.is_file()]


def _no_such_file(where: Path, names: Sequence[str]) -> SirecError:
    """The error for a file that is not there, with the nearest of the names that are."""
    return SirecError(f"{where}: no such file", unknown("file", where.name, names).hint)


def _only_table(archive: RawFile, option: str) -> RawFile:
    """The table in an archive. Raises `SirecError` if there are several, or none."""
    members = [file for file in contents(archive) if not file.name.startswith(MAC_COPY)]
    tables = [file for file in members if file.suffix in FORMATS]
    if len(tables) == 1:
        return tables[0]
    names = ", ".join(file.name for file in tables or members) or "nothing"
    if not tables:
        raise SirecError(f"{archive}: no table in this archive", f"it holds: {names}")
    chosen = arguments("--raw", archive.path, option, tables[0].name)
    raise SirecError(
        f"{archive}: {len(tables)} tables in this archive",
        f"say which, for example: {chosen} (tables: {names})",
    )
