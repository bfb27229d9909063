"""Every byte of a small run's files flipped, one at a time: it is refused, or changes nothing.

The files are read in this process by the functions that the commands call, since a process for each
of some 80,000 flips would take days.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import sirec
from faults.law import Tally
from faults.small import World
from sirec.data.store import storage
from sirec.errors import SirecError
from sirec.run.snapshot import Snapshot
from sirec.studies.results_page import figures, page, redraw
from sirec.studies.results_page import verify as verification

READ_BY_EVALUATE = ("DONE", "config.yaml", "metrics.json", "ranks.parquet")
READ_BY_VERIFY = (
    *("environment.json", "timings.json", "epochs.jsonl", "evaluations.jsonl"),
    "model.safetensors",
)
# What reads a file slowly is tried at each so many-th byte; what compares digests, at every byte.
EVALUATED = 4
DRAWN_ON_PAGES = 10
WHOLE_CHECK = 200  # all of a results folder is verified
READ_BY_PAGES = (".json", ".md")  # of tables
Read = Callable[[], Any]


@dataclass(frozen=True)
class Artefact:
    """A file, and what reads it.

    Attributes:
        path: the file.
        read: reads it as a command does; equal values say that no number has changed.
        every: 1 where it is flipped at every place, 2 where at every second one, and so on.
        is_drawn: whether it is drawn from other files, so that each flip has to be told.
    """

    path: Path
    read: Read
    every: int = 1
    is_drawn: bool = False


def flip_bytes(world: World, tally: Tally, places: int | None = None) -> None:
    """Flip a bit of the bytes of every file.

    Args:
        world: the small folder.
        tally: counts what was tried.
        places: at how many places of each file; None for every byte.
    """
    for artefact in artefacts(world):
        _flip_bytes_of(artefact, world, tally, places)


def _flip_bytes_of(artefact: Artefact, world: World, tally: Tally, places: int | None) -> None:
    """Flip a bit of the bytes of one file, which is as it was afterwards."""
    expected = artefact.read()
    original = artefact.path.read_bytes()
    step = 1 if places is None else max(1, len(original) // places)
    for place in range(0, len(original), step * artefact.every):
        flipped = bytearray(original)
        flipped[place] ^= 1 << (place % 8)
        artefact.path.write_bytes(bytes(flipped))
        name = f"bit {place % 8} of byte {place} of {artefact.path.relative_to(world.root)}"
        if artefact.is_drawn:
            tally.hold_refused(name, artefact.read)
        else:
            tally.hold_equal(name, artefact.read, expected)
    artefact.path.write_bytes(original)
    assert artefact.read() == expected, f"{artefact.path}: not as before once it is whole again"


def artefacts(world: World) -> Iterator[Artefact]:
    """All files that a number may stand on or in: of runs, a snapshot, covariates, records, data,
    tables, data of figures, and the report.

    Args:
        world: the small folder. A folder with nothing but the run, the snapshot and the covariates
            is made in it, so that checking all of that folder is quick.
    """
    run = world.run()
    for name in READ_BY_EVALUATE:
        yield Artefact(run.path / name, lambda: _evaluated(world), EVALUATED)
    alone = world.root / "alone" / "runs" / "shop"
    alone.mkdir(parents=True)
    shutil.copytree(run.path, alone / "sasrec" / run.id)
    for name in (*READ_BY_EVALUATE, *READ_BY_VERIFY):
        yield Artefact(alone / "sasrec" / run.id / name, lambda: _verified(world, "alone"))
    for path in sorted((world.root / "begun").rglob("snapshot*")):
        yield Artefact(path, lambda path=path: _snapshot(path))  # type: ignore[misc]
    for path in sorted((world.root / "begun").rglob("config.yaml")):
        yield Artefact(path, lambda: _verified(world, "begun"))
    for path in sorted(world.results.glob("runs/*/covariates*")):
        moved = shutil.copy(path, alone)
        yield Artefact(Path(moved), lambda: _verified(world, "alone"))
    for path in sorted((world.results / "studies").iterdir()):
        yield Artefact(path, lambda: _drawn(world))
    for path in sorted(world.dataset.rglob("*")):
        if path.is_file():
            yield Artefact(path, lambda: _dataset(world))
    yield from _drawn_files(world)


def _drawn_files(world: World) -> Iterator[Artefact]:
    """What is drawn from records and ranks: tables, data of figures, the report.

    Drawing takes too long for every byte. So it is done once, and what is there is compared with it
    at every byte. At some bytes all is drawn anew, as by the command; where pages show the flipped
    file, they are drawn anew at more of them.
    """
    tables = sorted(path for path in (world.results / "tables").rglob("*") if path.is_file())
    data_of_figures = sorted((world.results / "figures").glob("*.csv"))
    reports = sorted(world.results.glob("report.*"))
    assert tables
    assert data_of_figures
    assert reports
    files = (*tables, *data_of_figures, *reports)
    shown = [
        path for path in files if path.parent.name == "tables" and path.suffix in READ_BY_PAGES
    ]
    with drawn_once(world.results, pages_too=True):
        for path in files:
            yield Artefact(path, lambda: compared(world.results), is_drawn=True)
    with drawn_once(world.results, pages_too=False):
        for path in shown:
            yield Artefact(path, lambda: compared(world.results), DRAWN_ON_PAGES, is_drawn=True)
    for path in files:
        yield Artefact(path, lambda: _verified(world, "results"), WHOLE_CHECK, is_drawn=True)


@dataclass(frozen=True)
class _WrittenOnce:
    """Stands for tables and figures that are drawn anew: writes what has been drawn once."""

    files: Mapping[str, bytes]

    def write_text(self, folder: Path, name: str) -> None:
        """Write the files of a drawing below a folder."""
        for path, content in self.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)


@contextmanager
def drawn_once(results: Path, *, pages_too: bool) -> Iterator[None]:
    """Within the block `sirec verify` compares files with what is drawn once, at its beginning.

    Args:
        results: the results folder, whole.
        pages_too: whether the report is drawn once as well.
    """
    made: list[redraw.Drawing] = []
    for drawing in redraw.drawings(results):
        with tempfile.TemporaryDirectory() as folder:
            drawing.draw().write_text(Path(folder), drawing.name)
            files: dict[str, bytes] = {}
            for path in sorted(Path(folder).rglob("*.*")):
                files[str(path.relative_to(folder))] = path.read_bytes()
        draw: Any = lambda files=files: _WrittenOnce(files)  # noqa: E731
        made.append(redraw.Drawing(drawing.name, draw))
    of_studies = list(figures.figures_of_studies(results))
    pages = page.pages(results)
    with (
        patch.object(verification, "drawings", lambda results: made),
        patch.object(verification, "figures_of_studies", lambda results: of_studies),
        patch.object(verification, "pages", (lambda results: pages) if pages_too else page.pages),
    ):
        yield


def compared(results: Path) -> object:
    """What `sirec verify` finds of tables and the report; a difference is an error.

    Args:
        results: the results folder.
    """
    kinds = (verification.VerifiedKind("tables"), verification.VerifiedKind("report"))
    verification.check_tables(kinds[0], _quietly, results)
    verification.check_report(kinds[1], _quietly, results)
    found = verification.Verification(str(results), kinds)
    found.check()
    return found.to_dict()


def _quietly(stage: str, done: int, total: int) -> None:
    """Nobody is told how far it is."""


def _evaluated(world: World) -> object:
    """The numbers that `sirec evaluate` prints."""
    made = sirec.evaluate(world.run().path, results=world.results, data_root=world.root / "data")
    return made.to_dict()


def _verified(world: World, results: str) -> object:
    """What `sirec verify` finds; a difference is an error, as for the command.

    So is what has no digest any more, which the command counts and says.
    """
    found = sirec.verify(world.root / results, data_root=world.root / "nothing")
    found.check()
    if found.unchecked:
        raise SirecError("something has no digest")
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
