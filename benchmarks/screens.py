"""What every command prints at 80 columns: lines, rows and the widest line, of two versions.

    python benchmarks/screens.py                       # measures this version
    python benchmarks/screens.py --before FOLDER       # and an earlier one, a checkout in FOLDER

Each call runs in a pseudo-terminal of 80 x 24 in a new folder, with the demo data, small runs, and
the committed records of its version. The measurements are kept in `benchmarks/screens.json`, and
`docs/screens.md` is drawn from them; `--captures FOLDER` keeps what was printed.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import re
import select
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SIDE = Path(__file__).with_name("screens_side.py")
RECORD = Path(__file__).with_suffix(".json")
PAGE = ROOT / "docs" / "screens.md"
COLUMNS, LINES = 80, 24
BESIDE_ROWS = 12
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
SMALL = "--set epochs=2 --threads 1"
BY_MODEL = re.compile(r"demo/[a-z-]+")
BOTH = "demo/sasrec demo/comif"
CALLS = (
    "prepare demo",
    "datasets",
    "audit demo",
    "statistics demo",
    "models",
    "models comif",
    "models dif-sr",
    "train popularity --data demo",
    f"train sasrec --data demo {SMALL}",
    f"train comif --data demo {SMALL}",
    "train nova --data demo --dry-run",
    "sweep sasrec --data demo --dry-run",
    f"evaluate {BOTH}",
    "evaluate demo/sasrec --lists 10",
    f"compare {BOTH}",
    "runs",
    "recommend demo/comif --user 'user 00001'",
    "recommend demo/comif --history D00023,D00685",
    "recommend demo/comif --history D00023,D00685 --explain",
    "recommend demo/comif --all --to lists.parquet",
    "export demo --format csv --to shop",
    "export demo/comif --to served",
    f"rankcheck {BOTH} --users 20",
    f"correlation {BOTH} --users 20",
    f"coldstart {BOTH}",
    "attentionmaps demo/comif",
    "newitems demo/comif",
    "worth demo --dry-run",
    "ablate --no-upa --data demo --dry-run",
    "study quickstart --dry-run",
    "rankcheck --render-only --data beauty --study overall",
    "rankcheck --render-only --data beauty --study difsr_figure1_rank",
    "correlation --render-only --data beauty --study overall",
    "coldstart --render-only --data beauty",
    "study overall --render-only",
    "study comif_table4_fusion --render-only",
    "study difsr_table4_ablation --render-only",
    "study beauty_seeds --render-only",
    "study ml-100k_side_information --render-only",
    "claims",
    "report",
    "verify results",
    "doctor",
)


@dataclass(frozen=True)
class Screen:
    """What one call printed.

    Attributes:
        lines: of the terminal, where a longer line takes several.
        rows: of the tables that were drawn.
        widest: characters of the longest line.
    """

    lines: int
    rows: int
    widest: int


def capture(tree: Path, folder: Path, words: Sequence[str]) -> tuple[int, str, int]:
    """The exit code, the text and the rows of a call on a terminal of 80 x 24.

    Args:
        tree: the checkout whose code runs.
        folder: where it runs.
        words: the words behind `sirec`.
    """
    terminal, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    size = {"COLUMNS": str(COLUMNS), "LINES": str(LINES)}
    environment = os.environ | size | {"PYTHONPATH": str(tree), "NO_COLOR": "1", "TERM": "xterm"}
    rows = folder / ".rows"
    process = subprocess.Popen(
        [sys.executable, str(SIDE), str(rows), *words],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,  # no terminal: bars, which vanish, are not drawn
        env=environment,
        cwd=folder,
    )
    os.close(theirs)
    assert process.stderr is not None
    open_ends, written = [terminal, process.stderr.fileno()], b""
    while open_ends:
        for end in select.select(open_ends, [], [])[0]:
            try:
                part = os.read(end, 1 << 16)
            except OSError:  # the other side of a terminal is closed
                part = b""
            if not part:
                open_ends.remove(end)
            written += part
    code = process.wait()
    os.close(terminal)
    text = ESCAPE.sub("", written.decode("utf-8", "replace").replace("\r\n", "\n"))
    return code, text, int(rows.read_text(encoding="utf-8"))


def measured(text: str, rows: int) -> Screen:
    """The size of what was printed.

    Args:
        text: what was printed.
        rows: of its tables.
    """
    lines = text.splitlines()
    count = 0
    for line in lines:
        count += max(1, -(-len(line) // COLUMNS))
    return Screen(count, rows, max(map(len, lines), default=0))


def measure(tree: Path, captures: Path | None) -> dict[str, Screen | None]:
    """Each call in a new folder -> what it printed, or None where the version has no such call.

    Args:
        tree: the checkout whose code runs, with its committed records.
        captures: where to keep what was printed, if anywhere.
    """
    found: dict[str, Screen | None] = {}
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(tree / "results", Path(folder) / "results")
        for call in CALLS:
            words = shlex.split(call)
            code, text, rows = capture(tree, Path(folder), words)
            if code and BY_MODEL.search(call):  # earlier versions only take folders
                words = [folder_of_run(Path(folder), word) for word in words]
                code, text, rows = capture(tree, Path(folder), words)
            found[call] = None if code else measured(text, rows)
            print(f"{code} {found[call]} sirec {call}", flush=True)
            if captures is not None:
                captures.mkdir(parents=True, exist_ok=True)
                name = re.sub(r"\W+", "-", call).strip("-")
                (captures / f"{name}.txt").write_text(text, encoding="utf-8")
    return found


def folder_of_run(folder: Path, word: str) -> str:
    """The folder of the first run of `demo/MODEL`; any other word as it is.

    Args:
        folder: where the command runs.
        word: a word of it.
    """
    found = sorted(folder.glob(f"results/runs/{word}/*")) if BY_MODEL.fullmatch(word) else []
    return str(found[0]) if found else word


def draw_page(record: Mapping[str, Mapping[str, Mapping[str, int] | None]]) -> str:
    """The page of both versions.

    Args:
        record: "before" and "after" -> call -> the fields of its `Screen`, or None.
    """
    rows: list[str] = []
    for call, screen in record["after"].items():
        before = record["before"].get(call)
        earlier = "–" if before is None else f"{before['lines']:,}"
        if screen is not None:
            size = f"{earlier} | {screen['lines']} | {screen['rows']} | {screen['widest']}"
            rows.append(f"| `sirec {call}` | {size} |")
    return PAGE_TEXT.replace("ROWS", "\n".join(rows))


PAGE_TEXT = """# What the commands print

By default a command prints one screen: a line for each row of its table and at most twelve more,
at 80 columns, ending with what comes next. `--full`, and the files that a command writes, have
everything else. A test draws every command of the registry at 60, 80 and 120 columns
(`tests/cli/test_every_screen.py`).

Below is what each call prints in a terminal of 80 columns and 24 lines. *Before* is the last
commit before commands printed one screen; a dash stands where that version had no such call.
*Lines* counts all that stands on the terminal at the end, which is more than the screen of an
answer where a command tells what it does: a line for each run that is named by its model, one for
the device, one for each run that is trained. *Rows* are those of the tables. Lines that are wider
than 80 are commands and paths, which no screen may break, and equations.

The recommendations that `--explain` explains are no table: each item has some lines.

| command | lines before | lines | rows | widest line |
|---|---:|---:|---:|---:|
ROWS

Measured by `python benchmarks/screens.py`, with the demo data, two small runs and the committed
records. `quickstart`, which trains for minutes, prints the screen of a study of seven rows.
"""


def main() -> None:
    """Measure this version, an earlier one if it is named, and draw the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="a checkout of an earlier version")
    parser.add_argument("--captures", type=Path, help="keep what was printed in this folder")
    options = parser.parse_args()
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {"before": {}}
    sides = {"after": ROOT}
    if options.before is not None:
        sides["before"] = options.before.resolve()
    for side, tree in sides.items():
        captures = None if options.captures is None else options.captures.resolve() / side
        sizes: dict[str, dict[str, int] | None] = {}
        for call, screen in measure(tree, captures).items():
            sizes[call] = None if screen is None else asdict(screen)
        record[side] = sizes
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(draw_page(record), encoding="utf-8")


if __name__ == "__main__":
    main()
