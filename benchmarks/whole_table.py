"""How long does a whole table take to train, row by row, here and in an earlier version?

    python benchmarks/whole_table.py overall --data data/beauty --before ../sirec-0.2

Training a table to its end takes hours, so that each row is timed for some steps and one ranking,
and multiplied by the epochs and evaluations of its finished run in `--results`, which are known.
Every row and version runs in a process of its own, one at a time, with the settings of the
experiment. Rounds alternate between the versions and go through the rows in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
HOUR = 3600


@dataclass(frozen=True)
class Version:
    """A checkout whose code is timed, what the table calls it, and the data set in its format."""

    title: str
    checkout: Path
    data: Path


@dataclass
class RowTime:
    """What was measured of one row in one version, a number a round.

    Attributes:
        steps: ms of a step of each stage.
        hours: hours of training and validating, by the run's epochs.
        epochs: epochs of the finished run, all stages together; None where there is none.
    """

    steps: list[list[float]] = field(default_factory=list)
    hours: list[float] = field(default_factory=list)
    epochs: int | None = None


def stage_epochs(folder: Path) -> dict[str, int]:
    """The epochs of each stage of a finished run, by the stage's title.

    Args:
        folder: the run's folder; where there is no such run the result is empty.
    """
    path = folder / "epochs.jsonl"
    if not path.is_file():
        return {}
    found: dict[str, int] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        stage = json.loads(line)["stage"]
        found[stage] = found.get(stage, 0) + 1
    return found


def measure_row(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Time one row of the experiment in this process: a line for each stage of its training.

    The working directory is the checkout that is timed: its own `own_side.py` knows its modules.
    """
    import sirec.process

    sirec.process.configure()  # before torch is loaded, as the command line does
    sys.path.insert(0, str(Path.cwd() / "benchmarks"))
    import own_side

    from sirec.data.store import storage
    from sirec.run.execute import folder_of
    from sirec.run.store import Store
    from sirec.studies.spec.library import find_experiment, read_experiment
    from sirec.studies.spec.plan import planned_runs

    data = storage.load(args.data)
    experiment = read_experiment(find_experiment(args.experiment))
    [run, *_] = [run for run in planned_runs(experiment, data) if run.label == args.row]
    epochs = stage_epochs(folder_of(run.config, data, Store(args.results)).path)
    measured = own_side.measure(
        run.config, data, warmup=args.warmup, steps=args.steps, evaluate=True, limit=args.limit
    )
    for stage, (_, figures) in zip(run.config.stages, measured, strict=True):
        yield {**figures, "stage": stage.title, "epochs": epochs.get(stage.title)}


def row_labels(args: argparse.Namespace) -> list[str]:
    """The labels of the experiment's rows that are trained, in its order."""
    from sirec.data.store import storage
    from sirec.studies.spec.library import find_experiment, read_experiment
    from sirec.studies.spec.plan import planned_runs

    experiment = read_experiment(find_experiment(args.experiment))
    labels: dict[str, None] = {}
    for run in planned_runs(experiment, storage.load(args.data)):
        if run.config.stages:
            labels[run.label] = None
    return list(labels)


def time_row(label: str, version: Version, args: argparse.Namespace) -> list[dict[str, Any]]:
    """The lines of one row, from a process with a version's code.

    Raises:
        SystemExit: if that process fails.
    """
    options = ["--row", label, "--steps", str(args.steps), "--warmup", str(args.warmup)]
    options += ["--limit", str(args.limit), "--data", str(version.data.resolve())]
    options += ["--results", str(args.results.resolve())]
    done = subprocess.run(
        [sys.executable, str(HERE / "whole_table.py"), args.experiment, *options],
        cwd=version.checkout,
        env={**os.environ, "PYTHONPATH": str(version.checkout)},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{label}, {version.title}:\n{done.stderr.strip()[-2000:]}")
    lines: list[dict[str, Any]] = []
    for line in done.stdout.splitlines():
        lines.append(json.loads(line))
    return lines


def add_round(row: RowTime, lines: Sequence[Mapping[str, Any]], known: dict[str, int]) -> None:
    """Add one round of a row.

    Args:
        row: what was measured of it so far.
        lines: the stages' lines.
        known: the epochs of each stage, kept for versions whose own finished run is not there.
    """
    seconds, epochs = 0.0, 0
    for line in lines:
        count = known[line["stage"]] = line["epochs"] or known.get(line["stage"], 0)
        seconds += count * (line["seconds_per_epoch"] + line.get("evaluation_seconds", 0.0))
        epochs += count
    row.steps.append([line["ms_per_step"] for line in lines])
    row.hours.append(seconds / HOUR)
    row.epochs = epochs or None


def to_markdown(rows: Mapping[str, Mapping[str, RowTime]], titles: Sequence[str]) -> str:
    """The table.

    Args:
        rows: what was measured, by the row's label, then by the version's title.
        titles: the versions' titles, in the order of the columns.
    """
    from tabulate import tabulate

    cells: list[list[object]] = []
    totals = dict.fromkeys(titles, 0.0)
    for label, times in rows.items():
        line: list[object] = [label, times[titles[-1]].epochs]
        for title in titles:
            line.append(_steps(times[title].steps))
        for title in titles:
            line.append(_spread(times[title].hours))
            totals[title] += statistics.median(times[title].hours)
        cells.append(line)
    cells.append(
        ["all rows", "", *[""] * len(titles), *[f"{totals[title]:.2f}" for title in titles]]
    )
    headers = ["row", "epochs"]
    headers += [f"ms a step, {title}" for title in titles]
    headers += [f"hours, {title}" for title in titles]
    return tabulate(cells, headers=headers, tablefmt="pipe", disable_numparse=True)


def _steps(rounds: Sequence[Sequence[float]]) -> str:
    """The median of each stage's step over the rounds: `282 + 39`."""
    return " + ".join(f"{statistics.median(stage):.0f}" for stage in zip(*rounds, strict=True))


def _spread(hours: Sequence[float]) -> str:
    """The median of some rounds, with the smallest and the largest where there are several."""
    middle = f"{statistics.median(hours):.2f}"
    if len(hours) == 1:
        return middle
    return f"{middle} ({min(hours):.2f} to {max(hours):.2f})"


def measure_all(args: argparse.Namespace) -> tuple[dict[str, dict[str, RowTime]], list[str]]:
    """Time every row in every version; what comes back is what `to_markdown` takes."""
    versions = [Version("now", HERE.parent, args.data)]
    if args.before:
        earlier = args.before_data or args.data
        versions.insert(0, Version("before", args.before.resolve(), earlier))
    titles = [version.title for version in versions]
    labels = args.only or row_labels(args)
    rows: dict[str, dict[str, RowTime]] = {}
    for label in labels:
        rows[label] = {title: RowTime() for title in titles}
    known: dict[str, dict[str, int]] = {label: {} for label in labels}
    for number in range(args.rounds):
        for label in labels:
            for version in versions if number % 2 == 0 else reversed(versions):
                row = rows[label][version.title]
                add_round(row, time_row(label, version, args), known[label])
                print(
                    f"round {number + 1}/{args.rounds}  {label}, {version.title}: "
                    f"{_steps(row.steps[-1:])} ms a step",
                    file=sys.stderr,
                )
    return rows, titles


def notes(args: argparse.Namespace, load: float) -> str:
    """What the numbers are, and the machine; `load` is the average before the first row."""
    from sirec.run import environment

    found = environment.describe(threads=1, device="cpu")
    return (
        f"Protocol: {args.experiment} on {args.data.name}, each row with the experiment's "
        f"settings, threads included; {args.steps} steps timed after {args.warmup}, both ending "
        f"early after {args.limit:g} s; rounds: {args.rounds}. Hours are (an epoch of training + "
        "one ranking of all users) × the epochs of the row's finished run; where a version has no "
        f"such run, the other's epochs stand.\n\nMachine: {found['processor']}, "
        f"{os.cpu_count()} logical cores, torch {found['packages']['torch']}, commit "
        f"{found['commit']}; load average at the start {load:.2f}."
    )


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Time the training of a whole table, row by row.")
    parser.add_argument("experiment", help="its name, or its file")
    parser.add_argument("--data", type=Path, required=True, help="a prepared data set")
    parser.add_argument(
        "--results", type=Path, default=HERE.parent / "results", help="where finished runs are"
    )
    parser.add_argument("--before", type=Path, help="a checkout of an earlier version")
    parser.add_argument(
        "--before-data", type=Path, help="the data set as that version prepared it, if it differs"
    )
    parser.add_argument("--only", action="append", metavar="ROW", help="a row, repeatable")
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--warmup", type=int, default=6)
    parser.add_argument("--limit", type=float, default=20.0, help="seconds that end timing early")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--out", type=Path, help="also write the table here")
    parser.add_argument("--row", help=argparse.SUPPRESS)  # one row in this process
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the whole table, or one row of it for the process that does."""
    args = parse(arguments)
    if args.row is not None:
        for line in measure_row(args):
            print(json.dumps(line))
        return
    load = os.getloadavg()[0]
    rows, titles = measure_all(args)
    text = f"{to_markdown(rows, titles)}\n\n{notes(args, load)}\n"
    print(text)
    if args.out:
        args.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
