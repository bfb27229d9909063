"""A run's resumable state: one file, replaced after every epoch.

Tensors (weights now and at the best epoch, optimiser state) as safetensors; stage, counters and
epoch reports as JSON in its header. One file means one rename, so weights and counters never
disagree. Randomness follows from the counters (`fit.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from sirec.config import MalformedTextError, load, parse_json
from sirec.data.tensors import load_tensors, save_tensors
from sirec.errors import SirecError
from sirec.training.progress import EpochReport

VERSION = 1
ANEW = "delete it to start this run anew"


@dataclass(frozen=True)
class _State:
    """The JSON in the header."""

    stage: int
    counters: Mapping[str, Any]
    reports: tuple[EpochReport, ...]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The state of a run after an epoch.

    Attributes:
        stage: number of the stage in progress, from 0.
        counters: numbers of the stage's trainer.
        reports: reports of all epochs so far.
        tensors: tensors of the stage's trainer, by name.
    """

    stage: int
    counters: Mapping[str, Any]
    reports: list[dict[str, Any]]
    tensors: Mapping[str, Tensor]

    def save(self, path: Path) -> None:
        """Replace the snapshot at `path`.

        Raises `SirecError` if the disk refuses; the older snapshot is then still there.
        """
        state = {"stage": self.stage, "counters": self.counters, "reports": self.reports}
        header = {"version": str(VERSION), "state": json.dumps(state)}
        save_tensors(path, self.tensors, header)

    @classmethod
    def load(cls, path: Path) -> Snapshot | None:
        """The snapshot at `path`, or None; raises `SirecError` if it cannot be read."""
        if not path.exists():
            return None
        tensors, header = load_tensors(path, ANEW)
        if header.get("version") != str(VERSION):
            raise SirecError(
                f"{path}: snapshot version {header.get('version')}, expected {VERSION}",
                ANEW,
            )
        try:
            state = load(_State, parse_json(header.get("state", "")), str(path))
        except MalformedTextError as error:
            raise SirecError(
                f"{path}: the counters of the snapshot are not readable: {error.problem}", ANEW
            ) from None
        except SirecError as error:
            raise SirecError(error.message, ANEW) from None
        reports = list(map(asdict, state.reports))
        return cls(state.stage, state.counters, reports, tensors)
