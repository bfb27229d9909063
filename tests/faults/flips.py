"""Every byte of a small run's files flipped, one at a time: it is refused, or changes nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sirec
from faults.law import Tally
from faults.small import World
from sirec.data.store import storage
from sirec.errors import SirecError
from sirec.run.snapshot import Snapshot

READ_BY_EVALUATE = ("DONE", "config.yaml", "metrics.json", "ranks.parquet")
READ_BY_VERIFY = ("environment.json", "timings.json", "epochs.jsonl", "model.safetensors")
Read = Callable[[], Any]


@dataclass(frozen=True)
class Artefact:
    """A file, and what reads it.

    Attributes:
        path: the file.
        read: reads it as a command does; equal values say that no number has changed.
    """

    path: Path
    read: Read


def flip_bytes(world: World, tally: Tally, places: int | None = None) -> None:
    """Flip a bit of the bytes of every file.

    Args:
        world: the small folder.
        tally: counts what was tried.
        places: at how many places of each file; None for every byte.
    """
    for artefact in artefacts(world):
        expected = artefact.read()
        original = artefact.path.read_bytes()
        step = 1 if places is None else max(1, len(original) // places)
        for place in range(0, len(original), step):
            flipped = bytearray(original)
            flipped[place] ^= 1 << (place % 8)
            artefact.path.write_bytes(bytes(flipped))
            name = f"bit {place % 8} of byte {place} of {artefact.path.relative_to(world.root)}"
            tally.hold_equal(name, artefact.read, expected)
        artefact.path.write_bytes(original)
        assert artefact.read() == expected, f"{artefact.path}: not as before once it is whole again"


def artefacts(world: World) -> Iterator[Artefact]:
    """All files that a number may stand on: of runs, a snapshot, covariates, records, tables, data.

    Args:
        world: the small folder. A folder with nothing but the run, the snapshot and the covariates
            is made in it, so that checking all of that folder is quick.
    """
    run = world.run()
    for name in READ_BY_EVALUATE:
        yield Artefact(run.path / name, lambda: _evaluated(world))
    alone = world.root / "alone" / "runs" / "shop"
    alone.mkdir(parents=True)
    shutil.copytree(run.path, alone / "sasrec" / run.id)
    for name in (*READ_BY_EVALUATE, *READ_BY_VERIFY):
        yield Artefact(alone / "sasrec" / run.id / name, lambda: _verified(world, "alone"))
    for path in sorted((world.root / "begun").rglob("snapshot*")):
        yield Artefact(path, lambda path=path: _snapshot(path))  # type: ignore[misc]
    for path in sorted(world.results.glob("runs/*/covariates*")):
        moved = shutil.copy(path, alone)
        yield Artefact(Path(moved), lambda: _verified(world, "alone"))
    for path in sorted((world.results / "studies").iterdir()):
        yield Artefact(path, lambda: _drawn(world))
    for path in sorted(world.dataset.rglob("*")):
        if path.is_file():
            yield Artefact(path, lambda: _dataset(world))


def _evaluated(world: World) -> object:
    """The numbers that `sirec evaluate` prints."""
    made = sirec.evaluate(world.run().path, results=world.results, data_root=world.root / "data")
    return made.to_dict()


def _verified(world: World, results: str) -> object:
    """What `sirec verify` finds; a difference is an error, as for the command."""
    found = sirec.verify(world.root / results, data_root=world.root / "nothing")
    found.check()
    return found.to_dict()


def _drawn(world: World) -> object:
    """The tables that `sirec study --render-only` draws."""
    place = {"results": world.results, "data_root": world.root / "data"}
    made = sirec.run_study(world.root / "two.yaml", render_only=True, **place)  # type: ignore[arg-type]
    return made.to_dict()


def _snapshot(path: Path) -> object:
    """What training goes on from."""
    snapshot = Snapshot.load(path)
    if snapshot is None:
        raise SirecError(f"{path}: missing")
    tensors = {name: value.tolist() for name, value in snapshot.tensors.items()}
    return str((snapshot.stage, snapshot.counters, snapshot.reports, tensors))


def _dataset(world: World) -> object:
    """All of a data set: what its fingerprint covers, names, and times."""
    data = storage.load(world.dataset)
    times = storage.load_timestamps(world.dataset)
    names = (data.user_names, data.item_names)
    return (
        data.fingerprint(),
        names,
        None if times is None else (times.per_second, times.ticks.tolist()),
    )
