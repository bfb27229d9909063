"""What an export format is, and how a data set is exported.

A new format of data sets is an instance of `DataFormat` in a module of this package, where
`EXPORT_FORMATS` finds it; one of finished runs is a `RunFormat` in `sirec.run.export`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from sirec.data.dataset import Dataset
from sirec.data.prepare.filters import PrepareOptions
from sirec.data.sources.base import Source
from sirec.data.split import LeaveOneOut, Split
from sirec.data.store.export.folder import export_folder
from sirec.data.store.export.plain import PlainData
from sirec.data.times import Times
from sirec.errors import SirecError, unknown
from sirec.registry import Registry

# The last one is a picture of the character that is meant for separating values.
SEPARATORS = ("|", ";", ",", "/", "¦", "␟")


@dataclass(frozen=True)
class ExportFormat:
    """A format in which something can be written for other programs.

    Attributes:
        name: what `--format` calls it.
        exports: what it is a format of.
    """

    exports: ClassVar[Literal["data set", "run"]]
    name: str


@dataclass(frozen=True)
class DataFormat(ExportFormat):
    """A format in which a data set can be written.

    Attributes:
        write: writes the files into a folder; returns the source that reads them again, and notes
            on what the format cannot hold as it was.
        keeps_times: whether the format has times.
        forbidden: characters that no id and no value may have in this format.
    """

    name: str
    exports = "data set"
    write: Callable[[PlainData, Path], tuple[Source, Sequence[str]]]
    keeps_times: bool
    forbidden: re.Pattern[str]


EXPORT_FORMATS: Registry[ExportFormat] = Registry(
    "export format",
    ExportFormat,
    "sirec.data.store.export",
    "sirec.run.export",
    instances=True,
    group="sirec.export_formats",
)


def data_formats() -> dict[str, DataFormat]:
    """The formats of data sets, by name."""
    found: dict[str, DataFormat] = {}
    for name, form in EXPORT_FORMATS.items():
        if isinstance(form, DataFormat):
            found[name] = form
    return found


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


def export(
    data: Dataset,
    timestamps: Times | None,
    folder: Path,
    form: str = "csv",
    *,
    replace: bool = False,
) -> Exported:
    """Write a prepared data set into a new folder, all of it or nothing.

    Where the same export is there already, since a process was killed after it had written it,
    nothing is left to do.

    Args:
        data: the data set.
        timestamps: the time of each interaction, or None.
        folder: the folder, which must be empty or not exist, unless it is replaced.
        form: name of the format.
        replace: whether an earlier export in the folder may be replaced.

    Raises:
        SirecError: if the folder holds something, if an id cannot be written in the format, or if
            the disk refuses.
    """
    formats = data_formats()
    if form not in formats:
        raise unknown("format of a data set", form, formats)
    chosen = formats[form]
    _check_texts(data, chosen)
    with export_folder(folder, replace=replace) as fresh:
        source, notes = chosen.write(PlainData.of(data, timestamps), fresh)
    options, lost = _options(data.held_out.split, chosen)
    return Exported(folder, source, options, (*notes, *lost))


def _options(split: Split, chosen: DataFormat) -> tuple[PrepareOptions, Sequence[str]]:
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


def _check_texts(data: Dataset, chosen: DataFormat) -> None:
    """Raise `SirecError` for an id or a value that would be read as another one."""
    named = {"user": data.user_names, "item": data.item_names, **data.vocabularies}
    for what, names in named.items():
        for name in names[1:]:
            if name != name.strip() or chosen.forbidden.search(name):
                raise SirecError(
                    f"{what} {name!r} cannot be written as {chosen.name}",
                    "rename it, or try another format",
                )
