"""Commands are killed at random moments; the same command ends with the same bits.

Half of the kills come after a random time, which may be anywhere in a computation; the other half
just before a random change on the disk, where most can go wrong.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from faults import processes
from faults.faulty_disk import KilledAtChange
from faults.law import Tally
from faults.scenarios import KILLED, Ready, Scenario, ready
from faults.small import World

MOST_CHANGES = 40  # a command of the small folder makes fewer


def kill_commands(
    world: World,
    tally: Tally,
    place: Path,
    kills: int,
    seed: int = 0,
    scenarios: Sequence[Scenario] = KILLED,
) -> None:
    """Kill commands, and run them again.

    Args:
        world: the small folder.
        tally: counts what was tried.
        place: a folder for copies.
        kills: how many processes are to be killed; one that ended before does not count.
        seed: decides the moments.
        scenarios: the commands.
    """
    rng = random.Random(seed)
    for number, scenario in enumerate(scenarios):
        made = ready(world, scenario, place / str(number))
        wanted = kills // len(scenarios) + (number < kills % len(scenarios))
        killed = 0
        for attempt in range(4 * wanted):
            if killed < wanted:
                killed += _kill_once(made, tally, rng, at_change=bool(attempt % 2))
    assert tally.tried >= kills


def _kill_once(made: Ready, tally: Tally, rng: random.Random, *, at_change: bool) -> bool:
    """Kill the command once; returns whether it had not ended before."""
    words = made.scenario.words
    with made.copy() as world:
        if at_change:
            number = rng.randrange(MOST_CHANGES)
            name = f"{words}, killed before change {number}"
            command = processes.start(world.root, words, KilledAtChange(number))
        else:
            wait = rng.uniform(0, made.seconds)
            name = f"{words}, killed after {wait:.3f} s"
            command = processes.start(world.root, words)
            time.sleep(wait)
            command.kill()
        ended = command.end()
        was_killed = ended.code == -signal.SIGKILL
        if was_killed or not at_change:
            processes.check(tally, name, ended, [-signal.SIGKILL, processes.DONE])
            if rng.random() < 0.2:
                meanwhile = processes.run(world.root, "verify new --data-root data")
                processes.check(tally, f"{name}, then verify", meanwhile)
            made.finish(world, tally, name)
        return was_killed
