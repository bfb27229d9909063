"""Raw ids in files of other tools, as codes of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.evaluation.external_lists import ItemCodes

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
        SirecError: if all ids are unknown.
    """
    code_of = {name: code for code, name in enumerate(names) if code}
    codes = np.array([code_of.get(name, 0) for name in given], dtype=np.int64)
    if not codes.any():
        shown = _quoted(names[1 : NAMED + 1])
        raise SirecError(
            f"{where}: no {key} in it is one of the data set ('{given[0]}')",
            f"its raw ids: {shown}, …",
        )
    return codes, [given[index] for index in np.flatnonzero(codes == 0).tolist()]


def left_out(users: Sequence[str], items: Sequence[str], data: Dataset) -> tuple[str, ...]:
    """Remarks on the users and items that the data set lacks.

    Args:
        users: raw ids of unknown users.
        items: raw ids of unknown items.
        data: the data set.
    """
    remarks: list[str] = []
    for key, names in (("user", users), ("item", items)):
        if names:
            shown = _quoted(names[:NAMED])
            if len(names) > NAMED:
                shown += ", …"
            plural = "s" * (len(names) > 1)
            remarks.append(f"{len(names):,} {key}{plural} not in {data.name} left out ({shown})")
    return tuple(remarks)


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
