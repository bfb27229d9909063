"""A run's resumable state: one file, replaced after every epoch.

Tensors (weights now and at the best epoch, optimiser state) as safetensors; stage, counters and
epoch reports as JSON in its header, with a digest of all of these and of the run's id. One file
means one rename, so weights and counters never disagree. Randomness follows from the counters
(`fit.py`).
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sirec.config import MalformedTextError, load, parse_json
from sirec.data.tensors import load_tensors, save_tensors
from sirec.errors import Remark, SirecError
from sirec.training.progress import EpochReport

VERSION = "2"
WITHOUT_DIGEST = "1"  # the version of sirec 0.2, which is still read
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
        text = json.dumps(state)
        digest = _digest(_run_of(path), text, self.tensors)
        save_tensors(path, self.tensors, {"version": VERSION, "state": text, "digest": digest})

    @classmethod
    def load(cls, path: Path) -> Snapshot | None:
        """The snapshot at `path`, or None.

        One of version 0.2, without a digest, is read with a `Remark`.

        Raises:
            SirecError: if it cannot be read, or is not what this run has written.
        """
        if not path.exists():
            return None
        tensors, header = load_tensors(path, ANEW)
        version, text = header.get("version"), header.get("state", "")
        if version not in (VERSION, WITHOUT_DIGEST):
            raise SirecError(f"{path}: snapshot version {version}, expected {VERSION}", ANEW)
        if version == WITHOUT_DIGEST and "digest" not in header:
            warnings.warn(
                f"{path}: a snapshot without a digest, which version 0.2 wrote: training goes on "
                "from it unchecked",
                Remark,
                stacklevel=2,
            )
        elif header.get("digest") != _digest(_run_of(path), text, tensors):
            raise SirecError(f"{path}: not the snapshot that this run wrote", ANEW)
        try:
            state = load(_State, parse_json(text), str(path))
        except MalformedTextError as error:
            raise SirecError(
                f"{path}: the counters of the snapshot are not readable: {error.problem}", ANEW
            ) from None
        except SirecError as error:
            raise SirecError(error.message, ANEW) from None
        reports = list(map(asdict, state.reports))
        return cls(state.stage, state.counters, reports, tensors)


def _run_of(path: Path) -> str:
    """The id of the run that a snapshot is of: the name of its folder, hidden ones passed over."""
    folder = path.resolve().parent
    while folder.name.startswith("."):
        folder = folder.parent
    return folder.name


def _digest(run: str, state: str, tensors: Mapping[str, Tensor]) -> str:
    """The sha256 of a run's id, its counters, and names, types, shapes and values of tensors."""
    digest = hashlib.sha256(json.dumps([run, state]).encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
