"""Where a command works: its results, its data, its plugins. The commands that it prints work there
too, so that they can be pasted as they are.
"""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sirec.cli.options import DATA_ROOT, RESULTS
from sirec.shell import arguments

if TYPE_CHECKING:
    from sirec.studies.compare.comparison import Comparison

# Parameters that say where a command works -> the option, and what it is where nobody says it.
OPTIONS: Mapping[str, tuple[str, Path]] = {
    "out": ("--out", RESULTS),
    "data_root": ("--data-root", DATA_ROOT),
}
PLUGIN = "--plugin"
# One command behind a colon: what a sentence or a hint ends with.
ENDING = re.compile(
    r"(?P<before>(?:(?!sirec ).)*: )(?P<command>sirec [a-z]+(?: [^;]*)?)", re.DOTALL
)

_taken: dict[str, set[str]] = {}  # name of a command -> the options of OPTIONS that it has
_typed: dict[str, Sequence[object]] = {}  # option -> its values in the call that runs


def register(command: Callable[..., None]) -> None:
    """Learn which places a command can be told.

    Args:
        command: the function of the command.
    """
    taken = _taken.setdefault(command.__name__, set())
    for name in inspect.signature(command).parameters:
        if name in OPTIONS:
            taken.add(OPTIONS[name][0])


def remember(given: Mapping[str, Any], plugin_files: Sequence[Path]) -> None:
    """Keep where the command that runs now works.

    Args:
        given: its options, by the names of parameters.
        plugin_files: its plugin files.
    """
    _typed.clear()
    for name, (option, usual) in OPTIONS.items():
        if name in given and Path(given[name]) != usual:
            _typed[option] = [given[name]]
    _typed[PLUGIN] = list(plugin_files)


def placed(command: str) -> str:
    """A printed command that works where the one that runs now does.

    Args:
        command: `sirec …`, quoted for a shell. What it says itself stays.
    """
    words = shlex.split(command)
    known = _taken.get(words[1]) if len(words) > 1 else None
    if known is None:
        return command
    added: list[object] = []
    for option, values in _typed.items():
        is_taken = option == PLUGIN or option in known
        if is_taken and option not in words:
            for value in values:
                added += [option, value]
    return f"{command} {arguments(*added)}" if added else command


def placed_ending(text: str) -> str:
    """A sentence whose last words are a command, with that command as `placed` has it.

    Args:
        text: one sentence. Another one is returned as it is.
    """
    found = ENDING.fullmatch(text)
    if found is None or ", or " in found["command"]:
        return text
    try:
        return found["before"] + placed(found["command"])
    except ValueError:  # a quote that nothing closes: not a command
        return text


def ends_with_command(text: str) -> bool:
    """Whether the last words of a sentence are a command, which no screen may break."""
    return ENDING.fullmatch(text) is not None


def placed_answer(comparison: Comparison) -> Comparison:
    """A comparison whose sentences end with commands that work here.

    Args:
        comparison: what is printed.
    """
    overview = comparison.overview
    if overview is not None:
        overview = replace(overview, lines=tuple(map(placed_ending, overview.lines)))
    sentences = tuple(map(placed_ending, comparison.sentences))
    return replace(comparison, sentences=sentences, overview=overview)
