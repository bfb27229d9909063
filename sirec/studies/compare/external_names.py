"""Raw ids in files of other tools, as codes of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.evaluation.external_lists import ItemCodes
from sirec.studies.compare.spellings import likely_spelling

MANY = 0.1  # share of the ids from which on unknown ones are a mistake, if they are misspelt
NAMED = 3  # how many unknown names a remark shows


def codes_of(
    given: Sequence[str], key: str, names: Sequence[str], where: Path
) -> tuple[ItemCodes, list[str]]:
    """The codes of raw ids.

    Args:
        given: the raw ids.
        key: what they are ids of: `user` or `item`.
        names: the raw ids of the data set, by code. Code 0 is the padding's.
        where: the file that they are from, for the message of the error.

    Returns:
        Long[N], the code of each id, 0 for an unknown one; and the unknown ids.

    Raises:
        SirecError: if all ids are unknown, or if most of the unknown ones are ids of the data set
            in another spelling and they are more than a few of the given ones.
    """
    code_of = {name: code for code, name in enumerate(names) if code}
    codes = np.array([code_of.get(name, 0) for name in given], dtype=np.int64)
    unknown = [given[index] for index in np.flatnonzero(codes == 0).tolist()]
    _refuse_another_spelling(unknown, len(given), key, names[1:], where)
    if not codes.any():
        raise SirecError(
            f"{where}: none of the {len(given):,} {key}s in it is one of the data set "
            f"({_samples(given)})",
            f"its raw ids: {_samples(names[1:])}",
        )
    return codes, unknown


def _refuse_another_spelling(
    unknown: Sequence[str], given: int, key: str, names: Sequence[str], where: Path
) -> None:
    """Raise `SirecError` if most of the unknown ids are ids of the data set in another spelling."""
    spelling = likely_spelling(unknown, names)
    if spelling is None or len(unknown) < MANY * given:
        return
    plural = "s are" if len(unknown) > 1 else " is"
    theirs, ours = list(spelling.known), list(spelling.known.values())
    raise SirecError(
        f"{where}: {len(unknown):,} of {given:,} {key}{plural} not in the data set "
        f"({_samples(theirs)})",
        f"the data set spells them {spelling.description}: {_samples(ours)}. Ids are texts: write "
        "them as the data set has them (reading with pandas: dtype=str)",
    )


def left_out(users: Sequence[str], items: Sequence[str], data: Dataset) -> tuple[str, ...]:
    """Remarks on the users and items that the data set lacks.

    Args:
        users: raw ids of unknown users.
        items: raw ids of unknown items.
        data: the data set.
    """
    remarks: list[str] = []
    unknown = (("user", users, data.user_names), ("item", items, data.item_names))
    for key, names, known in unknown:
        if names:
            plural = "s" * (len(names) > 1)
            remark = f"{len(names):,} {key}{plural} not in {data.name} left out ({_samples(names)})"
            spelling = likely_spelling(names, known[1:])
            if spelling is not None:
                ours = _samples(list(spelling.known.values()))
                remark = f"{remark}; it has {ours}, {spelling.description}"
            remarks.append(remark)
    return tuple(remarks)


def _samples(names: Sequence[str]) -> str:
    """The first names in quotes, with dots where there are more."""
    shown = ", ".join(f"'{name}'" for name in names[:NAMED])
    return f"{shown}, …" if len(names) > NAMED else shown
