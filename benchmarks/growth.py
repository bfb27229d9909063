"""How seconds and memory grow with users, items, window and width, up to a million users and a
million items.

    python benchmarks/growth.py --out benchmarks/growth.md
    python benchmarks/growth.py --up-to 125000 --seconds 1   # without the largest: a few minutes

On each axis one size doubles and all others stay. Every point is measured in a fresh process, one
at a time; this one imports nothing large before the last is done, since a child's peak memory, as
the system reports it, starts at its parent's. `--rows` keeps the points in a file, from which an
interrupted run goes on and a table or figure is made anew.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

SIDE = Path(__file__).with_name("growth_side.py")
LARGEST = 1_000_000
BASE: Mapping[str, int | str] = {
    "users": 31_250,
    "items": 15_625,
    "history": 10,
    "window": 50,
    "width": 64,
    "loss": "full",
}
DOUBLED = tuple(LARGEST >> halvings for halvings in range(6, -1, -1))
PARTS = ("batch", "encode", "loss", "backward", "optimiser", "rest")
RANKING = ("batch", "encode", "score", "count")
LOSSES = {
    "full": "softmax over all items",
    "sampled": "256 negatives a target",
    "shared": "256 negatives a step",
}
"""How the losses of `growth_side.py` are called in a title."""

CLOCKS = {
    "processor": "processor time, which is that of the wall for one thread on an idle machine",
    "wall": "time on the wall",
}


@dataclass(frozen=True)
class Axis:
    """What doubles (`names`, all of them set to each of `values`) and what of `BASE` is otherwise
    while it does.
    """

    names: tuple[str, ...]
    values: tuple[int, ...]
    fixed: tuple[tuple[str, int | str], ...] = ()

    @property
    def title(self) -> str:
        """What grows, and under which loss."""
        return f"{' and '.join(self.names)}, {LOSSES[str(self.size(self.values[0])['loss'])]}"

    def size(self, value: int) -> dict[str, int | str]:
        """The whole size at a value."""
        return {**BASE, **dict(self.fixed), **dict.fromkeys(self.names, value)}

    @property
    def others(self) -> str:
        """What does not grow."""
        fixed = {
            name: value for name, value in self.size(0).items() if name not in (*self.names, "loss")
        }
        return ", ".join(f"{name} {value:,}" for name, value in fixed.items())


AXES = (
    Axis(("users",), DOUBLED),
    Axis(("items",), DOUBLED),
    Axis(("items",), DOUBLED, (("loss", "sampled"),)),
    Axis(("items",), DOUBLED, (("loss", "shared"),)),
    Axis(("window", "history"), (25, 50, 100, 200, 400)),
    Axis(("width",), (32, 64, 128, 256, 512)),
    Axis(("users", "items"), (LARGEST // 2, LARGEST), (("loss", "sampled"),)),
    Axis(("users", "items"), (LARGEST // 2, LARGEST), (("loss", "shared"),)),
)


@dataclass(frozen=True)
class Measured:
    """What one point's process printed."""

    size: Mapping[str, int | str]
    found: Mapping[str, Any]

    @property
    def figures(self) -> dict[str, float]:
        """All that is fitted and drawn: `step` and its parts in ms, `ranking` in s for 1,000 users,
        `epoch`, `all ranked` and `listing` in s, `training peak` and `peak` in MB.
        """
        step, ranking = sum(self.found["parts"].values()), sum(self.found["ranking"].values())
        return {
            "step": step,
            **self.found["parts"],
            "epoch": step * self.found["steps_per_epoch"] / 1e3 + self.found["dealing_seconds"],
            "ranking": ranking,
            "all ranked": ranking * int(self.size["users"]) / 1e3,
            "listing": self.found["listing_seconds"],
            "training peak": self.found["training_peak_bytes"] / 1e6,
            "peak": self.found["peak_bytes"] / 1e6,
        }


@dataclass(frozen=True)
class Row:
    """A point of an axis."""

    value: int
    measured: Measured


def run_side(size: Mapping[str, int | str], args: argparse.Namespace) -> Measured:
    """Measure one point. Raises `SystemExit` where its process fails."""
    options = [f"--{name}={value}" for name, value in size.items()]
    how = (f"--seconds={args.seconds}", f"--threads={args.threads}", f"--clock={args.clock}")
    command = (sys.executable, str(SIDE), *options, *how)
    environment = os.environ | {
        "OMP_NUM_THREADS": str(args.threads),
        "MKL_NUM_THREADS": str(args.threads),
    }
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{shlex.join(command)}\nfailed:\n{done.stderr.strip()[-2000:]}")
    return Measured(size, json.loads(done.stdout.splitlines()[-1]))


def distinct(axes: Iterable[Axis]) -> list[dict[str, int | str]]:
    """Every size on some axis once: axes cross."""
    sizes: list[dict[str, int | str]] = []
    for size in (axis.size(value) for axis in axes for value in axis.values):
        if size not in sizes:
            sizes.append(size)
    return sizes


def measure(
    axes: Sequence[Axis],
    known: Sequence[Measured],
    run: Callable[[Mapping[str, int | str]], Measured],
    tell: Callable[[str], None],
) -> list[Measured]:
    """All points of the axes, those among `known` not again."""
    done = list(known)
    sizes = [size for size in distinct(axes) if all(point.size != size for point in known)]
    for number, size in enumerate(sizes, start=1):
        done.append(run(size))
        figures = done[-1].figures
        shown = " ".join(f"{name}={value}" for name, value in size.items())
        times = (
            f"{figures['step']:.1f} ms a step, {figures['ranking']:.2f} s to rank 1,000 users, "
            f"{figures['peak']:,.0f} MB"
        )
        tell(f"{number}/{len(sizes)}  {shown}: {times}")
    return done


def rows_of(axis: Axis, measured: Sequence[Measured]) -> list[Row]:
    """An axis's points in order."""
    by_value = [(value, axis.size(value)) for value in axis.values]
    return [
        Row(value, next(point for point in measured if point.size == size))
        for value, size in by_value
    ]


def exponent(xs: Sequence[float], ys: Sequence[float]) -> float:
    """The slope of log y over log x by least squares: y grows as x to this power.

    >>> exponent([1, 2, 4], [3, 12, 48])
    2.0
    """
    log_x, log_y = ([math.log(value) for value in values] for values in (xs, ys))
    mean_x, mean_y = sum(log_x) / len(log_x), sum(log_y) / len(log_y)
    spread = sum((x - mean_x) ** 2 for x in log_x)
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(log_x, log_y, strict=True)) / spread


def points_table(axis: Axis, rows: Sequence[Row]) -> str:
    """One axis as Markdown, with what does not grow above it."""
    headers = (
        *axis.names[:1],
        "ms/step",
        *PARTS,
        "s/epoch",
        "rank 1,000 s",
        *RANKING,
        "rank all s",
        "list s",
        "train MB",
        "peak MB",
    )
    cells = [_cells(row) for row in rows]
    table = tabulate(
        cells, headers, "pipe", colalign=["right"] * len(headers), disable_numparse=True
    )
    return f"### {axis.title[0].upper()}{axis.title[1:]}\n\nFixed: {axis.others}.\n\n{table}"


def _cells(row: Row) -> list[str]:
    figures, found = row.measured.figures, row.measured.found
    return [
        f"{row.value:,}",
        *(_short(figures[name]) for name in ("step", *PARTS, "epoch", "ranking")),
        *(_short(found["ranking"][name]) for name in RANKING),
        *(_short(figures[name]) for name in ("all ranked", "listing")),
        *(f"{figures[name]:,.0f}" for name in ("training peak", "peak")),
    ]


def _short(number: float) -> str:
    """Two or three significant digits.

    >>> [_short(value) for value in (0.01234, 0.5, 7.25, 43.21, 1234.5)]
    ['0.012', '0.50', '7.2', '43', '1,234']
    """
    digits = 0 if number >= 10 else 1 if number >= 1 else 2 if number >= 0.1 else 3
    return f"{number:,.{digits}f}"


def exponents_table(axes: Sequence[Axis], measured: Sequence[Measured]) -> str:
    """Exponents of all axes: over the whole axis and, in parentheses, over the last doubling, where
    constants have faded.
    """
    names = ("step", *PARTS[:-1], "epoch", "ranking", "all ranked", "training peak", "peak")
    cells = [
        [axis.title, *(_exponents(rows_of(axis, measured), name) for name in names)]
        for axis in axes
    ]
    return tabulate(
        cells,
        ("growing", *names),
        "pipe",
        colalign=("left", *["right"] * len(names)),
        disable_numparse=True,
    )


def _exponents(rows: Sequence[Row], name: str) -> str:
    values, figures = [row.value for row in rows], [row.measured.figures[name] for row in rows]
    return f"{exponent(values, figures):.2f} ({exponent(values[-2:], figures[-2:]):.2f})"


def notes(
    args: argparse.Namespace, measured: Sequence[Measured], loads: Sequence[float]
) -> list[str]:
    """How it was measured, and on which machine."""
    from sirec.run import environment  # large, so only when every side has run

    machine = environment.describe(args.threads)
    waiting = sorted(point.found["waiting"] for point in measured)
    return [
        "Protocol: SASRec of two layers and two heads, inner width twice the width, 512 targets "
        "a step in rows of random users,"
        f" Adam, fp32, {args.threads} thread{'s' if args.threads > 1 else ''}; generated "
        "interactions (history: 5 and a"
        " log-normal number, in the mean as given; popularity: rank^-0.6, codes shuffled). A "
        "fresh process for each point."
        f" Seconds are of {CLOCKS[args.clock]}; on the wall the points took "
        f"{waiting[len(waiting) // 2]:.2f} (median) to"
        f" {waiting[-1]:.2f} times that, waiting included."
        f" Steps: the mean over the middle half of at least {args.seconds:g} s and five steps "
        "after two for warming up, part"
        " by part: batch (dealing and gathering), encode, loss (reading the item table, too), "
        "backward, optimiser (giving"
        " the gradients back, too), rest. An epoch is that times its steps. Ranking: the first "
        "users, as many as have 2²⁹"
        " scores or 2²⁰ slots, but at least 512, in seconds for 1,000 of them; ranking *all* is "
        "this times all users, not"
        " measured where they are more. List: what happens once a run, listing rows and "
        "building losses. Peak: of data"
        " and training, and with ranking, above what the imports took.",
        f"Machine: {machine['processor']}, {os.cpu_count()} logical cores, {platform.system()}, "
        f"Python {machine['python']},"
        f" torch {machine['packages']['torch']}, commit {machine['commit']}; load average at "
        f"the start {loads[0]:.2f}, at the"
        f" end {loads[1]:.2f}.",
    ]


def compose(axes: Sequence[Axis], measured: Sequence[Measured], remarks: Sequence[str]) -> str:
    """The whole page."""
    parts = [
        "# Growth",
        "How cost grows: y ∝ size^exponent, fitted over an axis and, in parentheses, over its "
        "last doubling.",
        exponents_table(axes, measured),
        *(points_table(axis, rows_of(axis, measured)) for axis in axes),
        *remarks,
    ]
    return "\n\n".join(parts) + "\n"


def up_to(axes: Sequence[Axis], most: int) -> list[Axis]:
    """The axes without values above `most`; those of which fewer than two are left, from which
    nothing grows, are left out.
    """
    cut = [
        Axis(axis.names, tuple(value for value in axis.values if value <= most), axis.fixed)
        for axis in axes
    ]
    return [axis for axis in cut if len(axis.values) > 1]


def read_rows(path: Path | None) -> list[Measured]:
    """Points measured before."""
    if path is None or not path.exists():
        return []
    return [Measured(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def append_row(path: Path, point: Measured) -> None:
    """Keep a point."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"size": point.size, "found": point.found}) + "\n")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Time and memory as sizes double.")
    parser.add_argument("--up-to", type=int, default=LARGEST, help="leave sizes above this out")
    parser.add_argument(
        "--seconds",
        type=float,
        default=4.0,
        help="of timed steps at each point, but at least five steps",
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--clock",
        choices=tuple(CLOCKS),
        default="processor",
        help="processor: what others do counts little",
    )
    parser.add_argument(
        "--rows",
        type=Path,
        help="keep points here, a JSON line each; those it has are not measured again",
    )
    parser.add_argument(
        "--out", type=Path, help="write the page here, and the figure beside it as .svg"
    )
    args = parser.parse_args(arguments)
    if args.threads < 1 or not args.seconds > 0:
        parser.error("--threads must be at least 1, --seconds above 0")
    if not up_to(AXES, args.up_to):
        parser.error(f"--up-to {args.up_to} leaves no axis with two points")
    return args


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the page, write it and the figure if wanted."""
    args = parse(arguments)
    axes, before = up_to(AXES, args.up_to), os.getloadavg()[0]

    def run(size: Mapping[str, int | str]) -> Measured:
        point = run_side(size, args)
        if args.rows:
            append_row(args.rows, point)
        return point

    measured = measure(
        axes, read_rows(args.rows), run, lambda text: print(text, file=sys.stderr, flush=True)
    )
    after = os.getloadavg()[0]
    text = compose(axes, measured, notes(args, measured, (before, after)))
    print(text)
    if args.out:
        from growth_figure import write  # matplotlib is large

        args.out.write_text(text, encoding="utf-8")
        write(
            [
                (axis.title, [(row.value, row.measured.figures) for row in rows_of(axis, measured)])
                for axis in axes
            ],
            args.out,
        )


if __name__ == "__main__":
    main()
