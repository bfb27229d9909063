"""Seconds and peak memory of raw files into a data set, and of reading alone beside polars and
Python's json.

    python benchmarks/preparation.py --reviews 500000
    python benchmarks/preparation.py --reviews 7000000 --others --out benchmarks/preparation.md

The raw files are generated, since Yelp's may not be passed on: as large and as skewed as Yelp's, in
a temporary folder that is deleted afterwards. Every side runs in a fresh process, one at a time.
This process imports nothing large: a child's peak memory, as the system reports it, starts at its
parent's.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

SIDE = Path(__file__).with_name("preparation_side.py")
OTHER = Path(__file__).with_name("preparation_other.py")
OTHERS = ("amazon-2018", "amazon-2023", "csv")
READERS = ("ours", "polars", "json")
TITLES = {
    "prepare": "Yelp: raw files to a data set, 5-core",
    "amazon-2018": "Amazon 2018: the same",
    "amazon-2023": "Amazon 2023, times in milliseconds: the same",
    "csv": "CSV with a table of items, times in milliseconds: the same",
    "ours": "reviews, 4 of 9 keys: ours",
    "polars": "reviews, 4 of 9 keys: polars, lazily",
    "json": "reviews, 4 of 9 keys: Python's json",
    "s3rec": "S3-Rec files to a data set, 5-core",
}
HEADERS = ("what", "seconds", "spread", "peak MB", "of which")


@dataclass(frozen=True)
class Side:
    """One thing to measure, by name, and the interpreter, folder and script it is measured with."""

    name: str
    python: str
    folder: Path
    script: Path = SIDE

    def run(self, *options: str) -> dict[str, Any]:
        """What the side printed. Raises `SystemExit` where it fails."""
        command = (self.python, str(self.script), self.name, str(self.folder), *options)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{shlex.join(command)}\nfailed:\n{done.stderr.strip()[-2000:]}")
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return result


@dataclass(frozen=True)
class Measured:
    """A side over all rounds: seconds, stages of the median round, the largest peak, and what the
    side counted.
    """

    name: str
    seconds: tuple[float, ...]
    stages: dict[str, float]
    peak_bytes: int
    sums: list[float]


def run_rounds(
    sides: Sequence[Side], rounds: int, tell: Callable[[str], None] = lambda text: None
) -> list[Measured]:
    """Run every side once a round; a side whose library is not installed is told of and left
    out.
    """
    found: dict[str, list[dict[str, Any]]] = {side.name: [] for side in sides}
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            result = side.run()
            if "missing" in result:
                tell(f"{side.name}: {result['missing']} is not installed: going on without it")
                continue
            found[side.name].append(result)
            tell(f"round {number + 1}/{rounds}  {side.name}: {result['seconds']:.1f} s")
    return [summarise(name, results) for name, results in found.items() if results]


def summarise(name: str, results: Sequence[dict[str, Any]]) -> Measured:
    """One side's rounds as one row. Raises `SystemExit` where they did not count the same."""
    if any(result["sums"] != results[0]["sums"] for result in results):
        raise SystemExit(f"{name} differs between rounds: {[result['sums'] for result in results]}")
    seconds = tuple(result["seconds"] for result in results)
    middle = min(results, key=lambda result: abs(result["seconds"] - statistics.median(seconds)))
    peak = max(result["peak_bytes"] for result in results)
    return Measured(name, seconds, middle.get("stages", {}), peak, results[0]["sums"])


def check_readers(measured: Sequence[Measured]) -> None:
    """Raise `SystemExit` where two readers of the same file did not read the same."""
    sums = {row.name: row.sums for row in measured if row.name in READERS}
    if any(each != next(iter(sums.values())) for each in sums.values()):
        raise SystemExit(
            f"the readers differ (rows, users, businesses, sums of stars and of times): {sums}"
        )


def to_markdown(measured: Sequence[Measured]) -> str:
    """A table of all sides."""
    cells = [_cells(row) for row in measured]
    return tabulate(
        cells,
        HEADERS,
        "pipe",
        colalign=("left", "right", "right", "right", "left"),
        disable_numparse=True,
    )


def _cells(row: Measured) -> list[str]:
    return [
        TITLES[row.name],
        f"{statistics.median(row.seconds):.2f}",
        f"{min(row.seconds):.2f}–{max(row.seconds):.2f}",
        f"{row.peak_bytes / 1e6:,.0f}",
        ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in row.stages.items()),
    ]


def notes(
    args: argparse.Namespace, generated: dict[str, Any], measured: Sequence[Measured], load: float
) -> list[str]:
    """What was read, what came out, and on which machine."""
    from sirec.run import environment  # large, so only when every side has run

    machine = environment.describe()
    left = {
        row.name: "{:,} users, {:,} items, {:,} interactions".format(*row.sums)
        for row in measured
        if len(row.sums) == 3
    }
    others = [f"{name} {size / 1e9:.2f} GB" for name, size in generated["others"].items()]
    as_many = f" As many reviews in the other formats: {', '.join(others)}." if others else ""
    return [
        f"Protocol: {generated['reviews']:,} generated reviews in "
        f"{generated['bytes'] / 1e9:.2f} GB of JSON lines and"
        f" {generated['businesses']:,} businesses, in the page cache since they were written; a "
        "fresh process for each, imports"
        f" not timed but in the peak; rounds: {args.rounds}, their median, smallest and "
        "largest. Ours gives ids as codes,"
        " polars as texts, Python each text once; all gave times in seconds, and equal counts "
        "and sums. polars maps"
        " the file into memory, which counts in its peak."
        f"{as_many}"
        f" Left by 5-core: {'; '.join(f'{name}: {what}' for name, what in left.items())}.",
        f"Machine: {machine['processor']}, {os.cpu_count()} logical cores, {platform.system()}, "
        f"Python {machine['python']},"
        f" commit {machine['commit']}; load average at the start {load:.2f}.",
    ]


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Time raw files into a data set.")
    parser.add_argument(
        "--reviews", type=int, default=500_000, help="reviews to generate; Yelp has about 7000000"
    )
    parser.add_argument(
        "--folder", type=Path, help="generate here and keep the files; default: a temporary folder"
    )
    parser.add_argument(
        "--polars-python", default=sys.executable, help="interpreter of an environment with polars"
    )
    parser.add_argument(
        "--s3rec",
        type=Path,
        metavar="FOLDER",
        help="also time this folder of S3-Rec files (Beauty)",
    )
    parser.add_argument(
        "--others",
        action="store_true",
        help="also prepare as many reviews in the formats of Amazon, and as CSV",
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="also write the table here")
    args = parser.parse_args(arguments)
    if min(args.reviews, args.rounds) < 1:
        parser.error("--reviews and --rounds must be at least 1")
    return args


def sides(args: argparse.Namespace, folder: Path) -> list[Side]:
    """What is measured, in order."""
    pythons = {"polars": args.polars_python}
    yelp = [Side(name, pythons.get(name, sys.executable), folder) for name in ("prepare", *READERS)]
    return [*yelp, *([Side("s3rec", sys.executable, args.s3rec)] if args.s3rec else [])]


def main(arguments: Sequence[str] | None = None) -> None:
    """Generate, measure, print the table, write it if wanted."""
    args = parse(arguments)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        generated = Side("generate", sys.executable, folder).run("--reviews", str(args.reviews))
        measured = run_rounds(
            sides(args, folder), args.rounds, lambda text: print(text, file=sys.stderr)
        )
        generated["others"] = {}
        for name in OTHERS if args.others else ():
            place = folder / name
            written = Side(f"generate-{name}", sys.executable, place, OTHER)
            result = written.run("--reviews", str(args.reviews))
            generated["others"][name] = result["bytes"]
            side = Side(name, sys.executable, place, OTHER)
            measured += run_rounds([side], args.rounds, lambda text: print(text, file=sys.stderr))
            shutil.rmtree(place)
    check_readers(measured)
    text = "\n\n".join([to_markdown(measured), *notes(args, generated, measured, load)]) + "\n"
    print(text)
    if args.out:
        args.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
