"""`sirec.train_config`: runs of a configuration file, which is that of a run or one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sirec.api_results import TrainedRuns
from sirec.data.dataset import Dataset
from sirec.disk import disk_faults
from sirec.run.build import torch_state_restored
from sirec.run.store import Store
from sirec.studies.launch.from_config import ConfigFile, ConfigTraining
from sirec.studies.launch.single import expect_seeds, train_seeds
from sirec.studies.launch.watcher import SilentStudy, StudyWatcher


@disk_faults()
def train_config(
    config: str | Path,
    data: str | Dataset | None = None,
    *,
    fields: Sequence[str] | None = None,
    seeds: int | Sequence[int] | None = None,
    set: Mapping[str, object] | None = None,
    device: str = "auto",
    again: bool = False,
    dry_run: bool = False,
    results: str | Path = "results",
    data_root: str | Path = "data",
    watcher: StudyWatcher | None = None,
) -> TrainedRuns:
    """Train what a configuration file says; a run that has finished is taken as it is.

    Args:
        config: `config.yaml` of a run, the folder of the run, or a file with some of its keys, of
            which `model` must be there; the model's usual settings fill the rest.
        data: the data set, or its name, instead of the file's.
        fields: names of the attributes and behaviours that the model reads, instead of the file's.
        seeds: the seed, or several, instead of the file's.
        set: settings over the file's, by key or dotted path.
        device: `cpu`, `cuda`, `cuda:1`, or `auto`: an accelerator if there is one, else the CPU.
        again: whether to train runs that have finished, too.
        dry_run: whether to look up which runs there are, and to train and write nothing.
        results: results folder.
        data_root: folder of prepared data sets.
        watcher: is told how it goes, and what overrides the file.

    Returns:
        The runs, in the order of the seeds.

    Raises:
        SirecError: for a file that cannot be read, unknown keys, values that do not fit, and the
            configuration of a refit.
    """
    file = ConfigFile.read(Path(config))
    training = ConfigTraining(
        file,
        device,
        again,
        (seeds,) if isinstance(seeds, int) else None if seeds is None else tuple(seeds),
        None if fields is None else tuple(fields),
        dict(set or {}),
    )
    chosen = file.data if data is None else data
    store, told = Store(Path(results)), watcher or SilentStudy()
    if dry_run:
        return TrainedRuns(
            (), forecast=expect_seeds(training, chosen, Path(data_root), store, told)
        )
    with torch_state_restored():
        folders, is_main = train_seeds(training, chosen, Path(data_root), store, told)
    return TrainedRuns(tuple(folders), is_main)
