"""The record of a study: which runs its rows stand on, written again as each run finishes.

`results/studies/<name>.json` lists a study's runs by row, so that a study that was interrupted can
be drawn as far as it got (see `sirec.studies.compare.study_tables`). It holds the whole experiment
and the views of its tables, so that they can be drawn without the experiment's file, and a digest
of each run's numbers: where a run was ranked anew since, the tables are not drawn from it unasked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sirec.config import dump
from sirec.errors import SirecError
from sirec.report.results import View
from sirec.run.records import read_record, replace_record
from sirec.studies.compare.study_tables import VIEWS
from sirec.studies.launch.progress import StudyProgress
from sirec.studies.spec.experiment import Experiment


def record(
    experiment: Experiment,
    out: Path,
    name: str,
    progress: StudyProgress,
    views: Sequence[View] = VIEWS,
) -> None:
    """Write the plan of a study, its finished runs in table order, its trials and missing rows.

    A record of the same plan that lists these runs and more of them stays: while a finished study
    is looked through run by run, nothing needs to be written.

    Args:
        experiment: the experiment that was planned.
        out: results folder, in which the record is `studies/<name>.json`.
        name: name of the study.
        progress: its planned and its finished runs.
        views: which ranks its tables read.

    Raises:
        SirecError: where the disk refuses.
    """
    runs: list[dict[str, str | None]] = []
    for run, folder in progress.runs():
        path = folder.path.relative_to(out).as_posix()
        line = {"label": run.label, "row": run.row, "run": path}
        runs.append({**line, "digest": folder.digest_of_numbers()})
    stored: dict[str, Any] = {
        "plan": experiment.plan(),
        "experiment": dump(experiment, defaults=False),
        "views": list(map(asdict, views)),
        "runs": runs,
        "missing": list(map(asdict, progress.missing)),
    }
    trials = progress.trials()
    if trials:
        stored["trials"] = list(map(asdict, trials))
    file = out / "studies" / f"{name}.json"
    if not _is_contained(stored, file):
        replace_record(file, stored)


def _is_contained(stored: Mapping[str, Any], path: Path) -> bool:
    """Whether the record on disk says all of this, and lists the same runs or more."""
    try:
        older = read_record(path, "write it anew", may_lack_digest=False)
    except SirecError:  # there is none yet, or it is damaged
        return False
    if older.keys() < stored.keys():
        return False
    listed = older.get("runs")
    if not isinstance(listed, list) or listed[: len(stored["runs"])] != stored["runs"]:
        return False
    others = [key for key in stored if key != "runs"]
    return all(older[key] == stored[key] for key in others)
