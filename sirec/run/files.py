"""Small files that are replaced atomically: a crash leaves the old file or the new one, whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sirec.disk import atomic_file
from sirec.errors import SirecError


def replace_text(path: Path, text: str) -> None:
    """Replace a text file, unless it holds this text already.

    So nothing is written, and no lock or permission is needed, where nothing has changed.

    Args:
        path: the file; its folder is made if it is not there.
        text: the new content.

    Raises:
        SirecError: if the disk refuses, or the text holds half a character.
    """
    try:
        content = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise SirecError(
            f"{path}: not written: it would hold {error.object[error.start]!r}, which is no"
            " character of UTF-8",
            "give names in UTF-8",
        ) from None
    if _holds(path, content):
        return
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def _holds(path: Path, content: bytes) -> bool:
    """Whether a file has this content; one that cannot be read has not."""
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False


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
