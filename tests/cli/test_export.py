"""`sirec export` as a person calls it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from sirec.data.prepare.filters import PrepareOptions
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.split import LeaveOneOut, Split, Temporal
from sirec.data.store import storage

from .conftest import Call

SPLITS = [
    LeaveOneOut(),
    Temporal(),
    Temporal(valid=0.15, test=0.2, target="first"),
    Temporal(valid_from="2022-12-01", test_from="2023-02-01T12:00"),
]


@pytest.mark.parametrize("form", ["atomic", "csv"])
@pytest.mark.parametrize("split", SPLITS, ids=lambda split: split.text.partition(";")[0])
def test_the_command_that_is_printed_prepares_the_same(
    sirec: Call, tmp_path: Path, form: str, split: Split
) -> None:
    """`export` says how its files are read again; called as printed, that gives the same
    fingerprint and the same split.
    """
    place = ["--data-root", str(tmp_path / "data")]
    options = PrepareOptions(split=split, bins={"rating": "3,4", "gap": "1d, 7d"})
    storage.write(
        tmp_path / "data", prepare(DemoSource(users=300, items=100).read(), "shop", options)
    )
    outcome = sirec("export", "shop", "--format", form, "--to", str(tmp_path / "out"), *place)
    assert (outcome.code, outcome.out) == (0, "")
    last = outcome.err.strip().splitlines()[-1]
    assert last.startswith("next: sirec prepare ")
    command = shlex.split(last.removeprefix("next: "))
    assert command[0] == "sirec"
    assert sirec(*command[1:], *place).code == 0
    before, after = json.loads(sirec("datasets", "--json", *place).out)
    assert (before["name"], after["name"]) == ("shop", "shop-again")
    assert (after["fingerprint"], after["split"]) == (before["fingerprint"], before["split"])


def test_what_is_lost_is_said_and_nothing_overwritten(sirec: Call, tmp_path: Path) -> None:
    """A format without times says so on stderr; a second export into the same folder is one line
    and exit code 2.
    """
    place = str(tmp_path / "out")
    assert (
        "no place for times, rating"
        in sirec("export", "shop", "--format", "sequences", "--to", place).err
    )
    outcome = sirec("export", "shop", "--to", place)
    assert outcome.code == 2
    assert "there is something already" in outcome.err


def test_unknown_data_set(sirec: Call, tmp_path: Path) -> None:
    """A data set that is not prepared is named with the nearest one."""
    outcome = sirec("export", "shpo", "--to", str(tmp_path / "out"))
    assert outcome.code == 2
    assert "did you mean 'shop'" in outcome.err
