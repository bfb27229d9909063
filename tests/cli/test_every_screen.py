"""Every command of the registry fits its screen: rows and twelve lines, whole words, what next."""

from __future__ import annotations

import io
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from rich.console import Console
from rich.table import Table

from sirec.cli.app import app, main
from sirec.cli.console import PlainConsole
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage

from .conftest import SMALL

BESIDE_ROWS = 12
WIDTHS = [60, 80, 120]
# Lines on stderr that a person reads last; what is said while a command works is none of them.
LAST = ("written: ", "look at: ", "next: ", "run: ")
TRAIN = shlex.join(SMALL)
BOTH = "shop/sasrec shop/comif"
CALLS: dict[str, tuple[str, ...]] = {
    "quickstart": (),  # its screen is that of a study; training it takes minutes
    "prepare": ("prepare demo --name other --replace",),
    "datasets": ("datasets",),
    "audit": ("audit shop",),
    "export": ("export shop --format csv --to exported --replace",),
    "models": ("models", "models popularity", "models sasrec", "models comif", "models dif-sr"),
    "train": (
        "train popularity --data shop",
        f"train comif --data shop {TRAIN}",
        f"train nova --data shop {TRAIN} --dry-run",
    ),
    "sweep": ("sweep sasrec --data shop --sampler random --dry-run",),
    "runs": ("runs", "runs --data shop --sort NDCG@10 --test"),
    "evaluate": (f"evaluate {BOTH}", "evaluate shop/comif --lists 5"),
    "compare": (f"compare {BOTH}", f"compare {BOTH} --configuration"),
    "copy": ("copy shop/sasrec --to copied", "copy shop/sasrec --to metrics --without-ranks"),
    "recommend": (
        "recommend shop/comif --user 'user 00001'",
        "recommend shop/comif --history D00001,D00002",
        "recommend shop/comif --user 'user 00001' --explain",
        "recommend shop/comif --all --to lists.parquet",
    ),
    "newitems": ("newitems shop/comif --share 0.21",),
    "ablate": ("ablate --no-upa --data shop --dry-run",),
    "worth": ("worth shop --dry-run --seeds 0",),
    "coldstart": (f"coldstart {BOTH} --minimum 20",),
    "rankcheck": (f"rankcheck {BOTH} --users 20",),
    "attentionmaps": ("attentionmaps shop/comif",),
    "correlation": (f"correlation {BOTH} --users 20",),
    "statistics": ("statistics shop",),
    "study": ("study small.yaml --data shop", "study small.yaml --data shop --dry-run"),
    "claims": ("claims", "claims --paper comif"),
    "report": ("report",),
    "verify": ("verify results",),
    "doctor": ("doctor",),
}
"""What is called of each command: the same commands as the registry has, none left out."""

STUDY = """title: Small
set: {threads: 1}
against: popularity
rows: {Popularity: {model: popularity}, Item transitions: {model: transitions}}
"""


def registered() -> dict[str, Any]:
    """Name -> command, of all that the command line has."""
    group: Any = typer.main.get_command(app)
    return dict(group.commands)


def test_every_command_of_the_registry_is_called() -> None:
    """A new command needs a call here; only training that takes minutes has none."""
    assert set(CALLS) == set(registered())
    assert [name for name, calls in CALLS.items() if not calls] == ["quickstart"]
    for name, calls in CALLS.items():
        assert all(call.split()[0] == name for call in calls)


class Screen:
    """The command line in a folder, drawn to one width."""

    def __init__(self, patch: pytest.MonkeyPatch, capture: Any, root: Path, width: int) -> None:
        self.patch, self.capture, self.width = patch, capture, width
        self.drawn = io.StringIO()
        self.rows: dict[int, int] = {}
        self.kept: list[Table] = []
        patch.chdir(root)
        patch.setenv("COLUMNS", str(width))
        patch.setattr(Table, "__rich_console__", self._counted(Table.__rich_console__))
        console = Console(
            file=self.drawn, width=width, color_system=None, emoji=False, markup=False
        )
        for name, module in list(sys.modules.items()):
            shown = getattr(module, "stdout", None)
            if name.startswith("sirec.cli") and isinstance(shown, PlainConsole):
                patch.setattr(module, "stdout", console)

    def _counted(self, draw: Any) -> Any:
        def counted(table: Table, console: Any, options: Any) -> Any:
            if id(table) not in self.rows:
                self.kept.append(table)
            self.rows[id(table)] = table.row_count
            return draw(table, console, options)

        return counted

    def call(self, line: str) -> tuple[list[str], list[str], int]:
        """The lines of a call on the screen, those on stderr, and the rows of its tables."""
        self.drawn.seek(0)
        self.drawn.truncate()
        self.rows.clear()
        self.kept.clear()
        self.patch.setattr(sys, "argv", ["sirec", *shlex.split(line)])
        with pytest.raises(SystemExit) as stop:
            main()
        printed = self.capture.readouterr()
        assert not stop.value.code, f"{line}: {printed.err}"
        lines = self.drawn.getvalue().splitlines() + printed.out.splitlines()
        return lines, printed.err.splitlines(), sum(self.rows.values())


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data set, and an experiment file."""
    root = tmp_path_factory.mktemp("screens")
    storage.write(root / "data", prepare(DemoSource(users=300, items=100).read(), "shop"))
    (root / "small.yaml").write_text(STUDY, encoding="utf-8")
    return root


@pytest.fixture(
    params=[pytest.param(width, marks=pytest.mark.slow) for width in WIDTHS if width != 80] + [80]
)
def screen(
    request: pytest.FixtureRequest,
    shop: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Screen:
    """A screen of 80 columns in the gate, of 60 and 120 besides in the slow tests."""
    drawn = Screen(monkeypatch, capsys, shop, request.param)
    for model in ("sasrec", "comif"):
        drawn.call(f"train {model} --data shop {TRAIN}")
    return drawn


def is_equation(line: str) -> bool:
    """Whether a line is one that `models` never breaks."""
    return line.startswith("    ") and "=" in line


def test_every_command_fits_its_screen(screen: Screen) -> None:
    """At most a line a row and twelve more, none wider than the screen, no word cut, and last what
    comes next.
    """
    problems: list[str] = []
    for call in [call for calls in CALLS.values() for call in calls]:
        lines, told, rows = screen.call(call)
        lines = [line.rstrip() for line in lines]
        last = [line for line in told if line.startswith(LAST)]
        problems += [
            f"{call}: {found}\n" + "\n".join((*lines, *last))
            for found in faults_of(lines, last, rows, screen.width, is_list="--explain" in call)
        ]
    assert not problems, "\n\n".join(problems)


def faults_of(
    lines: list[str], last: list[str], rows: int, width: int, *, is_list: bool
) -> Iterator[str]:
    """What is wrong with a screen; `is_list`: all of its lines but the last two are its rows."""
    rows = len(lines) - 2 if is_list else rows + sum(map(is_equation, lines))
    if len(lines) + len(last) > rows + BESIDE_ROWS and width >= 80:  # narrow screens break more
        yield f"{len(lines) + len(last)} lines for {rows} rows"
    for line in lines:
        if len(line) > width and not is_equation(line) and "sirec " not in line:
            yield f"wider than {width}: {line}"
        if re.search(r"\w…", line):
            yield f"a word is cut: {line}"
    if not last or not last[-1].startswith("next: sirec "):
        yield "it does not end with what comes next"


def test_faults_of_screens_are_found() -> None:
    """Control: too many lines, a wide one, a cut word, no next command; a good screen has none."""
    good = ["title", " a   b", "────", " x   1"]
    assert list(faults_of(good, ["next: sirec report"], 1, 80, is_list=False)) == []
    assert list(faults_of(good * 4, ["next: sirec report"], 1, 80, is_list=False))
    assert list(faults_of(["x" * 81], ["next: sirec report"], 1, 80, is_list=False))
    assert list(faults_of(["spars…"], ["next: sirec report"], 1, 80, is_list=False))
    assert list(faults_of(good, ["written: x"], 1, 80, is_list=False))


@pytest.mark.parametrize("width", [80, 120])
def test_help_of_every_command_fits_its_width(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every option is named in one piece, and no line is wider than the screen."""
    monkeypatch.setenv("COLUMNS", str(width))
    for name, command in registered().items():
        monkeypatch.setattr(sys, "argv", ["sirec", name, "--help"])
        with pytest.raises(SystemExit):
            main()
        printed = capsys.readouterr().out
        assert max(map(len, printed.splitlines())) <= width, name
        for parameter in command.params:
            long = [option for option in parameter.opts if option.startswith("--")]
            assert all(re.search(rf"{option}(?![\w-])", printed) for option in long), name
