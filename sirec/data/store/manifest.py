"""What `dataset.yaml` says of a prepared data set."""

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
    """A stored field; `size` counts codes, padding included."""

    name: str
    kind: FieldKind
    size: int


@dataclass(frozen=True)
class FileEntry:
    """A raw file the data came from."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The contents of `dataset.yaml`. `fingerprint` is `Dataset.fingerprint` of the arrays.

    `skipped_lines` counts the bad lines of the raw files that were left out, as the person who
    prepared it allowed.
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
    """Describe a data set about to be written."""
    data = prepared.dataset
    return Manifest(
        format=FORMAT,
        name=data.name,
        fingerprint=data.fingerprint(),
        statistics=prepared.statistics,
        options=prepared.options,
        fields=tuple(FieldEntry(field.name, field.kind, field.size) for field in data.fields),
        source=dict(prepared.source),
        files=tuple(
            FileEntry(path.name, path.stat().st_size, _sha256(path)) for path in prepared.files
        ),
        skipped_lines=prepared.skipped_lines,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
