"""What a results folder is drawn from: every record, and how its tables and figures are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sirec.config import load
from sirec.errors import SirecError
from sirec.report.results import View
from sirec.run.records import read_record
from sirec.shell import command
from sirec.studies.analyses.base import ANALYSES, Analysis, DrawnAnalysis
from sirec.studies.claims.table import NAME as CLAIMS
from sirec.studies.claims.table import claims_comparison
from sirec.studies.compare.renamed_rows import renamed_rows
from sirec.studies.compare.study_tables import VIEWS, render
from sirec.studies.spec.experiment import Experiment
from sirec.studies.spec.library import known_experiments, read_experiment


class UnknownExperimentError(SirecError):
    """A study's record of version 0.2 whose experiment file is not here: nothing to draw it by."""


@dataclass(frozen=True)
class Drawing:
    """Tables and figures that a record is drawn into.

    Attributes:
        name: what record, tables and figures are called.
        draw: draws them, and writes nothing; raises `SirecError` if that is not possible.
    """

    name: str
    draw: Callable[[], DrawnAnalysis]


def drawings(results: Path) -> list[Drawing]:
    """What every record of a results folder is drawn into, studies first, claims last.

    A study whose record has an empty list of views has no tables: an analysis draws its runs.
    """
    found: list[Drawing] = []
    for path in sorted((results / "studies").glob("*.json")):
        if _has_tables(path):
            found.append(Drawing(path.stem, partial(_draw_study, path, results)))
    seen: set[Path] = set()
    for analysis in ANALYSES.values():
        for path in sorted((results / analysis.folder).glob("*.json")):
            if path not in seen:
                seen.add(path)
                found.append(Drawing(path.stem, partial(_draw_analysis, path, results)))
    if (results / "tables" / f"{CLAIMS}.md").exists():
        found.append(Drawing(CLAIMS, partial(_draw_claims, results)))
    return found


def _has_tables(path: Path) -> bool:
    """Whether a study's record is drawn by itself; a damaged one is, so that the fault is told."""
    try:
        return read_record(path, "").get("views") != []
    except SirecError:
        return True


def _draw_claims(results: Path) -> DrawnAnalysis:
    """The verdicts on the papers' claims, by all records together."""
    return DrawnAnalysis("", claims_comparison(results), {})


def _draw_study(path: Path, results: Path) -> DrawnAnalysis:
    """The tables of a study, by the experiment's file if that has the plan, else by the record."""
    stored = read_record(path, f"make it anew: {command('study', path.stem)}")
    files = known_experiments()
    plan: Experiment | None = None
    if path.stem in files:
        plan = read_experiment(files[path.stem])
    if "experiment" in stored and (plan is None or _is_other(plan, stored)):
        plan = load(Experiment, stored["experiment"], f"{path}: experiment")
    if plan is None:
        raise UnknownExperimentError(
            f"{path}: not drawn, as its experiment is a file that is not known here",
            f"run sirec study with the file: what is trained stays, and {path.name} is made anew",
        )
    views: Sequence[View] = VIEWS
    if "views" in stored:
        views = [load(View, view, f"{path}: views") for view in stored["views"]]
    return DrawnAnalysis("", render(plan, path.stem, results, views), {})


def _is_other(plan: Experiment, stored: Mapping[str, Any]) -> bool:
    """Whether an experiment's file decides other runs than a record lists; names do not count."""
    return "plan" not in stored or renamed_rows(stored["plan"], plan.plan()) is None


def _draw_analysis(path: Path, results: Path) -> DrawnAnalysis:
    """The tables and figures of an analysis; a record of another name than usual is tried by all
    analyses that keep records in its folder.
    """
    analyses = [each for each in ANALYSES.values() if each.folder == path.parent.name]
    named: list[Analysis] = []
    for analysis in analyses:
        if path.stem.startswith(analysis.name):
            named.append(analysis)
    *others, last = named or analyses
    for analysis in others:
        try:
            record = analysis.read(results, path.stem)
        except SirecError:
            continue
        return analysis.draw(record, results)
    return last.draw(last.read(results, path.stem), results)
