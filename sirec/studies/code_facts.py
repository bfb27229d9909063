"""Values that follow from the installed code alone, kept between calls.

What the models are is read off their declarations, for which torch and every model are imported:
seconds, each time somebody looks at a list. So such a value is computed once and kept in the user's
cache folder (`$XDG_CACHE_HOME/sirec`, else `~/.cache/sirec`) under a digest of all that it can
depend on: the version of Python and each source and experiment file of `sirec`. After any change
of these it is computed anew. Components of plugins may hang on files that nobody knows of, so with
a plugin nothing is kept. Where the folder cannot be read or written, values are computed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from sirec.disk import atomic_file
from sirec.errors import SirecError
from sirec.registry import has_plugins
from sirec.resources import experiments_root

OWN_SOURCES = Path(__file__).parents[1]
SOURCES = (".py", ".yaml", ".csv")
DIGEST_DIGITS = 16
OF_OTHER_CODE = re.compile(rf"[0-9a-f]{{{DIGEST_DIGITS}}}")  # names of folders in the cache


def kept(name: str, compute: Callable[[], Any]) -> Any:
    """A value that follows from the code alone: as it was kept, or computed now.

    Args:
        name: what the value is called; nothing else has this name.
        compute: gives the value, of which JSON keeps everything.

    Returns:
        The value as JSON gives it back, whether it was kept or not.
    """
    path = None if has_plugins() else _path_of(name)
    if path is not None:
        with suppress(OSError, ValueError, KeyError, TypeError):
            return json.loads(path.read_text(encoding="utf-8"))["value"]
    text = json.dumps({"value": compute()})
    if path is not None:
        _keep(path, text)
    return json.loads(text)["value"]


def cache_folder() -> Path | None:
    """Where values are kept; None for a user without a home."""
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if chosen.is_absolute():
        return chosen / "sirec"
    try:
        return Path.home() / ".cache" / "sirec"
    except RuntimeError:
        return None


@cache
def digest_of_code() -> str:
    """A digest of the version of Python and of all source and experiment files of `sirec`."""
    digest = hashlib.sha256(sys.version.encode())
    for root in (OWN_SOURCES, experiments_root()):
        for name, content in _sources_below(root):
            digest.update(f"\n{name} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()[:DIGEST_DIGITS]


def _sources_below(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    """Path and content of each source file below a folder, in the order of their names."""
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.name.endswith(SOURCES):
            yield f"{prefix}{entry.name}", entry.read_bytes()
        elif not entry.name.startswith("__") and entry.is_dir():
            yield from _sources_below(entry, f"{prefix}{entry.name}/")


def _path_of(name: str) -> Path | None:
    """The file of a value; None where there is no place for it."""
    folder = cache_folder()
    if folder is None:
        return None
    hashed = hashlib.sha256(name.encode()).hexdigest()[:DIGEST_DIGITS]
    return folder / digest_of_code() / f"{hashed}.json"


def _keep(path: Path, text: str) -> None:
    """Write a value; what other code had kept goes. A disk that refuses is no reason to stop."""
    with suppress(OSError, SirecError):
        if not path.parent.exists() and path.parent.parent.exists():
            for older in path.parent.parent.iterdir():
                if OF_OTHER_CODE.fullmatch(older.name):
                    shutil.rmtree(older, ignore_errors=True)
        with atomic_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
