"""Which prepared data set is used where none is named, alone or among several processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sirec.data.dataset import Dataset
from sirec.data.prepare.pipeline import prepare
from sirec.data.sources.demo import DemoSource
from sirec.data.store import storage
from sirec.training.process_group import ProcessGroup

DEMO = "demo"
Tell = Callable[[str], None]
"""Called with a remark for a person."""


def tell_nobody(text: str) -> None:
    """Drop a remark."""


def choose_dataset(name: str | None, data_root: Path, tell: Tell = tell_nobody) -> Dataset:
    """The prepared data set of a name; without a name the last one prepared, else the demo.

    The demo set is generated if it is not there yet.

    Args:
        name: name of a prepared data set, None to choose one.
        data_root: folder of prepared data sets.
        tell: called with a sentence on what was chosen or generated.

    Returns:
        The data set, on the CPU.

    Raises:
        SirecError: if no data set of that name is prepared, or it cannot be read.
    """
    chosen = name or _last_prepared(data_root) or DEMO
    if name is None:
        tell(f"data: {chosen} (say --data NAME for another; sirec datasets lists them)")
    if chosen == DEMO and DEMO not in storage.list_datasets(data_root):
        tell(f"data: generating the demo set into {data_root / DEMO}")
        storage.write(data_root, prepare(DemoSource().read(), DEMO))
    return storage.load(storage.find(data_root, chosen))


def choose_shared_dataset(
    name: str | None, data_root: Path, process_group: ProcessGroup, tell: Tell = tell_nobody
) -> Dataset:
    """The same data set in every process of a group; the first process chooses and generates it.

    Args:
        name: name of a prepared data set, None to choose one.
        data_root: folder of prepared data sets.
        process_group: the processes that train together.
        tell: called in the first process with a sentence on what was chosen.

    Returns:
        The data set, on the CPU.

    Raises:
        SirecError: if no data set of that name is prepared, or another process has ended.
    """
    mine: Dataset | None = None
    if process_group.is_main:
        mine = choose_dataset(name, data_root, tell)

    def chosen_name() -> str | None:
        return None if mine is None else mine.name

    chosen: str = process_group.broadcast_object(chosen_name)
    return mine or storage.load(storage.find(data_root, chosen))


def _last_prepared(data_root: Path) -> str | None:
    names = [name for name in storage.list_datasets(data_root) if name != DEMO]

    def prepared_at(name: str) -> float:
        return (data_root / name / "dataset.yaml").stat().st_mtime

    return max(names, key=prepared_at, default=None)
