"""`sirec.refit`: a finished run trained anew on all interactions, to recommend with it."""

from __future__ import annotations

from pathlib import Path

from sirec.api_arguments import AnyRun, folders_of
from sirec.disk import disk_faults
from sirec.run.build import torch_state_restored
from sirec.run.store import RunFolder, Store
from sirec.studies.launch.refit import RefitRequest, train_refit
from sirec.studies.launch.watcher import SilentStudy, StudyWatcher


@disk_faults()
def refit(
    run: AnyRun,
    *,
    device: str = "auto",
    again: bool = False,
    results: str | Path = "results",
    data_root: str | Path = "data",
    watcher: StudyWatcher | None = None,
) -> RunFolder:
    """Train a run anew on all interactions, those of validation and test too.

    It has the settings of the run, and as many epochs as the run's selected weights had. A refit
    is there to recommend with: it cannot be evaluated, as no target is left. One that has finished
    is taken as it is.

    Args:
        run: a run folder, the first digits of its id, or `demo/comif` or `comif` for the newest
            finished run of a model.
        device: `cpu`, `cuda`, `cuda:1`, or `auto`: an accelerator if there is one, else the CPU.
        again: whether to train a refit that has finished, too.
        results: results folder.
        data_root: folder of prepared data sets.
        watcher: who is told how it goes; nobody without one.

    Returns:
        The folder of the refit.

    Raises:
        SirecError: for an unknown or unfinished run, a refit, a training-free baseline, and data
            that have changed.
    """
    store, told = Store(Path(results)), watcher or SilentStudy()
    with torch_state_restored():
        [folder] = folders_of(run, store, told=told.remark)
        trained, _ = train_refit(RefitRequest(folder, device, again), Path(data_root), store, told)
    return trained
