"""Train one model on one data set, with one seed or several, in one process or in a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sirec.data.dataset import Dataset
from sirec.errors import SirecError
from sirec.models import model_class
from sirec.run.config import Profile, resolve
from sirec.run.device import AUTO, device_named, usual_device
from sirec.run.evaluation_log import log_request
from sirec.run.store import RunFolder, Store
from sirec.studies.compare.comparison import Comparison
from sirec.studies.launch.data import choose_dataset, choose_shared_dataset
from sirec.studies.launch.dry_run import RunExpectation, dry_run
from sirec.studies.launch.train import train_one_by_one
from sirec.studies.launch.watcher import SilentStudy, StudyWatcher
from sirec.studies.spec.fields import default_fields_remark, field_settings, vectors_remark
from sirec.studies.spec.plan import PlannedRun
from sirec.training.process_group import is_one_of_several, joined, own_device


@dataclass(frozen=True)
class Training:
    """A model to train, and how.

    Attributes:
        model: name of the model.
        seeds: one run is trained for each.
        assignments: settings over the configuration, by dotted path.
        protocol: name of the protocol.
        profile: the reading of the paper.
        device: where to train.
        again: whether to train runs that have finished, too.
        fields: attributes and behaviours that the model reads besides the position; None for those
            that are usual.
    """

    model: str
    seeds: tuple[int, ...]
    assignments: Mapping[str, object]
    protocol: str
    profile: Profile
    device: str
    again: bool
    fields: tuple[str, ...] | None = None

    def runs(self, data: Dataset) -> list[PlannedRun]:
        """The runs on a data set, one a seed.

        Raises:
            SirecError: for a setting that does not fit, and for seeds that are given twice.
        """
        if len(self.seeds) > 1 and "seed" in self.assignments:
            raise SirecError("seed is set, and several seeds are given", "leave one of them out")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise SirecError(f"seeds {list(self.seeds)}: expected different ones, at least one")
        assignments = dict(self.assignments)
        if self.fields is not None:
            assignments |= field_settings(data, self.fields, self.assignments)
        title = model_class(self.model).title
        planned: list[PlannedRun] = []
        for seed in self.seeds:
            config = resolve(
                self.model,
                data,
                protocol=self.protocol,
                profile=self.profile,
                assignments={"seed": seed, **assignments},
            )
            planned.append(PlannedRun(title, config))
        return planned

    def told_runs(self, data: Dataset, watcher: StudyWatcher) -> list[PlannedRun]:
        """The runs on a data set, after telling which attributes nobody has named.

        Args:
            data: the prepared data set.
            watcher: who is told.
        """
        runs = self.runs(data)
        if self.fields is None:
            remark = default_fields_remark(data, self.protocol, self.model, self.assignments)
            if remark is not None:
                watcher.remark(remark)
        vectors = vectors_remark(runs[0].config, data)
        if vectors is not None:
            watcher.remark(vectors)
        return runs


class TrainingRequest(Protocol):
    """What is to be trained: a model and its settings, or what a configuration file says."""

    @property
    def model(self) -> str:
        """Name of the model."""
        ...

    @property
    def device(self) -> str:
        """Where to train."""
        ...

    @property
    def again(self) -> bool:
        """Whether to train runs that have finished, too."""
        ...

    def told_runs(self, data: Dataset, watcher: StudyWatcher) -> list[PlannedRun]:
        """The runs on a data set, after telling what a person should know of their settings.

        Args:
            data: the prepared data set.
            watcher: who is told.
        """
        ...


def train_seeds(
    training: TrainingRequest,
    data: str | Dataset | None,
    data_root: Path,
    store: Store,
    watcher: StudyWatcher,
) -> tuple[list[RunFolder], bool]:
    """Train what is missing of a model's runs.

    Where torchrun has started several processes, they train each run together.

    Args:
        training: the model, and how it is trained.
        data: the data set, or its name; without one it is chosen.
        data_root: folder of prepared data sets.
        store: where runs are kept.
        watcher: who is told how it goes.

    Returns:
        The folder of each seed's run, and whether this process is the first one.

    Raises:
        SirecError: for an unknown name, a setting that does not fit, a loss that diverges.
    """
    model_class(training.model)  # an unknown model is told before any data are touched
    device = device_of_process(training.device)
    with joined(str(device_named(device))) as process_group:
        if not isinstance(data, Dataset):
            data = choose_shared_dataset(data, data_root, process_group, watcher.remark)
        folders = train_one_by_one(
            training.told_runs(data, watcher if process_group.is_main else SilentStudy()),
            data,
            store,
            device=device,
            again=training.again,
            watcher=watcher,
            process_group=process_group,
        )
    if process_group.is_main:
        _log_requests(folders)
    return folders, process_group.is_main


def _log_requests(folders: Sequence[RunFolder]) -> None:
    """Note that somebody asked for these runs; finished work needs nothing to be written."""
    for folder in folders:
        with suppress(SirecError, OSError):
            log_request(folder.path)


def expect_seeds(
    training: TrainingRequest,
    data: str | Dataset | None,
    data_root: Path,
    store: Store,
    watcher: StudyWatcher,
) -> Comparison:
    """Which of a model's runs there are and which are missing; nothing is trained.

    Args:
        training: the model, and how it would be trained.
        data: the data set, or its name; without one it is chosen.
        data_root: folder of prepared data sets.
        store: where runs are kept.
        watcher: who is told what a person should know of the settings.

    Raises:
        SirecError: for an unknown name, and a setting that does not fit.
    """
    title = model_class(training.model).title
    if not isinstance(data, Dataset):
        data = choose_dataset(data, data_root, watcher.remark)
    look_up = RunExpectation(data, store, training.device, training.again)
    return dry_run(title, look_up.of(training.told_runs(data, watcher)))


def device_of_process(device: str) -> str:
    """The device of this process; `auto` stays where a process trains alone.

    Several processes must use the same kind of device before they can meet.
    """
    if not is_one_of_several():
        return device if device == AUTO else str(device_named(device))
    kind = usual_device() if device == AUTO else device
    return str(device_named(own_device(kind)))
