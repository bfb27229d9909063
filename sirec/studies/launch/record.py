"""The record of a study: which runs its rows stand on, written again as each run finishes.

`results/studies/<name>.json` lists a study's runs by row, so that a study that was interrupted can
be drawn as far as it got (see `sirec.studies.compare.study_tables`).
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from sirec.run.files import replace_json
from sirec.studies.launch.progress import StudyProgress
from sirec.studies.spec.experiment import Experiment


def record(experiment: Experiment, out: Path, name: str, progress: StudyProgress) -> None:
    """Write the plan of a study, its finished runs in table order, its trials and missing rows.

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
    replace_json(out / "studies" / f"{name}.json", stored)
