"""Disks that are full, can only be read, or fail: one line, and nothing finished is lost."""

from __future__ import annotations

import errno
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from faults.faulty_disk import LimitedFiles, RefusedChange, RefusedReading
from faults.law import Tally
from faults.processes import Fault
from faults.scenarios import SCENARIOS, Scenario, disturbed, ready
from faults.small import World

FULL = (errno.ENOSPC, errno.EDQUOT)
BROKEN = (errno.EIO, errno.EROFS, errno.EACCES, errno.ESTALE, errno.EMFILE)
SIZES = (0, 1, 100, 500, 1000, 2000, 4000)  # of files; those of the small folder are about as long


def break_disks(
    world: World,
    tally: Tally,
    place: Path,
    faults: int,
    seed: int = 0,
    scenarios: Sequence[Scenario] = SCENARIOS,
) -> None:
    """Let the disk fail under every command, and then run it on a disk that works.

    Args:
        world: the small folder.
        tally: counts what was tried.
        place: a folder for copies.
        faults: how many faults in each scenario.
        seed: decides them.
        scenarios: the commands.
    """
    rng = random.Random(seed)
    kinds = _faults(rng)
    for number, scenario in enumerate(scenarios):
        made = ready(world, scenario, place / str(number))
        for _ in range(faults):
            fault = next(kinds)
            name = f"{scenario.words}, {fault}"
            with made.copy() as folder:
                disturbed(made, folder, tally, name, fault)
                made.finish(folder, tally, name)


def _faults(rng: random.Random) -> Iterator[Fault]:
    """One fault after another, of all kinds in turn."""
    while True:
        yield RefusedChange(rng.randrange(30), rng.choice(FULL))
        yield RefusedChange(0, errno.EROFS)
        yield LimitedFiles(rng.choice(SIZES))
        yield RefusedChange(rng.randrange(30), rng.choice(BROKEN), times=1)
        yield RefusedReading(rng.randrange(60), rng.choice(BROKEN))
