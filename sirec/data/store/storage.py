"""Prepared data sets on disk.

    data/<name>/
        interactions.parquet      user, item (codes), time (ticks), codes of behaviours
        items.parquet             item (code), id (raw), title if known, codes of attributes
        vectors.safetensors       the vectors of the items, if an attribute is of that form
        vocabulary/user.parquet   code and name; and one such file for each field of values
        dataset.yaml              fields, statistics, filters, sources, and digests of all files
                                  (`Manifest`); written last

A folder is written under a temporary name and renamed, so that it is complete or absent. An older
folder is moved aside as `.<name>.old`, and deleted once the new one is in place. If the machine
stops between the two renames, the next access moves the old folder back. One process at a time does
either (`locks`), so that no access takes a replacement in progress for one that has stopped.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import torch
from torch import Tensor

from sirec.data.dataset import Dataset
from sirec.data.prepare.pipeline import Prepared
from sirec.data.sources import is_own_data
from sirec.data.split import HeldOut, Split
from sirec.data.store.atomic_folder import atomic_folder
from sirec.data.store.digests import digests_below
from sirec.data.store.finding import (
    find,
    list_datasets,
    only_one,
    read_manifest,
    replaced_folder,
    restore,
)
from sirec.data.store.manifest import (
    MANIFEST,
    Manifest,
    changed,
    check_digests,
    describe_prepared,
    manifest_text,
)
from sirec.data.store.replacement import NOT_ALLOWED, Replacement, is_same_recipe
from sirec.data.store.tables import INTERACTIONS, StoredTables, codes, write_tables
from sirec.data.times import Times
from sirec.disk import disk_error, make_folder, synchronise
from sirec.errors import SirecError

__all__ = ["find", "list_datasets", "load", "load_timestamps", "read_manifest", "restore", "write"]


def write(root: Path, prepared: Prepared, replacement: Replacement = NOT_ALLOWED) -> Path:
    """Write a prepared data set, in place of an older one of the same name.

    If anything fails, the older data set is still there. Unfinished folders of killed processes
    below `root` are deleted.

    Args:
        root: the folder of prepared data sets.
        prepared: the data set.
        replacement: whether another data set of the same name may be replaced; one that was made
            by the same recipe from the same raw files always may, and so may equal contents.

    Returns:
        Its folder.

    Raises:
        SirecError: if the disk refuses, or another data set of the same name is there.
    """
    folder = root / prepared.dataset.name

    def check() -> None:
        _check_replacement(folder, prepared, described, replacement)

    try:
        make_folder(root)
        restore(folder)
        described = describe_prepared(prepared)
        check()
        with atomic_folder(folder) as fresh:
            write_tables(fresh, prepared)
            manifest = replace(described, digests=digests_below(fresh))
            (fresh / MANIFEST).write_text(manifest_text(manifest), encoding="utf-8")
            for path in (*fresh.rglob("*"), fresh):
                synchronise(path)  # the contents have to be on disk before the rename
            _swap(fresh, folder, check)
    except OSError as error:
        raise disk_error(folder, error) from error
    return folder


def load(folder: Path) -> Dataset:
    """Read a prepared data set.

    Raises `SirecError` if the folder is missing, incomplete, of another version of the format, or
    was changed by hand. A folder without digests, of version 0.2, is read with a `Remark`.
    """
    manifest = read_manifest(folder)
    check_digests(folder, manifest, manifest.digests)
    stored = StoredTables(folder, manifest)
    user_names = stored.names("user", manifest.statistics.users + 1)
    interactions, items, vectors = stored.interactions(), stored.items(), stored.vectors()
    users = codes(interactions, "user")
    counts = torch.bincount(users, minlength=1)[1:]
    offsets = torch.cat([torch.zeros(1, dtype=torch.long), counts.cumsum(0)])
    split = manifest.options.split
    timestamps = _times(interactions, manifest) if split.needs_timestamps else None
    behaviours: dict[str, Tensor] = {}
    vocabularies: dict[str, list[str]] = {}
    for entry in manifest.fields:
        if entry.form != "vector":
            vocabularies[entry.name] = stored.names(entry.name, entry.size)
        if entry.kind == "behaviour":
            behaviours[entry.name] = codes(interactions, entry.name)
    dataset = Dataset(
        name=folder.name,
        offsets=offsets,
        items=codes(interactions, "item"),
        fields=tuple(stored.field(entry, items, vectors) for entry in manifest.fields),
        behaviours=behaviours,
        item_names=["", *items["id"].to_pylist()],
        user_names=user_names,
        titles=["", *items["title"].to_pylist()] if "title" in items.column_names else None,
        vocabularies=vocabularies,
        cut=_hold_out(split, offsets, timestamps, folder),
        is_own=is_own_data(manifest.source),
    )
    if bool((users.diff() < 0).any()) or dataset.fingerprint() != manifest.fingerprint:
        raise changed(folder, f"its contents do not have the fingerprint {manifest.fingerprint}")
    return dataset


def load_timestamps(folder: Path) -> Times | None:
    """The time of each interaction, in the order of `Dataset.items`; None without times."""
    manifest = read_manifest(folder)
    check_digests(folder, manifest, [INTERACTIONS])
    table = StoredTables(folder, manifest).interactions()
    return _times(table, manifest) if "timestamp" in table.column_names else None


def _check_replacement(
    folder: Path, prepared: Prepared, newer: Manifest, replacement: Replacement
) -> None:
    """Raise `SirecError` if something is in the folder's place that may not be replaced."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (folder / MANIFEST).exists():
        raise SirecError(
            f"{folder}: something is there already that is no prepared data set",
            "move it away, or give the data set another --name",
        )
    if replacement.is_allowed:
        return
    try:
        older = read_manifest(folder)
    except SirecError as error:
        raise SirecError(
            f"{error.message}; what would be replaced is not known",
            "give the data set another --name, or replace this one with --replace",
        ) from None
    if not is_same_recipe(older, newer) and not _has_contents_of(folder, older, prepared, newer):
        raise replacement.refusal(folder, older, newer)


def _has_contents_of(folder: Path, older: Manifest, prepared: Prepared, newer: Manifest) -> bool:
    """Whether a data set on disk has the arrays and the names of one that is to be written."""
    if older.fingerprint != newer.fingerprint:
        return False
    try:
        found = load(folder)
    except SirecError:  # what cannot be read is no loss
        return True
    data = prepared.dataset
    return (
        list(found.item_names) == list(data.item_names)
        and list(found.user_names) == list(data.user_names)
        and list(found.titles or ()) == list(data.titles or ())
        and dict(found.vocabularies) == dict(data.vocabularies)
    )


def _swap(fresh: Path, folder: Path, check: Callable[[], None]) -> None:
    """Give the new folder its place, if a check within the lock finds nothing in the way."""
    old = replaced_folder(folder)
    with only_one(folder):
        check()
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)
        try:
            fresh.rename(folder)
        except OSError:
            if old.is_dir():
                old.rename(folder)
            raise
        synchronise(folder.parent)  # the rename has to be on disk before the deletion
        shutil.rmtree(old, ignore_errors=True)


def _times(table: pa.Table, manifest: Manifest) -> Times:
    return Times(codes(table, "timestamp"), manifest.ticks_per_second)


def _hold_out(split: Split, offsets: Tensor, timestamps: Times | None, folder: Path) -> HeldOut:
    try:
        return split.hold_out(offsets, timestamps)
    except SirecError as error:  # the split was possible when the data set was prepared
        raise changed(folder / INTERACTIONS, error.message) from None
