"""The experiments, in a short form and a long one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from faults import configurations, disks, flips, kills, options, races, raw_files
from faults.law import Tally
from faults.scenarios import KILLED, SCENARIOS
from faults.small import World


@dataclass(frozen=True)
class Experiment:
    """Something that is done to commands or files many times.

    Attributes:
        what: what is tried, in the plural.
        carry_out: does it, with a copy of the small folder, a tally, a folder for files that does
            not exist yet, and a size.
        short: its size in the gate.
        long: its size in `make test-all`.
    """

    what: str
    carry_out: Callable[[World, Tally, Path, int], None]
    short: int
    long: int


def _configurations(world: World, tally: Tally, place: Path, size: int) -> None:
    try:
        configurations.fuzz_loader(size // configurations.PROPERTIES, tally)
    except AssertionError as error:
        tally.broken.append(str(error)[:600])


def _raw_files(world: World, tally: Tally, place: Path, size: int) -> None:
    raw_files.damage_raw_files(tally, place, size)


def _options(world: World, tally: Tally, place: Path, size: int) -> None:
    options.try_options(world, tally, size)


def _flips(world: World, tally: Tally, place: Path, size: int) -> None:
    flips.flip_bytes(world, tally, size or None)


def _kills(world: World, tally: Tally, place: Path, size: int) -> None:
    kills.kill_commands(world, tally, place, size, scenarios=KILLED[: max(2, size // 4)])


def _disks(world: World, tally: Tally, place: Path, size: int) -> None:
    chosen = SCENARIOS if size > 2 else SCENARIOS[3:5]
    disks.break_disks(world, tally, place, size, scenarios=chosen)


EXPERIMENTS: Mapping[str, Experiment] = {
    "configurations": Experiment("inputs of configurations", _configurations, 5, 6000),
    "raw_files": Experiment("damaged raw files", _raw_files, 50, 3000),
    "options": Experiment("calls with hostile options", _options, 8, 1000),
    "flips": Experiment("flipped bytes", _flips, 4, 0),
    "kills": Experiment("calls around kills", _kills, 2, 100),
    "disks": Experiment("calls around faults of the disk", _disks, 2, 15),
    "races": Experiment("calls at the same time, and after", races.run_at_once, 1, 24),
}


def carry_out(name: str, world: World, folder: Path, tally: Tally, *, is_long: bool) -> None:
    """Carry an experiment out on a copy of the small folder.

    Args:
        name: its name among `EXPERIMENTS`.
        world: the small folder, which stays as it is.
        folder: a folder for all files, which does not exist yet.
        tally: counts what was tried.
        is_long: whether in its long form.
    """
    experiment = EXPERIMENTS[name]
    with tally.timed():
        size = experiment.long if is_long else experiment.short
        experiment.carry_out(world.copy(folder / "world"), tally, folder / "place", size)
