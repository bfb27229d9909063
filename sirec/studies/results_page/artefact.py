"""A rendered table of a results folder, with how it was made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sirec.report.answer import Answer, read_answer
from sirec.report.render.markdown import inline
from sirec.run.config import RunConfig
from sirec.run.records import read_record
from sirec.run.store import RunFolder
from sirec.shell import command
from sirec.studies.claims.table import NAME as CLAIMS
from sirec.studies.results_page.sections import SECTIONS, Section

RUN = re.compile(r"(?:[^/]+/)?(runs/[^/]+/[^/]+/[^/]+)")
SECONDS_AN_HOUR = 3600
MAIN = ("differences", "fields", "popularity", "padded", "summed")  # figures by importance


@dataclass(frozen=True)
class Artefact:
    """A rendered table of a results folder, with its record if it has one.

    Attributes:
        root: the results folder.
        name: name of the table.
    """

    root: Path
    name: str

    @property
    def section(self) -> Section:
        """The first section that the table belongs to. All tables belong to the last one."""
        return next(section for section in SECTIONS if self.name.startswith(section.beginnings))

    @cached_property
    def text(self) -> str:
        """The Markdown of the table."""
        return (self.root / "tables" / f"{self.name}.md").read_text(encoding="utf-8")

    @property
    def title(self) -> str:
        """Its first heading, or its name."""
        first = self.text.partition("\n")[0]
        return first.removeprefix("# ") if first.startswith("# ") else self.name

    @property
    def body(self) -> str:
        """The tables without the title, their headings as deep as the report has them.

        Links to runs lead on from the report. If there is a record, which has the links as well,
        they are left out.
        """
        rest = self.text.partition("\n")[2] if self.text.startswith("# ") else self.text
        links = "" if self.record_path else r"\1"
        here = re.sub(r"^(Runs: \[.*)", links, rest, flags=re.MULTILINE).replace("](../", "](")
        return re.sub(r"^#{2,} ", "#### ", here.strip(), flags=re.MULTILINE)

    @property
    def record_path(self) -> Path | None:
        """The record of this name, if the table was made by a command that keeps one."""
        for path in sorted(self.root.glob(f"*/{self.name}.json")):
            if path.parent.name not in ("runs", "tables"):
                return path
        return None

    @cached_property
    def record(self) -> Mapping[str, Any]:
        """What the record says."""
        path = self.record_path
        return read_record(path, "make it anew, by the command that made it") if path else {}

    @cached_property
    def answer(self) -> Answer | None:
        """What a page shows of it; None for a table that is kept as Markdown alone."""
        path = self.root / "tables" / f"{self.name}.json"
        return read_answer(path) if path.exists() else None

    def runs(self) -> dict[str, str]:
        """Folder below the results -> label of every run that the record names."""
        return dict(_named_runs(self.record))

    def provenance(self) -> list[str]:
        """How the table was made, and what it stands on, a line each.

        Raises:
            SirecError: if a run is missing that the table stands on.
        """
        if self.record_path is None:
            return self.how_made()
        record = self.record_path.relative_to(self.root).as_posix()
        links = [f"[{inline(label)}]({path})" for path, label in self.runs().items()]
        return [*self.how_made(), f"Record: [{record}]({record})", f"Runs: {', '.join(links)}"]

    def how_made(self) -> list[str]:
        """The command that makes the table, what was trained, and on which data; a line each.

        Raises:
            SirecError: if a run is missing that the table stands on.
        """
        if self.name == CLAIMS:
            return [f"Command: `{command(CLAIMS)}`", "From the records of all studies."]
        if self.record_path is None:
            return ["No record: drawn by `sirec evaluate --name` or by hand."]
        return [*self._commands(), *_facts([RunFolder(self.root / path) for path in self.runs()])]

    def pictures(self, names: Sequence[str]) -> list[Path]:
        """The pictures that belong to this table, that of its main figure first.

        Args:
            names: names of all tables. A picture belongs to the table with the longest name that
                the picture's name begins with.
        """
        found: list[Path] = []
        for path in sorted((self.root / "figures").glob("*.svg")):
            fitting = [name for name in names if path.stem.startswith(name)]
            if fitting and max(fitting, key=len) == self.name:
                found.append(path)
        return sorted(found, key=_place)

    def _commands(self) -> Iterator[str]:
        """The command that makes the table, and another one that draws it from its record."""
        made = self.section.made(self.name, self.record, self.root)
        if made:
            yield f"Command: `{made}`"
        if self.section.redraw:
            redraw = command(self.section.redraw, "--name", self.name, "--render-only")
            yield f"Drawn anew: `{redraw}`" if made else f"Command: `{redraw}`"


def _place(path: Path) -> tuple[int, str]:
    """Where a picture stands among those of its table."""
    for place, ending in enumerate(MAIN):
        if path.stem.endswith(f"_{ending}"):
            return place, path.stem
    return len(MAIN), path.stem


def _named_runs(tree: object) -> Iterator[tuple[str, str]]:
    """(folder below the results, label) of every run that a record names, wherever it does."""
    if isinstance(tree, Mapping):
        for value in tree.values():
            if isinstance(value, str) and (match := RUN.fullmatch(value)):
                yield match[1], str(tree.get("label", match[1]))
            else:
                yield from _named_runs(value)
    if isinstance(tree, list):
        for element in tree:
            yield from _named_runs(element)


def _facts(runs: Sequence[RunFolder]) -> Iterator[str]:
    """What was trained and how long, with which seeds, on which data."""
    budgets: set[str] = set()
    seeds: set[int] = set()
    data: set[str] = set()
    trained: list[RunFolder] = []
    for run in runs:
        config = run.config()
        seeds.add(config.seed)
        data.add(f"{config.data.name} `{run.fingerprint()}`")
        if config.stages:
            trained.append(run)
            budgets.add(_budget(config))
    if trained:
        yield f"Budget: {'; '.join(sorted(budgets))}. Spent: {_spent(trained)}."
    yield f"Seeds: {', '.join(map(str, sorted(seeds)))}"
    yield f"Data: {', '.join(sorted(data))}"


def _budget(config: RunConfig) -> str:
    """What every stage of a run is allowed."""
    stages: list[str] = []
    for stage in config.stages:
        stages.append(
            f"at most {stage.epochs} epochs of {stage.budget} targets a step, "
            f"patience {stage.patience}"
        )
    return ", then ".join(stages)


def _spent(runs: Sequence[RunFolder]) -> str:
    """Epochs and time of all runs."""
    epochs, seconds = 0, 0.0
    for run in runs:
        timings = run.timings()
        epochs += timings["epochs"]
        seconds += sum(timings["train_seconds"]) + sum(timings["valid_seconds"])
    return f"{len(runs)} trained runs, {epochs:,} epochs, {seconds / SECONDS_AN_HOUR:.1f} hours"
