"""The manifest of a prepared data set, `dataset.yaml`."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sirec import config
from sirec.data.fields import FieldForm, FieldKind
from sirec.data.prepare.filters import PrepareOptions
from sirec.data.prepare.findings import ValueFinding
from sirec.data.prepare.statistics import Statistics
from sirec.data.store.digests import (
    OWN,
    check_files,
    is_sealed_yaml,
    sealed_yaml,
    sha256_of_file,
)
from sirec.data.times import UNITS
from sirec.errors import Remark, SirecError

if TYPE_CHECKING:
    from sirec.data.prepare.pipeline import Prepared

FORMAT = 1
MANIFEST = "dataset.yaml"
CHANGED, REMEDY = "the prepared folder was changed", "prepare it again with --replace"


@dataclass(frozen=True)
class FieldEntry:
    """A stored field.

    Attributes:
        name: its name.
        kind: attribute or behaviour.
        size: how many codes it has, padding included; of vectors, how many numbers one has.
        form: how its values are kept (`sirec.data.fields`).
    """

    name: str
    kind: FieldKind
    size: int
    form: FieldForm = "values"


@dataclass(frozen=True)
class FileEntry:
    """A raw file that the data come from.

    Attributes:
        name: its name.
        bytes: its size.
        sha256: its digest.
    """

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The content of `dataset.yaml`, whose last line is a digest of all lines above it.

    Attributes:
        format: version of the format of the folder.
        name: name of the data set.
        fingerprint: fingerprint of its arrays, `Dataset.fingerprint`.
        statistics: its sizes.
        options: filters and split.
        fields: its fields.
        source: options of the source, as text.
        files: the raw files.
        skipped_lines: how many bad lines of the raw files were left out.
        digests: name -> sha256 of every other file of the folder; empty in data sets that version
            0.2 prepared.
        order: what decides the order of a user's interactions, in words; empty in older folders,
            see `order_in_words`.
        unused_times: columns of the raw files that may be times and are not used.
        repeated_rows: how many rows of the raw files repeat an earlier one, filters or not; None in
            older folders.
        ticks_per_second: what a second of the stored times has: 1, or 1000 where they are
            milliseconds, and so on.
        findings: what in the values may not be meant; None in older folders.
    """

    format: int
    name: str
    fingerprint: str
    statistics: Statistics
    options: PrepareOptions
    fields: tuple[FieldEntry, ...] = ()
    source: Mapping[str, str] | None = None
    files: tuple[FileEntry, ...] = ()
    skipped_lines: int = 0
    digests: Mapping[str, str] = field(default_factory=dict)
    order: str = ""
    unused_times: tuple[str, ...] = ()
    repeated_rows: int | None = None

    ticks_per_second: int = 1

    def __post_init__(self) -> None:
        """Refuse a unit that no version has written."""
        if self.ticks_per_second not in UNITS:
            raise SirecError(
                f"ticks_per_second: {self.ticks_per_second} is not one of {list(UNITS)}",
                "prepare it again with --replace",
            )

    @property
    def order_in_words(self) -> str:
        """What decides the order, of older folders too: `time (column date), then file`."""
        has_times = self.statistics.tied_last_pairs is not None
        return self.order or ("time, then file" if has_times else "file (no times)")

    findings: tuple[ValueFinding, ...] | None = None


def describe_prepared(prepared: Prepared) -> Manifest:
    """The manifest of a data set that is about to be written."""
    data = prepared.dataset
    fields = [FieldEntry(each.name, each.kind, each.size, each.form) for each in data.fields]
    repeated = prepared.repeated_rows
    files: list[FileEntry] = []
    for path in prepared.files:
        files.append(FileEntry(path.name, path.stat().st_size, sha256_of_file(path)))
    return Manifest(
        format=FORMAT,
        name=data.name,
        fingerprint=data.fingerprint(),
        statistics=prepared.statistics,
        options=prepared.options,
        fields=tuple(fields),
        source=dict(prepared.source),
        files=tuple(files),
        skipped_lines=prepared.skipped_lines,
        order=prepared.order,
        unused_times=prepared.unused_times,
        repeated_rows=None if repeated is None else repeated.rows,
        ticks_per_second=1 if prepared.timestamps is None else prepared.timestamps.per_second,
        findings=prepared.findings,
    )


def manifest_text(manifest: Manifest) -> str:
    """The text of `dataset.yaml`."""
    return sealed_yaml(config.to_yaml(config.dump(manifest)))


def parse_manifest(path: Path) -> Manifest:
    """The manifest in a `dataset.yaml`.

    Raises:
        SirecError: for a file that cannot be read, is of another format, or is not what was
            written.
    """
    try:
        tree = config.read_yaml(path)
    except SirecError as error:
        raise SirecError(error.message, error.hint or REMEDY) from None
    if tree.get("format") != FORMAT:
        raise SirecError(
            f"{path}: format {tree.get('format')!r}, this version reads format {FORMAT}",
            "prepare it again with --replace",
        )
    is_sealed = is_sealed_yaml(path.read_text(encoding="utf-8"))
    if is_sealed is False or (is_sealed is None and "digests" in tree):
        raise changed(path, "it is not what was written")
    tree.pop(OWN, None)
    return config.load(Manifest, tree, str(path))


def check_digests(folder: Path, manifest: Manifest, names: Iterable[str]) -> None:
    """Check files of a prepared folder before they are read.

    Without digests it gives a `Remark`, and the files are read as they are.

    Args:
        folder: the prepared folder.
        manifest: its manifest.
        names: names of the files that are about to be read.

    Raises:
        SirecError: for a file that is not what was written.
    """
    if manifest.digests:
        check_files(folder, manifest.digests, names, CHANGED, REMEDY)
        return
    warnings.warn(
        f"{folder}: a data set without digests, which version 0.2 prepared: names and times are "
        "read unchecked (sirec verify --seal adds digests)",
        Remark,
        stacklevel=3,
    )


def changed(path: Path, what: str) -> SirecError:
    """The error for a prepared folder that is not what was written.

    Args:
        path: the file, or the folder.
        what: what is wrong with it.
    """
    return SirecError(f"{path}: {what}: {CHANGED}", REMEDY)
