"""What a person sees before and during training: something at once, and a time left that is one."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from sirec.cli import console, time_left
from sirec.cli.time_left import TimeLeftColumn, expected
from sirec.objectives.stage import Stage
from sirec.training.progress import EpochReport

from .conftest import SMALL, Call


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        """What the clock shows."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that times left are told by."""
    clock = Clock()
    monkeypatch.setattr(time_left, "time", clock)
    return clock


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is drawn on a terminal."""
    screen = io.StringIO()
    drawn = Console(file=screen, force_terminal=True, width=120, _environ={})
    monkeypatch.setattr(console, "stderr", drawn)
    return screen


def report(epoch: int, valid: float, seconds: float, *, is_best: bool = True) -> EpochReport:
    """The report of an epoch, a fifth of which was validation."""
    values = {"Recall@20": valid}
    return EpochReport("train", epoch, 1.0, {}, values, is_best, 0.8 * seconds, 0.2 * seconds, 9)


def test_runs_are_weighed_by_their_epochs_and_seconds(clock: Clock) -> None:
    """Two baselines are done at once: that says nothing of the trained ones (a count of runs says
    half is over).
    """
    left = expected({"popularity": 0, "transitions": 0, "sasrec": 20, "comif": 20})
    for label in ("popularity", "transitions"):
        left.begins(label)
        left.ends(label)
    assert left.estimate() is None
    left.begins("sasrec")
    left.epoch("sasrec", 19, 4.0)
    assert left.estimate() == 19 * 4 + 20 * 4
    left.ends("sasrec")
    left.begins("comif")
    left.epoch("comif", 19, 6.0)
    assert left.estimate() == 19 * 6


def test_time_passes_between_epochs_and_runs_share_it(clock: Clock) -> None:
    """Two runs at a time take half as long; there is never less than nothing left."""
    left = expected({"one": 10, "two": 10})
    left.begins("one")
    left.epoch("one", 9, 2.0)
    assert left.estimate() == 9 * 2 + 10 * 2
    left.begins("two")
    assert left.estimate() == (9 * 2 + 10 * 2) / 2
    clock.now += 3
    assert left.estimate() == (9 * 2 + 10 * 2) / 2 - 3
    clock.now += 1_000
    assert left.estimate() == 0


def test_a_run_goes_on_until_its_patience_is_over(clock: Clock, terminal: io.StringIO) -> None:
    """Beyond the number of epochs that was expected, but never beyond the stage's limit."""
    bars = console.StudyBars()
    bars.begin({"run": 3, "baseline": 0})
    run = bars.run_begins("run")
    run.stage(Stage(epochs=12, patience=5), 0, (0, float("-inf")))
    left: list[float] = []
    for epoch in range(1, 12):
        run.epoch(report(epoch, 0.1 * min(epoch, 6), 1.0, is_best=epoch <= 6))
        left.append(bars.left.epochs["run"])
    bars.end()
    assert left == [5, 5, 5, 5, 5, 5, 4, 3, 2, 1, 0]


def test_the_bar_of_runs_shows_that_time(clock: Clock) -> None:
    """A bar of steps (control) goes by its own speed."""
    bars = Progress(TimeLeftColumn())
    left = expected({"one": 3, "two": 3})
    bars.add_task("runs", total=2, time_left=left)
    bars.add_task("steps", total=2)
    runs, steps = bars.tasks
    column = TimeLeftColumn()
    assert column.render(runs).plain == "-:--:--"
    left.begins("one")
    left.epoch("one", 2, 40.0)
    assert TimeLeftColumn().render(runs).plain == "0:03:20"
    assert TimeLeftColumn().render(steps).plain == "-:--:--"


def test_something_is_shown_before_anything_is_computed(
    sirec: Call, terminal: io.StringIO, tmp_path: Path
) -> None:
    """First that torch is loaded, then that a run is prepared, then its epochs."""
    done = sirec("train", "sasrec", "--data", "shop", "--out", str(tmp_path), *SMALL)
    assert done.code == 0
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue())
    places = [text.index(words) for words in ("loading torch", "SASRec, preparing", "steps")]
    assert places == sorted(places)


def test_nothing_of_this_is_written_where_there_is_no_terminal(sirec: Call, tmp_path: Path) -> None:
    """A log has no spinners."""
    done = sirec("train", "sasrec", "--data", "shop", "--out", str(tmp_path), *SMALL)
    assert "loading" not in done.err
    assert "preparing" not in done.err
