"""`sirec.copy_runs`: finished runs copied for others, without weights, if need be without ranks."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from sirec.api_arguments import AnyRun, folders_of
from sirec.disk import atomic_file, disk_faults
from sirec.errors import SirecError, unknown
from sirec.papers.record_data import record_data
from sirec.run.copying import CopiedRun, copy_covariates, copy_run
from sirec.run.store import RunFolder, Store
from sirec.studies.compare.recorded_rows import recorded_rows, study_records
from sirec.studies.launch.watcher import SilentStudy, StudyWatcher


@disk_faults()
def copy_runs(
    runs: AnyRun | Iterable[AnyRun] = (),
    *,
    to: str | Path,
    study: str | None = None,
    without_ranks: bool = False,
    results: str | Path = "results",
    watcher: StudyWatcher | None = None,
) -> tuple[CopiedRun, ...]:
    """Copy finished runs into another results folder, for others to draw tables from.

    Weights and stored lists are not copied. Ranks of single users are withheld if that is asked
    for, and for data whose terms forbid to pass them on (`withholds_ranks` in `experiments/data`):
    such a run has metrics, and no interval, test or group of users.

    Args:
        runs: run folders, first digits of ids, or models (`demo/comif`, `comif`).
        to: the other results folder; it is made if it is not there.
        study: name of a study, whose record is copied with all its runs.
        without_ranks: whether to withhold ranks of single users of all data.
        results: results folder of the runs.
        watcher: is told which runs were chosen where models are named.

    Returns:
        The copies, in the order of the runs.

    Raises:
        SirecError: for an unknown or unfinished run, a refit, an unknown study, nothing to copy,
            another run in the place of a copy, and where the disk refuses.
    """
    store, told = Store(Path(results)), watcher or SilentStudy()
    folders = folders_of(runs, store, told=told.remark)
    record = None if study is None else _record(study, store.root)
    if record is not None:
        folders += [row.run for row in recorded_rows(record, None) if row.run not in folders]
    if not folders:
        raise SirecError("there is nothing to copy", "name runs, or a study: --study overall")
    copies: list[CopiedRun] = []
    for run in folders:
        copies.append(_copied(run, Path(to), without_ranks=without_ranks))
    if record is not None:
        with atomic_file(Path(to) / record.relative_to(store.root)) as copy:
            shutil.copyfile(record, copy)
    return tuple(copies)


def _copied(run: RunFolder, to: Path, *, without_ranks: bool) -> CopiedRun:
    """One run, and the covariates of its users unless they are withheld, too."""
    data = record_data().get(run.dataset)
    is_withheld = without_ranks or (data is not None and data.withholds_ranks)
    copy = copy_run(run, to, without_ranks=is_withheld)
    if not is_withheld:
        copy_covariates(run, to)
    return copy


def _record(study: str, results: Path) -> Path:
    records = study_records(results)
    if study not in records:
        raise unknown("study", study, records, str(results / "studies"))
    return records[study]
