"""Commands that the product prints can be pasted into a shell, whatever paths are in them."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import sirec
from sirec.shell import arguments, command

COMMANDS = "|".join(
    path.stem.rstrip("_")
    for path in (Path(sirec.__file__).parent / "cli/commands").glob("[a-z]*.py")
)
PRINTED = re.compile(rf"\bsirec ({COMMANDS}) [^:]*$|--[a-z-]+[ =]'?$", re.DOTALL)
"""The end of a text that only lacks a value to be a command or an option of one."""

TYPED = re.compile(r"^--[a-z-]+ '?$")
"""The beginning of a message that repeats what a person typed: `--jobs 3: …`."""


@pytest.mark.parametrize(
    "word", ["my shop/one.zip", "it's", "$HOME", "a;b", "*", "", "\\", "u=1 2", "Å–b", '"', "#x"]
)
def test_a_shell_reads_every_word_as_it_was_given(word: str) -> None:
    """Spaces, quotes and everything else that a shell would interpret."""
    assert shlex.split(command("prepare", word, Path("a b"))) == ["sirec", "prepare", word, "a b"]


def test_a_tab_is_written_as_the_option_reads_it() -> None:
    """A tab between quotes could not be seen."""
    assert arguments("--delimiter", "\t") == r"--delimiter '\t'"


def _unquoted(source: str) -> Iterator[str]:
    """Texts of a module that put a value straight into a command."""
    tree = ast.parse(source)
    quoted: set[ast.expr] = set()
    for node in ast.walk(tree):
        is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if is_call and node.func.id in ("arguments", "command"):
            quoted.update(node.args)
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr) or node in quoted:
            continue
        for before, value in zip(node.values, node.values[1:], strict=False):
            if isinstance(before, ast.Constant) and isinstance(value, ast.FormattedValue):
                text = str(before.value)
                if PRINTED.search(text) and not (before is node.values[0] and TYPED.match(text)):
                    yield text


def test_no_message_puts_a_value_into_a_command_by_itself() -> None:
    """Every printed command comes from `sirec.shell`, which quotes."""
    found: list[str] = []
    for path in sorted(Path(sirec.__file__).parent.rglob("*.py")):
        if path.name != "shell.py":
            found += [f"{path.name}: {text}" for text in _unquoted(path.read_text("utf-8"))]
    assert found == []


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ('f"train it: sirec train {model}"', True),
        ('f"say sirec train {name} --help"', True),
        ('f"say it: --raw {path}"', True),
        ('f"--jobs {jobs}: too many"', False),
        ('f"sirec splits by itself: leave out {path}"', False),
        ('f"say {arguments(path)}"', False),
        ("arguments(f'--missing={word}')", False),
    ],
)
def test_an_unquoted_value_would_be_found(line: str, is_found: bool) -> None:
    """The control of the law above."""
    assert bool(list(_unquoted(line))) == is_found
