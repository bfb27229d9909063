"""Several commands at once on one folder: each ends well or says who is in its way."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from faults import processes
from faults.law import Tally
from faults.processes import DONE, REFUSAL
from faults.small import OUT, PREPARE, TRAIN, World

RACES: Sequence[Sequence[str]] = (
    [f"{TRAIN} --seed {seed} --out new" for seed in (1, 2, 3)],
    [f"{TRAIN} --seed 1 --out new"] * 3,
    ["study two.yaml --out new"] * 3,
    [f"study two.yaml {OUT}"] * 3,
    [f"{TRAIN} --again {OUT}", f"evaluate sasrec {OUT}", "verify results"],
    [f"{TRAIN} --again {OUT}"] * 2,
    [f"evaluate sasrec popularity --name both {OUT}"] * 4,
    [f"evaluate sasrec --recompute {OUT}"] * 3,
    [f"report {OUT}"] * 3,
    [PREPARE.replace("shop", "other")] * 3,
    [f"{PREPARE} --core 2 --replace", f"{TRAIN} --seed 1 --out new", "datasets"],
    ["export shop --to exported"] * 2,
)
IN_THE_WAY = (
    "another process is training this run",
    "another process is",
    "there is something already",
    "is not empty",
)


def run_at_once(world: World, tally: Tally, place: Path, rounds: int) -> None:
    """Start commands at the same time, some rounds; afterwards each of them ends well alone.

    Args:
        world: the small folder.
        tally: counts what was tried.
        place: a folder for copies.
        rounds: how often.
    """
    for number in range(rounds):
        commands = RACES[number % len(RACES)]
        copy = world.copy(place / str(number))
        started = [processes.start(copy.root, words) for words in commands]
        for command in started:
            ended = command.end()
            name = f"at once: {', '.join(dict.fromkeys(commands))}: {command.words}"
            processes.check(tally, name, ended)
            if ended.code == REFUSAL and not any(text in ended.told for text in IN_THE_WAY):
                tally.broken.append(f"{name}: {ended.told.strip()}"[:600])
        _check_whole(copy, tally, ", ".join(commands))
        shutil.rmtree(copy.root)


def _check_whole(world: World, tally: Tally, name: str) -> None:
    """All that was written is whole, and nothing half-written is left.

    The report is drawn anew first, as it may be older than the tables.
    """
    drawn = processes.run(world.root, f"report {OUT}")
    processes.check(tally, f"after {name}: report", drawn, [DONE])
    for words in ("verify results", "verify new"):
        if (world.root / words.split()[1]).exists():
            ended = processes.run(world.root, words)
            processes.check(tally, f"after {name}: {words}", ended, [DONE])
    left = [path for path in world.root.rglob(".*") if path.name != ".lock"]
    if left:
        tally.broken.append(f"after {name}: left: {', '.join(map(str, left))}"[:600])
