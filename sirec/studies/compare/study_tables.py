"""What a study found, from stored ranks alone: no model, no data, no training.

`results/studies/<name>.json` lists a study's runs by row; it is written as runs finish, so a study
that is cut off can be drawn as far as it got.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sirec.data.split import LeaveOneOut
from sirec.errors import SirecError
from sirec.report.published import PrintedRow
from sirec.report.results import MissingRow, RunResult, View
from sirec.run.files import read_json, replace_json
from sirec.run.store import RunFolder
from sirec.studies.compare.comparison import Comparison, compare_entries
from sirec.studies.compare.results import entry
from sirec.studies.launch.progress import StudyProgress
from sirec.studies.spec import grid as search
from sirec.studies.spec.attributes import are_as_named
from sirec.studies.spec.experiment import Experiment

VIEWS = (View("test", "keep"), View("test", "mask"), View("valid", "keep"))


def record(experiment: Experiment, out: Path, name: str, progress: StudyProgress) -> None:
    """Write what a study planned, its finished runs so far in table order, their trials, and the
    rows data sets cannot have.
    """
    lines = [
        {"label": run.label, "row": run.row, "run": folder.path.relative_to(out).as_posix()}
        for run, folder in progress.runs()
    ]
    stored = {
        "plan": experiment.plan(),
        "runs": lines,
        "missing": [asdict(row) for row in progress.missing],
    }
    trials = [asdict(trial) for trial in progress.trials()]
    if trials:
        stored["trials"] = trials
    replace_json(out / "studies" / f"{name}.json", stored)


def render(
    experiment: Experiment, name: str, out: Path, views: Sequence[View] = VIEWS
) -> Comparison:
    """The tables of a study from its runs' ranks. Raises `SirecError` if it has not been run, or
    was run by another plan.
    """
    stored = _record(experiment, name, out)
    lines = stored["runs"]
    labels = {(_dataset(line), line["row"]): line["label"] for line in lines}
    found = [_entry(experiment, out, line, labels) for line in lines]
    elsewise = (
        dict.fromkeys(run.dataset for run in found if run.split != LeaveOneOut())
        if experiment.proposals
        else {}
    )
    unproposed = (
        [f"No gains over baselines: {', '.join(elsewise)} not split as papers split their data."]
        if elsewise
        else []
    )
    trials = [search.Trial(**trial) for trial in stored.get("trials", ())]
    searched = {(trial.dataset, trial.label) for trial in trials}
    alone = list(
        dict.fromkeys(
            run.label
            for run in found
            if not run.is_training_free and (run.dataset, run.label) not in searched
        )
    )
    comparison = compare_entries(
        found,
        title=experiment.title,
        views=views,
        proposals=() if elsewise else experiment.proposals,
        missing=[MissingRow(**row) for row in stored["missing"]],
        notes=[
            *_notes(experiment, list(dict.fromkeys(run.dataset for run in found))),
            *unproposed,
            *([search.note(trials, alone)] if trials else []),
        ],
    )
    tried = (search.table(trials, experiment.title, alone),) if trials else ()
    return replace(comparison, tables=(*comparison.tables, *tried))


def _notes(experiment: Experiment, datasets: Sequence[str]) -> list[str]:
    absent = [
        f"{name} ({why})" for name, why in experiment.unavailable.items() if name not in datasets
    ]
    missing = [f"Not in this table: {'; '.join(absent)}."] if absent else []
    return [
        *experiment.notes,
        *(note for name in datasets for note in experiment.notes_on.get(name, ())),
        *missing,
    ]


def _record(experiment: Experiment, name: str, out: Path) -> Mapping[str, Any]:
    path = out / "studies" / f"{name}.json"
    if not path.exists():
        raise SirecError(f"{path}: no such file", "run it first, without --render-only")
    stored: Mapping[str, Any] = read_json(path)
    if stored["plan"] != experiment.plan():
        raise SirecError(
            f"{path}: made from another plan than the experiment file has now",
            "run it: what is trained stays",
        )
    return stored


def _entry(
    experiment: Experiment,
    out: Path,
    line: Mapping[str, str],
    labels: Mapping[tuple[str, str], str],
) -> RunResult:
    """A run as its row has it; `labels` by data set and row. If a published table is named, printed
    values are its or none.
    """
    row, folder = experiment.rows[line["row"]], RunFolder(out / line["run"])
    baseline = experiment.baseline(line["row"])
    against = labels.get((_dataset(line), baseline), baseline) if baseline else None
    published = experiment.published
    if published is None:
        return entry(folder, line["label"], is_variant=row.is_variant, against=against)
    stands = bool(row.printed) and are_as_named(
        row.attributes, folder.config().data.attributes or ()
    )
    printed = PrintedRow(published, row.printed) if stands else None
    return entry(folder, line["label"], is_variant=True, printed=printed, against=against)


def _dataset(line: Mapping[str, str]) -> str:
    return RunFolder(Path(line["run"])).dataset
