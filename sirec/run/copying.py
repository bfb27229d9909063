"""Copies of finished runs for others: what tables are drawn from, without the weights.

Terms of a data set may forbid to pass on what was derived from single users. Then the copy lacks
the ranks, too. Its manifest keeps their digest, so that whoever has them can show that they are
these, and says how many users there are.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from sirec.data.split import PARTS
from sirec.data.store.atomic_folder import atomic_folder
from sirec.disk import atomic_file, disk_error, make_folder
from sirec.errors import SirecError
from sirec.run.evaluation_log import EVALUATIONS
from sirec.run.manifest import (
    CONFIG,
    ENVIRONMENT,
    EPOCHS,
    METRICS,
    RANKS,
    TIMINGS,
    RunManifest,
    Withheld,
    checked_file,
    has_file,
    read_manifest,
    store_manifest,
)
from sirec.run.store import RunFolder, Store
from sirec.shell import command

COPIED = (CONFIG, ENVIRONMENT, EPOCHS, METRICS, TIMINGS, RANKS)
ABOUT_USERS = (RANKS,)  # of these files, those that have a value for every user


@dataclass(frozen=True)
class CopiedRun:
    """A run that was copied.

    Attributes:
        run: the copy.
        has_ranks: whether it has the ranks of every user.
        was_there: whether the same copy was there already.
    """

    run: RunFolder
    has_ranks: bool
    was_there: bool


def copy_run(run: RunFolder, results: Path, *, without_ranks: bool) -> CopiedRun:
    """Copy what tables are drawn from into another results folder.

    Every file is compared with its digest first. A copy is there whole or not at all.

    Args:
        run: a finished run.
        results: the other results folder; it is made if it is not there.
        without_ranks: whether to withhold the ranks of single users.

    Raises:
        SirecError: if the run has not finished, is a refit, is damaged or has no digests, if
            it lacks ranks that are to be copied, if the other folder has another run of that id,
            or if the disk refuses.
    """
    run.check_finished()
    run.check_evaluated()
    _check_elsewhere(run, results)
    manifest = _copied_manifest(run, without_ranks=without_ranks)
    copy = RunFolder(results / run.address)
    if copy.is_done and _is_same(copy, manifest):
        return CopiedRun(copy, manifest.withheld is None, was_there=True)
    _check_free(copy, manifest)
    make_folder(copy.path.parent)
    try:
        with atomic_folder(copy.path) as fresh:
            for name in COPIED:
                if not manifest.lacks(name):
                    shutil.copyfile(checked_file(run.path, name), fresh / name)
            if (run.path / EVALUATIONS).exists():
                shutil.copyfile(run.path / EVALUATIONS, fresh / EVALUATIONS)
            store_manifest(fresh, manifest)
            if copy.path.exists():  # the same run, with more or fewer of its files
                shutil.rmtree(copy.path)
            fresh.rename(copy.path)
    except OSError as error:
        raise disk_error(copy.path, error) from error
    return CopiedRun(copy, manifest.withheld is None, was_there=False)


def copy_covariates(run: RunFolder, results: Path) -> Path | None:
    """Copy the covariates of the users of a run's data, which tables of groups of users need.

    Args:
        run: a run.
        results: the other results folder.

    Returns:
        The copy; None if the run's results folder has none.

    Raises:
        SirecError: if the disk refuses.
    """
    own = Store(run.path.resolve().parents[3]).covariates(run.dataset, run.fingerprint())
    if not own.exists():
        return None
    copy = Store(results).covariates(run.dataset, run.fingerprint())
    with atomic_file(copy) as fresh:
        shutil.copyfile(own, fresh)
    return copy


def _check_elsewhere(run: RunFolder, results: Path) -> None:
    if run.path.resolve() == (results / run.address).resolve():
        raise SirecError(
            f"{run.path}: this is the run itself, not a place for a copy",
            "name another results folder: --to published",
        )


def _copied_manifest(run: RunFolder, *, without_ranks: bool) -> RunManifest:
    """The manifest of the copy, with the digests of the run's own files."""
    manifest = read_manifest(run.path)
    if manifest is None:
        results = run.path.resolve().parents[3]
        raise SirecError(
            f"{run.path}: a run of version 0.2 without digests",
            f"give it some: {command('verify', results, '--seal')}",
        )
    ranks = run.ranks_or_means()
    if not has_file(run.path, RANKS) and not without_ranks:
        raise SirecError(
            f"{run.path}: the ranks of this run were withheld when it was copied",
            "copy its metrics alone: --without-ranks",
        )
    files = {name: manifest.files[name] for name in COPIED}
    targets: dict[str, int] = {}
    for part in PARTS:
        targets[part] = ranks.targets[part]
    withheld = Withheld(ABOUT_USERS, ranks.users, targets) if without_ranks else None
    return replace(manifest, files=files, withheld=withheld)


def _is_same(copy: RunFolder, manifest: RunManifest) -> bool:
    """Whether a copy is whole and has the same files."""
    try:
        copy.ranks_or_means()
        return read_manifest(copy.path) == manifest
    except SirecError:
        return False


def _check_free(copy: RunFolder, manifest: RunManifest) -> None:
    """Refuse to replace anything but an earlier copy of the same run."""
    if not copy.path.exists():
        return
    if copy.is_done and copy.digest_of_numbers() == manifest.numbers and not copy.has_weights:
        return
    raise SirecError(
        f"{copy.path}: another run, or one with its weights, stands where the copy is to go",
        "name another results folder, or delete that one",
    )
