"""A run's resumable state: one file, replaced after every epoch.

Tensors (weights now and at the best epoch, optimiser state) as safetensors; stage, counters and
epoch reports as JSON in its header. One file means one rename, so weights and counters never
disagree. Randomness follows from the counters (`fit.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from sirec.config import MalformedTextError, parse_json
from sirec.errors import SirecError
from sirec.run.tensors import load_tensors, save_tensors

VERSION = 1


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
        tensors, header = load_tensors(path, "delete it to start this run anew")
        if header.get("version") != str(VERSION):
            raise SirecError(
                f"{path}: snapshot version {header.get('version')}, expected {VERSION}",
                "delete it to start anew",
            )
        try:
            state = parse_json(header.get("state", ""))
        except MalformedTextError as error:
            raise SirecError(
                f"{path}: the counters of the snapshot are not readable: {error.problem}",
                "delete it to start this run anew",
            ) from None
        return cls(state["stage"], state["counters"], state["reports"], tensors)
