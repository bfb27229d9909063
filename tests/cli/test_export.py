"""`sirec export` as a person calls it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from .conftest import Call


@pytest.mark.parametrize("form", ["atomic", "csv"])
def test_the_command_that_is_printed_prepares_the_same(sirec: Call, tmp_path: Path, form: str) -> None:
    """`export` says how its files are read again; called as printed, that gives the same fingerprint."""
    data = str(tmp_path / "data")
    outcome = sirec("export", "shop", "--format", form, "--to", str(tmp_path / "out"))
    assert (outcome.code, outcome.out) == (0, "")
    last = outcome.err.strip().splitlines()[-1]
    assert last.endswith(" reads them again")
    command = shlex.split(last.removesuffix(" reads them again"))
    assert command[0] == "sirec"
    assert sirec(*command[1:], "--data-root", data).code == 0
    [before] = json.loads(sirec("datasets", "--json").out)
    [after] = json.loads(sirec("datasets", "--json", "--data-root", data).out)
    assert (after["name"], after["fingerprint"]) == ("shop-again", before["fingerprint"])


def test_what_is_lost_is_said_and_nothing_overwritten(sirec: Call, tmp_path: Path) -> None:
    """A format without times says so on stderr; a second export into the same folder is one line and exit code 2."""
    place = str(tmp_path / "out")
    assert "no place for times, rating" in sirec("export", "shop", "--format", "sequences", "--to", place).err
    outcome = sirec("export", "shop", "--to", place)
    assert outcome.code == 2
    assert "there is something already" in outcome.err


def test_unknown_data_set(sirec: Call, tmp_path: Path) -> None:
    """A data set that is not prepared is named with the nearest one."""
    outcome = sirec("export", "shpo", "--to", str(tmp_path / "out"))
    assert outcome.code == 2
    assert "did you mean 'shop'" in outcome.err
