"""The command line as a person calls it, in a folder of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from sirec.cli.app import main
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage

SMALL = [
    "--set",
    "width=8",
    "--set",
    "heads=2",
    "--set",
    "layers=1",
    "--set",
    "inner=8",
    "--set",
    "epochs=2",
    "--threads",
    "1",
]


@dataclass(frozen=True)
class Outcome:
    """What a call left: its exit code and what it wrote."""

    code: int
    out: str
    err: str


Call = Callable[..., Outcome]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small prepared data set called `shop`."""
    root = tmp_path_factory.mktemp("prepared")
    storage.write(root / "data", prepare(DemoSource(users=300, items=100).read(), "shop"))
    return root


@pytest.fixture
def sirec(
    prepared: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    """`sirec("train", "comif")` in the folder of `prepared`."""
    monkeypatch.chdir(prepared)

    def call(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["sirec", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return Outcome(int(stop.value.code or 0), captured.out, captured.err)

    return call
