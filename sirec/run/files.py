"""Small files, replaced atomically: after a crash there is the old one or the new one, never half
of one.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from sirec.errors import SirecError


def replace_text(path: Path, text: str) -> None:
    """Write `text` to `path`, in a folder made for it if need be, through a temporary sibling.

    Raises `SirecError` where the disk refuses.
    """
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.new")
    try:
        temporary.write_text(text, encoding="utf-8")
        promote(temporary, path)
    except OSError as error:
        raise disk_error(path, error) from error


def replace_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys, ending in a newline."""
    replace_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def replace_json_lines(path: Path, values: list[Any]) -> None:
    """Write one JSON value a line."""
    replace_text(
        path,
        "".join(json.dumps(value, sort_keys=True, ensure_ascii=False) + "\n" for value in values),
    )


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
    """Put a finished temporary file in place, on disk before it is visible."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def make_folder(path: Path) -> None:
    """Make a folder and those it is in, where they are not there yet. Raises `SirecError` where
    that cannot be.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(path, error) from None


def disk_error(path: Path, error: OSError) -> SirecError:
    """What to tell a person whose disk refuses a file or a folder."""
    reason = error.strerror or str(error)
    if isinstance(error, FileExistsError | NotADirectoryError | PermissionError):
        return SirecError(
            f"{path}: could not be written: {reason}", "name a folder that can be written"
        )
    return SirecError(
        f"{path}: could not be written: {reason}", "free some space and run again: it resumes"
    )
