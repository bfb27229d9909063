"""docs/shop.md: its commands run as they are printed, and print what it says."""

from __future__ import annotations

import operator
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from .conftest import Call

DOCUMENT = (Path(__file__).parents[2] / "docs" / "shop.md").read_text(encoding="utf-8")
BLOCKS = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Lines that depend on trained weights, so on the machine.
TRAINED = ("SASRec ", "COMIF ", "% ")
SECOND_HALF = "## What are brand and category worth?"
NUMBER = r"-?\d+(?:\.\d+)?"
IsSame = Callable[[str, str], bool]
CLOSE = 0.1  # how much a number that trained weights decide may differ, as a share


def calls(block: str) -> Iterator[tuple[list[str], list[str]]]:
    """Each command of a console block, and the lines that are said to come of it."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *lines = part.splitlines()
        yield shlex.split(command), [line for line in lines if line != "…"]


def words(text: str) -> list[str]:
    """The words of a text, without marks of differences, rules, and the widths of columns and
    lines.
    """
    return re.sub(r"[†─]", " ", text).split()


def run(command: list[str], sirec: Call) -> str:
    if command[0] != "sirec":
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    outcome = sirec(*command[1:])
    assert outcome.code == 0, outcome.err
    return outcome.out + outcome.err


def is_there(line: str, printed: str, is_same: IsSame = operator.eq) -> bool:
    """Whether the words of a line follow each other somewhere in what was printed."""
    wanted, found = words(line), words(printed)
    for start in range(len(found) - len(wanted) + 1):
        if all(map(is_same, wanted, found[start:])):
            return True
    return False


def is_close(word: str, other: str) -> bool:
    """Whether words are equal but for the ids of runs, and for a little in numbers, which trained
    weights decide.
    """
    (shape, values), (other_shape, others) = numbers(word), numbers(other)
    return shape == other_shape and all(map(are_near, values, others))


def numbers(word: str) -> tuple[str, list[float]]:
    """A word with its numbers and the ids of runs masked, and the numbers."""
    plain = re.sub(r"\b[0-9a-f]{12}\b", "ID", word).replace("−", "-").replace("+", "")
    return re.sub(NUMBER, "#", plain), [float(value) for value in re.findall(NUMBER, plain)]


def are_near(value: float, other: float) -> bool:
    return abs(value - other) <= max(0.01, CLOSE * abs(value))


def run_document(text: str, sirec: Call, is_printed: Callable[[str, str], bool]) -> int:
    """Run the commands of a document in the current folder, and check each line that it prints.

    Returns:
        How many commands there were.
    """
    commands = 0
    for language, block in BLOCKS.findall(text):
        if language == "yaml":
            Path(block.split()[1]).write_text(block, encoding="utf-8")
            continue
        for command, lines in calls(block):
            printed = run(command, sirec)
            for line in lines:
                assert is_printed(line, printed), f"{shlex.join(command)}: {line}"
            commands += 1
    return commands


def test_commands_print_what_the_document_says(
    sirec: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every printed line of the first half comes from its command, but for what one epoch of
    training (here) cannot know.
    """

    def is_printed(line: str, printed: str) -> bool:
        return is_there(line, printed) or any(mark in line for mark in TRAINED)

    monkeypatch.chdir(tmp_path)
    first, _, _ = DOCUMENT.partition(SECOND_HALF)
    assert first != DOCUMENT
    assert "epochs: 20" in first
    assert run_document(first.replace("epochs: 20", "epochs: 1"), sirec, is_printed) == 8
    assert Path("results/tables/first.md").exists()


@pytest.mark.slow
def test_the_whole_document_is_as_printed(
    sirec: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its own budgets: every line, numbers of trained models about as they stand there."""
    pytest.importorskip("onnxruntime", reason="an export needs the extra onnx")
    monkeypatch.chdir(tmp_path)
    about = partial(is_there, is_same=is_close)
    assert run_document(DOCUMENT, sirec, about) == 12


def test_another_number_or_word_is_not_there() -> None:
    """Control of how lines are compared."""
    printed = " COMIF  0.1599  +22.8 % better\nnext: sirec report"
    assert is_there(" COMIF   0.1601   +22.6 % better", printed, is_close)
    assert not is_there(" COMIF   0.1601   +22.6 % better", printed)
    assert not is_there(" COMIF   0.1899   +22.8 % better", printed, is_close)
    assert not is_there(" COMIF   0.1599   +22.8 % open", printed, is_close)
    assert not is_there(" SASRec  0.1599   +22.8 % better", printed, is_close)
