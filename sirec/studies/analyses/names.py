"""What a measurement is called: all that was asked for and is not what is usual, so that no other
measurement is replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sirec.errors import SirecError

SAMPLED_USERS = 2000  # of whom there may be fewer
ID_DIGITS = 6


@dataclass(frozen=True)
class RunSelection:
    """Runs by the row of a study, by model, by id, or (all empty) of the models that the
    measurement is about.
    """

    study: str | None = None
    models: Sequence[str] = ()
    ids: Sequence[str] = ()


def check_name(name: str | None) -> str | None:
    """A name under which files can be written, or None. Raises `SirecError` if it would lead to
    another folder, or is none.
    """
    if name is None:
        return None
    if not name or name.startswith(".") or Path(name).name != name or "\\" in name:
        raise SirecError(
            f"--name '{name}' is not a plain name",
            "letters, digits, - and _; folders are chosen with --out",
        )
    return name


def analysis_name(kind: str, data: str, choice: RunSelection, users: int, seed: int) -> str:
    """The default name of a measurement: kind, data, and the options that are not default.

    >>> analysis_name("rankcheck", "beauty", RunSelection(), 2000, 0)
    'rankcheck_beauty'
    >>> chosen = RunSelection(study="overall", models=["comif", "nova"])
    >>> analysis_name("rankcheck", "beauty", chosen, 100, 3)
    'rankcheck_beauty_overall_comif_nova_users100_seed3'

    Args:
        kind: name of the analysis.
        data: name of the data set.
        choice: which runs are measured.
        users: how many test users are drawn at most.
        seed: of the draw.
    """
    chosen = [choice.study] if choice.study else []
    chosen += [*choice.models, *(run[:ID_DIGITS] for run in choice.ids)]
    sample = [f"users{users}"] if users != SAMPLED_USERS else []
    sample += [f"seed{seed}"] if seed else []
    return "_".join([kind, data, *chosen, *sample])
