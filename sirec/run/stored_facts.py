"""What a run's JSON files hold besides metrics: where it was made, and how long it took."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sirec.config import check_keys, read_json

# The types of what is read again; the rest of these files is for people.
ENVIRONMENT = {"device": str, "processes": int, "plugins": Mapping[str, str]}
TIMINGS = {
    "epochs": int,
    "parameters": int,
    "train_seconds": tuple[float, ...],
    "valid_seconds": tuple[float, ...],
    "evaluation_seconds": float,
}


def read_environment(path: Path) -> dict[str, Any]:
    """The versions, plugins, device and processes in an environment.json.

    Raises:
        SirecError: if it cannot be read, or holds values of other types.
    """
    environment = read_json(path)
    check_keys(ENVIRONMENT, environment, str(path))
    return environment


def read_timings(path: Path, *, is_done: bool) -> dict[str, Any]:
    """The seconds and sizes in a timings.json.

    Args:
        path: the file.
        is_done: whether the run has finished, so that nothing may be missing.

    Raises:
        SirecError: if it cannot be read, or holds values of other types.
    """
    timings = read_json(path)
    check_keys(TIMINGS, timings, str(path), required=TIMINGS if is_done else ())
    return timings
