"""docs/shop.md: its commands run as they are printed, and print what it says."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Call

DOCUMENT = (Path(__file__).parents[2] / "docs" / "shop.md").read_text(encoding="utf-8")
BLOCKS = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Lines that depend on trained weights, so on the machine.
TRAINED = ("SASRec ", "COMIF ", "% ")


def calls(block: str) -> Iterator[tuple[list[str], list[str]]]:
    """Each command of a console block, and the lines that are said to come of it."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *lines = part.splitlines()
        yield shlex.split(command), [line for line in lines if line != "…"]


def words(line: str) -> str:
    """A line without what trained weights decide in it: the marks of differences, and the widths of
    columns.
    """
    return " ".join(line.replace("†", " ").split())


def run(command: list[str], sirec: Call) -> str:
    if command[0] != "sirec":
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    outcome = sirec(*command[1:])
    assert outcome.code == 0, outcome.err
    return outcome.out + outcome.err


def test_commands_print_what_the_document_says(
    sirec: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every printed line comes from its command, but for what one epoch of training (here) cannot
    know.
    """
    monkeypatch.chdir(tmp_path)
    commands = 0
    for language, block in BLOCKS.findall(DOCUMENT):
        if language == "yaml":
            assert "epochs: 20" in block or "epochs" not in block
            Path(block.split()[1]).write_text(
                block.replace("epochs: 20", "epochs: 1"), encoding="utf-8"
            )
            continue
        for command, lines in calls(block):
            printed = {words(line) for line in run(command, sirec).splitlines()}
            for line in lines:
                assert words(line) in printed or any(mark in line for mark in TRAINED), (
                    f"{shlex.join(command)}: {line}"
                )
            commands += 1
    assert commands == 8
    assert Path("results/tables/first.md").exists()
