"""Small files that are replaced atomically: a crash leaves the old file or the new one, whole."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from sirec.errors import SirecError


def replace_text(path: Path, text: str) -> None:
    """Replace a text file, through a temporary file beside it.

    Args:
        path: the file; its folder is made if it is not there.
        text: the new content.

    Raises:
        SirecError: if the disk refuses.
    """
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.new")
    try:
        temporary.write_text(text, encoding="utf-8")
        promote(temporary, path)
    except OSError as error:
        raise disk_error(path, error) from error


def replace_json(path: Path, value: Any) -> None:
    """Replace a JSON file.

    Args:
        path: the file; its folder is made if it is not there.
        value: the new content, written with sorted keys and an indent of one blank.

    Raises:
        SirecError: if the disk refuses.
    """
    replace_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def replace_json_lines(path: Path, values: list[Any]) -> None:
    """Replace a file that has one JSON value in each line.

    Args:
        path: the file; its folder is made if it is not there.
        values: the new content.

    Raises:
        SirecError: if the disk refuses.
    """
    lines: list[str] = []
    for value in values:
        lines.append(json.dumps(value, sort_keys=True, ensure_ascii=False) + "\n")
    replace_text(path, "".join(lines))


def read_json(path: Path) -> Any:
    """The JSON value in a file. Raises `SirecError` naming the file and the line of a mistake."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SirecError(f"{path}: no such file") from None
    except OSError as error:
        raise SirecError(
            f"{path}: cannot be read: {error.strerror}", "expected a JSON file"
        ) from None
    except json.JSONDecodeError as error:
        raise SirecError(f"{path}:{error.lineno}: not valid JSON: {error.msg}") from None
    except UnicodeDecodeError as error:
        raise SirecError(f"{path}: not valid JSON: {error}") from None


def promote(temporary: Path, path: Path) -> None:
    """Give a finished temporary file its name, once its content is on disk.

    Args:
        temporary: the finished file.
        path: its final name, in the same folder.
    """
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def make_folder(path: Path) -> None:
    """Make a folder and its parents, unless they exist; raises `SirecError` if that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(path, error) from None


def disk_error(path: Path, error: OSError) -> SirecError:
    """The error for a disk that refuses a file or a folder.

    Args:
        path: the file or folder.
        error: what the operating system said.
    """
    reason = error.strerror or str(error)
    if isinstance(error, FileExistsError | NotADirectoryError | PermissionError):
        return SirecError(
            f"{path}: could not be written: {reason}", "name a folder that can be written"
        )
    return SirecError(
        f"{path}: could not be written: {reason}", "free some space and run again: it resumes"
    )
