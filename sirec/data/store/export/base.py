"""What an export format is, and how a data set is exported.

A new format is an instance of `ExportFormat` in a module of this package, where `EXPORT_FORMATS`
finds it.
"""

from __future__ import annotations

import filecmp
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sirec.data.dataset import Dataset
from sirec.data.prepare.filters import PrepareOptions
from sirec.data.sources.base import Source
from sirec.data.split import LeaveOneOut, Split
from sirec.data.store.atomic_folder import atomic_folder
from sirec.data.store.export.plain import PlainData
from sirec.data.times import Times
from sirec.disk import disk_error, make_folder
from sirec.errors import SirecError, unknown
from sirec.registry import Registry

# The last one is a picture of the character that is meant for separating values.
SEPARATORS = ("|", ";", ",", "/", "¦", "␟")


@dataclass(frozen=True)
class ExportFormat:
    """A format in which a data set can be written.

    Attributes:
        name: what `--format` calls it.
        write: writes the files into a folder; returns the source that reads them again, and notes
            on what the format cannot hold as it was.
        keeps_times: whether the format has times.
        forbidden: characters that no id and no value may have in this format.
    """

    name: str
    write: Callable[[PlainData, Path], tuple[Source, Sequence[str]]]
    keeps_times: bool
    forbidden: re.Pattern[str]


EXPORT_FORMATS: Registry[ExportFormat] = Registry(
    "export format",
    ExportFormat,
    "sirec.data.store.export",
    instances=True,
    group="sirec.export_formats",
)


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        folder: the folder.
        source: reads the folder again.
        options: prepare the same data set from it.
        notes: what the format could not hold as it was.
    """

    folder: Path
    source: Source
    options: PrepareOptions
    notes: tuple[str, ...]


def export(data: Dataset, timestamps: Times | None, folder: Path, form: str = "csv") -> Exported:
    """Write a prepared data set into a new folder, all of it or nothing.

    Where the same export is there already, since a process was killed after it had written it,
    nothing is left to do.

    Args:
        data: the data set.
        timestamps: the time of each interaction, or None.
        folder: the folder, which must be empty or not exist.
        form: name of the format.

    Raises:
        SirecError: if the folder holds something, if an id cannot be written in the format, or if
            the disk refuses.
    """
    if form not in EXPORT_FORMATS:
        raise unknown("format", form, EXPORT_FORMATS)
    chosen = EXPORT_FORMATS[form]
    _check_texts(data, chosen)
    try:
        make_folder(folder.parent)
        with atomic_folder(folder) as fresh:
            source, notes = chosen.write(PlainData.of(data, timestamps), fresh)
            if not _is_there(folder, fresh):
                fresh.rename(folder)
    except OSError as error:
        raise disk_error(folder, error) from error
    options, lost = _options(data.held_out.split, chosen)
    return Exported(folder, source, options, (*notes, *lost))


def _is_there(folder: Path, fresh: Path) -> bool:
    """Whether a folder holds the same files; raises `SirecError` if it holds something else."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    written = sorted(path.name for path in fresh.iterdir())
    if folder.is_dir() and sorted(path.name for path in folder.iterdir()) == written:
        _, different, unreadable = filecmp.cmpfiles(folder, fresh, written, shallow=False)
        if not different and not unreadable:
            return True
    raise SirecError(f"{folder}: there is something already", "name a folder that is new or empty")


def _options(split: Split, chosen: ExportFormat) -> tuple[PrepareOptions, Sequence[str]]:
    """Options without filters, as all have been applied, and with the same split.

    Where the split needs times that the format does not keep, it is leave-one-out, with a note.
    """
    if not split.needs_timestamps or chosen.keeps_times:
        return PrepareOptions(core=0, split=split), []
    fewest = LeaveOneOut.shortest
    note = (
        f"read again it is split {LeaveOneOut.name}, as {split.name} needs times, "
        f"and without what is there less than {fewest} times"
    )
    return PrepareOptions(core=fewest), [note]


def _check_texts(data: Dataset, chosen: ExportFormat) -> None:
    """Raise `SirecError` for an id or a value that would be read as another one."""
    named = {"user": data.user_names, "item": data.item_names, **data.vocabularies}
    for what, names in named.items():
        for name in names[1:]:
            if name != name.strip() or chosen.forbidden.search(name):
                raise SirecError(
                    f"{what} {name!r} cannot be written as {chosen.name}",
                    "rename it, or try another format",
                )
