"""The lists of a run's test users, stored beside its ranks for metrics of lists."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from sirec.data.dataset import Dataset
from sirec.disk import make_folder
from sirec.errors import SirecError
from sirec.evaluation.full_ranking import OnUsers
from sirec.evaluation.list_metrics import ListMetric
from sirec.evaluation.lists import LONGEST, ListedItems, TopLists, compute_lists
from sirec.run.build import load_model
from sirec.run.commit import commit, complete
from sirec.run.manifest import LIST_ITEMS, LISTS, read_manifest, write_manifest
from sirec.run.store import RunFolder
from sirec.shell import command

NEW_LISTS = ".lists"  # inside a run: lists that are being made


def store_lists(
    folder: RunFolder, data: Dataset, count: int, on_users: OnUsers | None = None
) -> bool:
    """Compute the lists of a run's test users with its stored weights, and store them.

    The lists and the new manifest appear together, or the run stays as it was. Lists that are long
    enough stay.

    Args:
        folder: the folder of the run.
        data: the whole data set that it was trained on.
        count: K, how many items a list has.
        on_users: called with the number of users done, and of all.

    Returns:
        Whether lists were computed.

    Raises:
        SirecError: if the run has not finished, is a refit, has no weights or was trained on other
            data, for another number than 1 to `LONGEST`, and where the disk refuses.
    """
    if not 1 <= count <= LONGEST:
        raise SirecError(f"lists of {count}: expected 1 to {LONGEST:,} items")
    folder.check_evaluated()
    if has_lists(folder) and read_lists(folder).length >= min(count, data.item_count):
        return False
    built = load_model(folder, data)
    known, window = ListedItems.of(data), built.schema.max_length
    lists = compute_lists(built.model, built.data, known, window, count, on_users)
    fresh = folder.path / NEW_LISTS
    with folder.locked():
        complete(folder.path)
        shutil.rmtree(fresh, ignore_errors=True)  # of a process that was killed
        make_folder(fresh)
        lists.write(fresh / LISTS, fresh / LIST_ITEMS)
        write_manifest(fresh, based_on=folder.path)
        commit(folder.path, fresh)
    return True


def has_lists(folder: RunFolder) -> bool:
    """Whether a run has stored lists."""
    manifest = read_manifest(folder.path) if folder.is_done else None
    return manifest is not None and LISTS in manifest.files


def read_lists(folder: RunFolder, longest: int = 1) -> TopLists:
    """The lists of a run.

    Args:
        folder: the folder of the run.
        longest: how many items the lists must have, unless the catalogue has fewer.

    Raises:
        SirecError: if none are stored, if they are shorter or damaged; with the command that
            stores them.
    """
    hint = f"this stores them: {command('evaluate', folder.path, '--lists', max(longest, 10))}"
    if not has_lists(folder):
        raise SirecError(f"{folder.path}: no lists of items are stored", hint)
    files = [folder.checked_file(name) for name in (LISTS, LIST_ITEMS)]
    lists = TopLists.read(files[0], files[1], hint)
    if lists.length < min(longest, len(lists.items.users) - 1):
        raise SirecError(
            f"{folder.path}: the stored lists have {lists.length} items, not {longest}", hint
        )
    return lists


def lacks_lists(folder: RunFolder, longest: int) -> bool:
    """Whether a run has no lists, or shorter ones than its catalogue allows.

    Args:
        folder: the folder of the run.
        longest: how many items the lists must have.

    Raises:
        SirecError: if they are damaged.
    """
    if not has_lists(folder):
        return True
    lists = read_lists(folder)
    return lists.length < min(longest, len(lists.items.users) - 1)


def longest_cutoff(metrics: Sequence[ListMetric]) -> int:
    """The largest cutoff of some metrics; 1 for none."""
    return max([1, *(metric.cutoff for metric in metrics)])
