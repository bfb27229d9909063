"""Seconds per step and epoch, seconds of evaluation and peak memory: our models and, if given, a
peer's, side by side.

    python benchmarks/training.py --data data/beauty --out benchmarks/beauty.md python
    benchmarks/training.py --data data/beauty --before benchmarks/beauty.json python
    benchmarks/training.py --data data/beauty --peer-python PEER_ENV/bin/python --peer-script
    "bench.py --data RAW"

Every side runs in a fresh process, one at a time; a round runs every side once, alternately in this
order and in reverse. See `README.md` for what a peer script must print. This process imports
nothing large: a child's peak memory, as the system reports it, starts at its parent's.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
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
PRINTED = ("train_s_per_epoch", "inference_s", "memory_gb")  # what --printed has of a model
# What `own_side.py` does with these names, in words.
SHAPES = {
    "equal": (
        "3 layers, 4 heads, inner 256, dropout 0.5 and 0.3 wherever a model has these and its "
        "side says nothing else"
    ),
    "declared": "everything else (layers, heads, inner widths, dropouts) as each model declares it",
}


@dataclass(frozen=True)
class Side:
    """A command that measures one thing and prints JSON lines; `ours` or a peer's."""

    command: tuple[str, ...]
    ours: bool


@dataclass(frozen=True)
class Measured:
    """A side over all rounds: medians of times, the largest peak, and the (smallest, largest)
    seconds an epoch.

    `timed_steps` is the fewest of a round, None if the side does not say.
    """

    name: str
    model: str
    ours: bool
    rounds: int
    timed_steps: int | None
    ms_per_step: float
    seconds_per_epoch: float
    spread: tuple[float, float]
    evaluation_seconds: float | None
    lists_seconds: float | None
    floor_seconds: float | None
    peak_bytes: float
    steps_per_epoch: int | None


@dataclass(frozen=True)
class Earlier:
    """What an earlier `--out` wrote. Before it wrote `protocol` and `machine` there were rows
    alone; then both are None.
    """

    path: Path
    rows: Mapping[str, Mapping[str, Any]]
    protocol: Mapping[str, Any] | None
    machine: Mapping[str, Any] | None

    def ratio(self, row: Measured) -> float | None:
        """How many times faster a side is now; None if it is new or has another number of steps an
        epoch: other targets.
        """
        known = self.rows.get(row.name)
        if (
            known is None
            or known.get("steps_per_epoch", row.steps_per_epoch) != row.steps_per_epoch
        ):
            return None
        return float(known["seconds_per_epoch"] / row.seconds_per_epoch)


Printed = Mapping[str, tuple[float, ...]]  # values of the columns PRINTED by the name of a model


def read_earlier(path: Path) -> Earlier:
    """Read what `--out` wrote. Raises `ValueError` if it is something else."""
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        rows = {str(row["name"]): row for row in (read if isinstance(read, list) else read["rows"])}
        if not all(row["seconds_per_epoch"] > 0 for row in rows.values()):
            raise ValueError("an epoch takes time")
        if isinstance(read, list):
            return Earlier(path, rows, None, None)
        return Earlier(
            path,
            rows,
            dict(read["protocol"]),
            {key: read["machine"][key] for key in ("where", "commit")},
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: not the figures that --out FILE.md writes as FILE.json"
        ) from error


def read_printed(path: Path) -> Printed:
    """Read a paper's table of `model` and the columns `PRINTED`. Raises `ValueError` if it is
    something else.
    """
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            return {
                row["model"].lower(): tuple(float(row[key]) for key in PRINTED)
                for row in csv.DictReader(lines)
            }
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: not a CSV file with a model and numbers in {', '.join(PRINTED)}"
        ) from error


def run_side(side: Side, threads: int) -> list[dict[str, Any]]:
    """Run a side and return the lines it printed. Raises `SystemExit` where it fails or its lines
    are not of the protocol.
    """
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    done = subprocess.run(
        side.command, capture_output=True, text=True, env=environment, check=False
    )
    shown = shlex.join(side.command)
    if done.returncode:
        raise SystemExit(f"{shown}\nfailed:\n{done.stderr.strip()[-2000:]}")
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    for line in lines:
        wrong = [key for key in NUMBERS if not isinstance(line.get(key), int | float)]
        if wrong or not isinstance(line.get("name"), str):
            raise SystemExit(
                f"{shown}\nprinted a line without {', '.join(wrong or ['name'])}: {line}"
            )
    if not lines:
        raise SystemExit(f"{shown}\nprinted no JSON line")
    return lines


def run_rounds(
    sides: Sequence[Side],
    rounds: int,
    threads: int,
    tell: Callable[[str], None] = lambda text: None,
) -> list[Measured]:
    """Run every side once a round, in alternating order, and sum each up."""
    found: dict[str, list[dict[str, Any]]] = {}
    ours: dict[str, bool] = {}
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            for line in run_side(side, threads):
                found.setdefault(line["name"], []).append(line)
                ours[line["name"]] = side.ours
                tell(
                    f"round {number + 1}/{rounds}  {line['name']}: {line['ms_per_step']:.0f} ms "
                    "a step"
                )
    return [summarise(name, lines, ours[name]) for name, lines in found.items()]


def summarise(name: str, lines: Sequence[Mapping[str, Any]], ours: bool) -> Measured:
    """One side's rounds as one row."""
    epochs = [line["seconds_per_epoch"] for line in lines]
    return Measured(
        name=name,
        model=str(lines[0].get("model") or name),
        ours=ours,
        rounds=len(lines),
        timed_steps=min(
            (line["timed_steps"] for line in lines if line.get("timed_steps") is not None),
            default=None,
        ),
        ms_per_step=statistics.median(line["ms_per_step"] for line in lines),
        seconds_per_epoch=statistics.median(epochs),
        spread=(min(epochs), max(epochs)),
        evaluation_seconds=_median(lines, "evaluation_seconds"),
        lists_seconds=_median(lines, "lists_seconds"),
        floor_seconds=_median(lines, "floor_seconds_per_epoch"),
        peak_bytes=max(line["peak_bytes_above_import"] for line in lines),
        steps_per_epoch=lines[0].get("steps_per_epoch"),
    )


def _median(lines: Sequence[Mapping[str, Any]], key: str) -> float | None:
    """The median of a figure over the rounds that have it; None where none has."""
    values = [line[key] for line in lines if line.get(key) is not None]
    return statistics.median(values) if values else None


def to_markdown(
    measured: Sequence[Measured], earlier: Earlier | None = None, printed: Printed | None = None
) -> str:
    """A table of all sides, models together and peers first; `speed` is against the fastest peer of
    the same model.

    `since` is how many times faster than `earlier` a side is, and the `printed` columns are what a
    paper has for a model.
    """
    order = list(dict.fromkeys(row.model for row in sorted(measured, key=lambda row: not row.ours)))
    fastest = {
        model: min(
            (row.seconds_per_epoch for row in measured if row.model == model and not row.ours),
            default=None,
        )
        for model in order
    }
    cells = []
    for row in sorted(measured, key=lambda row: (order.index(row.model), row.ours)):
        line = _cells(row, fastest[row.model])
        if not has_spread(measured):
            del line["spread"]
        for heading, values in columns_of_some(measured).items():
            if not any(value is not None for value in values):
                del line[heading]
        if earlier is not None:
            line["since"] = _shown(earlier.ratio(row), ".2f", "×")
        if printed is not None:
            line |= _printed_cells(printed.get(row.name))
        cells.append(line)
    aligned = ("left", "left", *["right"] * (len(cells[0]) - 2))
    return tabulate(cells, "keys", "pipe", colalign=aligned, disable_numparse=True)


def has_spread(measured: Sequence[Measured]) -> bool:
    """Whether there were rounds to differ."""
    return any(row.rounds > 1 for row in measured)


def columns_of_some(measured: Sequence[Measured]) -> dict[str, list[float | None]]:
    """Figures that not every side has, by the heading of their column."""
    lists = [row.lists_seconds for row in measured]
    floors = [row.floor_seconds for row in measured]
    return {"20 items s": lists, "floor s": floors, "of floor": floors}


def _cells(row: Measured, fastest: float | None) -> dict[str, str]:
    low, high = row.spread
    return {
        "model": row.model,
        "side": f"ours: `{row.name}`" if row.ours else row.name,
        "steps": _shown(row.timed_steps, ".0f"),
        "ms/step": f"{row.ms_per_step:.1f}",
        "s/epoch": f"{row.seconds_per_epoch:.1f}",
        "spread": f"{low:.1f}–{high:.1f}",
        "validation s": _shown(row.evaluation_seconds, ".2f"),
        "20 items s": _shown(row.lists_seconds, ".2f"),
        "floor s": _shown(row.floor_seconds, ".1f"),
        "of floor": _shown(
            None if row.floor_seconds is None else row.seconds_per_epoch / row.floor_seconds,
            ".1f",
            "×",
        ),
        "peak MB": f"{row.peak_bytes / 1e6:,.0f}",
        "speed": _shown(None if fastest is None else fastest / row.seconds_per_epoch, ".2f", "×"),
    }


def _printed_cells(values: tuple[float, ...] | None) -> dict[str, str]:
    epoch, inference, gigabytes = values or (None, None, None)
    return {
        "printed s/epoch": _shown(epoch, ".1f"),
        "printed inference s": _shown(inference, ".2f"),
        "printed MB": _shown(None if gigabytes is None else 1e3 * gigabytes, ",.0f"),
    }


def _shown(value: float | None, form: str, unit: str = "") -> str:
    return "–" if value is None else f"{value:{form}}{unit}"


def protocol_of(args: argparse.Namespace) -> dict[str, Any]:
    """What must be the same for seconds to be compared, on whichever machine."""
    return {
        "data": args.data.resolve().name,
        "attributes": ", ".join(_listed(args.attributes)) or "none",
        "threads": args.threads,
        "precision": args.precision,
        "device": args.device,
        "shape": shape_of(args),
    }


def shape_of(args: argparse.Namespace) -> str:
    """Which of `SHAPES` our sides have."""
    return "declared" if args.every_model else "equal"


def _listed(names: str) -> list[str]:
    return [name for name in names.split(",") if name]


def effort_of(args: argparse.Namespace) -> dict[str, Any]:
    """How long was measured: it decides how far the figures waver, not what they are of."""
    names = ("own_steps", "own_warmup", "limit", "steps", "warmup", "rounds")
    return {name: getattr(args, name) for name in names}


def machine_of(args: argparse.Namespace, load: float) -> dict[str, Any]:
    """Where this is measured; `load` is the average before anything was started."""
    from sirec.run import environment  # large, so only when every side has run

    found = environment.describe(args.threads, args.device)
    beside = "" if args.device == "cpu" else f"{found['accelerator']} beside "
    return {
        "where": (
            f"{beside}{found['processor']}, {os.cpu_count()} logical cores, {platform.system()}"
        ),
        "python": found["python"],
        "torch": found["packages"]["torch"],
        "commit": found["commit"],
        "load": load,
    }


def notes(
    args: argparse.Namespace,
    measured: Sequence[Measured],
    machine: Mapping[str, Any],
    earlier: Earlier | None = None,
) -> list[str]:
    """The protocol, the machine, what to know of added columns, and a warning where sides differ in
    steps an epoch.
    """
    steps = sorted({row.steps_per_epoch for row in measured if row.steps_per_epoch is not None})
    lines = [
        _protocol_line(args, measured, steps),
        f"Machine: {machine['where']}, Python {machine['python']}, torch {machine['torch']}, "
        f"commit {machine['commit']}; load"
        f" average at the start {machine['load']:.2f}.",
    ]
    if earlier is not None:
        lines.append(_since_line(earlier, machine))
    if args.printed:
        lines.append(
            f"Printed: {args.printed.name}, of the paper's code on the paper's machine and "
            "Beauty: three layers and four heads"
            " in every model, the memory that of its GPU. Compare these columns within "
            "themselves, not with ours."
        )
    if len(steps) > 1:
        lines.append(
            "Warning: the sides differ in the number of steps an epoch, so they did not train "
            "on the same targets."
        )
    return lines


def _protocol_line(
    args: argparse.Namespace, measured: Sequence[Measured], steps: Sequence[int]
) -> str:
    terms = protocol_of(args)
    short = [
        f"`{row.name}`"
        for row in measured
        if row.ours and (row.timed_steps or args.own_steps) < args.own_steps
    ]
    peers = (
        f"; peers were asked for {args.steps} after {args.warmup}"
        if any(not row.ours for row in measured)
        else ""
    )
    spread = has_spread(measured)
    rounds = f"median over {args.rounds} rounds in alternating order" if spread else "one round"
    return (
        f"Protocol: {terms['data']}, {' or '.join(map(str, steps)) or 'an unknown number of'} "
        "steps an epoch; 512 targets a"
        f" step, d = 128 and window 50, {SHAPES[terms['shape']]}; Adam, {args.threads} threads; "
        "ours with attributes:"
        f" {terms['attributes']}, and in {args.precision} unless a side says otherwise; "
        f"{rounds}, a fresh process for each"
        " side and round. Steps: how many a side says it timed, whose mean is shown; ours "
        f"{args.own_steps} after"
        f" {args.own_warmup} for warming up, either ending early after {args.limit:g} s and 3 "
        "steps (cut short:"
        f" {', '.join(short) or 'none'}){peers}. An epoch is the mean step times the steps of "
        "an epoch;"
        f"{' spread: smallest and largest over rounds;' if spread else ''} validation: ranking "
        "every user's target among all"
        f" items;{_added_columns(measured)} peak: in training, above what the imports took, data "
        "included; speed: against "
        "the fastest peer of the same"
        " model."
    )


def _added_columns(measured: Sequence[Measured]) -> str:
    """What the columns mean that not every table has."""
    words = ""
    if any(row.lists_seconds is not None for row in measured):
        words += " 20 items: recommending 20 items to every user;"
    if any(row.floor_seconds is not None for row in measured):
        words += (
            " floor: an epoch of nothing but the three products of the item softmax, at the rate "
            "that this machine then gave;"
        )
    return words


def _since_line(earlier: Earlier, machine: Mapping[str, Any]) -> str:
    if earlier.protocol is None or earlier.machine is None:
        return (
            f"Since: {earlier.path} does not say how and where it was measured, so the ratios "
            "hold only if that was on this"
            " data, by this protocol and on this machine; --out writes figures that say it."
        )
    if earlier.machine["where"] != machine["where"]:
        return (
            f"Since: {earlier.path} is of another machine ({earlier.machine['where']}), so the "
            "ratios are the machines' too."
        )
    return f"Since: against {earlier.path}, commit {earlier.machine['commit']}."


def every_model() -> list[str]:
    """The names of all models that are trained."""
    listed = subprocess.run(
        [sys.executable, "-m", "sirec", "models", "--json"],
        check=True,
        capture_output=True,
        text=True,
    )
    return [model["name"] for model in json.loads(listed.stdout) if model["tasks"]]


def own_sides(args: argparse.Namespace) -> list[Side]:
    """Our sides, as commands."""
    options = [
        "--data",
        str(args.data),
        "--attributes",
        args.attributes,
        "--steps",
        str(args.own_steps),
    ]
    options += [
        "--warmup",
        str(args.own_warmup),
        "--threads",
        str(args.threads),
        "--precision",
        args.precision,
    ]
    options += ["--device", args.device, "--limit", str(args.limit), "--shape", shape_of(args)]
    options += [] if args.no_evaluation else ["--evaluate"]
    return [Side((sys.executable, str(OWN_SIDE), spec, *options), ours=True) for spec in args.own]


def list_peers(script: Sequence[str]) -> list[str]:
    """The names that a peer's script can measure. Raises `SystemExit` where it fails or names
    nothing.
    """
    done = subprocess.run([*script, "--list"], check=False, capture_output=True, text=True)
    if done.returncode or not done.stdout.split():
        raise SystemExit(
            f"{shlex.join(script)} --list\nnamed nothing:\n{done.stderr.strip()[-2000:]}"
        )
    return done.stdout.split()


def peer_sides(args: argparse.Namespace) -> list[Side]:
    """The peer's sides, as commands; without `--peer` those that the script lists."""
    if not args.peer_script:
        return []
    script = [args.peer_python, *shlex.split(args.peer_script)]
    listed = args.peer or list_peers(script)
    options = [
        "--steps",
        str(args.steps),
        "--warmup",
        str(args.warmup),
        "--threads",
        str(args.threads),
    ]
    options += [] if args.no_evaluation else ["--evaluate"]
    return [Side((*script, name, *options), ours=False) for name in listed]


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Time training, ours and a peer's, side by side.")
    parser.add_argument(
        "--data", type=Path, default=Path("data/beauty"), help="a prepared data set"
    )
    parser.add_argument(
        "--own",
        action="append",
        metavar="SPEC",
        help='MODEL KEY=VALUE…, repeatable; "" for none of ours',
    )
    parser.add_argument(
        "--every-model",
        action="store_true",
        help="ours: every trained model as declared; width, window and budget are shared",
    )
    parser.add_argument(
        "--attributes", default="category", help="attributes our models use, with commas between"
    )
    parser.add_argument(
        "--peer-python", default=sys.executable, help="interpreter of the peer's environment"
    )
    parser.add_argument(
        "--peer-script", help="the peer's script, with options that it always needs"
    )
    parser.add_argument(
        "--peer",
        action="append",
        metavar="NAME",
        help="a side of the peer's, repeatable; default: all",
    )
    parser.add_argument("--steps", type=int, default=12, help="timed steps of a peer")
    parser.add_argument(
        "--own-steps",
        type=int,
        default=64,
        help="timed steps of ours, more because their shapes vary",
    )
    parser.add_argument("--warmup", type=int, default=3, help="untimed steps of a peer")
    parser.add_argument(
        "--own-warmup",
        type=int,
        default=60,
        help="untimed steps of ours: bf16 compiles new shapes at first",
    )
    parser.add_argument(
        "--limit",
        type=float,
        default=60.0,
        help="seconds after which warming up and timing of ours end early",
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="of ours")
    parser.add_argument("--device", default="cpu", help="of ours: cpu, or an accelerator: cuda")
    parser.add_argument("--no-evaluation", action="store_true", help="do not time evaluation")
    parser.add_argument(
        "--before", type=Path, metavar="JSON", help="compare with what an earlier --out wrote"
    )
    parser.add_argument(
        "--printed", type=Path, metavar="CSV", help="a paper's figures beside ours: COMIF's Table 7"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="MD",
        help="also write the table here, and the figures beside it as JSON",
    )
    args = parser.parse_args(arguments)
    if problem := next(problems(args), None):
        parser.error(problem)
    args.own = (
        [spec for spec in args.own if spec]
        if args.own
        else every_model()
        if args.every_model
        else list(OWN)
    )
    return args


def problems(args: argparse.Namespace) -> Iterator[str]:
    """What is wrong with the command line, a line each: all that can be known before anything is
    timed.
    """
    yield from _wrong_numbers(args)
    yield from _wrong_files(args)
    if not args.data.is_dir():
        yield (
            f"--data {args.data}: no such folder; make it first, for example: sirec prepare "
            f"{args.data.name}"
        )
    if args.every_model and args.own:
        yield "--every-model and --own exclude each other"
    if args.every_model and args.peer_script:
        yield (
            "--every-model has models as declared, and peers have one shape: name ours with "
            "--own MODEL"
        )
    if args.own and not any(args.own) and not args.peer_script:
        yield '--own "" leaves nothing to time without --peer-script'
    if args.peer_script and not shutil.which(args.peer_python):
        yield f"--peer-python {args.peer_python}: no such interpreter"
    yield from _wrong_device(args.device)


def _wrong_numbers(args: argparse.Namespace) -> Iterator[str]:
    if min(args.steps, args.own_steps, args.rounds, args.threads) < 1:
        yield "--steps, --own-steps, --rounds and --threads must be at least 1"
    if args.limit <= 0:
        yield f"--limit {args.limit:g}: must be more than 0 seconds"


def _wrong_files(args: argparse.Namespace) -> Iterator[str]:
    if args.before and not args.before.is_file():
        yield f"--before {args.before}: no such file; --out FILE.md writes FILE.json"
    if args.printed and not args.printed.is_file():
        yield (
            f"--printed {args.printed}: no such file; COMIF's table is "
            "experiments/published/comif_table7_efficiency.csv"
        )
    if args.out and args.out.suffix != ".md":
        yield f"--out {args.out}: the table is Markdown, so the name must end in .md"
    written = [args.out, args.out.with_suffix(".json")] if args.out else []
    if any(
        path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK)
        for path in written
    ):
        yield f"--out {args.out}: cannot be written; its folder must be there and allow it"
    try:
        if args.printed:
            read_printed(args.printed)
        if args.before:
            yield from _unlike(read_earlier(args.before), protocol_of(args))
    except ValueError as error:
        yield str(error)


def _unlike(earlier: Earlier, terms: Mapping[str, Any]) -> Iterator[str]:
    then = terms if earlier.protocol is None else earlier.protocol
    other = [
        f"{key} {then.get(key)} (now {value})"
        for key, value in terms.items()
        if then.get(key) != value
    ]
    if other:
        yield (
            f"--before {earlier.path} was measured with {', '.join(other)}; ask for the same, "
            "or leave --before out"
        )


def _wrong_device(name: str) -> Iterator[str]:
    if name == "cpu":
        return
    from sirec.errors import SirecError
    from sirec.run.device import device_named  # large; peaks are those of the accelerator

    try:
        device_named(name)
    except SirecError as error:
        yield f"{error.message}; {error.hint}" if error.hint else error.message


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, write it if wanted."""
    args = parse(arguments)
    load = os.getloadavg()[0]
    earlier = read_earlier(args.before) if args.before else None
    measured = run_rounds(
        [*own_sides(args), *peer_sides(args)],
        args.rounds,
        args.threads,
        lambda text: print(text, file=sys.stderr),
    )
    machine = machine_of(args, load)
    table = to_markdown(measured, earlier, read_printed(args.printed) if args.printed else None)
    text = "\n\n".join([table, *notes(args, measured, machine, earlier)]) + "\n"
    print(text)
    if args.out:
        args.out.write_text(text, encoding="utf-8")
        terms = {"protocol": protocol_of(args), "effort": effort_of(args), "machine": machine}
        figures = {**terms, "rows": [asdict(row) for row in measured]}
        args.out.with_suffix(".json").write_text(
            json.dumps(figures, indent=1) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
