"""The record of a study: which runs its rows stand on, written again as each run finishes.

`results/studies/<name>.json` lists a study's runs by row, so that a study that was interrupted can
be drawn as far as it got (see `sirec.studies.compare.study_tables`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sirec.config import read_json
from sirec.errors import SirecError
from sirec.run.files import replace_json
from sirec.studies.launch.progress import StudyProgress
from sirec.studies.spec.experiment import Experiment


def record(experiment: Experiment, out: Path, name: str, progress: StudyProgress) -> None:
    """Write the plan of a study, its finished runs in table order, its trials and missing rows.

    A record of the same plan that lists these runs and more of them stays: while a finished study
    is looked through run by run, nothing needs to be written.

    Args:
        experiment: the experiment that was planned.
        out: results folder, in which the record is `studies/<name>.json`.
        name: name of the study.
        progress: its planned and its finished runs.

    Raises:
        SirecError: where the disk refuses.
    """
    runs: list[dict[str, str]] = []
    for run, folder in progress.runs():
        path = folder.path.relative_to(out).as_posix()
        runs.append({"label": run.label, "row": run.row, "run": path})
    stored = {
        "plan": experiment.plan(),
        "runs": runs,
        "missing": list(map(asdict, progress.missing)),
    }
    trials = progress.trials()
    if trials:
        stored["trials"] = list(map(asdict, trials))
    file = out / "studies" / f"{name}.json"
    if not _is_contained(stored, file):
        replace_json(file, stored)


def _is_contained(stored: Mapping[str, Any], path: Path) -> bool:
    """Whether the record on disk says all of this, and lists the same runs or more."""
    try:
        older = read_json(path)
    except SirecError:  # there is none yet, or it is damaged
        return False
    if not isinstance(older, dict) or older.keys() < stored.keys():
        return False
    listed = older.get("runs")
    if not isinstance(listed, list) or listed[: len(stored["runs"])] != stored["runs"]:
        return False
    others = [key for key in stored if key != "runs"]
    return all(older[key] == stored[key] for key in others)
