"""Where words go: tables and `--json` to stdout, progress and remarks to stderr."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from sirec.objectives.stage import Stage
    from sirec.training.progress import EpochReport

WIDE = 120  # where there is no terminal to ask: wide enough for every table
stdout = Console(width=None if sys.stdout.isatty() else WIDE)
stderr = Console(stderr=True)


def say(text: str) -> None:
    """A remark to a person."""
    stderr.print(escape(text), highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON value on stdout."""
    print(json.dumps(value, indent=1, ensure_ascii=False))


def progress() -> Progress:
    """Bars on stderr, with time left; nothing is drawn where stderr is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[note]}"),
        console=stderr,
        transient=True,
        disable=not stderr.is_terminal,
    )


def data_progress() -> Progress:
    """Bars on stderr for stages that count bytes or steps, with the share done and the time
    left.
    """
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=stderr,
        transient=True,
        disable=not stderr.is_terminal,
    )


class EpochBars:
    """A run as bars: epochs with the best validation value so far, and the steps of the epoch in
    progress.

    Where stderr is no terminal, a line is printed every so many epochs instead, so that a log file
    tells how far a run is.
    """

    def __init__(self, bars: Progress, label: str, every: int = 5) -> None:
        self.bars, self.label, self.every = bars, label, every
        self.name = label  # with the stage, where there is more than one
        self.epochs: TaskID | None = None
        self.steps: TaskID | None = None
        self.metric = ""
        self.best = (0, float("-inf"))

    def stage(self, stage: Stage, epoch: int, best: tuple[int, float]) -> None:
        """Begin the bars of a stage."""
        self.metric, self.best = stage.metric, best
        self.name = self.label if stage.title == "train" else f"{self.label}, {stage.title}"
        if epoch:
            say(f"{self.name}: goes on after epoch {epoch}")
        self.epochs = self.bars.add_task(self.name, total=stage.epochs, completed=epoch, note="")
        self.steps = self.bars.add_task("  steps", total=None, note="")

    def step(self, done: int, total: int) -> None:
        """Advance the steps."""
        if self.steps is not None:
            self.bars.update(self.steps, completed=done, total=total)

    def epoch(self, report: EpochReport) -> None:
        """Advance the epochs."""
        if report.is_best:
            self.best = (report.epoch, report.valid[self.metric])
        if self.epochs is None:
            return
        best = (
            f", best validation {self.metric} {self.best[1]:.4f} (epoch {self.best[0]})"
            if self.best[0]
            else ""
        )
        note = f"loss {report.loss:.3f}{best}"  # a stage that keeps its last state is not evaluated
        self.bars.update(self.epochs, completed=report.epoch, note=note)
        if self.bars.disable and report.epoch % self.every == 0:
            say(f"{self.name}: epoch {report.epoch}, {note}")

    def ranking(self, done: int, total: int) -> None:
        """Show the final evaluation on the steps' bar."""
        if self.steps is None:
            self.steps = self.bars.add_task("", total=total, note="")
        self.bars.update(
            self.steps, description=f"{self.label}, ranking", completed=done, total=total
        )

    def close(self) -> None:
        """Take the bars away."""
        for task in (self.epochs, self.steps):
            if task is not None:
                self.bars.remove_task(task)
