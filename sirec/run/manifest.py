"""The manifest of a finished run, `DONE`: a digest of every file of the run but its logs.

It is written last. So a run without it has not finished, and each file that is read later is
compared with it first. While files of a finished run are replaced (`sirec.run.commit`), the new
manifest and the new files lie in `.commit` until they have been moved up; readers look there as
well, and never need to wait or to write.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sirec.config import dump, load
from sirec.data.store.digests import sha256_of_file, sha256_of_text
from sirec.disk import read_fault
from sirec.errors import Remark, SirecError
from sirec.run.commit import COMMIT
from sirec.run.records import read_record, replace_record
from sirec.shell import command

FORMAT = 1
ATTEMPTS = 3  # at finding a file: another process may put new ones in place between two looks
MANIFEST = "DONE"
CONFIG, METRICS, RANKS, WEIGHTS = (
    "config.yaml",
    "metrics.json",
    "ranks.parquet",
    "model.safetensors",
)
EPOCHS, TIMINGS, ENVIRONMENT = "epochs.jsonl", "timings.json", "environment.json"
LISTS, LIST_ITEMS = "lists.parquet", "list_items.parquet"
FILES = (CONFIG, ENVIRONMENT, EPOCHS, METRICS, TIMINGS, RANKS, WEIGHTS)
MADE_LATER = (LISTS, LIST_ITEMS)  # by a command of their own
NUMBERS = (CONFIG, METRICS, RANKS)  # what tables are drawn from
TRAIN_AGAIN = "train it again: the command that trained it, with --again"
RESTORE = f"copy it back from where the run is whole, or {TRAIN_AGAIN}"


@dataclass(frozen=True)
class Withheld:
    """What a copied run lacks of the run that was trained: files about single users.

    Attributes:
        files: names of the files; the manifest has their digests.
        users: the number of users.
        targets: by part the number of users with a target.
    """

    files: tuple[str, ...]
    users: int
    targets: Mapping[str, int]


@dataclass(frozen=True)
class RunManifest:
    """The content of `DONE`.

    Attributes:
        files: name -> sha256; without the weights where these were not kept.
        format: version of the format.
        withheld: what was not copied with a run; None if nothing was.
    """

    files: Mapping[str, str]
    format: int = FORMAT
    withheld: Withheld | None = None

    def lacks(self, name: str) -> bool:
        """Whether the file of that name was withheld."""
        return self.withheld is not None and name in self.withheld.files

    @property
    def numbers(self) -> str:
        """A digest of the files that tables are drawn from, by which records name the run."""
        return sha256_of_text(" ".join(self.files.get(name, "") for name in NUMBERS))


def read_manifest(folder: Path) -> RunManifest | None:
    """The manifest of a finished run; None for a run of version 0.2, which has an empty one.

    Args:
        folder: the folder of the run.

    Raises:
        SirecError: if the manifest is missing, or is not what was written.
    """
    newer, path = _places(folder, MANIFEST)
    hint = f"copy it back, or {TRAIN_AGAIN}"
    values: dict[str, Any] | None = None
    if newer.exists():
        try:
            values = read_record(newer, hint, may_lack_digest=False)
        except SirecError:  # unless it was moved up just now, it is damaged
            if newer.exists():
                raise
    if values is None:
        if _is_empty(path) and not _is_of_this_version(folder):
            return None
        values = read_record(path, hint, may_lack_digest=False)
    if values.get("format") != FORMAT:
        what = f"{path}: format {values.get('format')!r}, this version reads format {FORMAT}"
        raise SirecError(what, "read it with the version of sirec that trained it")
    return load(RunManifest, values, str(path))


def write_manifest(folder: Path, *, based_on: Path | None = None) -> None:
    """Write the manifest of a run whose files are all there. Nothing of it is withheld.

    Args:
        folder: the folder of the run; or one with new files only, for those of a finished run.
        based_on: the folder of the finished run, whose other files stay.

    Raises:
        SirecError: if the disk refuses.
    """
    files: dict[str, str] = {}
    if based_on is not None:
        older = read_manifest(based_on)
        files |= _digests(based_on) if older is None else older.files
    files |= _digests(folder)
    store_manifest(folder, RunManifest(files))


def store_manifest(folder: Path, manifest: RunManifest) -> None:
    """Write a manifest.

    Args:
        folder: the folder of the run.
        manifest: the manifest.

    Raises:
        SirecError: if the disk refuses.
    """
    values = dump(manifest)
    if manifest.withheld is None:
        del values["withheld"]  # so that older versions read it
    replace_record(folder / MANIFEST, values)


def has_file(folder: Path, name: str) -> bool:
    """Whether a run has a file of that name, whatever is in it.

    Args:
        folder: the folder of the run.
        name: name of the file.
    """
    return any(path.exists() for path in _places(folder, name))


def checked_file(folder: Path, name: str) -> Path:
    """The file of a finished run that holds what the run wrote under a name.

    Without digests it gives a `Remark`, and the file is taken as it is.

    Args:
        folder: the folder of the run.
        name: name of the file, one of `FILES` or `MADE_LATER`.

    Raises:
        SirecError: if the file is missing, or is not what the run wrote.
    """
    for _ in range(ATTEMPTS):
        manifest = read_manifest(folder)
        if manifest is None:
            _remark_unchecked(folder)
            return folder / name
        digest = manifest.files.get(name)
        for path in _places(folder, name):
            if digest and _digest(path) == digest:
                return path
    raise _difference(folder, name, is_known=digest is not None)


def is_withheld(folder: Path, name: str) -> bool:
    """Whether a finished run was copied without a file.

    Args:
        folder: the folder of the run.
        name: name of the file.
    """
    manifest = read_manifest(folder)
    return manifest is not None and manifest.lacks(name)


def _is_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError as error:
        raise read_fault(path, error) from None


def _is_of_this_version(folder: Path) -> bool:
    """Whether a run was written or sealed by a version that fills `DONE`."""
    try:
        return "\nrevisions:" in (folder / CONFIG).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False


def _digests(folder: Path) -> dict[str, str]:
    """Name -> sha256 of the files that are there."""
    files: dict[str, str] = {}
    for name in (*FILES, *MADE_LATER):
        digest = _digest(folder / name)
        if digest is not None:
            files[name] = digest
    return files


def _digest(path: Path) -> str | None:
    """The sha256 of a file; None if there is none."""
    try:
        return sha256_of_file(path)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    except OSError as error:
        raise read_fault(path, error) from None


def _places(folder: Path, name: str) -> tuple[Path, Path]:
    """Where a file may lie: among new files that are being moved up, or in the folder itself."""
    return folder / COMMIT / name, folder / name


def _remark_unchecked(folder: Path) -> None:
    results = folder.resolve().parents[3]
    warnings.warn(
        f"{results.name}: runs without digests, which version 0.2 trained, are read unchecked "
        "(sirec verify --seal adds digests)",
        Remark,
        stacklevel=2,  # one place for all files: a remark is told once
    )


def _difference(folder: Path, name: str, *, is_known: bool) -> SirecError:
    """The error for a file that is missing, or is not what the run wrote."""
    path = folder / name
    if name == WEIGHTS and not path.exists():
        return SirecError(f"{path}: the weights of this run were not kept", TRAIN_AGAIN)
    if is_withheld(folder, name) and not path.exists():
        return SirecError(
            f"{path}: withheld when this run was copied, as it is about single users",
            f"what needs it cannot be computed here; to have it, {TRAIN_AGAIN}",
        )
    if not path.exists():
        problem = "missing, though the run wrote it"
    elif is_known:
        problem = "not what the run wrote: its digest is another one"
    else:
        problem = "not among the files that the run wrote"
    return SirecError(f"{path}: {problem}", remedy(folder, name))


def remedy(folder: Path, name: str) -> str:
    """What to do about a file that differs.

    Args:
        folder: the folder of the run.
        name: name of the file.
    """
    if name in (RANKS, METRICS) and (folder / WEIGHTS).exists():
        again = command("evaluate", folder, "--recompute")
        return f"rank anew with the stored weights: {again}"
    if name == WEIGHTS:
        return f"copy them back, or delete them to keep the ranks alone, or {TRAIN_AGAIN}"
    return RESTORE
