"""`sirec.export`: a finished run, or a prepared data set, as files for other programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sirec.api_arguments import AnyRun
from sirec.data.store import storage
from sirec.data.store.export import EXPORT_FORMATS, Exported, data_formats
from sirec.data.store.export import export as write_data
from sirec.disk import disk_faults
from sirec.errors import SirecError, unknown
from sirec.run.build import torch_state_restored
from sirec.run.export import export_run, run_formats
from sirec.run.store import RunFolder, Store
from sirec.studies.launch.watcher import SilentStudy, StudyWatcher

DATA_FORMAT, RUN_FORMAT = "csv", "onnx"  # where no format is named


@dataclass(frozen=True)
class ExportResult:
    """What was exported.

    Attributes:
        folder: the folder that was written.
        notes: what a person should know of it.
        data: how the files of a data set are read again; None for a run.
    """

    folder: Path
    notes: tuple[str, ...]
    data: Exported | None = None


@disk_faults()
def export(
    name: AnyRun,
    to: str | Path,
    *,
    format: str | None = None,
    replace: bool = False,
    results: str | Path = "results",
    data_root: str | Path = "data",
    watcher: StudyWatcher | None = None,
) -> ExportResult:
    """Write a finished run, or a prepared data set, into a folder, all of it or nothing.

    Args:
        name: a prepared data set; or a run folder, the first digits of its id, or `demo/comif` or
            `comif` for the newest finished run of a model.
        to: the folder, new or empty.
        format: `atomic`, `csv` or `sequences` for data, `onnx` for a run; without it csv or onnx.
        replace: whether an earlier export in the folder may be replaced.
        results: results folder.
        data_root: folder of prepared data sets.
        watcher: is told which run was chosen.

    Raises:
        SirecError: for an unknown name or format, a run without weights, a model that cannot be
            exported, and a folder that holds something.
    """
    if format is not None and format not in EXPORT_FORMATS:
        raise unknown("format", format, EXPORT_FORMATS)
    told, store, root = watcher or SilentStudy(), Store(Path(results)), Path(data_root)
    run = _chosen(name, format, store, root, told.remark)
    found = storage.find(root, str(name) if run is None else run.config().data.name)
    data = storage.load(found)
    if run is None:
        times = storage.load_timestamps(found)
        exported = write_data(data, times, Path(to), format or DATA_FORMAT, replace=replace)
        return ExportResult(exported.folder, exported.notes, exported)
    description, form = storage.read_manifest(found), format or RUN_FORMAT
    with torch_state_restored():
        notes = export_run(run, data, description, Path(to), form, replace=replace)
    return ExportResult(Path(to), tuple(notes))


def _chosen(
    name: AnyRun, form: str | None, store: Store, data_root: Path, told: Callable[[str], None]
) -> RunFolder | None:
    """The run that is meant; None for a data set."""
    if isinstance(name, RunFolder):
        return name
    text = str(name)
    if form is not None:
        return None if form in data_formats() else store.find(text, told)
    is_data = text in storage.list_datasets(data_root)
    remarks: list[str] = []
    try:
        run = store.find(text, remarks.append)
    except SirecError as error:
        if not is_data:
            raise _neither(text, error, data_root) from None
        return None
    if is_data:
        raise SirecError(
            f"'{text}' is a data set and a run",
            f"say which with --format: {' or '.join(data_formats())} for the data, "
            f"{' or '.join(run_formats())} for the run",
        )
    for remark in remarks:
        told(remark)
    return run


def _neither(name: str, no_run: SirecError, data_root: Path) -> SirecError:
    """The error for what names neither a run nor a data set, with the hints that help most."""
    errors = [no_run]
    try:
        storage.find(data_root, name)
    except SirecError as no_data:
        errors.append(no_data)
    hints = [error.hint or "" for error in errors]
    near = [hint for hint in hints if hint.startswith("did you mean")]
    return SirecError(
        f"'{name}' is neither a run nor a prepared data set", "; ".join(near or hints)
    )
