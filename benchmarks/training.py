"""Seconds per step and epoch, seconds of evaluation and peak memory: our models and, if given, a peer's, side by side.

    python benchmarks/training.py --data data/beauty --out benchmarks/beauty.md
    python benchmarks/training.py --data data/beauty --before benchmarks/beauty.json
    python benchmarks/training.py --data data/beauty --peer-python PEER_ENV/bin/python --peer-script "bench.py --data RAW"

Every side runs in a fresh process, one at a time; a round runs every side once, alternately in this order and in reverse.
See `README.md` for what a peer script must print. This process imports nothing large: a child's peak memory, as the system
reports it, starts at its parent's.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

OWN_SIDE = Path(__file__).with_name("own_side.py")
LAST_ITEM = 'task={"name":last_item}'
OWN = (
    "sasrec",
    "sasrec composition=pools",
    "sasrec long_histories=exact",
    f"sasrec {LAST_ITEM}",
    'sasrec task={"name":last_item,"composition":pools}',
    "sasrec precision=bf16",
    "dif-sr score_fusion=sum",
    "dif-sr score_fusion=concat",
    "dif-sr score_fusion=gate",
    f"dif-sr score_fusion=sum {LAST_ITEM}",
    f"dif-sr score_fusion=concat fusion_form=reference {LAST_ITEM}",
    f"dif-sr score_fusion=gate fusion_form=reference {LAST_ITEM}",
    "comif",
)
NUMBERS = ("ms_per_step", "seconds_per_epoch", "peak_bytes_above_import")
HEADERS = ("model", "side", "ms/step", "s/epoch", "spread", "validation s", "peak MB", "speed")


@dataclass(frozen=True)
class Side:
    """A command that measures one thing and prints JSON lines; `ours` or a peer's."""

    command: tuple[str, ...]
    ours: bool


@dataclass(frozen=True)
class Measured:
    """A side over all rounds: medians of times, the largest peak, and the (smallest, largest) seconds an epoch."""

    name: str
    model: str
    ours: bool
    ms_per_step: float
    seconds_per_epoch: float
    spread: tuple[float, float]
    evaluation_seconds: float | None
    peak_bytes: float
    steps_per_epoch: int | None


def run_side(side: Side, threads: int) -> list[dict[str, Any]]:
    """Run a side and return the lines it printed. Raises `SystemExit` where it fails or its lines are not of the protocol."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    done = subprocess.run(side.command, capture_output=True, text=True, env=environment, check=False)
    shown = shlex.join(side.command)
    if done.returncode:
        raise SystemExit(f"{shown}\nfailed:\n{done.stderr.strip()[-2000:]}")
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    for line in lines:
        wrong = [key for key in NUMBERS if not isinstance(line.get(key), int | float)]
        if wrong or not isinstance(line.get("name"), str):
            raise SystemExit(f"{shown}\nprinted a line without {', '.join(wrong or ['name'])}: {line}")
    if not lines:
        raise SystemExit(f"{shown}\nprinted no JSON line")
    return lines


def run_rounds(
    sides: Sequence[Side], rounds: int, threads: int, tell: Callable[[str], None] = lambda text: None
) -> list[Measured]:
    """Run every side once a round, in alternating order, and sum each up."""
    found: dict[str, list[dict[str, Any]]] = {}
    ours: dict[str, bool] = {}
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            for line in run_side(side, threads):
                found.setdefault(line["name"], []).append(line)
                ours[line["name"]] = side.ours
                tell(f"round {number + 1}/{rounds}  {line['name']}: {line['ms_per_step']:.0f} ms a step")
    return [summarise(name, lines, ours[name]) for name, lines in found.items()]


def summarise(name: str, lines: Sequence[Mapping[str, Any]], ours: bool) -> Measured:
    """One side's rounds as one row."""
    epochs = [line["seconds_per_epoch"] for line in lines]
    evaluations = [line["evaluation_seconds"] for line in lines if line.get("evaluation_seconds") is not None]
    return Measured(
        name=name,
        model=str(lines[0].get("model") or name),
        ours=ours,
        ms_per_step=statistics.median(line["ms_per_step"] for line in lines),
        seconds_per_epoch=statistics.median(epochs),
        spread=(min(epochs), max(epochs)),
        evaluation_seconds=statistics.median(evaluations) if evaluations else None,
        peak_bytes=max(line["peak_bytes_above_import"] for line in lines),
        steps_per_epoch=lines[0].get("steps_per_epoch"),
    )


def to_markdown(measured: Sequence[Measured], before: Mapping[str, float] | None = None) -> str:
    """A table of all sides, models together and peers first; `speed` is against the fastest peer of the same model.

    With seconds an epoch of sides `before` by name, `since` is how many times faster they are now.
    """
    order = list(dict.fromkeys(row.model for row in sorted(measured, key=lambda row: not row.ours)))
    fastest = {
        model: min((row.seconds_per_epoch for row in measured if row.model == model and not row.ours), default=None)
        for model in order
    }
    rows = sorted(measured, key=lambda row: (order.index(row.model), row.ours))
    cells = [_cells(row, fastest[row.model]) for row in rows]
    headers = HEADERS
    if before is not None:
        headers = (*HEADERS, "since")
        for row, line in zip(rows, cells, strict=True):
            line.append(f"{before[row.name] / row.seconds_per_epoch:.2f}×" if row.name in before else "–")
    return tabulate(cells, headers, "pipe", colalign=("left", "left", *["right"] * (len(headers) - 2)))


def _cells(row: Measured, fastest: float | None) -> list[str]:
    low, high = row.spread
    return [
        row.model,
        f"ours: `{row.name}`" if row.ours else row.name,
        f"{row.ms_per_step:.1f}",
        f"{row.seconds_per_epoch:.1f}",
        f"{low:.1f}–{high:.1f}",
        "–" if row.evaluation_seconds is None else f"{row.evaluation_seconds:.2f}",
        f"{row.peak_bytes / 1e6:,.0f}",
        "–" if fastest is None else f"{fastest / row.seconds_per_epoch:.2f}×",
    ]


def notes(args: argparse.Namespace, measured: Sequence[Measured], load: tuple[float, float, float]) -> list[str]:
    """The protocol, the machine, and a warning where sides did not do the same number of steps an epoch."""
    from sirec.run import environment  # large, so only when every side has run

    machine = environment.describe(args.threads, args.device)
    where = machine["processor"] if args.device == "cpu" else f"{machine['accelerator']} beside {machine['processor']}"
    steps = sorted({row.steps_per_epoch for row in measured if row.steps_per_epoch is not None})
    lines = [
        f"Protocol: {args.data.name}, {' or '.join(map(str, steps))} steps an epoch; 512 targets a step, d = 128, 3 layers,"
        f" 4 heads, inner 256, dropout 0.5 and 0.3, window 50, Adam, ours in {args.precision} unless a side says otherwise,"
        f" {args.threads} threads; mean of {args.own_steps} steps after {args.own_warmup} for warming up (peers:"
        f" {args.steps} after {args.warmup}),"
        f" median over {args.rounds} rounds in alternating order, a fresh process for each side and round. An epoch is the mean"
        " step times the steps of an epoch; spread: smallest and largest over rounds; validation: ranking every user's target"
        " among all items; peak: in training, above what the imports took, data included; speed: against the fastest peer of"
        " the same model.",
        f"Machine: {where}, {os.cpu_count()} logical cores, {platform.system()}, Python {machine['python']},"
        f" torch {machine['packages']['torch']}, commit {machine['commit']}; load average at the start {load[0]:.2f}.",
    ]
    if len(steps) > 1:
        lines.append("Warning: the sides differ in the number of steps an epoch, so they did not train on the same targets.")
    return lines


def every_model() -> list[str]:
    """The names of all models that are trained."""
    listed = subprocess.run([sys.executable, "-m", "sirec", "models", "--json"], check=True, capture_output=True, text=True)
    return [model["name"] for model in json.loads(listed.stdout) if model["tasks"]]


def own_sides(args: argparse.Namespace) -> list[Side]:
    """Our sides, as commands."""
    options = ["--data", str(args.data), "--attributes", args.attributes, "--steps", str(args.own_steps)]
    options += ["--warmup", str(args.own_warmup), "--threads", str(args.threads), "--precision", args.precision]
    options += ["--device", args.device]
    options += [] if args.no_evaluation else ["--evaluate"]
    return [Side((sys.executable, str(OWN_SIDE), spec, *options), ours=True) for spec in args.own or OWN]


def peer_sides(args: argparse.Namespace) -> list[Side]:
    """The peer's sides, as commands; without `--peer` those that the script lists."""
    if not args.peer_script:
        return []
    script = [args.peer_python, *shlex.split(args.peer_script)]
    listed = args.peer or subprocess.run([*script, "--list"], check=True, capture_output=True, text=True).stdout.split()
    options = ["--steps", str(args.steps), "--warmup", str(args.warmup), "--threads", str(args.threads)]
    options += [] if args.no_evaluation else ["--evaluate"]
    return [Side((*script, name, *options), ours=False) for name in listed]


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Time training, ours and a peer's, side by side.")
    parser.add_argument("--data", type=Path, default=Path("data/beauty"), help="a prepared data set")
    parser.add_argument("--own", action="append", metavar="SPEC", help='MODEL KEY=VALUE…, repeatable; "" for none of ours')
    parser.add_argument("--every-model", action="store_true", help="ours: every model as declared (COMIF's Table 7)")
    parser.add_argument("--attributes", default="category", help="attributes our models use, with commas between")
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter of the peer's environment")
    parser.add_argument("--peer-script", help="the peer's script, with options that it always needs")
    parser.add_argument("--peer", action="append", metavar="NAME", help="a side of the peer's, repeatable; default: all")
    parser.add_argument("--steps", type=int, default=12, help="timed steps of a peer")
    parser.add_argument("--own-steps", type=int, default=64, help="timed steps of ours, more because their shapes vary")
    parser.add_argument("--warmup", type=int, default=3, help="untimed steps of a peer")
    parser.add_argument("--own-warmup", type=int, default=60, help="untimed steps of ours: bf16 compiles new shapes at first")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="of ours")
    parser.add_argument("--device", default="cpu", help="of ours: cpu, or an accelerator: cuda")
    parser.add_argument("--no-evaluation", action="store_true", help="do not time evaluation")
    parser.add_argument("--before", type=Path, metavar="JSON", help="compare with what an earlier --out wrote")
    parser.add_argument("--out", type=Path, metavar="MD", help="also write the table here, and the figures beside it as JSON")
    args = parser.parse_args(arguments)
    if args.before and not args.before.is_file():
        parser.error(f"--before {args.before}: no such file; --out FILE.md writes FILE.json")
    if args.out and args.out.suffix != ".md":
        parser.error(f"--out {args.out}: the table is Markdown, so the name must end in .md")
    if not args.data.is_dir():
        parser.error(f"--data {args.data}: no such folder; make it first, for example: sirec prepare {args.data.name}")
    if min(args.steps, args.own_steps, args.rounds, args.threads) < 1:
        parser.error("--steps, --own-steps, --rounds and --threads must be at least 1")
    if args.every_model and args.own:
        parser.error("--every-model and --own exclude each other")
    args.own = [spec for spec in args.own if spec] if args.own else every_model() if args.every_model else list(OWN)
    return args


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, write it if wanted."""
    args = parse(arguments)
    load = os.getloadavg()
    measured = run_rounds(
        [*own_sides(args), *peer_sides(args)], args.rounds, args.threads, lambda text: print(text, file=sys.stderr)
    )
    before = {row["name"]: row["seconds_per_epoch"] for row in json.loads(args.before.read_text())} if args.before else None
    text = "\n\n".join([to_markdown(measured, before), *notes(args, measured, load)]) + "\n"
    print(text)
    if args.out:
        args.out.write_text(text, encoding="utf-8")
        figures = json.dumps([asdict(row) for row in measured], indent=1)
        args.out.with_suffix(".json").write_text(figures + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
