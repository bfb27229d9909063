"""The commands that are killed, and whose disks fail; and what each has to leave in the end."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from faults import processes
from faults.law import Tally
from faults.processes import DONE, Fault
from faults.small import OUT, PREPARE, SET, TRAIN, World

NEW_STUDY = "study two.yaml --out new"


def _nothing(world: World) -> None:
    """The folder is as it is."""


def _as_stopped(world: World) -> None:
    """The training has been stopped before: it goes on."""
    shutil.rmtree(world.results)
    shutil.move(world.root / "begun", world.results)


def _without_metrics(world: World) -> None:
    """The metrics of the run are lost, and its weights are whole."""
    (world.run().path / "metrics.json").write_text("{}")


@dataclass(frozen=True)
class Scenario:
    """A command that writes.

    Attributes:
        words: the command.
        before: what is done to the small folder first.
    """

    words: str
    before: Callable[[World], None] = _nothing


SCENARIOS = (
    Scenario(f"{TRAIN} --seed 1 --out new"),
    Scenario(f"{TRAIN} --seed 5 {OUT}", _as_stopped),
    Scenario(f"{TRAIN} --again {OUT}"),
    Scenario(NEW_STUDY),
    Scenario(PREPARE.replace("shop", "other")),
    Scenario(f"{PREPARE} --core 2 --replace"),
    Scenario("export shop --to exported --format atomic"),
    Scenario(f"copy sasrec --to copied --without-ranks {OUT}"),
    Scenario(f"evaluate sasrec --recompute {OUT}", _without_metrics),
    Scenario(f"evaluate sasrec popularity --name both {OUT}"),
    Scenario(f"report {OUT}"),
)
KILLED = SCENARIOS[:9]
assert SET in TRAIN


@dataclass(frozen=True)
class Ready:
    """A scenario that was carried out once, undisturbed.

    Attributes:
        scenario: the scenario.
        template: the folder before the command.
        expected: file -> digest after it.
        seconds: how long the command took.
    """

    scenario: Scenario
    template: World
    expected: dict[str, str]
    seconds: float

    @contextmanager
    def copy(self) -> Iterator[World]:
        """A fresh copy of the folder, which is deleted after the block."""
        place = self.template.root.with_name("copy")
        world = self.template.copy(place)
        try:
            yield world
        finally:
            shutil.rmtree(place)

    def finish(self, world: World, tally: Tally, name: str) -> None:
        """Run the command after a fault: it ends well, with the bytes that it leaves undisturbed.

        Args:
            world: the folder after the fault.
            tally: where it is noted.
            name: the fault.
        """
        ended = processes.run(world.root, self.scenario.words)
        if not processes.check(tally, f"{name}, then again", ended, [DONE]):
            return
        found = world.digests()
        if found != self.expected:
            names = sorted(set(found) | set(self.expected))
            other = [each for each in names if found.get(each) != self.expected.get(each)]
            tally.broken.append(f"{name}: afterwards other files: {', '.join(other)}"[:600])


def ready(world: World, scenario: Scenario, place: Path) -> Ready:
    """Carry a scenario out once, undisturbed.

    Args:
        world: the small folder.
        scenario: the scenario.
        place: a folder for copies, which does not exist yet.
    """
    template = world.copy(place / "template")
    scenario.before(template)
    undisturbed = template.copy(place / "undisturbed")
    begin = time.monotonic()
    ended = processes.run(undisturbed.root, scenario.words)
    seconds = time.monotonic() - begin
    assert ended.code == DONE, (scenario.words, ended.told)
    return Ready(scenario, template, undisturbed.digests(), seconds)


def visible(digests: Mapping[str, str]) -> dict[str, str]:
    """The files without those that are left for the next writer to delete, as their names say."""
    return {name: digest for name, digest in digests.items() if "/." not in f"/{name}"}


def disturbed(made: Ready, world: World, tally: Tally, name: str, fault: Fault) -> None:
    """Run the command with a fault.

    Args:
        made: the scenario.
        world: a fresh copy of its folder.
        tally: where it is noted.
        name: the fault.
        fault: arranges the fault in the process.
    """
    ended = processes.run(world.root, made.scenario.words, fault)
    processes.check(tally, name, ended)
    if ended.code == DONE and visible(world.digests()) != visible(made.expected):
        tally.broken.append(f"{name}: exit code 0, and other files")
