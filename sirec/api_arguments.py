"""What callers pass to the functions of `sirec.api`, turned into what the library works on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

from sirec.data.split import PARTS
from sirec.errors import unknown
from sirec.evaluation.ranks import HISTORY_RULES
from sirec.report.results import View
from sirec.run.store import RunFolder, Store

AnyRun: TypeAlias = str | Path | RunFolder


def seeds_of(seeds: Sequence[int] | None) -> tuple[int, ...] | None:
    """The seeds as a tuple; none stays none."""
    return None if seeds is None else tuple(seeds)


def view_of(split: str, history: str) -> View:
    """The view of these names; raises `SirecError` for one that is none."""
    if split not in PARTS:
        raise unknown("split", split, PARTS)
    if history not in HISTORY_RULES:
        raise unknown("history rule", history, HISTORY_RULES)
    return View(split, history)


def folders_of(
    runs: AnyRun | Iterable[AnyRun],
    store: Store,
    *,
    keeps_repeats: bool = False,
    told: Callable[[str], None] = lambda remark: None,
) -> list[RunFolder]:
    """The folders of runs that are named by path, by id or by model, each once.

    Args:
        runs: the runs.
        store: where runs are kept.
        keeps_repeats: whether a run that is named twice is there twice.
        told: called with which run it is, where a model was named.

    Raises:
        SirecError: if there is no such run, or several.
    """
    if isinstance(runs, str | Path | RunFolder):
        runs = [runs]
    folders: list[RunFolder] = []
    for run in runs:
        folder = run if isinstance(run, RunFolder) else store.find(str(run), told)
        if keeps_repeats or folder not in folders:
            folders.append(folder)
    return folders


def only_dataset(folders: Sequence[RunFolder]) -> str | None:
    """The one data set of these runs, if there is one."""
    names = {folder.dataset for folder in folders}
    return names.pop() if len(names) == 1 else None
