"""Finished runs whose weights are looked into: chosen by name, beside themselves as they were before training."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch

from sirec.config import dump, load
from sirec.core.model import INIT_STD
from sirec.core.transformer import FusedTransformer, TransformerConfig
from sirec.data.batch import Batch
from sirec.data.dataset import Dataset
from sirec.data.fields import PADDING
from sirec.data.tasks import Rows, gather
from sirec.errors import SirecError
from sirec.models import MODELS, model_class
from sirec.run.execute import load_model, set_up
from sirec.run.files import read_json, replace_json
from sirec.run.store import RunFolder, Store
from sirec.studies.runs import entries

BLOCK_ROWS = 64  # histories looked at together: n x n scores of each head in 64 bits stay below a hundred megabytes
TRAINED, UNTRAINED = "trained", "freshly initialised"


@dataclass(frozen=True)
class Subject:
    """A finished run of a model with attention, and the name of its row; seeds of one setting share it."""

    label: str
    folder: RunFolder

    @property
    def link(self) -> str:
        """The run's folder, as tables name it."""
        return "/".join(self.folder.path.parts[-5:])

    def states(self, data: Dataset) -> Iterator[tuple[str, FusedTransformer, Dataset]]:
        """The model trained, then freshly initialised, in evaluation mode, and the data with the fields it reads.

        The control's padding row is drawn like the others, as in the authors' code; ours begins, and stays, at 0.
        """
        trained = load_model(self.folder, data)
        yield TRAINED, _attention_model(trained.model), trained.data
        fresh = set_up(self.folder.config(), data, torch.device("cpu"))
        with torch.no_grad():
            _attention_model(fresh.model).items.weight[PADDING].normal_(std=INIT_STD)
        yield UNTRAINED, _attention_model(fresh.model.eval()), fresh.data


def check_models(names: Sequence[str]) -> None:
    """Raises `SirecError` for an unknown model, or one without attention."""
    for name in names:
        if not issubclass(model_class(name), TransformerConfig):
            known = [model for model, declaration in MODELS.items() if issubclass(declaration, TransformerConfig)]
            raise SirecError(f"{name} has no attention to look into", f"models with attention: {', '.join(known)}")


def subjects_of_models(store: Store, data: str, models: Sequence[str]) -> list[Subject]:
    """Every finished run of these models on a data set whose weights are there.

    Raises `SirecError` for a model without such a run, naming the command that makes one.
    """
    check_models(models)
    folders: list[RunFolder] = []
    for name in models:
        mine = [run for run in store.all() if run.is_done and run.path.parts[-3:-1] == (data, name)]
        if not mine:
            raise SirecError(f"{data} has no finished run of {name}", f"train it first: sirec train {name} --data {data}")
        folders += [run for run in mine if run.has_weights] or mine
    return subjects_of_runs(folders)


def subjects_of_runs(folders: Sequence[RunFolder]) -> list[Subject]:
    """These runs, each with its row's name. Raises `SirecError` where one cannot be looked into, or data differ."""
    folders = list(dict.fromkeys(folders))
    check_models([folder.config().model.name for folder in folders])
    labels = [entry.label for entry in entries(folders)]
    return _checked([Subject(label, folder) for label, folder in zip(labels, folders, strict=True)])


def subjects_of_study(out: Path, study: str, models: Sequence[str]) -> list[Subject]:
    """The runs of a study under its rows' names: those of `models`, or without any all that have attention."""
    check_models(models)
    record: Mapping[str, Any] = read_json(out / "studies" / f"{study}.json")
    found = [Subject(line["label"], RunFolder(out / line["run"])) for line in record["runs"]]
    by_model = [(subject.folder.config().model, subject) for subject in found]
    wanted = models or [model.name for model, _ in by_model if isinstance(model, TransformerConfig)]
    return _checked([subject for model, subject in by_model if model.name in wanted])


def _checked(subjects: list[Subject]) -> list[Subject]:
    if not subjects:
        raise SirecError("no runs to look into", "name run folders, or models with --models")
    data = {subject.folder.config().data.name: subject for subject in subjects}
    if len(data) > 1:
        raise SirecError(f"runs of different data: {', '.join(sorted(data))}", "one data set at a time")
    windows = {subject.folder.config().data.max_length for subject in subjects}
    if len(windows) > 1:
        raise SirecError(f"runs of different windows: {', '.join(map(str, sorted(windows)))}", "one max_length at a time")
    for subject in subjects:
        if not subject.folder.has_weights:
            subject.folder.weights()  # says which file is missing, and what to do
    return subjects


class Labelled(Protocol):
    """What is measured on a run carries the name of the run's row."""

    @property
    def label(self) -> str:
        """The row."""


Measured = TypeVar("Measured", bound=Labelled)


def by_label(runs: Sequence[Measured]) -> list[list[Measured]]:
    """Measured runs of one row together (seeds of one setting), rows in the order of their first run."""
    rows: dict[str, list[Measured]] = {}
    for run in runs:
        rows.setdefault(run.label, []).append(run)
    return list(rows.values())


def sample(rows: Rows, users: int, seed: int) -> Rows:
    """At most `users` of the rows, drawn without repetition, shortest first so that batches are of one length."""
    if users < 1:
        raise SirecError(f"users {users} must be at least 1")
    chosen = np.random.default_rng(seed).permutation(len(rows))[:users]
    return rows.take(chosen[np.argsort(rows.lengths[chosen], kind="stable")])


def batches(data: Dataset, rows: Rows) -> Iterator[Batch]:
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
    """Keep what was measured, so that tables can be drawn again without weights; returns the file."""
    path = record_path(out, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_json(path, dump(record))
    return path


def read_record(out: Path, name: str, kind: type[Any]) -> Any:
    """What was measured under this name. Raises `SirecError` if nothing was, or the file is damaged."""
    path = record_path(out, name)
    if not path.exists():
        raise SirecError(f"{path}: no such file", "measure first: the same command without --render-only")
    return load(kind, read_json(path), str(path))


def record_path(out: Path, name: str) -> Path:
    """Where a measurement is kept."""
    return out / "measurements" / f"{name}.json"
