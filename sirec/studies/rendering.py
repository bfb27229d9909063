"""What a study found, from stored ranks alone: no model, no data, no training.

`results/studies/<name>.json` lists a study's runs by row; it is written as runs finish, so a study that is cut off can be drawn
as far as it got.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sirec.errors import SirecError
from sirec.report.entries import Entry, View
from sirec.run.files import read_json, replace_json
from sirec.run.store import RunFolder
from sirec.studies.comparison import Comparison, compare_entries
from sirec.studies.experiment import Experiment, MissingRow, PlannedRun
from sirec.studies.runs import entry

VIEWS = (View("test", "keep"), View("test", "mask"), View("valid", "keep"))


def record(
    experiment: Experiment,
    out: Path,
    name: str,
    runs: Sequence[tuple[PlannedRun, RunFolder]],
    missing: Sequence[MissingRow] = (),
) -> None:
    """Write what a study planned, its finished runs so far in table order, and the rows that data sets cannot have."""
    (out / "studies").mkdir(parents=True, exist_ok=True)
    lines = [{"label": run.label, "row": run.row, "run": folder.path.relative_to(out).as_posix()} for run, folder in runs]
    stored = {"plan": experiment.plan(), "runs": lines, "missing": [asdict(row) for row in missing]}
    replace_json(out / "studies" / f"{name}.json", stored)


def render(experiment: Experiment, name: str, out: Path, views: Sequence[View] = VIEWS) -> Comparison:
    """The tables of a study from its runs' ranks. Raises `SirecError` if it has not been run, or was run by another plan."""
    found = _entries(experiment, name, out)
    return compare_entries(found, title=experiment.title, views=views, against=experiment.against, notes=experiment.notes)


def _entries(experiment: Experiment, name: str, out: Path) -> list[Entry]:
    path = out / "studies" / f"{name}.json"
    if not path.exists():
        raise SirecError(f"{path}: no such file", f"run it first: sirec study {name}")
    stored: Mapping[str, Any] = read_json(path)
    if stored["plan"] != experiment.plan():
        raise SirecError(f"{path}: made from another plan than the experiment file has now", "run it: what is trained stays")
    lines: list[Mapping[str, Any]] = stored["runs"]
    rows = experiment.rows
    return [entry(RunFolder(out / line["run"]), line["label"], is_variant=rows[line["row"]].is_variant) for line in lines]
