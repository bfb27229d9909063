"""All rendered tables and figures of a results folder in one Markdown file, each with how it was
made.

A table is `tables/<name>.md`. What it was made of is the record of that name in another folder of
the results (`studies`, `coldstart`, …): the runs that a record lists know budget, seeds and data.
Without times or machine: the same results give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sirec.errors import SirecError
from sirec.run.config import RunConfig
from sirec.run.files import read_json, replace_text
from sirec.run.store import RunFolder
from sirec.studies.results_page.reproduce import of_a_measurement, of_an_experiment, of_switches

RUN = re.compile(r"(?:[^/]+/)?(runs/[^/]+/[^/]+/[^/]+)")
HOUR = 3600
INTRODUCTION = """# Results

Every table and figure here, how it was made, and the runs it stands on. `sirec report` writes this file; the same results give
the same bytes.
"""


@dataclass(frozen=True)
class Section:
    """Tables under one heading: those whose names begin with one of `beginnings`.

    `made` is the command that makes such a table, of its name, its record and the results; `redraw`
    the one that draws it from its record, of its `name`.
    """

    heading: str
    beginnings: tuple[str, ...]
    made: Callable[[str, Mapping[str, Any], Path], str | None] = of_an_experiment
    redraw: str | None = None


SECTIONS = (
    Section("All models", ("overall",)),
    Section("The papers' ablations", ("comif_table", "difsr_table")),
    Section("Parts switched off", ("ablate_",), of_switches),
    Section(
        "Rare targets and short histories",
        ("coldstart_",),
        redraw="sirec coldstart --name {name} --render-only",
    ),
    Section(
        "Ranks of attention",
        ("rankcheck_",),
        of_a_measurement,
        "sirec rankcheck --name {name} --render-only",
    ),
    Section(
        "Attention by the origin of its scores",
        ("correlation_",),
        of_a_measurement,
        "sirec correlation --name {name} --render-only",
    ),
    Section("Further comparisons", ("",)),
)


@dataclass(frozen=True)
class Artefact:
    """A rendered table of a results folder, with its record if it has one."""

    root: Path
    name: str

    @property
    def section(self) -> Section:
        """The first section that it fits; the last fits all."""
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
        """The tables without the title, their headings as deep as the report has them."""
        rest = self.text.partition("\n")[2] if self.text.startswith("# ") else self.text
        links = "" if self.record_path else r"\1"  # the record's links are said already
        here = re.sub(r"^(Runs: \[.*)", links, rest, flags=re.MULTILINE).replace("](../", "](")
        return re.sub(r"^#{2,} ", "#### ", here.strip(), flags=re.MULTILINE)

    @property
    def record_path(self) -> Path | None:
        """The record of this name, if it was made by a command that keeps one."""
        found = sorted(
            path for path in self.root.glob(f"*/{self.name}.json") if path.parent.name != "runs"
        )
        return found[0] if found else None

    @cached_property
    def record(self) -> Mapping[str, Any]:
        """What the record says."""
        path = self.record_path
        found: Mapping[str, Any] = read_json(path) if path else {}
        return found

    def runs(self) -> dict[str, RunFolder]:
        """Path below the results -> run, as the record lists them."""
        return {
            path: RunFolder(self.root / path)
            for path in dict.fromkeys(path for path, _ in _listed(self.record))
        }

    def provenance(self) -> list[str]:
        """How it was made, a line each. Raises `SirecError` where a run is missing that it stands
        on.
        """
        if self.record_path is None:
            return ["No record: drawn by `sirec evaluate --name` or by hand."]
        record = self.record_path.relative_to(self.root).as_posix()
        return [
            *_commands(self),
            *_facts(list(self.runs().values())),
            f"Record: [{record}]({record})",
            f"Runs: {', '.join(_linked(self.record))}",
        ]


def write_report(root: Path) -> Path:
    """Write `report.md` into a results folder and return it. Raises `SirecError` if there is no
    table in it.
    """
    names = sorted(path.stem for path in (root / "tables").glob("*.md"))
    if not names:
        raise SirecError(
            f"{root / 'tables'}: no tables", "make one: sirec quickstart, or sirec study NAME"
        )
    path = root / "report.md"
    replace_text(path, report([Artefact(root, name) for name in names]))
    return path


def report(artefacts: Sequence[Artefact]) -> str:
    """The Markdown of a report: contents, then section by section, tables by name."""
    by_section = {
        section: found
        for section in SECTIONS
        if (found := [artefact for artefact in artefacts if artefact.section is section])
    }
    contents, parts = [], []
    for section, found in by_section.items():
        contents.append(f"- {section.heading}")
        contents += [f"  - [{_named(artefact, found)}](#{artefact.name})" for artefact in found]
        parts.append(f"## {section.heading}\n")
        parts += [_part(artefact, _figures(artefact, artefacts)) for artefact in found]
    return "\n".join([INTRODUCTION, *contents, "", *parts])


def _named(artefact: Artefact, others: Sequence[Artefact]) -> str:
    """Its title, with the table's name where another has the same title."""
    is_one_of_several = [other.title for other in others].count(artefact.title) > 1
    return f"{artefact.title} ({artefact.name})" if is_one_of_several else artefact.title


def _part(artefact: Artefact, figures: Sequence[Path]) -> str:
    made = "\n".join(f"- {line}" for line in artefact.provenance())
    pictures = [_picture(path) for path in figures]
    return (
        "\n\n".join(
            [
                f'<a id="{artefact.name}"></a>',
                f"### {artefact.title}",
                made,
                artefact.body,
                *pictures,
            ]
        )
        + "\n"
    )


def _figures(artefact: Artefact, artefacts: Sequence[Artefact]) -> list[Path]:
    """Pictures whose names begin with this table's, unless a longer name of another table fits."""
    names = [other.name for other in artefacts]
    return [
        path
        for path in sorted((artefact.root / "figures").glob("*.png"))
        if max((name for name in names if path.stem.startswith(name)), key=len, default=None)
        == artefact.name
    ]


def _picture(path: Path) -> str:
    others = sorted(
        other
        for other in path.parent.glob(f"{path.stem}.*")
        if other.suffix in (".csv", ".pdf", ".svg")
    )
    links = ", ".join(f"[{other.suffix[1:]}](figures/{other.name})" for other in others)
    return f"![{path.stem}](figures/{path.name})" + (f"\n\n{links}" if links else "")


def _listed(tree: object) -> Iterator[tuple[str, str]]:
    """(path below the results, label) of every run that a record names, wherever it does."""
    if isinstance(tree, Mapping):
        for value in tree.values():
            if isinstance(value, str) and (match := RUN.fullmatch(value)):
                yield match[1], str(tree.get("label", match[1]))
            else:
                yield from _listed(value)
    if isinstance(tree, list):
        for element in tree:
            yield from _listed(element)


def _linked(record: object) -> list[str]:
    return [f"[{label}]({path})" for path, label in dict(_listed(record)).items()]


def _commands(artefact: Artefact) -> Iterator[str]:
    """The command that makes a table, and the one that draws it from its record where that is
    another.
    """
    section = artefact.section
    made = section.made(artefact.name, artefact.record, artefact.root)
    redraw = None
    if section.redraw:
        redraw = section.redraw.format(name=artefact.name)
    if made:
        yield f"Command: `{made}`"
    if redraw:
        yield f"{'Drawn anew' if made else 'Command'}: `{redraw}`"


def _facts(folders: Sequence[RunFolder]) -> list[str]:
    """What the runs have in common or between them: budget, seeds, data."""
    configs = [folder.config() for folder in folders]
    trained = [
        (folder, config) for folder, config in zip(folders, configs, strict=True) if config.stages
    ]
    budgets = sorted({_budget(config) for _, config in trained})
    timings = [folder.timings() for folder, _ in trained]
    seconds = sum(sum(times["train_seconds"]) + sum(times["valid_seconds"]) for times in timings)
    epochs = sum(times["epochs"] for times in timings)
    spent = f"{len(trained)} trained runs, {epochs:,} epochs, {seconds / HOUR:.1f} hours"
    data = sorted(
        {
            f"{config.data.name} `{folder.fingerprint()}`"
            for folder, config in zip(folders, configs, strict=True)
        }
    )
    return [
        *([f"Budget: {'; '.join(budgets)}. Spent: {spent}."] if trained else []),
        f"Seeds: {', '.join(map(str, sorted({config.seed for config in configs})))}",
        f"Data: {', '.join(data)}",
    ]


def _budget(config: RunConfig) -> str:
    return ", then ".join(
        f"at most {stage.epochs} epochs of {stage.budget} targets a step, patience {stage.patience}"
        for stage in config.stages
    )
