"""The manifest of a prepared data set, `dataset.yaml`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sirec.data.fields import FieldKind
from sirec.data.prepare.filters import PrepareOptions
from sirec.data.prepare.pipeline import Prepared
from sirec.data.prepare.statistics import Statistics

FORMAT = 1
MANIFEST = "dataset.yaml"


@dataclass(frozen=True)
class FieldEntry:
    """A stored field.

    Attributes:
        name: its name.
        kind: attribute or behaviour.
        size: how many codes it has, padding included.
    """

    name: str
    kind: FieldKind
    size: int


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
    """The content of `dataset.yaml`.

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


def describe_prepared(prepared: Prepared) -> Manifest:
    """The manifest of a data set that is about to be written."""
    data = prepared.dataset
    fields = [FieldEntry(field.name, field.kind, field.size) for field in data.fields]
    files: list[FileEntry] = []
    for path in prepared.files:
        files.append(FileEntry(path.name, path.stat().st_size, _sha256(path)))
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
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
