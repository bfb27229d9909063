"""JSON that is one document, where an object a line is expected: the command that writes lines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from sirec.data.reading import json_lines
from sirec.data.reading.files import RawFile
from sirec.data.reading.lines import blocks
from sirec.errors import SirecError
from sirec.shell import arguments


def other_form(file: RawFile) -> SirecError | None:
    """The error for a file of JSON that has no object a line; None for JSON lines.

    Args:
        file: the file.
    """
    start = next(blocks(file, lambda stage, done, total: None)).data.lstrip()
    if start.startswith(b"[") and _is_list_of_objects(start.partition(b"\n")[0]):
        return _not_lines(file, "a list of objects")
    if not json_lines.first_rows(file, 1):
        expected = 'expected an object a line: {"user": 1, "item": 2}'
        return SirecError(f"{file}:1: not JSON lines", expected)
    return None


def list_in_object(file: RawFile, rows: Sequence[Mapping[str, object]]) -> SirecError | None:
    """The error for a file with a single object that holds the rows as a list; else None.

    Args:
        file: the file.
        rows: its first objects.
    """
    if len(rows) == 1:
        for key, value in rows[0].items():
            if isinstance(value, list) and value and isinstance(value[0], dict):
                return _not_lines(file, f"one object with the rows in '{key}'", key)
    return None


def _is_list_of_objects(line: bytes) -> bool:
    """Whether a first line that begins with a bracket begins a list of objects.

    It does if it ends before the list, or has objects in it; lists a line are another mistake.
    """
    try:
        value = json.loads(line)
    except (*json_lines.FAILURES, UnicodeDecodeError):
        return True
    return not value or isinstance(value[0], dict)


def _not_lines(file: RawFile, what: str, key: str | None = None) -> SirecError:
    step = "" if key is None else f"[{json.dumps(key)}]"
    program = f"import json, sys; [print(json.dumps(x)) for x in json.load(sys.stdin){step}]"
    run = arguments("python", "-c", program)
    is_plain = not file.members and file.suffix == PurePath(file.name).suffix.lower()
    if not is_plain:
        run = f"unpack it, then {run}"
    path = arguments(file.path) if is_plain else "FILE"
    target = arguments(f"{file.name.partition('.')[0]}.jsonl")
    message = f"{file}:1: {what}, and not an object a line"
    return SirecError(message, f"write an object a line: {run} < {path} > {target}")
