"""Finished runs whose weights are looked into: chosen by name, beside themselves as they were
before training.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch

from sirec.config import dump, load
from sirec.core.model import INIT_STD
from sirec.core.transformer import FusedTransformer, TransformerConfig
from sirec.data.dataset import Dataset
from sirec.data.fields import PADDING
from sirec.data.tasks.batch import Batch
from sirec.data.tasks.rows import SequenceRows, gather
from sirec.errors import SirecError
from sirec.models import MODELS, model_class
from sirec.run.config import RunConfig
from sirec.run.execute import load_model, set_up
from sirec.run.files import read_json, replace_json
from sirec.run.store import RunFolder
from sirec.studies.compare.select_runs import ListedRun

# histories looked at together: n x n scores of each head in 64 bits stay below a hundred megabytes
BLOCK_ROWS = 64
TRAINED, UNTRAINED = "trained", "freshly initialised"


@dataclass(frozen=True)
class Subject:
    """A finished run of a model with attention, and the name of its row; seeds of one setting share
    it.
    """

    label: str
    folder: RunFolder

    @property
    def config(self) -> RunConfig:
        """The run's configuration."""
        return self.folder.config()

    @property
    def link(self) -> str:
        """The run's folder, as tables name it."""
        return "/".join(self.folder.path.parts[-5:])

    def states(self, data: Dataset) -> Iterator[tuple[str, FusedTransformer, Dataset]]:
        """The model trained, then freshly initialised, in evaluation mode, and the data with the
        fields it reads.

        The control's padding row is drawn like the others, as in the authors' code; ours begins,
        and stays, at 0.
        """
        trained = load_model(self.folder, data)
        yield TRAINED, _attention_model(trained.model), trained.data
        fresh = set_up(self.config, data, torch.device("cpu"))
        with torch.no_grad():
            _attention_model(fresh.model).items.weight[PADDING].normal_(std=INIT_STD)
        yield UNTRAINED, _attention_model(fresh.model.eval()), fresh.data


def check_models(names: Sequence[str]) -> None:
    """Raises `SirecError` for an unknown model, or one without attention."""
    for name in names:
        if not issubclass(model_class(name), TransformerConfig):
            raise SirecError(
                f"{name} has no attention to look into",
                f"models with attention: {', '.join(_with_attention())}",
            )


def subjects(listed: Sequence[ListedRun], out: Path) -> list[Subject]:
    """Finished runs (see `finished.py`) as subjects, floors and whatever else has no attention left
    out.

    Raises `SirecError` if none is left, if weights are missing, or if the runs differ in data or
    window.
    """
    found = [Subject(line.label, RunFolder(out / line.run)) for line in listed]
    found = [subject for subject in found if isinstance(subject.config.model, TransformerConfig)]
    if not found:
        raise SirecError(
            "none of these runs has attention to look into",
            f"models with attention: {', '.join(_with_attention())}",
        )
    _refuse_several("data", [subject.config.data.name for subject in found])
    _refuse_several("max_length", [str(subject.config.data.max_length) for subject in found])
    for subject in found:
        if not subject.folder.has_weights:
            subject.folder.weights()  # says which file is missing, and what to do
    return found


def _refuse_several(what: str, values: Sequence[str]) -> None:
    if len(set(values)) > 1:
        raise SirecError(
            f"these runs differ in {what}: {', '.join(sorted(set(values)))}",
            f"one {what} at a time",
        )


def _with_attention() -> list[str]:
    return [
        name for name, declaration in MODELS.items() if issubclass(declaration, TransformerConfig)
    ]


class Labelled(Protocol):
    """What is measured on a run carries the name of the run's row and the run's folder."""

    @property
    def label(self) -> str:
        """The row."""

    @property
    def link(self) -> str:
        """The folder, as tables name it."""


Measured = TypeVar("Measured", bound=Labelled)


def by_label(runs: Sequence[Measured]) -> list[list[Measured]]:
    """Measured runs of one row together (seeds of one setting), rows in the order of their first
    run.
    """
    rows: dict[str, list[Measured]] = {}
    for run in runs:
        rows.setdefault(run.label, []).append(run)
    return list(rows.values())


def links(runs: Sequence[Labelled]) -> dict[str, str]:
    """Id -> folder of the runs of a row."""
    return {Path(run.link).name: run.link for run in runs}


def sample(rows: SequenceRows, users: int, seed: int) -> SequenceRows:
    """At most `users` of the rows, drawn without repetition, shortest first so that batches are of
    one length.
    """
    if users < 1:
        raise SirecError(f"users {users} must be at least 1")
    chosen = np.random.default_rng(seed).permutation(len(rows))[:users]
    return rows.take(chosen[np.argsort(rows.lengths[chosen], kind="stable")])


def batches(data: Dataset, rows: SequenceRows) -> Iterator[Batch]:
    """The batches of these rows, in their order."""
    for first in range(0, len(rows), BLOCK_ROWS):
        yield gather(data, rows.take(np.arange(first, min(first + BLOCK_ROWS, len(rows)))))


def in_64_bits(model: FusedTransformer) -> FusedTransformer:
    """A copy of a model that computes in 64 bits."""
    return copy.deepcopy(model).double()


def _attention_model(model: torch.nn.Module) -> FusedTransformer:
    assert isinstance(model, FusedTransformer), "checked by name before"
    return model


def write_record(out: Path, name: str, record: object) -> Path:
    """Keep what was measured, so that tables can be drawn again without weights; returns the
    file.
    """
    path = record_path(out, name)
    replace_json(path, dump(record))
    return path


def read_record(out: Path, name: str, kind: type[Any]) -> Any:
    """What was measured under this name. Raises `SirecError` if nothing was, or the file is
    damaged.
    """
    path = record_path(out, name)
    if not path.exists():
        raise SirecError(
            f"{path}: no such file", "measure first: the same command without --render-only"
        )
    return load(kind, read_json(path), str(path))


def record_path(out: Path, name: str) -> Path:
    """Where a measurement is kept."""
    return out / "measurements" / f"{name}.json"
