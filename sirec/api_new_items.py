"""`sirec.newitems`: how well finished runs would find items that they have never seen."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sirec.api_arguments import AnyRun, folders_of
from sirec.data.store import storage
from sirec.disk import disk_faults
from sirec.errors import SirecError
from sirec.run.build import torch_state_restored
from sirec.run.store import RunFolder, Store
from sirec.studies.analyses.base import DrawnAnalysis
from sirec.studies.analyses.names import check_name
from sirec.studies.analyses.new_items import NEW_ITEMS, measure_new_items, refuse_few, refuse_unfit
from sirec.studies.compare.select_runs import select_by_id
from sirec.studies.launch.refit import RefitRequest, train_refit
from sirec.studies.launch.watcher import SilentStudy, StudyWatcher

SHARE = 0.05  # of the items that are hidden


@disk_faults()
def newitems(
    runs: AnyRun | Iterable[AnyRun],
    *,
    share: float = SHARE,
    seed: int = 0,
    name: str | None = None,
    device: str = "auto",
    results: str | Path = "results",
    data_root: str | Path = "data",
    watcher: StudyWatcher | None = None,
) -> DrawnAnalysis:
    """Hide items from finished runs, train them anew, and rank the hidden items.

    Each run is trained once more, with its settings and number of epochs, without the interactions
    of the hidden items. Beside the models stands a baseline that knows attributes alone.

    Args:
        runs: finished runs on one data set, whose models score items with their attributes.
        share: the share of items that are hidden.
        seed: of the draw of hidden items.
        name: what record and tables are called; None for `newitems_DATA`.
        device: where to train.
        results: results folder.
        data_root: folder of prepared data sets.
        watcher: who is told how it goes.

    Returns:
        The tables; the record is kept in `newitems/NAME.json` of the results folder.

    Raises:
        SirecError: for runs on several data sets, models that score no attributes, and a share of
            so few items that any ranking finds them.
    """
    name, root, told = check_name(name), Path(results), watcher or SilentStudy()
    if not 0 < share < 1:
        raise SirecError(f"share {share:g}: expected a share of the items, above 0 and below 1")
    with torch_state_restored():
        folders = folders_of(runs, Store(root), told=told.remark)
        chosen = select_by_id([str(folder.path) for folder in folders], root)
        names = {run.dataset for run in chosen}
        if len(names) > 1:
            raise SirecError(f"runs on {', '.join(sorted(names))}", "name runs on one data set")
        data = storage.load(storage.find(Path(data_root), chosen[0].dataset))
        refuse_unfit(chosen, data)
        refuse_few(data, share)
        pairs: list[tuple[RunFolder, str]] = []
        for run in chosen:
            request = RefitRequest(run, device, hidden_items=share, hiding_seed=seed)
            trained, _ = train_refit(request, Path(data_root), Store(root), told)
            pairs.append((trained, run.label))
        record = measure_new_items(pairs, data)
    NEW_ITEMS.keep(record, root, name or default_name(data.name))
    return NEW_ITEMS.draw(record, root)


def default_name(data: str) -> str:
    """What a record is called where nobody says so."""
    return f"newitems_{data}"
