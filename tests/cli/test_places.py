"""Commands that are printed work where the command that printed them did."""

from __future__ import annotations

from pathlib import Path

import pytest

from sirec.cli import app  # noqa: F401 (registers the commands)
from sirec.cli.places import ends_with_command, placed, placed_ending, remember

from .conftest import Call


@pytest.fixture(autouse=True)
def elsewhere() -> None:
    """A call with its own folders and a plugin."""
    remember({"out": Path("my runs"), "data_root": Path("data")}, [Path("mine.py")])


def test_what_is_not_usual_is_said_where_a_command_takes_it() -> None:
    """Usual folders stay unsaid, as do options that the command lacks or has already."""
    assert placed("sirec runs") == "sirec runs --out 'my runs' --plugin mine.py"
    assert placed("sirec models comif") == "sirec models comif --plugin mine.py"
    assert placed("sirec runs --out other") == "sirec runs --out other --plugin mine.py"
    assert placed("sirec nothing") == "sirec nothing"


def test_the_next_call_starts_anew() -> None:
    """What an earlier call of the process was told is forgotten."""
    remember({"out": Path("results"), "data_root": Path("elsewhere")}, [])
    assert placed("sirec train comif") == "sirec train comif --data-root elsewhere"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Next: sirec runs", "Next: sirec runs --out 'my runs' --plugin mine.py"),
        ("sirec runs lists the ids", None),
        ("train it: sirec train a, or every model: sirec study b", None),
        ("sirec runs lists the ids; or more digits", None),
        ("write sirec differently", None),
        ("make it anew: sirec study 'it", None),
    ],
)
def test_sentences_that_end_with_a_command(text: str, expected: str | None) -> None:
    """Their command is completed; all else stays as it is."""
    assert placed_ending(text) == (expected or text)
    if expected:
        assert ends_with_command(text)


def test_a_long_command_is_one_line_of_the_screen(sirec: Call, tmp_path: Path) -> None:
    """A shell would read the second line as another command."""
    folder = tmp_path / ("long " * 30).strip()
    outcome = sirec("runs", "--out", str(folder))
    [following] = [line for line in outcome.err.splitlines() if line.startswith("next: ")]
    assert following == f"next: sirec quickstart --out '{folder}'"
