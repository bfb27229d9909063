"""Errors as Python shows them: with their hint, and with keywords for the options it names.

Messages and hints name options of commands, since most people meet them there. The functions of
`sirec` add what Python's traceback prints below the message: the hint, and how an option is spelt
as a keyword where that differs.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import fields
from typing import ParamSpec, TypeVar

from sirec.errors import SirecError

P = ParamSpec("P")
T = TypeVar("T")
OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]*[a-z])")
RENAMED = {
    "out": "results",
    "configuration": "configuration_only",
    "all": "everybody",
    "dedupe": "drop_duplicates",
}


def with_notes(function: Callable[P, T]) -> Callable[P, T]:
    """A function whose `SirecError`s say their hint and the keywords of the options they name.

    Args:
        function: a function of the Python API.
    """

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except SirecError as error:
            _add_notes(error, function)
            raise

    return called


def _add_notes(error: SirecError, function: Callable[..., object]) -> None:
    notes = [f"hint: {error.hint}"] if error.hint else []
    spelt = list(_keywords(f"{error.message} {error.hint or ''}", function))
    if spelt:
        notes.append(f"in Python: {', '.join(spelt)}")
    for note in notes:
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)


def _keywords(text: str, function: Callable[..., object]) -> Iterator[str]:
    """How options are spelt as keywords, where that differs: `--core is options={'core': …}`."""
    parameters = inspect.signature(function).parameters
    for option in dict.fromkeys(OPTION.findall(text)):
        key = option.replace("-", "_")
        for name in (key, f"{key}s", RENAMED.get(key, key)):
            keyword = _keyword(name, parameters)
            if keyword is not None:
                if keyword != f"{option}=…":
                    yield f"--{option} is {keyword}"
                break


def _keyword(name: str, parameters: Collection[str]) -> str | None:
    """The keyword that takes a name, of a function with these parameters; None without one."""
    if name in parameters:
        return f"{name}=…"
    if "options" in parameters and name in _prepare_options():
        return f"options={{'{name}': …}}"
    if "source_options" in parameters and name in _source_options():
        return f"source_options={{'{name}': …}}"
    return None


def _prepare_options() -> set[str]:
    from sirec.data.prepare.filters import PrepareOptions

    return {field.name for field in fields(PrepareOptions)}


def _source_options() -> set[str]:
    from sirec.data.sources import SOURCES

    names: set[str] = set()
    for source in SOURCES.values():
        names |= {field.name for field in fields(source)}  # type: ignore[arg-type]
    return names
