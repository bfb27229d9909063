"""What a format of finished runs is, and how a run is exported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sirec.data.dataset import Dataset
from sirec.data.store.export import EXPORT_FORMATS, ExportFormat
from sirec.data.store.export.folder import export_folder, refuse_occupied
from sirec.data.store.manifest import Manifest
from sirec.errors import unknown
from sirec.run.build import BuiltModel, load_model
from sirec.run.config import RunConfig
from sirec.run.store import RunFolder


@dataclass(frozen=True, eq=False)
class ExportedRun:
    """A finished run and all that its export says of it.

    Attributes:
        folder: the run.
        config: its configuration.
        built: its model in evaluation mode, and the data with the fields that it reads.
        manifest: the description of its data set.
    """

    folder: RunFolder
    config: RunConfig
    built: BuiltModel
    manifest: Manifest

    @property
    def data(self) -> Dataset:
        """The data set with the fields that the model reads."""
        return self.built.data


@dataclass(frozen=True)
class RunFormat(ExportFormat):
    """A format in which a finished run can be written.

    Attributes:
        check: called before anything is loaded; raises `SirecError` if packages are missing.
        write: writes the files into a folder; returns what a person should know, in sentences.
        description: the name of a file that every export in this format has.
    """

    exports = "run"
    check: Callable[[], None]
    write: Callable[[ExportedRun, Path], Sequence[str]]
    description: str


def run_formats() -> dict[str, RunFormat]:
    """The formats of runs, by name."""
    found: dict[str, RunFormat] = {}
    for name, form in EXPORT_FORMATS.items():
        if isinstance(form, RunFormat):
            found[name] = form
    return found


def export_run(
    run: RunFolder,
    data: Dataset,
    manifest: Manifest,
    folder: Path,
    form: str = "onnx",
    *,
    replace: bool = False,
) -> Sequence[str]:
    """Write a finished run into a new folder, all of it or nothing.

    Args:
        run: the run, whose weights were kept.
        data: the whole data set that it was trained on.
        manifest: the description of the data set.
        folder: the folder, which must be empty or not exist, unless it is replaced.
        form: name of the format.
        replace: whether an earlier export in the folder may be replaced. Where the same export is
            there already, nothing is left to do.

    Returns:
        What a person should know, in sentences.

    Raises:
        SirecError: if the run has not finished or has no weights, if the model cannot be written
            in the format, if the folder holds something, or if the disk refuses.
    """
    formats = run_formats()
    if form not in formats:
        raise unknown("format of a run", form, formats)
    formats[form].check()
    refuse_occupied(folder, formats[form].description, replace=replace)
    built = load_model(run, data)
    exported = ExportedRun(run, run.config(), built, manifest)
    with export_folder(folder, replace=replace) as fresh:
        return formats[form].write(exported, fresh)
