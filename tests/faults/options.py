"""Hostile values for every option of every command that is quick."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, get_args

from typer.models import ArgumentInfo

from faults import processes
from faults.law import Tally
from faults.small import OUT, World
from sirec.cli.app import app

BASES: dict[str, str] = {
    "prepare": "prepare table --name other --interactions raw/table.csv --time time",
    "datasets": "datasets",
    "audit": "audit shop",
    "export": "export shop --to exported",
    "models": "models sasrec",
    "train": "train popularity --data shop",
    "runs": f"runs {OUT}",
    "copy": f"copy sasrec --to copied {OUT}",
    "evaluate": f"evaluate sasrec popularity {OUT}",
    "compare": f"compare sasrec popularity {OUT}",
    "recommend": f"recommend sasrec {OUT} --history D00001",
    "coldstart": f"coldstart sasrec popularity {OUT}",
    "rankcheck": f"rankcheck sasrec {OUT}",
    "correlation": f"correlation sasrec {OUT}",
    "ablate": f"ablate --data shop --render-only {OUT}",
    "worth": f"worth shop --render-only {OUT}",
    "attentionmaps": f"attentionmaps sasrec {OUT}",
    "statistics": f"statistics shop {OUT}",
    "sweep": f"sweep sasrec --data shop --sampler random --dry-run {OUT}",
    "study": f"study two.yaml --render-only {OUT}",
    "report": f"report {OUT}",
    "verify": "verify results",
}
LEFT_OUT = {"--train", "--cluster", "--plugin", "--help"}
"""Options that are left out: they train for long, start a cluster, or end the command at once."""

TEXTS = (
    *("", " ", "-", "--", ",", "=", ":", "*", "..", "~", "\\", "'", '"', "\t", "\n", "\x1b[31m"),
    *("a=b=c", "a=", "=a", "a,,b", "shop", "sasrec", "popularity", "results", "two.yaml", "data"),
    *(
        "é",
        "😀",
        "\u202e",
        "\ufeff",
        "\udcff",
        "x" * 300,
        "x" * 100_000,
        "none/such",
        "raw/table.csv",
    ),
    *("0", "1", "-1", "1.5", "1e400", "nan", "inf", "-inf", "9" * 20, "9" * 400, "0x10", "1_000"),
    *("١٢", "2024-13-45", "2019-01-01", "1h", "price=10,20", "gap=1h,1d", "gap=,", "Recall@0"),
    *("Recall@99999999999", "NDCG@-1", "@", "MRR@1.5", "popularity=1,2", "length=2,1", "seed=nan"),
    *("temporal", "test", "none", "null", "true", "%d/%m/%Y", "%Q", "\\t", ";", "user", "rating"),
    *("[" * 3000, "{a: 1}", "task={name: [a]}", "/dev/null", "/proc/self/mem", "cuda:99", "mps"),
)


def try_options(world: World, tally: Tally, calls: int, seed: int = 0) -> None:
    """Call commands with options that nobody would give.

    Args:
        world: the small folder; commands may write into it.
        tally: counts what was tried.
        calls: how many calls.
        seed: decides which.
    """
    rng = random.Random(seed)
    commands = {
        each.callback.__name__: parameters(each.callback) for each in app.registered_commands
    }
    names = sorted(BASES)
    for number in range(calls):
        name = names[number % len(names)]
        words = [*BASES[name].split(), *_hostile(commands[name], rng)]
        if "--out" not in words and name in ("train", "prepare"):
            words += ["--out", "tried"]
        ended = processes.run(world.root, words)
        processes.check(tally, f"sirec {words}"[:400], ended)


@dataclass(frozen=True)
class CommandParameter:
    """A parameter of a command.

    Attributes:
        names: how it is spelt; none for an argument.
        kind: its type.
    """

    names: tuple[str, ...]
    kind: type


def parameters(command: Callable[..., None]) -> list[CommandParameter]:
    """The parameters of a command.

    Args:
        command: the function that the command line calls.
    """
    found: list[CommandParameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        declared = get_args(parameter.annotation)
        if len(declared) < 2:
            continue  # the context, which nobody types
        annotation, info = declared[0], declared[-1]
        kinds = [kind for kind in _leaves(annotation) if kind is not type(None)]
        texts = (
            info.default,
            *(info.param_decls or ()),
        )  # typer takes the first for a default
        spelt = [each for each in texts if isinstance(each, str) and each.startswith("-")]
        if not isinstance(info, ArgumentInfo) and not spelt:
            spelt = [f"--{name.strip('_').replace('_', '-')}"]
        found.append(CommandParameter(tuple(spelt), kinds[0]))
    return found


def _leaves(annotation: Any) -> Iterator[Any]:
    """The plain types in an annotation, such as `int` in `list[int] | None`."""
    inner = get_args(annotation)
    if not inner:
        yield annotation
    for each in inner:
        yield from _leaves(each)


def _hostile(choices: Sequence[CommandParameter], rng: random.Random) -> list[str]:
    """One to three parameters of a command, with hostile values."""
    words: list[str] = []
    for _ in range(rng.randrange(1, 4)):
        parameter = rng.choice(choices)
        if not LEFT_OUT & set(parameter.names):
            words += [rng.choice(parameter.names)] if parameter.names else []
            words += [] if parameter.kind is bool else [_value(parameter.kind, rng)]
    return words


def _value(kind: type, rng: random.Random) -> str:
    """A value; for a number mostly a number, so that more than its form is looked at."""
    if issubclass(kind, Enum) and rng.random() < 0.5:
        return str(rng.choice(list(kind)).value)
    numbers = [text for text in TEXTS if text[:1].isdigit() or text.startswith("-")]
    is_number = kind in (int, float)
    return rng.choice(numbers if is_number and rng.random() < 0.7 else TEXTS)
