"""Train the refit of a run, in one process or in a group."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sirec.data.store import storage
from sirec.models import model_class
from sirec.run.build import check_data
from sirec.run.device import device_named
from sirec.run.repetition import refit_config
from sirec.run.store import RunFolder, Store
from sirec.studies.launch.single import device_of_process
from sirec.studies.launch.train import train_one_by_one
from sirec.studies.launch.watcher import StudyWatcher
from sirec.studies.spec.plan import PlannedRun
from sirec.training.process_group import joined


@dataclass(frozen=True)
class RefitRequest:
    """A refit to train.

    Attributes:
        run: the run to repeat.
        device: where to train.
        again: whether to train a refit that has finished, too.
        hidden_items: share of the items that are hidden from it; 0 for all interactions.
        hiding_seed: of the draw of hidden items.
    """

    run: RunFolder
    device: str
    again: bool = False
    hidden_items: float = 0.0
    hiding_seed: int = 0


def train_refit(
    request: RefitRequest, data_root: Path, store: Store, watcher: StudyWatcher
) -> tuple[RunFolder, bool]:
    """Train a run anew on all interactions, unless that is done.

    Args:
        request: the run to repeat, and how.
        data_root: folder of prepared data sets.
        store: where the refit is kept.
        watcher: who is told how it goes.

    Returns:
        The folder of the refit, and whether this process is the first one.

    Raises:
        SirecError: for a run that cannot be repeated, or whose data have changed.
    """
    config = refit_config(request.run, request.hidden_items, request.hiding_seed)
    device = device_of_process(request.device)
    with joined(str(device_named(device))) as process_group:
        data = storage.load(storage.find(data_root, config.data.name))
        check_data(request.run, data)
        planned = PlannedRun(f"{model_class(config.model.name).title}, refit", config)
        [folder] = train_one_by_one(
            [planned],
            data,
            store,
            device=device,
            again=request.again,
            watcher=watcher,
            process_group=process_group,
        )
    return folder, process_group.is_main
