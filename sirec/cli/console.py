"""Where words go: tables and `--json` to stdout, progress and remarks to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import filterfalse
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.segment import Segment
from rich.text import Text

from sirec.cli.places import ends_with_command, placed, placed_answer, placed_ending
from sirec.cli.time_left import TimeLeft, TimeLeftColumn, expected
from sirec.plain_text import in_message, visible
from sirec.shell import command

if TYPE_CHECKING:
    from sirec.data.progress import ProgressCallback
    from sirec.errors import SirecError
    from sirec.objectives.stage import Stage
    from sirec.run.store import RunFolder
    from sirec.studies.compare.comparison import Comparison
    from sirec.training.progress import EpochReport

WIDE = 120  # where there is no terminal to ask: wide enough for every table
EPOCHS_BETWEEN_LINES = 5  # where there are no bars


class PlainConsole(Console):
    """A console that shows control characters by their codes, whoever wrote the text."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """The segments of something that is printed; only Rich's own may act on the terminal."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(visible(segment.text, keep="\n"), segment.style)


stdout = PlainConsole(
    emoji=False, markup=False, width=None if sys.stdout and sys.stdout.isatty() else WIDE
)
stderr = PlainConsole(stderr=True, emoji=False, markup=False)


def say(text: str) -> None:
    """Print a remark for a person, in one line; nothing in it is read as markup."""
    stderr.print(Text(in_message(text)), soft_wrap=True)


def say_error(error: SirecError) -> None:
    """Print an error and its hint, a line each; nothing in them is read as markup."""
    stderr.print(Text.assemble(("error:", "bold red"), f" {error.message}"), soft_wrap=True)
    if error.hint:
        hint = placed_ending(error.hint)
        stderr.print(Text.assemble(("hint:", "bold"), f"  {hint}"), soft_wrap=True)


def print_text(text: str) -> None:
    """Print a text of one or several lines on stdout; nothing in it is read as markup.

    A command is not broken where a line of the screen ends, since that would break it for a shell.
    """
    stdout.print(Text(visible(text, keep="\n")), soft_wrap=ends_with_command(text))


def print_json(value: Any) -> None:
    """Print one JSON value on stdout, in ASCII where stdout takes nothing else."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    if not is_unicode or visible(text, keep="\n") != text:
        text = json.dumps(value, indent=1)
    print(text)


def show(
    *comparisons: Comparison,
    as_json: bool,
    full: bool = False,
    next_commands: Sequence[str] = (),
    afterwards: int = 1,
) -> None:
    """Print an overview of each comparison on stdout; or everything; or one JSON value.

    Args:
        comparisons: what to print; as JSON, several are a list.
        as_json: whether to print JSON.
        full: whether to print all tables, with their notes, and all sentences.
        next_commands: commands that a person may want next, ready to be pasted.
        afterwards: lines that the command prints besides, which a screen leaves room for.
    """
    from sirec.report.render import to_rich
    from sirec.report.render.rich_overview import OverviewScreen

    comparisons = tuple(map(placed_answer, comparisons))
    if as_json:
        values = [comparison.to_dict() for comparison in comparisons]
        print_json(values if len(values) > 1 else values[0])
        return
    for comparison in comparisons:
        if full:
            for table in comparison.tables:
                stdout.print(to_rich(table))
            for text in comparison.sentences:
                print_text(text)
        else:
            screen = comparison.screen()
            prose = tuple(filterfalse(ends_with_command, screen.lines))
            shown = replace(screen, lines=prose)
            others = afterwards + len(screen.lines) - len(prose)
            stdout.print(OverviewScreen(shown, _rest_of(comparison), others))
            for text in filter(ends_with_command, screen.lines):
                print_text(text)
    say_next(*next_commands)


def say_next(*commands: str) -> None:
    """Print commands that a person may want next, as they work where this one did."""
    if commands:
        say(f"next: {'; '.join(map(placed, commands))}")


def say_next_without(option: str) -> None:
    """Say that the command that was typed comes next, without one of its options."""
    say_next(command(*(word for word in sys.argv[1:] if word != option)))


def _rest_of(comparison: Comparison) -> str:
    """What `--full` prints beyond the overview."""
    count = len(comparison.tables)
    return "the table" if count == 1 else f"all {count} tables"


def progress() -> Progress:
    """Bars on stderr that count, with the time left; without a terminal nothing is drawn."""
    return _bars(MofNCompleteColumn(), TextColumn("[dim]{task.fields[note]}"))


def data_progress() -> Progress:
    """Bars on stderr for stages that count bytes or steps, with the share done."""
    return _bars(TaskProgressColumn())


def _bars(amount: ProgressColumn, *others: ProgressColumn) -> Progress:
    """Bars with a description, an amount, the times elapsed and left, and other columns."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        amount,
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeLeftColumn(),
        *others,
        console=stderr,
        transient=True,
        disable=not stderr.is_terminal,
    )


@contextmanager
def loading() -> Iterator[None]:
    """A line on the terminal while what trains is imported, which takes seconds.

    Where stderr is no terminal nothing is printed.
    """
    if not stderr.is_terminal:
        yield
        return
    with stderr.status("loading torch"):
        yield


@contextmanager
def stage_bars() -> Iterator[ProgressCallback]:
    """A callback for work in stages, which draws one bar a stage."""
    with data_progress() as bars:
        tasks: dict[str, TaskID] = {}

        def show_stage(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=None)
            bars.update(tasks[stage], completed=done, total=total or None)

        yield show_stage


class EpochBars:
    """A run as bars: its epochs with the best validation value so far, and the steps of an epoch.

    Where stderr is no terminal, a line is printed every so many epochs instead, so that a log file
    tells how far a run is.
    """

    def __init__(
        self,
        bars: Progress,
        label: str,
        left: TimeLeft | None = None,
        every: int = EPOCHS_BETWEEN_LINES,
    ) -> None:
        self.bars, self.label, self.every = bars, label, every
        self.left = left or expected({})
        self.limits = (0, 0)  # epochs of the stage at most, and without progress
        self.preparing: TaskID | None = bars.add_task(f"{label}, preparing", total=None, note="")
        self.name = label  # with the stage, where there is more than one
        self.epochs: TaskID | None = None
        self.steps: TaskID | None = None
        self.metric = ""
        self.best = (0, float("-inf"))

    def stage(self, stage: Stage, epoch: int, best: tuple[int, float]) -> None:
        """Begin the bars of a stage.

        Args:
            stage: the stage.
            epoch: epochs that are done already.
            best: the best epoch so far and its validation value.
        """
        self._is_prepared()
        self.metric, self.best = stage.metric, best
        self.limits = (stage.epochs, stage.patience if stage.keeps == "best" else stage.epochs)
        self.name = self.label if stage.title == "train" else f"{self.label}, {stage.title}"
        if epoch:
            say(f"{self.name}: goes on after epoch {epoch}")
        self.epochs = self.bars.add_task(self.name, total=stage.epochs, completed=epoch, note="")
        self.steps = self.bars.add_task("  steps", total=None, note="")

    def step(self, done: int, total: int) -> None:
        """Advance the bar of steps.

        Args:
            done: steps of the epoch that are done.
            total: steps of an epoch.
        """
        if self.steps is not None:
            self.bars.update(self.steps, completed=done, total=total)

    def epoch(self, report: EpochReport) -> None:
        """Advance the bar of epochs, or print a line."""
        if report.is_best:
            self.best = (report.epoch, report.valid[self.metric])
        self.left.epoch(
            self.label,
            self._epochs_left(report.epoch),
            report.train_seconds + report.valid_seconds,
        )
        if self.epochs is None:
            return
        note = f"loss {report.loss:.3f}"
        epoch, value = self.best
        if epoch:  # a stage that keeps its last state is not evaluated
            note += f", best validation {self.metric} {value:.4f} (epoch {epoch})"
        self.bars.update(self.epochs, completed=report.epoch, note=note)
        if self.bars.disable and report.epoch % self.every == 0:
            say(f"{self.name}: epoch {report.epoch}, {note}")

    def ranking(self, done: int, total: int) -> None:
        """Show the final evaluation on the bar of steps.

        Args:
            done: users that have been ranked.
            total: users to be ranked.
        """
        self._is_prepared()
        if self.steps is None:
            self.steps = self.bars.add_task("", total=total, note="")
        description = f"{self.label}, ranking"
        self.bars.update(self.steps, description=description, completed=done, total=total)

    def close(self) -> None:
        """Take the bars away."""
        self._is_prepared()
        for task in (self.epochs, self.steps):
            if task is not None:
                self.bars.remove_task(task)

    def _is_prepared(self) -> None:
        """Take the bar of the preparation away."""
        if self.preparing is not None:
            self.bars.remove_task(self.preparing)
            self.preparing = None

    def _epochs_left(self, done: int) -> float:
        """How many epochs the run probably still has.

        It goes on for as many as were expected of it, and until its patience is over.
        """
        most, patience = self.limits
        likely = max(self.left.epochs.get(self.label, 0.0) - 1, self.best[0] + patience - done)
        return max(min(likely, most - done), 0.0)


class StudyBars:
    """A list of runs as bars on stderr: the runs, and epochs and steps of each one in training."""

    def __init__(self) -> None:
        self.bars = progress()
        self.runs: TaskID | None = None
        self.left = expected({})
        self.trained: dict[str, EpochBars] = {}

    def remark(self, text: str) -> None:
        """Print a remark."""
        say(text)

    def begin(self, epochs: Mapping[str, int]) -> None:
        """Begin to draw, with a bar of the runs where there are several.

        Args:
            epochs: label -> epochs that each run probably has.
        """
        self.bars = progress()
        self.bars.start()
        self.left = expected(epochs)
        self.runs = None
        if len(epochs) > 1:
            total = len(epochs)
            self.runs = self.bars.add_task("runs", total=total, note="", time_left=self.left)

    def run_begins(self, label: str) -> EpochBars:
        """The bars of one run."""
        self.left.begins(label)
        self.trained[label] = EpochBars(self.bars, label, self.left)
        return self.trained[label]

    def run_ends(self, label: str, folder: RunFolder, *, was_trained_before: bool) -> None:
        """Take the bars of a run away, and print where it is.

        Args:
            label: what the run is called.
            folder: the folder of the run.
            was_trained_before: whether it had finished before.
        """
        self._close(label)
        self.left.ends(label)
        state = "already trained" if was_trained_before else "done"
        say(f"{label}: {state}, {folder.path}")
        if self.runs is not None:
            self.bars.advance(self.runs)

    def run_dies(self, label: str) -> None:
        """Take the bars of a run away whose process has died, and say so."""
        self._close(label)
        say(f"{label}: the process that trained it died, and another one takes it up")

    def end(self) -> None:
        """Stop drawing."""
        self.trained.clear()
        self.bars.stop()

    def _close(self, label: str) -> None:
        if label in self.trained:
            self.trained.pop(label).close()
