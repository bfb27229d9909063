"""What callers pass to the functions of `sirec.api`, turned into what the library works on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sirec.data.reading.vectors import ItemVectors, checked_vectors, read_vectors
from sirec.data.split import PARTS
from sirec.errors import SirecError, unknown
from sirec.evaluation.ranks import HISTORY_RULES
from sirec.report.results import View
from sirec.run.store import RunFolder, Store

AnyRun: TypeAlias = str | Path | RunFolder
GivenVectors: TypeAlias = str | Path | tuple[Sequence[Any], NDArray[Any]]
"""Vectors of items: a file, or ids with an array [N, W]."""


def vectors_of(vectors: Mapping[str, GivenVectors]) -> dict[str, ItemVectors]:
    """The vectors of each attribute, read from files or taken from arrays.

    Raises `SirecError` for what cannot be read or used.
    """
    found: dict[str, ItemVectors] = {}
    for name, given in vectors.items():
        if isinstance(given, str | Path):
            found[name] = read_vectors(name, Path(given))
            continue
        try:
            ids, matrix = given
            array = np.asarray(matrix)
        except (TypeError, ValueError):
            raise SirecError(
                f"vectors of {name}: neither a file nor ids with an array",
                f"for example vectors={{'{name}': (ids, array)}}",
            ) from None
        found[name] = checked_vectors(f"vectors of {name}", list(ids), array)
    return found


def files_beside(
    vectors: Mapping[str, GivenVectors],
    users: pd.DataFrame | str | Path | None,
    users_key: str | None,
    user_attributes: Mapping[str, str],
) -> dict[str, object]:
    """What is given of `sirec.data.beside.Beside`.

    Args:
        vectors: name of an attribute -> file.
        users: file of the table of users, if there is one.
        users_key: its column of users.
        user_attributes: name of an attribute -> column of that table.

    Raises:
        SirecError: for what is in memory, where files are needed.
    """
    in_memory = [name for name, given in vectors.items() if not isinstance(given, str | Path)]
    if in_memory or isinstance(users, pd.DataFrame):
        what = f"vectors of {in_memory[0]}" if in_memory else "users"
        raise SirecError(
            f"{what} are in memory, but the interactions are not", "name a file of them"
        )
    files: dict[str, object] = {}
    if vectors:
        files["vectors"] = {name: str(given) for name, given in vectors.items()}
    if users is not None:
        files["users"] = str(users)
    if users_key is not None:
        files["users_key"] = users_key
    if user_attributes:
        files["user_attributes"] = dict(user_attributes)
    return files


def frame_of_users(users: pd.DataFrame | str | Path | None) -> pd.DataFrame | None:
    """The table of users beside DataFrames; raises `SirecError` for a file."""
    if users is None or isinstance(users, pd.DataFrame):
        return users
    raise SirecError("the interactions are a DataFrame, and users are a file", "read them first")


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
